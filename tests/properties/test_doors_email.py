"""Laws of the mail doors: whatever a provider's payload turns into, each piece has an outcome that can be written."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.adapters.adapter import Adapter, Context, HookRequest, HookSecrets, Piece, SignatureRefused
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Limits, Sender
from producers.records import record_of
from schemas.catalogue import load
from schemas.outcome import Accepted, Quarantined

EXAMPLES = Path(__file__).parents[1] / "examples"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SENDER = Sender("mailings", "http:/hooks/x", zone=ZoneInfo("Europe/Berlin"), never_keep=frozenset({"userid"}))
CONTEXT = Context(SENDER, NOW, load(), Limits(event_bytes=32 * 1024, depth=16, quarantined_bytes=2048))
HOOKS = [adapter for adapter in ADAPTERS.values() if adapter.area == "email" and adapter.hook is not None]
SIGNING = [adapter for adapter in HOOKS if adapter.hook and adapter.hook.verify]
NEWSLETTER = ADAPTERS["newsletter"]

integers = st.integers(-(2**63), 2**64 - 1)
odd: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | integers
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(["", "null", "Mozilla/5.0", "a@b.c", "1e999", "2015-2-02", "[", "{}", "http://[", "x" * 5000])
    | st.lists(st.none() | integers | st.just("x"), max_size=3)
    | st.dictionaries(st.sampled_from(["email", "name", "timestamp", "utm_source", ""]), integers, max_size=2)
    | st.just([[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]])
)


@cache
def payloads(name: str) -> list[Any]:
    """The examples as JSON values; that of a form is the list in its one field."""
    found = []
    for path in sorted((EXAMPLES / name).iterdir()):
        text = path.read_text()
        found.append(orjson.loads(parse_qs(text)["mandrill_events"][0] if path.suffix == ".form" else text))
    return found


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in ((*here, key), *places(inner, (*here, key)))]


def body_of(adapter: Adapter, value: Any) -> bytes:
    return (
        urlencode({"mandrill_events": orjson.dumps(value)}).encode()
        if adapter.name == "mandrill"
        else orjson.dumps(value)
    )


@st.composite
def mutated(draw: st.DrawFn, adapter: Adapter) -> bytes:
    """An example with up to four fields replaced or taken out, also within JSON that stands in a text."""
    value = orjson.loads(orjson.dumps(draw(st.sampled_from(payloads(adapter.name)))))
    inner = isinstance(value, dict) and isinstance(value.get("Message"), str) and draw(st.booleans())
    target = orjson.loads(value["Message"]) if inner else value
    for _ in range(draw(st.integers(1, 4))):
        found = places(target)
        if not found:
            break
        *way, last = draw(st.sampled_from(found))
        parent = target
        for key in way:
            parent = parent[key]
        if draw(st.booleans()):
            parent[last] = orjson.loads(orjson.dumps(draw(odd)))  # a copy: it may be changed in turn
        else:
            del parent[last]
    if inner:
        value["Message"] = orjson.dumps(target).decode()
    return body_of(adapter, value)


def pieces_of(adapter: Adapter, body: bytes) -> list[Piece]:
    assert adapter.pieces is not None
    try:
        return list(adapter.pieces(HookRequest(body, {}, (), "https://door.example/"), CONTEXT))
    except Problem as problem:
        assert str(problem).startswith("$")  # noqa: PT017 # the whole body is quarantined, with this reason
        return []


def check(adapter: Adapter, pieces: list[Piece]) -> None:
    outcomes = [outcome_of(adapter, piece, CONTEXT) for piece in pieces]
    assert len(outcomes) == len(pieces)
    for outcome in outcomes:
        assert isinstance(outcome, Accepted | Quarantined)
        assert len(record_of(outcome).value) < 100_000
        if isinstance(outcome, Quarantined):
            assert outcome.record.reason.startswith("$")
        else:
            assert "userid" not in outcome.touchpoint.properties
    assert [outcome_of(adapter, piece, CONTEXT) for piece in pieces] == outcomes


@pytest.mark.parametrize("adapter", HOOKS, ids=[adapter.name for adapter in HOOKS])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_payload_with_odd_fields_never_fails_and_each_piece_has_one_outcome(
    adapter: Adapter, data: st.DataObject
) -> None:
    check(adapter, pieces_of(adapter, data.draw(mutated(adapter))))


@pytest.mark.parametrize("adapter", HOOKS, ids=[adapter.name for adapter in HOOKS])
@settings(max_examples=25, deadline=None)
@given(cut=st.floats(0, 1), body=st.binary(max_size=60))
def test_a_body_that_is_cut_or_nonsense_never_fails(adapter: Adapter, cut: float, body: bytes) -> None:
    for path in list((EXAMPLES / adapter.name).iterdir())[:2]:
        whole = path.read_bytes()
        check(adapter, pieces_of(adapter, whole[: int(len(whole) * cut)] + body))
    check(adapter, pieces_of(adapter, body))


@pytest.mark.parametrize("adapter", SIGNING, ids=[adapter.name for adapter in SIGNING])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_request_without_the_key_is_good_and_none_breaks_the_check(adapter: Adapter, data: st.DataObject) -> None:
    hook = adapter.hook
    assert hook is not None
    assert hook.verify is not None
    names = ["svix-id", "svix-timestamp", "svix-signature", "signature", "x-mandrill-signature"]
    names += [f"x-twilio-email-event-webhook-{name}" for name in ("signature", "timestamp")]
    values = st.text(st.characters(max_codepoint=255), max_size=20) | st.sampled_from(
        ["1714564000", "v1,AAAA", "v1, v1,", "AAAA", "00ff", "9" * 40, "inf"]
    )
    headers = data.draw(st.dictionaries(st.sampled_from(names), values))
    body = data.draw(mutated(adapter) | st.binary(max_size=40))
    request = HookRequest(body, headers, (), "https://door.example/")
    for secret in ("secret", "whsec_c2VjcmV0", ""):
        with pytest.raises(SignatureRefused):
            hook.verify(request, HookSecrets((secret,)), NOW, {})
    try:
        needs = hook.needs(request)
        assert all(url.startswith("https://sns.") for url in needs)
        hook.confirms(request)
    except SignatureRefused:
        pass


columns = st.sampled_from(
    ["email", "customer_id", "mailing", "campaign", "event", "at", "sent_at", "opened_at", "link", "machine", "x", ""]
)
cells = st.sampled_from(
    ["", "ada@example.org", "opened", "2024-03-02 09:00", "02.03.2024", "1709373600", "nonsense", '"', "a;b", "null"]
) | st.text(max_size=8)


@settings(deadline=None)
@given(st.lists(columns, min_size=1, max_size=8, unique=True), st.lists(st.lists(cells, max_size=9), max_size=5))
def test_any_table_of_newsletter_statistics_has_an_outcome_for_each_event(
    heading: list[str], rows: list[list[str]]
) -> None:
    text = "\n".join(",".join(row) for row in [heading, *rows]).encode(errors="replace")
    assert NEWSLETTER.file is not None
    try:
        pieces = list(NEWSLETTER.file(BytesIO(text), CONTEXT))
    except Problem as problem:
        assert str(problem).startswith("$")  # noqa: PT017 # nothing can be read of it
        return
    check(NEWSLETTER, pieces)


@settings(deadline=None)
@given(st.lists(st.dictionaries(columns, odd, max_size=8), max_size=5))
def test_any_lines_of_newsletter_statistics_have_an_outcome_for_each_event(rows: list[dict[str, Any]]) -> None:
    assert NEWSLETTER.file is not None
    text = b"\n".join([b"{}", *map(orjson.dumps, rows)])
    pieces = list(NEWSLETTER.file(BytesIO(text), CONTEXT))
    assert len(pieces) >= len(rows) + 1
    check(NEWSLETTER, pieces)
