"""With a key, no identifier of a person is left in the clear: not in Kafka's key or value, not in quarantine."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime
from hmac import new
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson
import pytest

from deploy.quarantine_doors import cut
from deploy.quarantine_store import Kept
from producers.adapters.adapter import Adapter, Context, Draft, HookRequest, Piece
from producers.adapters.crm.touchpoints import ADAPTER as TOUCHPOINTS
from producers.adapters.finish import outcome_of
from producers.adapters.hidden_bytes import bytes_hidden, text_hidden
from producers.adapters.pieces import json_piece
from producers.adapters.problem import Problem
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Sender
from producers.adapters.web import segment
from producers.identity_text import IdentifierRules, pseudonym
from producers.records import record_of
from schemas.bodies import WebBody
from schemas.catalogue import load
from schemas.outcome import Accepted, Outcome, Quarantined
from schemas.quarantine import QuarantineRecord
from schemas.touchpoint import Touchpoint

EXAMPLES = Path(__file__).parents[2] / "examples"
RULES = IdentifierRules(key=b"0123456789abcdef0123456789abcdef")
PLAIN = Sender("test", "hook", "EUR", zone=ZoneInfo("Europe/Berlin"), phone_region="DE")
HIDING = replace(PLAIN, rules=RULES)
CATALOGUE = load()
AT = datetime(2026, 11, 22, tzinfo=UTC)
CONTEXT = Context(HIDING, AT, CATALOGUE)
#: Nobody can say where in these a person is named, so quarantine keeps none of their bytes.
UNTELLABLE = {"asterisk_cdr", "asterisk_queue_log", "poslog"}
ALL = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)


def pieces(adapter: Adapter, path: Path, context: Context) -> list[Piece]:
    if path.name.startswith("file"):
        assert adapter.file is not None
        with path.open("rb") as file:
            return list(adapter.file(file, context))
    assert adapter.pieces is not None
    return list(adapter.pieces(HookRequest(path.read_bytes(), {}, (), "https://example.org/hooks/x"), context))


def outcomes(adapter: Adapter, path: Path, sender: Sender) -> list[Outcome]:
    context = Context(sender, AT, CATALOGUE)
    return [outcome_of(adapter, piece, context) for piece in pieces(adapter, path, context)]


def quarantined(adapter: Adapter, path: Path, sender: Sender) -> list[QuarantineRecord]:
    """What quarantine keeps of an example if nothing of it can be taken."""

    def bad(piece: Piece, _context: Context) -> Draft:
        raise Problem(piece.path, "is bad")

    found = outcomes(replace(adapter, read=bad), path, sender)
    assert all(isinstance(one, Quarantined) for one in found)
    return [one.record for one in found if isinstance(one, Quarantined)]


def replayed(adapter: Adapter, record: QuarantineRecord) -> list[Touchpoint]:
    assert adapter.pieces is not None
    try:
        found = list(adapter.pieces(HookRequest(record.original, {}, (), "https://example.org/hooks/x"), CONTEXT))
    except Problem:
        found = []
    found = found or [json_piece(record.original, "$", CONTEXT.limits)]
    outcomes = [outcome_of(adapter, piece, CONTEXT) for piece in found]
    return [one.touchpoint for one in outcomes if isinstance(one, Accepted)]


def people(found: list[Outcome]) -> set[tuple[str, str]]:
    return {
        (one.kind, one.value)
        for outcome in found
        if isinstance(outcome, Accepted)
        for one in outcome.touchpoint.identifiers
        if one.kind != "order"
    }


def in_clear(text: str, values: set[tuple[str, str]]) -> list[str]:
    """Those of the values that stand in the text as a word, as they are or as an address writes them."""
    found = []
    for kind, value in values:
        ways = {value, quote(value, safe="")} | ({value.lstrip("+")} if kind == "phone" else set())
        if any(re.search(rf"(?<![^\W_]){re.escape(way)}(?![^\W_])", text, re.IGNORECASE) for way in ways):
            found.append(f"{kind}:{value}")
    return found


@ALL
def test_no_identifier_of_an_example_goes_to_kafka_in_the_clear(adapter: Adapter) -> None:
    for path in sorted((EXAMPLES / adapter.name).iterdir()):
        clear, hidden = outcomes(adapter, path, PLAIN), outcomes(adapter, path, HIDING)
        assert len(clear) == len(hidden)
        for before, after in zip(clear, hidden, strict=True):
            assert isinstance(before, Accepted)
            assert isinstance(after, Accepted)
            record = record_of(after)
            assert not in_clear((record.key + b" " + record.value).decode(), people([before])), path
            # Who is one person stays one person: each identifier is there, as its pseudonym.
            assert [(one.kind, one.value) for one in after.touchpoint.identifiers] == [
                (one.kind, pseudonym(one.kind, one.value, RULES)) for one in before.touchpoint.identifiers
            ]
            assert after.touchpoint.order_id == before.touchpoint.order_id
            assert after.touchpoint.amount == before.touchpoint.amount


@ALL
def test_no_identifier_of_an_example_lies_in_quarantine_in_the_clear(adapter: Adapter) -> None:
    for path in sorted((EXAMPLES / adapter.name).iterdir()):
        known = people(outcomes(adapter, path, PLAIN))
        for record in quarantined(adapter, path, HIDING):
            assert not in_clear(record.model_dump_json(), known), path
            if adapter.name in UNTELLABLE:
                assert record.raw == ""
                assert "the first 0 are kept" in record.reason


@ALL
def test_what_lies_in_quarantine_is_the_same_event_of_the_same_person_when_it_is_replayed(adapter: Adapter) -> None:
    """By webhook, as that is kept piece by piece; what comes in files is kept with its heading by the importer."""
    for path in sorted((EXAMPLES / adapter.name).iterdir()):
        if path.name.startswith("file") or adapter.pieces is None:
            continue
        good = [one.touchpoint for one in outcomes(adapter, path, HIDING) if isinstance(one, Accepted)]
        again = [one for bad in quarantined(adapter, path, HIDING) for one in replayed(adapter, bad)]
        assert {one.event_id: set(one.identifiers) for one in again} == {
            one.event_id: set(one.identifiers) for one in good
        }, path


def segment_outcome(event: dict[str, Any], sender: Sender = HIDING) -> Outcome:
    return segment.outcome_of(orjson.dumps(event), "track", sender, AT, CATALOGUE)


EVERYWHERE = {
    "event": "Contact Form of c-4711",
    "messageId": "m1",
    "timestamp": "2026-11-01T10:00:00Z",
    "userId": "c-4711",
    "anonymousId": "0a1b2c3d-anon",
    "context": {
        "page": {
            "url": "https://shop.example/c-4711/x?e=Ada%40Example.org&next=%2Fa%3Fu%3D0a1b2c3d-anon",
            "title": "Hello ada@example.org",
            "referrer": "https://mail.example/?to=ada%40example.org",
        },
        "campaign": {"name": "spring", "content": "ada@example.org"},
        "externalIds": [{"type": "loyalty", "id": "90 11", "collection": "users", "encoding": "none"}],
        "traits": {"email": "Ada@Example.org", "phone": "030 / 123 456-78"},
    },
    "properties": {
        "order_id": "o-1",
        "customer": "c-4711",
        "text": "Call me: (030) 12345678 or 0049 30 12345678, not bob@example.org",
        "ada@example.org": {"card": ["90 11", 3]},
        "c-4711-x": None,
        "quantity": 12345678,
    },
}


def test_a_value_is_hidden_wherever_it_stands_and_whatever_its_writing() -> None:
    outcome = segment_outcome(EVERYWHERE)
    assert isinstance(outcome, Accepted)
    text = outcome.touchpoint.model_dump_json()
    for value in ("c-4711", "c_4711", "ada", "Ada", "0a1b2c3d", "90 11", "30 12345678", "(030)", "bob@"):
        assert value not in text
    told = outcome.touchpoint
    assert told.order_id == "o-1"
    assert told.properties["quantity"] == 12345678
    assert told.properties["text"] == (
        f"Call me: {pseudonym('phone', '+493012345678', RULES)} or {pseudonym('phone', '+493012345678', RULES)}, "
        f"not {pseudonym('email', 'bob@example.org', RULES)}"
    )
    assert told.campaign is not None
    assert told.campaign.name == "spring"
    assert told.campaign.content == pseudonym("email", "ada@example.org", RULES)
    assert told.key == f"customer:{pseudonym('customer', 'c-4711', RULES)}"


def test_a_number_that_is_the_orders_stays_the_orders() -> None:
    event = {
        **EVERYWHERE,
        "userId": "1001",
        "properties": {"order_id": "1001", "items": 1001, "customer_id": 1001, "path": "/a/1001"},
    }
    outcome = segment_outcome(event)
    assert isinstance(outcome, Accepted)
    shown = pseudonym("customer", "1001", RULES)
    assert outcome.touchpoint.order_id == "1001"
    assert outcome.touchpoint.properties["items"] == 1001
    assert outcome.touchpoint.properties["customer_id"] == shown
    assert outcome.touchpoint.properties["path"] == f"/a/{shown}"


def test_a_number_that_is_nobodys_by_its_length_is_hidden_where_a_field_names_somebody_and_nowhere_else() -> None:
    event = {
        **EVERYWHERE,
        "event": "Order Completed",
        "userId": "7",
        "context": {"page": {"url": "https://shop.example/tea/7?user_id=7&size=7"}, "traits": {"id": "7"}},
        "properties": {"order_id": "7", "customer_id": 7, "products": [{"product_id": "7", "quantity": 7}], "n": "7"},
    }
    outcome = segment_outcome(event)
    assert isinstance(outcome, Accepted)
    told, shown = outcome.touchpoint, pseudonym("customer", "7", RULES)
    assert isinstance(told.body, WebBody)
    assert told.body.url == f"https://shop.example/tea/7?user_id={quote(shown, safe='')}&size=7"
    assert told.body.items[0].product == "7"
    assert told.properties["traits"] == {"id": shown}
    assert told.properties["customer_id"] == shown
    assert (told.properties["n"], told.order_id) == ("7", "7")


def test_kinds_that_are_kept_clear_stay_clear() -> None:
    sender = replace(PLAIN, rules=replace(RULES, clear=frozenset({"order", "customer"})))
    outcome = segment_outcome(EVERYWHERE, sender)
    assert isinstance(outcome, Accepted)
    assert outcome.touchpoint.key == "customer:c-4711"
    assert outcome.touchpoint.properties["customer"] == "c-4711"
    assert "ada" not in outcome.touchpoint.model_dump_json().lower()
    clear = replace(PLAIN, rules=replace(RULES, clear=frozenset({"email"})))
    raw = b'{"to": "Ada@Example.org", "a": "to Ada@Example.org"}'
    assert bytes_hidden(raw, clear, {}) == raw
    assert text_hidden("to Ada@Example.org", clear) == "to Ada@Example.org"


def test_a_pseudonym_is_that_of_its_kind_and_key_as_the_rfc_defines_it() -> None:
    # RFC 4231, test case 2, is of the message "what do ya want for nothing?"; ours has a kind before it.
    jefe = IdentifierRules(key=b"Jefe")
    assert pseudonym("customer", "4711", jefe) == "hmac:" + new(b"Jefe", b"customer:4711", "sha256").hexdigest()
    assert pseudonym("loyalty", "4711", RULES) != pseudonym("customer", "4711", RULES)
    other = replace(RULES, key=b"another key that is long enough..")
    assert pseudonym("customer", "4711", other) != pseudonym("customer", "4711", RULES)
    assert pseudonym("order", "4711", RULES) == "4711"


def test_the_key_stands_in_no_text_that_people_see() -> None:
    assert "0123456789abcdef" not in repr(HIDING) + str(HIDING) + RULES.mark
    assert RULES.mark != replace(RULES, key=b"x" * 32).mark


@pytest.mark.parametrize(
    "raw",
    [b'{"email": "ada@example.org", ', b"<Customer><Card>9011</Card></Customer>", b"1;9011;2026-11-01\n", b"\xff 9011"],
)
def test_what_is_no_json_form_or_table_is_not_kept_as_it_may_name_anybody(raw: bytes) -> None:
    bad = outcome_of(TOUCHPOINTS, Piece(raw, "$", Problem("$", "cannot be read, ada@example.org")), CONTEXT)
    assert isinstance(bad, Quarantined)
    assert bad.record.raw == ""
    assert bad.record.reason == (
        f"$: cannot be read, {pseudonym('email', 'ada@example.org', RULES)} "
        f"(of its {len(raw)} bytes the first 0 are kept: nobody can tell the identifiers in them)"
    )
    assert cut(Kept(bad.record.quarantine_id, "x", "x", bad.record.reason, "", "utf-8", AT, "", "", False))


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b'{"n": 1, "email": "no address"}', b'{"n": 1, "email": "no address"}'),
        (
            b'{"identifiers": [{"kind": "badge", "value": "B 7"}]}',
            b'{"identifiers":[{"kind":"badge","value":"badge:B 7"}]}',
        ),
        (b'{"userId": 4711, "same": "4711"}', b'{"userId":"customer:4711","same":"customer:4711"}'),
        (b'{"text": "{\\"email\\": \\"Ada@example.org\\"}"}', b'{"text":"{\\"email\\":\\"email:ada@example.org\\"}"}'),
        (
            b'{"link": "https://shop.example/?user_id=4711&a=1"}',
            b'{"link":"https://shop.example/?user_id=customer%3A4711&a=1"}',
        ),
        (b'{"cx": "eyJ1c2VySWQiOiJjMSJ9"}', b'{"cx":"PACKED"}'),
        (b"From=%2B493012345678&To=&Body=Hi", b"From=phone%3A%2B493012345678&To=&Body=Hi"),
        (
            b"email;note\nAda@example.org;see bob@example.org\n",
            b"email;note\nemail:ada@example.org;see email:bob@example.org\n",
        ),
    ],
)
def test_identifiers_are_told_by_the_names_of_fields_and_by_how_they_look(raw: bytes, kept: bytes) -> None:
    """`kept` has `kind:value` where the pseudonym is to stand."""
    found = bytes_hidden(raw, HIDING, {})
    assert found is not None
    packed = urlsafe_b64encode(orjson.dumps({"userId": pseudonym("customer", "c1", RULES)})).rstrip(b"=")
    expected = kept.replace(b"PACKED", packed)
    for kind, value in (
        ("badge", "B 7"),
        ("customer", "4711"),
        ("email", "ada@example.org"),
        ("email", "bob@example.org"),
        ("phone", "+493012345678"),
    ):
        shown = pseudonym(kind, value, RULES)
        expected = expected.replace(f"{kind}:{value}".encode(), shown.encode())
        expected = expected.replace(quote(f"{kind}:{value}", safe="").encode(), quote(shown, safe="").encode())
    assert found == expected
    assert bytes_hidden(found, HIDING, {}) == found


def test_a_column_that_the_catalogue_names_is_hidden_too() -> None:
    raw = b"Bon;Karte;E-Mail\n1;9011;\n"
    found = bytes_hidden(raw, HIDING, {"karte": "loyalty"})
    assert found == f"Bon;Karte;E-Mail\n1;{pseudonym('loyalty', '9011', RULES)};\n".encode()
