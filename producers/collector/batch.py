"""Segment's requests taken apart: what stands around the events, and each event as it came. Pure: no I/O."""

from datetime import datetime
from typing import Any

import msgspec

from producers.adapters.sender import Limits, Sender
from producers.adapters.web.segment import Call, outcome_of
from producers.collector.refusal import Refusal
from schemas.catalogue import Catalogue
from schemas.outcome import Outcome


class Envelope(msgspec.Struct):
    """What a request says around its events. The events stay bytes, so that a bad one is kept as it came."""

    batch: list[msgspec.Raw] | None = None
    context: Any = None
    sentAt: Any = None  # noqa: N815 # the sender's name for it
    writeKey: Any = None  # noqa: N815 # the sender's name for it


def envelope_of(body: bytes, keep: int) -> Envelope:
    """Read what stands around the events.

    Raises:
        Refusal: the body is no JSON object (400 `bad_json`).
    """
    try:
        return msgspec.json.decode(body, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = _placed(str(error)) if isinstance(error, msgspec.ValidationError) else f"$: not JSON: {error}"
    except RecursionError:
        message = "$: nested too deep"
    raise Refusal(400, "bad_json", message, raw=body[:keep])


def _placed(message: str) -> str:
    """Put the path to the front: msgspec writes it at the end, as "... - at `$.batch`"."""
    what, _, path = message.partition(" - at `")
    return f"{path.rstrip('`') or '$'}: {what}"


def events_of_batch(envelope: Envelope, body: bytes, most: int, keep: int) -> list[msgspec.Raw]:
    """Give the events of a batch, each as it came.

    Raises:
        Refusal: there is no `batch`, or it has more than `most` events (400 `bad_batch`, `too_large`).
    """
    events = envelope.batch
    if events is None:
        raise Refusal(400, "bad_batch", "$.batch: required, but missing", raw=body[:keep])
    if len(events) > most:
        raise Refusal(400, "too_large", f"$.batch: {len(events)} events, more than {most}", raw=body[:keep])
    return events


def outcome_in_batch(
    raw: msgspec.Raw,
    index: int,
    envelope: Envelope,
    sender: Sender,
    received_at: datetime,
    catalogue: Catalogue,
    limits: Limits,
) -> Outcome:
    """Give the outcome of one event of a batch; reasons are paths from the root of the request."""
    return outcome_of(
        bytes(raw),
        None,
        sender,
        received_at,
        catalogue,
        path=f"$.batch[{index}]",
        sent_at=envelope.sentAt,
        shared_context=envelope.context if isinstance(envelope.context, dict) else None,
        limits=limits,
    )


def outcome_of_call(
    body: bytes, call: Call, sender: Sender, received_at: datetime, catalogue: Catalogue, limits: Limits
) -> Outcome:
    """Give the outcome of a request that is one event."""
    return outcome_of(body, call, sender, received_at, catalogue, limits=limits)
