"""From a piece to its outcome: what holds for every adapter. Ids, zones, possible times, one writing of identifiers,
fields never kept.
"""

from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError

from producers.adapters.adapter import Adapter, Context, Draft, Piece
from producers.adapters.hidden import hidden
from producers.adapters.hidden_bytes import text_hidden
from producers.adapters.kept import kept_of
from producers.adapters.loose import folded
from producers.adapters.moments import possible
from producers.adapters.permitted import permitted
from producers.adapters.problem import Problem
from producers.adapters.quarantine import kept_content, quarantined
from producers.adapters.sender import Sender
from producers.identity_text import one_writing
from schemas.base import derived_id, event_id
from schemas.bodies import Body, EmailBody, HotlineBody, OtherBody, StoreBody, WebBody
from schemas.catalogue import Catalogue
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
    return quarantined(
        reason, piece.raw, context.sender, context.received_at, context.limits, named_by(context.catalogue)
    )


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
        identifiers=one_writing(draft.identifiers, sender.rules, sender.phone_region),
        campaign=draft.campaign,
        order_id=draft.order_id,
        amount=draft.amount,
        name=draft.name,
        body=draft.body or empty_body(channel),
        properties=kept_of(draft.properties, sender),
        verified=draft.verified and not sender.public,
    )
    return hidden(permitted(touchpoint, sender, context.catalogue, piece.path), sender)


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


def named_by(catalogue: Catalogue) -> dict[str, str]:
    """Give the columns that the operator says hold an identifier, folded, with its kind."""
    column = catalogue.store.columns.get("loyalty_id", ())
    return {folded(name): "loyalty" for name in ((column,) if isinstance(column, str) else column)}


def empty_body(channel: str) -> Body:
    """Give the body of a channel that nothing is known of."""
    return _BODIES.get(channel, OtherBody)()


def _id(draft: Draft, piece: Piece, sender: Sender) -> UUID:
    if draft.id is not None:
        return event_id(sender.source, text_hidden(draft.id, sender))  # a replay finds no address in it either
    try:
        content = kept_content(piece.value, sender)
    except TypeError:
        content = piece.raw.decode(errors="replace")
    return derived_id("content", sender.source, "", content)
