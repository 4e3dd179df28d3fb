"""What a door says of one event: accepted, duplicate, or quarantined with the reason."""

from dataclasses import dataclass
from uuid import UUID

from schemas.quarantine import QuarantineRecord
from schemas.touchpoint import Touchpoint


@dataclass(frozen=True, slots=True)
class Accepted:
    """The event is a good touchpoint and goes to `touchpath.collected`."""

    touchpoint: Touchpoint


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The door has taken this event before."""

    event_id: UUID


@dataclass(frozen=True, slots=True)
class Quarantined:
    """The event cannot be taken; its bytes and the reason go to `touchpath.quarantine`."""

    record: QuarantineRecord


Outcome = Accepted | Duplicate | Quarantined
