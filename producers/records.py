"""From an outcome to the record that Kafka gets: topic, key, value, timestamp. Pure; no client is imported here."""

from datetime import datetime
from typing import NamedTuple

from schemas.outcome import Accepted, Quarantined
from schemas.topics import COLLECTED, QUARANTINE


class Record(NamedTuple):
    """One record for Kafka. `timestamp` is the time of ingest in milliseconds since 1970, never the event's own.

    A value without a byte is none at all: a tombstone, by which a compacted topic forgets the key. `partition` None:
    the one that the key names.
    """

    topic: str
    key: bytes
    value: bytes
    timestamp: int
    partition: int | None = None

    @property
    def size(self) -> int:
        """The bytes that it takes in a buffer, with something for Kafka's own fields."""
        return len(self.key) + len(self.value) + 100


def record_of(outcome: Accepted | Quarantined) -> Record:
    """Give the record: a touchpoint goes to `collected`, what is bad to `quarantine`."""
    if isinstance(outcome, Accepted):
        touchpoint = outcome.touchpoint
        value = touchpoint.model_dump_json(exclude_none=True).encode()
        return Record(COLLECTED.name, touchpoint.key.encode(), value, milliseconds(touchpoint.received_at))
    bad = outcome.record
    return Record(QUARANTINE.name, bad.source.encode(), bad.model_dump_json().encode(), milliseconds(bad.received_at))


def milliseconds(moment: datetime) -> int:
    """Give the milliseconds since 1970, cut, not rounded."""
    return int(moment.timestamp() * 1000)
