"""The door for Segment's and RudderStack's SDKs: `/v1/track` and its like, their short forms, and batches."""

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from producers.adapters.web.segment import CALLS, Call
from producers.collector import batch
from producers.collector.door import Arrived, Door, tell
from producers.collector.refusal import Refusal
from schemas.outcome import Outcome, Quarantined

#: Events of a batch that are translated before other requests have their turn: some two milliseconds.
AT_A_TIME = 25

_EXAMPLES: dict[Call, str] = {
    "track": '{"userId": "ada", "event": "Order Completed", '
    '"properties": {"order_id": "1001", "revenue": 19.90, "currency": "EUR"}}',
    "identify": '{"userId": "ada", "anonymousId": "a1", "traits": {"email": "ada@example.org"}}',
    "page": '{"anonymousId": "a1", "name": "Tea", "properties": {"url": "https://shop.example/tea"}}',
    "screen": '{"anonymousId": "a1", "name": "Cart"}',
    "group": '{"userId": "ada", "groupId": "g1"}',
    "alias": '{"userId": "ada", "previousId": "a1"}',
}


_TEXT = {"type": ["string", "integer", "null"]}
_OBJECT = {"type": ["object", "null"]}
_TIME = {"type": ["string", "number", "null"], "description": "ISO 8601, or seconds or milliseconds since 1970"}
_FIELDS = {
    "messageId": {**_TEXT, "description": "the same at each retry: by it an event is taken once"},
    "userId": {**_TEXT, "description": "the customer's number"},
    "anonymousId": {**_TEXT, "description": "the browser's or device's own id"},
    "timestamp": _TIME,
    "originalTimestamp": _TIME,
    "sentAt": _TIME,
    "writeKey": {"type": ["string", "null"]},
    "context": {**_OBJECT, "description": "campaign, page, device, library, traits, userAgent, locale, ip"},
}
_OWN_FIELDS: dict[Call, dict[str, Any]] = {
    "track": {"event": {"type": "string", "minLength": 1}, "properties": _OBJECT},
    "identify": {"traits": _OBJECT},
    "page": {"name": _TEXT, "category": _TEXT, "properties": _OBJECT},
    "screen": {"name": _TEXT, "category": _TEXT, "properties": _OBJECT},
    "group": {"groupId": _TEXT, "traits": _OBJECT},
    "alias": {"previousId": _TEXT},
}


def _schema(call: Call) -> dict[str, Any]:
    """Unknown fields are welcome: SDKs send many."""
    schema: dict[str, Any] = {"type": "object", "properties": {**_FIELDS, **_OWN_FIELDS[call]}}
    return {**schema, "required": ["event"]} if call == "track" else schema


_BATCH = {
    "type": "object",
    "required": ["batch"],
    "properties": {
        "batch": {"type": "array", "items": {"type": "object"}, "description": "calls, each with its `type`"},
        "context": {**_OBJECT, "description": "of every event that has none of its own"},
        "sentAt": _TIME,
        "writeKey": {"type": ["string", "null"]},
    },
}


def _key_inside(arrived: Arrived) -> str | None:
    arrived.parsed = envelope = batch.envelope_of(arrived.body, arrived.services.limits.quarantined_bytes)
    return envelope.writeKey if isinstance(envelope.writeKey, str) else None


def _door(call: Call) -> Door:
    async def translate(arrived: Arrived) -> Sequence[Outcome]:
        context = arrived.context
        return [
            batch.outcome_of_call(
                arrived.body, call, context.sender, arrived.received_at, context.catalogue, context.limits
            )
        ]

    return Door(
        name=call,
        paths=(f"/v1/{call}", f"/v1/{call[0]}"),
        about=f"One {call} call of Segment's HTTP API",
        key_inside=_key_inside,
        translate=translate,
        answer=_answer_one,
        body=_schema(call),
        example=_EXAMPLES[call],
    )


def _answer_one(arrived: Arrived, outcomes: Sequence[Outcome]) -> Response:
    if isinstance(outcomes[0], Quarantined):
        raise Refusal(400, "quarantined", outcomes[0].record.reason)
    return tell(arrived, outcomes)


async def _translate_batch(arrived: Arrived) -> Sequence[Outcome]:
    context, envelope = arrived.context, arrived.parsed
    keep, most = context.limits.quarantined_bytes, arrived.services.settings.max_batch_events
    outcomes = []
    for index, raw in enumerate(batch.events_of_batch(envelope, arrived.body, most, keep)):
        if index and index % AT_A_TIME == 0:
            await asyncio.sleep(0)  # let the other requests go on
        outcomes.append(
            batch.outcome_in_batch(
                raw, index, envelope, context.sender, arrived.received_at, context.catalogue, context.limits
            )
        )
    return outcomes


DOORS = (
    *map(_door, CALLS),
    Door(
        name="batch",
        paths=("/v1/batch", "/v1/b", "/beacon/v1/batch"),
        about="Many calls at once; a bad one leaves its neighbours alone",
        names=lambda _request: CALLS,  # it is opened by any of them, and each event is asked
        key_inside=_key_inside,
        translate=_translate_batch,
        body=_BATCH,
        example='{"batch": [{"type": "page", "anonymousId": "a1"}, {"type": "track", "event": "Product Viewed"}]}',
    ),
)
