"""One writing of an identifier: doing it twice is doing it once, and writings of the same thing become equal."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast
from unicodedata import normalize

import phonenumbers
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.adapters.adapter import Context, Piece
from producers.adapters.crm.touchpoints import ADAPTER
from producers.adapters.finish import outcome_of
from producers.adapters.hidden import hidden
from producers.adapters.hidden_bytes import bytes_hidden, value_hidden
from producers.adapters.sender import Sender
from producers.adapters.web import segment
from producers.identity_text import IdentifierRules, identifier_of, normalised, one_writing, pseudonym
from schemas.catalogue import load
from schemas.identifier import STRENGTH, Identifier, is_blank, is_pseudonym, strongest
from schemas.outcome import Accepted, Quarantined
from schemas.touchpoint import Touchpoint
from tests.properties.any_touchpoint import any_touchpoint

AT = datetime(2026, 11, 22, tzinfo=UTC)
KINDS = st.sampled_from((*STRENGTH, "badge", "handle"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.from_regex(
    r"\A[ ]?[A-Za-z.+\"']{0,6}@[A-Za-z+]{0,5}(\.(org|ORG))?>?[ ]?\Z"
)
NUMBERS = st.from_regex(r"\A(\+|00)?[0-9 ()/.-]{3,18}\Z")
RULES = st.builds(
    IdentifierRules,
    email_plus=st.sampled_from(("keep", "drop")),
    key=st.sampled_from((None, b"k" * 32)),
)
REGIONS = st.sampled_from((None, "DE", "IT", "US", "MX", "AR"))
CONTEXT = Context(Sender("test", "hook", phone_region="DE"), AT, load())


@given(KINDS, TEXTS | NUMBERS, RULES, REGIONS)
@settings(max_examples=500)
def test_normalising_twice_is_normalising_once(
    kind: str, value: str, rules: IdentifierRules, region: str | None
) -> None:
    once = normalised(kind, value, rules, region)
    if once is None:
        return
    assert normalised(kind, once, rules, region) == once
    assert once == once.strip() == normalize("NFC", once) != ""
    shown = pseudonym(kind, once, rules)
    assert normalised(kind, shown, rules, region) == shown
    assert pseudonym(kind, shown, rules) == shown
    # As people type it, it is what the doors send.
    assert identifier_of(f"{kind}:{value}", rules, region) == Identifier(kind=kind, value=shown)


@given(KINDS, TEXTS, st.sampled_from(("", " ", "\t", "\u00a0")), st.sampled_from(("NFC", "NFD")), RULES)
@settings(max_examples=150)
def test_blanks_around_it_and_the_form_of_its_letters_make_no_difference(
    kind: str, value: str, blank: str, form: str, rules: IdentifierRules
) -> None:
    other = f"{blank}{normalize(form, value)}{blank}"  # type: ignore[arg-type] # one of the two
    assert normalised(kind, other, rules, "DE") == normalised(kind, value, rules, "DE")


LOCAL = st.from_regex(r"\A[a-z][a-z0-9.-]{0,8}\Z")


@given(LOCAL, LOCAL, st.booleans())
@settings(max_examples=80)
def test_addresses_differ_by_case_never_and_by_a_label_as_the_rules_say(local: str, label: str, upper: bool) -> None:
    plain, labelled = f"{local}@example.org", f"{local}+{label}@example.org"
    written = labelled.upper() if upper else f"A. Name <{labelled}>"
    assert normalised("email", written, IdentifierRules("keep")) == labelled
    assert normalised("email", written, IdentifierRules("drop")) == plain


@given(st.integers(30_000_000, 30_999_999), st.sampled_from(("", "-", " ", "/")), st.sampled_from((0, 1, 2)))
@settings(max_examples=80)
def test_numbers_are_equal_whatever_their_country_is_written_as(national: int, sign: str, way: int) -> None:
    digits = str(national)
    begin = ("0", "+49", "0049")[way]
    number = normalised("phone", f"{begin}{sign}{digits[:2]}{sign}{digits[2:]}", region="DE")
    assert number == f"+49{national}"
    assert phonenumbers.parse(number).country_code == 49


IDENTIFIERS = st.lists(st.tuples(KINDS, TEXTS | NUMBERS), max_size=5)


@given(IDENTIFIERS, RULES)
@settings(max_examples=150)
def test_the_key_of_a_touchpoint_is_its_strongest_identifier_in_its_one_writing(
    identifiers: list[tuple[str, str]], rules: IdentifierRules
) -> None:
    body = {
        "touchpoint": "x",
        "occurred_at": AT.isoformat(),
        "identifiers": [{"kind": kind, "value": value} for kind, value in identifiers],
        "properties": {"note": " ".join(value for _, value in identifiers)},
    }
    context = replace(CONTEXT, sender=replace(CONTEXT.sender, rules=rules))
    outcome = outcome_of(ADAPTER, Piece(b"{}", "$", body), context)
    if not isinstance(outcome, Accepted):  # one of them is blank, too long or names nobody
        assert any(normalised(kind, value, rules, "DE") is None for kind, value in identifiers)
        return
    written = [(kind, normalised(kind, value, rules, "DE") or "") for kind, value in identifiers]
    shown = {Identifier(kind=kind, value=pseudonym(kind, value, rules)) for kind, value in written}
    assert set(outcome.touchpoint.identifiers) == shown
    best = strongest(shown)
    assert outcome.touchpoint.key == (best.key if best else f"event:{outcome.touchpoint.event_id}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("email", "to", "userId", "phone", "kind", "value", "data", "schema", "cx", "x")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, JSON, max_size=4))
@settings(max_examples=120)
def test_hiding_what_is_hidden_changes_nothing_so_that_a_replay_is_the_same_event(value: dict[str, object]) -> None:
    sender = replace(CONTEXT.sender, rules=IdentifierRules(key=b"k" * 32))
    once = value_hidden(value, sender)
    assert value_hidden(once, sender) == once


@given(st.binary(max_size=60) | TEXTS.map(str.encode))
@settings(max_examples=500)
def test_bytes_of_any_kind_are_hidden_or_not_kept_and_never_raise(raw: bytes) -> None:
    sender = replace(CONTEXT.sender, rules=IdentifierRules(key=b"k" * 32))
    found = bytes_hidden(raw, sender, {})
    assert found is None or bytes_hidden(found, sender, {}) in (found, None)


HIDING = replace(CONTEXT.sender, rules=IdentifierRules(key=b"k" * 32))


@given(any_touchpoint(), IDENTIFIERS)
@settings(max_examples=60, deadline=None)
def test_a_hidden_touchpoint_tells_nobody_and_is_otherwise_the_same(
    touchpoint: Touchpoint, identifiers: list[tuple[str, str]]
) -> None:
    named = [Identifier(kind=kind, value=value) for kind, value in identifiers if not is_blank(value)]
    people = one_writing([*touchpoint.identifiers, *named], region="DE")
    said = {"said": [f"it is {one.value}, or ({one.value})" for one in people]}
    before = touchpoint.model_copy(update={"identifiers": people, "properties": said})
    after = hidden(before, HIDING)
    lines = cast(list[str], after.properties["said"])
    for one in people:
        value = one.value
        if one.kind != "order" and not is_pseudonym(value) and (len(value) > 3 or not value.isdigit()):
            assert not any(f"is {value}," in line or f"({value})" in line for line in lines)
    same = {"event_id", "source", "channel", "occurred_at", "received_at", "amount", "verified"}
    assert after.model_dump(include=same) == before.model_dump(include=same)
    assert hidden(after, HIDING) == after


@given(st.text(max_size=5).map(str.encode) | st.integers(10, 3000).map(lambda depth: b"[" * depth + b"]" * depth))
@settings(max_examples=60, deadline=None)
def test_a_door_that_hides_never_raises(inside: bytes) -> None:
    for raw in (inside, b'{"event":"x","cx":%s}' % inside, json.dumps({"event": "x", "n": inside.decode()}).encode()):
        outcome = segment.outcome_of(raw, "track", HIDING, AT, CONTEXT.catalogue)
        assert isinstance(outcome, Accepted | Quarantined)
