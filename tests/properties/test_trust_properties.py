"""The quick judge is never kinder than the contract, and it is really used."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.identifier import strongest
from schemas.touchpoint import Touchpoint
from streams.core.trusted import Said, Trust
from tests.properties.any_touchpoint import NAMES, any_touchpoint, changed_json

PLAIN: dict[str, Any] = {
    "event_id": "00000000-0000-4000-8000-000000000001",
    "source": "shop",
    "touchpoint": "page_view",
    "channel": "web",
    "occurred_at": "2026-01-01T00:00:00Z",
    "received_at": "2026-01-01T00:00:01Z",
    "identifiers": [{"kind": "customer", "value": "ada"}],
    "body": {"kind": "web"},
    "properties": {},
}


def knowing() -> Trust:
    """A judge that has met every name of the drawn touchpoints."""
    trust = Trust()
    for touchpoint, channel in NAMES:
        trust.learn(Touchpoint.model_validate({**PLAIN, "touchpoint": touchpoint, "channel": channel}))
    return trust


TRUST = knowing()


def contract(value: bytes) -> Said | None:
    try:
        touchpoint = Touchpoint.model_validate_json(value)
    except ValidationError:
        return None
    identifier = strongest(touchpoint.identifiers)
    return Said(
        touchpoint.event_id,
        identifier.key if identifier else None,
        [other.key for other in touchpoint.identifiers if other != identifier],
        touchpoint.source,
        touchpoint.occurred_at,
        touchpoint.received_at,
        touchpoint.verified,
        touchpoint.touchpoint,
        touchpoint.order_id,
        touchpoint.amount is not None,
    )


def but(**changes: Any) -> bytes:
    return json.dumps({**PLAIN, **changes}).encode()


def with_text(old: bytes, new: bytes) -> bytes:
    plain = but()
    assert old in plain
    return plain.replace(old, new)


@given(changed_json())
@settings(max_examples=400, deadline=None)
@example(but(campaign={"name": " "}))
@example(but(order_id=" "))
@example(but(name="\t"))
@example(but(body={"kind": "web", "items": [{"product": "p", "value": ""}]}))
@example(but(amount={"amount": "999999999999999999", "currency": "EUR"}))
@example(but(occurred_at="1989-12-31T23:59:59.9999999Z"))
@example(but(occurred_at="2026-01-02T00:00:00Z", received_at="2025-12-31T23:59:59.9999996Z"))
@example(but(received_at="9999-12-31T23:59:59-01:00"))
@example(but(occurred_at="0001-01-01T00:00:00+01:00"))
def test_what_the_quick_judge_takes_the_contract_takes_with_the_same_identifier(value: bytes) -> None:
    taken = TRUST.said(value)
    if taken is not None:
        assert taken == contract(value)


@pytest.mark.parametrize(
    "value",
    [
        with_text(b'"ada"', b'"\\ud800"'),
        with_text(b'"ada"', b'"\\ud83d\\ude00"'),
        with_text(b'"ada"', b'"\\u0000"'),
        with_text(b'"ada"', b'"a\x01"'),
        with_text(b'"ada"', b'"\xff"'),
        with_text(b'{"kind": "web"}', b'{"kind": "store", "kind": "web"}'),
        with_text(b'{"kind": "web"}', b'{"kind": "web", "kind": "zork"}'),
        with_text(b'"source": "shop"', b'"source": "shop", "source": ""'),
        with_text(b'"source": "shop"', b'"source": "", "source": "shop"'),
        with_text(b'"kind": "customer"', b'"kind": "email", "kind": "customer"'),
        with_text(b'"value": "ada"', b'"value": "ada", "value": "null"'),
        with_text(b'"properties": {}', b'"properties": {"a": NaN}'),
        with_text(b'"properties": {}', b'"properties": {"a": 1e400}'),
        with_text(b'"properties": {}', b'"properties": {"a": ' + b"9" * 5000 + b"}"),
        with_text(b'"properties": {}', b'"properties": {"a": ' + b"[" * 250 + b"]" * 250 + b"}"),
        with_text(b'"properties": {}', b'"properties": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        b"\xef\xbb\xbf" + but(),
        but()[:-1],
        but() + b"{}",
        b"",
        b"null",
        b"[]",
    ],
    ids=lambda value: repr(value[170:230]),
)
def test_text_that_json_readers_differ_about_is_taken_only_as_the_contract_takes_it(value: bytes) -> None:
    taken = TRUST.said(value)
    assert taken is None or taken == contract(value)


@given(any_touchpoint())
@settings(max_examples=80, deadline=None)
def test_a_good_touchpoint_is_taken_with_the_same_result_or_asked_about(touchpoint: Touchpoint) -> None:
    value = touchpoint.model_dump_json().encode()
    assert TRUST.said(value) in (None, contract(value))


COMMON = any_touchpoint().filter(
    lambda touchpoint: (
        touchpoint.body.kind != "survey"  # seldom, so the contract itself judges them
        and touchpoint.occurred_at < touchpoint.received_at
        and not any(
            text is not None and text != text.strip()
            for text in (
                touchpoint.source,
                touchpoint.order_id,
                touchpoint.name,
                *dict(touchpoint.campaign or ()).values(),
            )
        )
        and not any(i.value != i.value.strip() for i in touchpoint.identifiers)
    )
)


@given(COMMON)
@settings(max_examples=80, deadline=None)
def test_a_common_touchpoint_is_taken_without_asking_once_its_names_are_known(touchpoint: Touchpoint) -> None:
    value = touchpoint.model_dump_json().encode()
    trust = Trust()
    assert trust.said(value) is None
    trust.learn(touchpoint)
    assert trust.said(value) == contract(value)


@given(st.lists(st.sampled_from(["ada", "bo", "Ada", "a\u0308", "z"]), min_size=1, max_size=5), st.data())
@settings(max_examples=80, deadline=None)
def test_among_equal_kinds_the_least_value_is_the_strongest_for_both(values: list[str], data: st.DataObject) -> None:
    kinds = st.sampled_from(["email", "phone", "device"])
    value = but(identifiers=[{"kind": data.draw(kinds), "value": each} for each in values])
    taken = TRUST.said(value)
    assert taken is not None
    assert taken == contract(value)


def test_a_name_that_the_contract_never_saw_is_asked_about() -> None:
    assert TRUST.said(but(touchpoint="never_seen")) is None
