"""What became of the events of a request: how many of each outcome, and how that is told. Pure: no I/O."""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from producers.adapters.quarantine import quarantined
from producers.adapters.sender import Limits, Sender
from producers.collector.refusal import Refusal
from schemas.outcome import Accepted, Duplicate, Outcome, Quarantined


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


def answer_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Give the body of a 200: how many, and what became of each."""
    tally = tally_of(outcomes)
    return {
        "success": True,
        "received": tally.received,
        "accepted": tally.accepted,
        "duplicate": tally.duplicate,
        "quarantined": tally.quarantined,
        "events": [_told(index, outcome) for index, outcome in enumerate(outcomes)],
    }


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
