"""Identifiers have one writing, whatever door they come by."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import orjson
import pytest

from producers.adapters.adapter import Context, HookRequest
from producers.adapters.finish import outcome_of
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Sender
from producers.adapters.web import segment
from producers.identity_text import PLAIN, IdentifierRules, identifier_of, normalised, one_writing, pseudonym
from schemas.catalogue import load
from schemas.identifier import Identifier
from schemas.outcome import Accepted, Outcome, Quarantined

AT = datetime(2026, 11, 22, tzinfo=UTC)
SENDER = Sender("test", "hook", "EUR", phone_region="DE")
CATALOGUE = load()
DROP = IdentifierRules(email_plus="drop")


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("email", " Ada@Example.ORG ", "ada@example.org"),
        ("email", "Ada Lovelace <Ada@example.org>", "ada@example.org"),
        ("email", "ada+news@example.org", "ada+news@example.org"),
        ("email", "m\u00fcller@example.org", "m\u00fcller@example.org"),
        ("email", "mu\u0308ller@example.org", "m\u00fcller@example.org"),
        ("email", "ada", None),
        ("email", "@example.org", None),
        ("email", "ada@", None),
        ("email", "ada smith@example.org", None),
        ("phone", "030 / 123 456-78", "+493012345678"),
        ("phone", "0049 (30) 12345678", "+493012345678"),
        ("phone", "+49 30 12345678", "+493012345678"),
        ("phone", "110", None),
        ("phone", "anonymous", None),
        ("customer", "  c-4711\t", "c-4711"),
        ("customer", "C-4711", "C-4711"),
        ("customer", "Zoe\u0308", "Zo\u00eb"),
        ("customer", "0", "0"),
        ("customer", "null", None),
        ("customer", " NaN ", None),
        ("order", " o-1 ", "o-1"),
        ("loyalty", "0000000", None),
        ("anonymous", "00000000-0000-0000-0000-000000000000", None),
        ("device", "00000000-0000-0000-0000-000000000000", None),
        ("anonymous", "0", "0"),
        ("handle", "x:Ada ", "x:Ada"),
        ("badge", "undefined", None),
    ],
)
def test_a_value_has_one_writing_or_names_nobody(kind: str, value: str, text: str | None) -> None:
    assert normalised(kind, value, PLAIN, "DE") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ada+News+2@example.org", "ada@example.org"),
        ("ada@example.org", "ada@example.org"),
        ("+news@example.org", "+news@example.org"),
        ('"ada+x"@example.org', '"ada+x"@example.org'),
        ("ada@sub+x.example.org", "ada@sub+x.example.org"),
    ],
)
def test_a_label_behind_the_plus_is_dropped_where_the_rules_say_so_and_something_is_left(value: str, text: str) -> None:
    assert normalised("email", value, DROP) == text


def test_a_number_without_country_and_region_stays_as_digits_of_any_script() -> None:
    assert normalised("phone", "030 123 456") == "030123456"
    assert normalised("phone", "\u0660\u0663\u0660 \u0661\u0662\u0663 \u0664\u0665\u0666") == "030123456"


def test_two_writings_in_one_event_are_one_identifier_and_nobody_is_left_out() -> None:
    found = one_writing(
        [
            Identifier(kind="email", value="Ada@example.org"),
            Identifier(kind="email", value="ada@example.org"),
            Identifier(kind="email", value="none at all"),
            Identifier(kind="phone", value="030 12345678"),
        ],
        PLAIN,
        "DE",
    )
    assert [one.key for one in found] == ["email:ada@example.org", "phone:+493012345678"]


ADA = {"email": "Ada+News@Example.org", "phone": "(030) 12345678", "customer": " c-4711 ", "loyalty": "90\u00a011"}
ONE = {"email:ada@example.org", "phone:+493012345678", "customer:c-4711", "loyalty:90\u00a011"}


def by_segment(sender: Sender) -> Outcome:
    event = {
        "type": "track",
        "event": "x",
        "timestamp": AT.isoformat(),
        "userId": ADA["customer"],
        "context": {
            "traits": {"email": ADA["email"], "loyalty_id": ADA["loyalty"]},
            "externalIds": [{"type": "Phone", "id": ADA["phone"]}],
        },
    }
    return segment.outcome_of(orjson.dumps(event), None, sender, AT, CATALOGUE)


def by_adapter(name: str, body: Any, sender: Sender) -> Outcome:
    adapter, context = ADAPTERS[name], Context(sender, AT, CATALOGUE)
    assert adapter.pieces is not None
    [piece] = adapter.pieces(HookRequest(orjson.dumps(body), {}, (), "https://example.org/hooks/x"), context)
    return outcome_of(adapter, piece, context)


def by_envelope(sender: Sender) -> Outcome:
    identifiers = [{"kind": kind, "value": value} for kind, value in ADA.items()]
    return by_adapter(
        "touchpoints", {"touchpoint": "x", "occurred_at": AT.isoformat(), "identifiers": identifiers}, sender
    )


def by_crm(sender: Sender) -> Outcome:
    row = {"customer_id": ADA["customer"], "loyalty_id": ADA["loyalty"], "email": ADA["email"], "phone": ADA["phone"]}
    return by_adapter("crm_customers", row | {"updated_at": AT.isoformat()}, sender)


def by_archive(sender: Sender) -> Outcome:
    adapter, context = ADAPTERS["segment_archive"], Context(sender, AT, CATALOGUE)
    line = {
        "type": "identify",
        "messageId": "m1",
        "timestamp": AT.isoformat(),
        "userId": ADA["customer"],
        "traits": {"email": ADA["email"], "phone": ADA["phone"], "loyaltyId": ADA["loyalty"]},
    }
    assert adapter.file is not None
    [piece] = adapter.file(BytesIO(orjson.dumps(line) + b"\n"), context)
    return outcome_of(adapter, piece, context)


def by_csv(sender: Sender) -> Outcome:
    adapter, context = ADAPTERS["touchpoints"], Context(sender, AT, CATALOGUE)
    heading = ",".join(f"identifier.{kind}" for kind in ADA)
    rows = f"touchpoint,occurred_at,{heading}\nx,{AT.isoformat()},{','.join(ADA.values())}\n"
    assert adapter.file is not None
    [piece] = adapter.file(BytesIO(rows.encode()), context)
    return outcome_of(adapter, piece, context)


@pytest.mark.parametrize("door", [by_segment, by_envelope, by_crm, by_archive, by_csv])
def test_whatever_door_it_comes_by_a_person_has_the_same_identifiers_and_key(door: Any) -> None:
    outcome = door(replace(SENDER, rules=DROP))
    assert isinstance(outcome, Accepted), outcome
    assert {one.key for one in outcome.touchpoint.identifiers} == ONE
    assert outcome.touchpoint.key == "customer:c-4711"


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("email", "ada", "$.identifiers[1].value: is no e-mail address"),
        ("phone", "withheld", "$.identifiers[1].value: is no telephone number"),
        ("loyalty", "0000", "$.identifiers[1].value: stands for no value"),
    ],
)
def test_our_own_envelope_is_quarantined_where_an_identifier_names_nobody(kind: str, value: str, reason: str) -> None:
    identifiers = [{"kind": "customer", "value": "c1"}, {"kind": kind, "value": value}]
    outcome = by_adapter(
        "touchpoints", {"touchpoint": "x", "occurred_at": AT.isoformat(), "identifiers": identifiers}, SENDER
    )
    assert isinstance(outcome, Quarantined)
    assert outcome.record.reason == reason


def test_what_an_sdk_sends_as_an_address_that_is_none_is_left_out() -> None:
    event = {"event": "x", "timestamp": AT.isoformat(), "userId": "c1", "context": {"traits": {"email": "ada"}}}
    outcome = segment.outcome_of(orjson.dumps(event), "track", SENDER, AT, CATALOGUE)
    assert isinstance(outcome, Accepted)
    assert [one.key for one in outcome.touchpoint.identifiers] == ["customer:c1"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("email:Ada@Example.org", "email:ada@example.org"),
        (" Phone : +49 30 12345678 ", "phone:+493012345678"),
        ("customer:a:b", "customer:a:b"),
        ("badge: B7", "badge:B7"),
    ],
)
def test_an_identifier_is_read_as_people_type_it(text: str, key: str) -> None:
    assert identifier_of(text).key == key


def test_what_people_type_becomes_the_pseudonym_that_the_doors_send() -> None:
    rules = IdentifierRules(email_plus="drop", key=b"k" * 32)
    typed = identifier_of("email:Ada+x@example.org", rules)
    assert typed.value == pseudonym("email", "ada@example.org", rules)
    assert identifier_of(typed.key, rules) == typed
    outcome = by_segment(replace(SENDER, rules=rules))
    assert isinstance(outcome, Accepted)
    assert typed in outcome.touchpoint.identifiers


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ada@example.org", "'ada@example.org' is no identifier"),
        ("E-Mail:ada@example.org", "'E-Mail:ada@example.org' is no identifier"),
        ("", "'' is no identifier"),
        ("email:ada", "'ada' is no e-mail address"),
        ("phone:12", "'12' is no telephone number"),
        ("customer:null", "'null' stands for no value"),
        ("customer:", "'' stands for no value"),
        ("customer:" + "x" * 501, "is longer than 500 characters"),
    ],
)
def test_what_is_no_identifier_is_refused_with_how_one_is_written(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"is written kind:value, such as email:ada@example\.org") as refused:
        identifier_of(text)
    assert reason in str(refused.value)
