"""One call of Segment's HTTP API, from the sender's bytes to an outcome. Pure: no I/O, and the time is an argument.

Whatever the bytes are, the answer is an outcome; nothing is raised. A reason is a path into the sender's own payload.
Everything of `properties` is kept, traits under `properties.traits`, and of `context` what says on which
device, system and app it was; addresses of machines are cut, and advertising ids are not kept.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

import orjson
from pydantic import ValidationError

from producers.adapters.hidden import hidden
from producers.adapters.kept import kept_of
from producers.adapters.payload import Node, deeper_than
from producers.adapters.permitted import permit_call, permitted
from producers.adapters.problem import Problem
from producers.adapters.quarantine import kept_content, quarantined
from producers.adapters.sender import Limits, Sender
from producers.adapters.web.bodies import body_of
from producers.adapters.web.channel.visit import visit_channel
from producers.adapters.web.clock import occurred_at
from producers.adapters.web.people import identifiers_of
from producers.adapters.web.worth import amount_of, items_of, order_of
from producers.identity_text import one_writing
from schemas.base import derived_id, event_id
from schemas.catalogue import Catalogue, slug
from schemas.outcome import Accepted, Outcome
from schemas.quarantine import reason_of
from schemas.touchpoint import Campaign, Touchpoint

Call = Literal["track", "identify", "page", "screen", "group", "alias"]
CALLS: tuple[Call, ...] = get_args(Call)

_TOUCHPOINTS: dict[Call, str] = {
    "page": "page_view",
    "screen": "screen_view",
    "identify": "identified",
    "group": "identified",
    "alias": "identified",
}
_KEPT_CONTEXT = ("app", "clickIds", "consent", "device", "groupId", "library", "os", "timezone")
_PRIVATE = frozenset({"id", "advertisingId", "adTrackingEnabled", "token"})
_KEPT_FIELDS = ("groupId", "previousId", "category")
_MOBILE_LIBRARIES = re.compile(r"ios|android|kotlin|swift|react-native|flutter", re.IGNORECASE)
_PART = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


def outcome_of(
    raw: bytes,
    call: Call | None,
    sender: Sender,
    received_at: datetime,
    catalogue: Catalogue,
    *,
    path: str = "$",
    sent_at: object = None,
    shared_context: Mapping[str, Any] | None = None,
    limits: Limits = Limits(),  # noqa: B008 # frozen
) -> Outcome:
    """Give the outcome of one event: `Accepted` or `Quarantined`, never an exception.

    `raw` is the event's JSON. `call` is what the path of the request says; None in a batch, where the event's own
    `type` says it. `path`, `sent_at` and `shared_context` are the place in the batch and what the batch says for all.
    """
    try:
        payload = _read(raw, path, limits)
        context = shared_context or {}
        return Accepted(_touchpoint(payload, call, sender, received_at, catalogue, path, sent_at, context))
    except Problem as problem:
        reason = str(problem)
    except ValidationError as error:
        reason = path + reason_of(error).removeprefix("$")
    return quarantined(reason, raw, sender, received_at, limits)


def _read(raw: bytes, path: str, limits: Limits) -> dict[str, Any]:
    if len(raw) > limits.event_bytes:
        raise Problem(path, f"{len(raw)} bytes, more than the {limits.event_bytes} of one event")
    try:
        payload = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem(path, f"not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise Problem(path, "not an object")
    # Counting the openings is cheap and says for nearly every event that it cannot be too deep.
    if raw.count(b"{") + raw.count(b"[") > limits.depth and deeper_than(payload, limits.depth):
        raise Problem(path, f"nested more than {limits.depth} deep")
    return payload


def _touchpoint(
    payload: dict[str, Any],
    call: Call | None,
    sender: Sender,
    received_at: datetime,
    catalogue: Catalogue,
    path: str,
    sent_at: object,
    shared_context: Mapping[str, Any],
) -> Touchpoint:
    id_ = _id_of(payload, call, sender, path)
    if shared_context:
        own = payload.get("context")
        if own is None or isinstance(own, dict):
            payload = {**payload, "context": {**shared_context, **(own or {})}}
    event = Node(payload, path)
    kind = call or _call_of(event)
    permit_call(sender, kind, event.at("type"))
    properties, context = event.child("properties"), event.child("context")
    name = _name_of(event, kind)
    touchpoint = _touchpoint_named(name, kind, catalogue)
    channel = _channel_of(event, properties, context, touchpoint, kind, sender, catalogue)
    amount = amount_of(properties, touchpoint, catalogue, sender.default_currency)
    currency = amount.currency if amount else sender.default_currency
    campaign = _campaign_of(context, properties, channel)
    body = body_of(channel, event, properties, items_of(properties, currency))
    built = Touchpoint(
        event_id=id_,
        source=sender.source,
        touchpoint=touchpoint,
        channel=visit_channel(touchpoint, channel, body, campaign, catalogue),
        occurred_at=occurred_at(event, sent_at, received_at),
        received_at=received_at,
        identifiers=one_writing(identifiers_of(event, kind, sender.phone_region), sender.rules, sender.phone_region),
        campaign=campaign,
        order_id=order_of(properties),
        amount=amount,
        name=name,
        body=body,
        properties=kept_of(_kept(event, properties, context), sender),
        verified=not sender.public,
    )
    return hidden(permitted(built, sender, catalogue, path), sender)


def _id_of(payload: dict[str, Any], call: Call | None, sender: Sender, path: str) -> UUID:
    """By the sender's id; without one by the content, less what a retry changes."""
    message = Node(payload, path).text("messageId")
    if message is not None:
        return event_id(sender.source, message)
    content = {name: value for name, value in payload.items() if name not in {"sentAt", "writeKey", "messageId"}}
    return derived_id("content", sender.source, call or "", kept_content(content, sender))


def _call_of(event: Node) -> Call:
    stated = event.text("type")
    if stated is None:
        raise Problem(event.at("type"), "required, but missing or blank")
    for call in CALLS:
        if stated.lower() == call:
            return call
    raise Problem(event.at("type"), f"{stated[:50]!r} is none of {', '.join(CALLS)}")


def _name_of(event: Node, kind: Call) -> str | None:
    if kind == "track":
        name = event.text("event")
        if name is None:
            raise Problem(event.at("event"), "required, but missing or blank")
        return name
    return event.text("name") if kind in {"page", "screen"} else None


def _touchpoint_named(name: str | None, kind: Call, catalogue: Catalogue) -> str:
    if kind != "track" or name is None:
        return _TOUCHPOINTS[kind]
    known = catalogue.touchpoint_named(name)
    if known is None and _PART.fullmatch(name) and len(name) <= 100 and catalogue.entry(name) is not None:
        return name  # a part of a touchpoint that the catalogue knows: `bar.drinks`
    return known or slug(name)


def _channel_of(
    event: Node,
    properties: Node,
    context: Node,
    touchpoint: str,
    kind: Call,
    sender: Sender,
    catalogue: Catalogue,
) -> str:
    """The sender's word if the catalogue has it, else the catalogue's, else the source's, else app or web."""
    for stated in (properties.values.get("channel"), context.values.get("channel")):
        if isinstance(stated, str) and stated.strip().lower() in catalogue.channels:
            return stated.strip().lower()
    mobile = kind == "screen" or _is_mobile(event, context)
    if (entry := catalogue.entry(touchpoint)) is not None:
        # The catalogue writes `web` for what happens in the shop, and an app is the shop on a telephone.
        return "app" if mobile and entry.channel == "web" and "app" in catalogue.channels else entry.channel
    return sender.channel or ("app" if mobile else "web")


def _is_mobile(event: Node, context: Node) -> bool:
    if event.values.get("channel") == "mobile":
        return True
    device, library = context.values.get("device"), context.values.get("library")
    kind = device.get("type") if isinstance(device, dict) else None
    name = library.get("name") if isinstance(library, dict) else None
    return (isinstance(kind, str) and kind.lower() in {"ios", "android"}) or (
        isinstance(name, str) and _MOBILE_LIBRARIES.search(name) is not None
    )


def _campaign_of(context: Node, properties: Node, channel: str) -> Campaign | None:
    campaign = context.child("campaign")
    names = ("name", "source", "medium", "term", "content")
    parts = {name: text for name in names if (text := campaign.text(name)) is not None}
    if channel == "email" and "name" not in parts and (mailing := properties.text("campaign_name")) is not None:
        parts["name"] = mailing
    return Campaign(**parts) if parts else None


def _kept(event: Node, properties: Node, context: Node) -> dict[str, Any]:
    kept = dict(properties.values)
    if isinstance(stated := context.values.get("ip"), str):  # a server says it of its visitor; it is cut below
        kept.setdefault("ip", stated)
    for name in _KEPT_FIELDS:
        if event.values.get(name) is not None:
            kept.setdefault(name, event.values[name])
    traits = {**context.child("traits").values, **event.child("traits").values}
    if traits:
        kept.setdefault("traits", traits)
    known = {name: _public(context.values[name]) for name in _KEPT_CONTEXT if context.values.get(name) is not None}
    if known:
        kept.setdefault("context", known)
    return kept


def _public(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: inner for name, inner in value.items() if name not in _PRIVATE}
