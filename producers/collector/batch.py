"""From a request's bytes to the outcome of each event in it, and from those to the answer. Pure: no I/O."""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import orjson

from producers.adapters.quarantine import quarantined
from producers.adapters.sender import Limits, Sender
from producers.adapters.web.segment import Call, outcome_of
from producers.collector.refusal import Refusal
from schemas.catalogue import Catalogue
from schemas.outcome import Accepted, Duplicate, Outcome, Quarantined


class Envelope(msgspec.Struct):
    """What a request says around its events. The events stay bytes, so that a bad one is kept as it came."""

    batch: list[msgspec.Raw] | None = None
    context: Any = None
    sentAt: Any = None  # noqa: N815 # the sender's name for it
    writeKey: Any = None  # noqa: N815 # the sender's name for it


@dataclass(frozen=True, slots=True)
class Tally:
    """How many events a request had, by outcome."""

    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0

    @property
    def received(self) -> int:
        """All of them."""
        return self.accepted + self.duplicate + self.quarantined


def envelope_of(body: bytes, keep: int) -> Envelope:
    """Read what stands around the events.

    Raises:
        Refusal: the body is no JSON object (400 `bad_json`).
    """
    try:
        return msgspec.json.decode(body, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"$: {error}" if isinstance(error, msgspec.ValidationError) else f"$: not JSON: {error}"
    except RecursionError:
        message = "$: nested too deep"
    raise Refusal(400, "bad_json", message, raw=body[:keep])


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


def outcome_of_refusal(refusal: Refusal, sender: Sender, received_at: datetime, limits: Limits) -> Quarantined:
    """Give what is kept of a body that could not even be taken apart: one record, whatever was in it."""
    raw = refusal.raw or b""
    cut = f" ({refusal.code}; at most its first {limits.quarantined_bytes} bytes are kept)"
    return quarantined(refusal.message + cut, raw, sender, received_at, limits)


def without_known(outcomes: Sequence[Outcome], known: Container[UUID]) -> list[Outcome]:
    """Turn what is known already, or came before in the same request, into `Duplicate`."""
    seen: set[UUID] = set()
    result: list[Outcome] = []
    for outcome in outcomes:
        if isinstance(outcome, Accepted):
            event_id = outcome.touchpoint.event_id
            if event_id in known or event_id in seen:
                result.append(Duplicate(event_id))
                continue
            seen.add(event_id)
        result.append(outcome)
    return result


def tally_of(outcomes: Sequence[Outcome]) -> Tally:
    """Count the outcomes."""
    kinds = Counter(map(type, outcomes))
    return Tally(kinds[Accepted], kinds[Duplicate], kinds[Quarantined])


def answer_of(outcomes: Sequence[Outcome], tally: Tally) -> dict[str, Any]:
    """Give the body of a 200: how many, and what became of each."""
    return {
        "success": True,
        "received": tally.received,
        "accepted": tally.accepted,
        "duplicate": tally.duplicate,
        "quarantined": tally.quarantined,
        "events": [_told(index, outcome) for index, outcome in enumerate(outcomes)],
    }


def encoded(answer: dict[str, Any]) -> bytes:
    """Write an answer as JSON."""
    return orjson.dumps(answer)


def _told(index: int, outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Accepted(touchpoint):
            return {"index": index, "status": "accepted", "event_id": touchpoint.event_id}
        case Duplicate(event_id):
            return {"index": index, "status": "duplicate", "event_id": event_id}
        case Quarantined(record):
            return {
                "index": index,
                "status": "quarantined",
                "quarantine_id": record.quarantine_id,
                "reason": record.reason,
            }
