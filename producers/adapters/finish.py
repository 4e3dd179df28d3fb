"""From a piece to its outcome: what holds for every adapter. Ids, zones, possible times, fields never kept."""

from datetime import UTC, datetime
from uuid import UUID

import orjson
from pydantic import ValidationError

from producers.adapters.adapter import Adapter, Context, Draft, Piece
from producers.adapters.kept import kept_of, without_addresses
from producers.adapters.moments import possible
from producers.adapters.never_kept import without
from producers.adapters.permitted import permitted
from producers.adapters.problem import Problem
from producers.adapters.quarantine import quarantined
from producers.adapters.sender import Sender
from schemas.base import derived_id, event_id
from schemas.bodies import Body, EmailBody, HotlineBody, OtherBody, StoreBody, WebBody
from schemas.outcome import Accepted, Outcome
from schemas.quarantine import reason_of
from schemas.touchpoint import Touchpoint

_BODIES: dict[str, type[WebBody | EmailBody | HotlineBody | StoreBody]] = {
    "web": WebBody,
    "app": WebBody,
    "email": EmailBody,
    "hotline": HotlineBody,
    "store": StoreBody,
}


def outcome_of(adapter: Adapter, piece: Piece, context: Context) -> Outcome:
    """Give the outcome of one piece: `Accepted` or `Quarantined`, never an exception."""
    try:
        if isinstance(piece.value, Problem):
            raise piece.value
        if len(piece.raw) > context.limits.event_bytes:
            raise Problem(
                piece.path, f"{len(piece.raw)} bytes, more than the {context.limits.event_bytes} of one event"
            )
        return Accepted(finished(adapter.read(piece, context), piece, context))
    except Problem as problem:
        reason = str(problem)
    except ValidationError as error:
        reason = piece.path + reason_of(error).removeprefix("$")
    return quarantined(reason, piece.raw, context.sender, context.received_at, context.limits)


def finished(draft: Draft, piece: Piece, context: Context) -> Touchpoint:
    """Make the touchpoint of a draft.

    Raises:
        Problem: it happened at no possible time, or at one without a zone from a source that declares none.
        ValidationError: it breaks the contract of a touchpoint.
    """
    sender = context.sender
    channel = draft.channel if draft.channel is not None else context.usual_channel(draft.touchpoint)
    touchpoint = Touchpoint(
        event_id=_id(draft, piece, sender),
        source=sender.source,
        touchpoint=draft.touchpoint,
        channel=channel,
        occurred_at=possible(zoned(draft.occurred_at, sender, draft.at), context.received_at, draft.at),
        received_at=context.received_at,
        identifiers=tuple(dict.fromkeys(draft.identifiers)),
        campaign=draft.campaign,
        order_id=draft.order_id,
        amount=draft.amount,
        name=draft.name,
        body=draft.body or empty_body(channel),
        properties=kept_of(draft.properties, sender),
        verified=draft.verified and not sender.public,
    )
    return permitted(touchpoint, sender, context.catalogue, piece.path)


def zoned(moment: datetime, sender: Sender, path: str) -> datetime:
    """Give the moment in UTC; one without a zone is in the source's own.

    Raises:
        Problem: neither the time nor the source has a zone.
    """
    if moment.tzinfo is None:
        if sender.zone is None:
            raise Problem(path, f"has no time zone; declare the time zone of the source {sender.source!r}")
        moment = moment.replace(tzinfo=sender.zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Problem(path, "not a time") from None


def empty_body(channel: str) -> Body:
    """Give the body of a channel that nothing is known of."""
    return _BODIES.get(channel, OtherBody)()


def _id(draft: Draft, piece: Piece, sender: Sender) -> UUID:
    if draft.id is not None:
        return event_id(sender.source, draft.id)
    try:
        whole = orjson.dumps(without(piece.value, sender.never_keep), option=orjson.OPT_SORT_KEYS, default=str)
        content = without_addresses(whole).decode()  # as quarantine keeps it, so that a replay has the same id
    except TypeError:
        content = piece.raw.decode(errors="replace")
    return derived_id("content", sender.source, "", content)
