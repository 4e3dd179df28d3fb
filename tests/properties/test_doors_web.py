"""Laws of the web door: whatever is sent, the answer is an outcome, and good neighbours come through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.adapters.payload import deeper_than
from producers.adapters.sender import Limits, Sender
from producers.adapters.web.segment import CALLS, outcome_of
from producers.collector import batch, tally
from producers.collector.refusal import Refusal
from producers.records import record_of
from schemas.catalogue import load
from schemas.outcome import Accepted, Outcome, Quarantined
from schemas.quarantine import QuarantineRecord
from schemas.topics import QUARANTINE
from schemas.touchpoint import Touchpoint

CATALOGUE = load()
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SENDER = Sender("shop", "http:/v1/batch", default_currency="EUR")
LIMITS = Limits(event_bytes=4096, depth=8, quarantined_bytes=512)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["", "null", "2015-2-02T1:02:03Z", "1e999", "-0", "EUR", "a@b.c", "+49 1", "NaN"])
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = {
    "root": [
        "event",
        "type",
        "userId",
        "anonymousId",
        "previousId",
        "groupId",
        "messageId",
        "timestamp",
        "originalTimestamp",
        "sentAt",
        "name",
        "channel",
        "properties",
        "traits",
        "context",
    ],
    "properties": [
        "revenue",
        "total",
        "value",
        "currency",
        "order_id",
        "orderId",
        "products",
        "channel",
        "url",
        "title",
        "waiting_time",
        "campaign_id",
        "reach",
    ],
    "context": [
        "traits",
        "externalIds",
        "campaign",
        "page",
        "device",
        "library",
        "channel",
        "userAgent",
        "locale",
        "ip",
    ],
}


def objects(names: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), values, max_size=6)


product = objects(["product_id", "sku", "price", "quantity", "category"], scalars)
properties = st.fixed_dictionaries({}, optional={"products": st.lists(product | json_values, max_size=3)}).flatmap(
    lambda chosen: objects(FIELDS["properties"], json_values).map(lambda more: {**more, **chosen})
)
events = st.tuples(
    objects(FIELDS["root"], json_values),
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(CALLS),
            "event": st.sampled_from(["Order Completed", "Order Refunded", "Email Opened", "Call", "X"]),
            "properties": properties,
            "context": objects(FIELDS["context"], json_values),
        },
    ),
).map(lambda parts: {**parts[0], **parts[1]})


def kept_its_promises(outcome: Outcome, raw: bytes) -> None:
    if isinstance(outcome, Accepted):
        touchpoint = outcome.touchpoint
        record = record_of(outcome)
        assert Touchpoint.model_validate_json(record.value) == touchpoint
        assert record.key == touchpoint.key.encode()
        assert len(record.value) < 1_000_000
        assert touchpoint.received_at - timedelta(days=366 * 40) < touchpoint.occurred_at
        assert all(identifier.value.strip() for identifier in touchpoint.identifiers)
        if touchpoint.amount is not None:
            assert touchpoint.amount == type(touchpoint.amount).from_minor(
                touchpoint.amount.minor, touchpoint.amount.currency
            )
    else:
        assert isinstance(outcome, Quarantined)
        assert outcome.record.reason.startswith("$")
        assert outcome.record.original == raw[: LIMITS.quarantined_bytes]
        assert QuarantineRecord.model_validate_json(record_of(outcome).value) == outcome.record


@given(st.binary(max_size=200), st.sampled_from([None, *CALLS]))
def test_any_bytes_have_an_outcome(raw: bytes, call: Any) -> None:
    kept_its_promises(outcome_of(raw, call, SENDER, NOW, CATALOGUE, limits=LIMITS), raw)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(events, st.sampled_from([None, *CALLS]))
def test_any_event_has_an_outcome_and_the_same_one_each_time(event: dict[str, Any], call: Any) -> None:
    raw = orjson.dumps(event)
    first = outcome_of(raw, call, SENDER, NOW, CATALOGUE, limits=LIMITS)
    kept_its_promises(first, raw)
    assert outcome_of(raw, call, SENDER, NOW, CATALOGUE, limits=LIMITS) == first
    later = outcome_of(raw, call, SENDER, NOW + timedelta(minutes=5), CATALOGUE, limits=LIMITS)
    if isinstance(first, Accepted) and isinstance(later, Accepted):
        assert first.touchpoint.event_id == later.touchpoint.event_id


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events | json_values, max_size=6), st.integers(0, 6))
def test_a_good_event_comes_through_whatever_stands_beside_it(others: list[Any], place: int) -> None:
    good = {"type": "track", "event": "X", "messageId": "the good one", "userId": "u"}
    items = [*others[:place], good, *others[place:]]
    body = orjson.dumps({"batch": items})
    envelope = batch.envelope_of(body, 512)
    outcomes = [
        batch.outcome_in_batch(raw, index, envelope, SENDER, NOW, CATALOGUE, LIMITS)
        for index, raw in enumerate(batch.events_of_batch(envelope, body, 100, 512))
    ]
    told = tally.without_known(outcomes, ())
    counts = tally.tally_of(told)
    assert counts.received == len(items) == len(told)
    assert counts.accepted + counts.duplicate + counts.quarantined == counts.received
    mine = told[min(place, len(others))]
    assert isinstance(mine, Accepted)
    assert mine.touchpoint.key == "customer:u"


@given(st.binary(max_size=300))
def test_any_body_is_an_envelope_or_a_refusal(body: bytes) -> None:
    refusal = None
    try:
        batch.envelope_of(body, 100)
    except Refusal as refused:
        refusal = refused
    assert refusal is None or (refusal.status, refusal.raw) == (400, body[:100])


@given(json_values, st.integers(1, 6))
def test_depth_is_counted_like_a_recursion_would(value: Any, limit: int) -> None:
    def depth(inner: Any) -> int:
        if isinstance(inner, dict):
            return 1 + max(map(depth, inner.values()), default=0)
        if isinstance(inner, list):
            return 1 + max(map(depth, inner), default=0)
        return 0

    assert deeper_than(value, limit) == (depth(value) > limit)


def test_quarantine_is_its_own_topic() -> None:
    outcome = outcome_of(b"{", None, SENDER, NOW, CATALOGUE)
    assert isinstance(outcome, Quarantined)
    assert record_of(outcome).topic == QUARANTINE.name
    assert record_of(outcome).key == b"shop"
