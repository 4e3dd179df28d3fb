"""Which batches are in flight, and up to where a partition is done. Pure: no Kafka, no clock.

An offset here is always "the next one": the first that has not been delivered, or not been finished. With
"the last one" the record at offset 0 looks like nothing at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class _Placed(Protocol):
    @property
    def offset(self) -> int: ...


P = TypeVar("P")  # a topic partition, or whatever names one
R = TypeVar("R", bound=_Placed)


@dataclass
class _Batch:
    next_offset: int  # one past its last record
    records: int
    size: int
    finished: bool = False


@dataclass
class _Place:
    next_offset: int | None = None  # of delivery; None: nobody has said yet
    done: int | None = None  # everything before it is finished
    committed: int | None = None
    in_flight: deque[_Batch] = field(default_factory=deque)


class BatchLedger(Generic[P]):
    """Bookkeeping of whole batches for the partitions of one generation of the group.

    Batches finish in any order; what may be committed ends before the first one that has not. A batch of
    another generation than the current one is not let in, and its end changes nothing.
    """

    def __init__(self) -> None:
        self.generation: int | None = None
        self.bytes_in_flight = 0
        self._places: dict[P, _Place] = {}

    def begin(self, generation: int, places: Iterable[tuple[P, int | None]]) -> None:
        """Start a generation: every partition with its committed offset, `None` where there is none."""
        self.generation = generation
        self.bytes_in_flight = 0
        self._places = {tp: _Place(offset, offset, offset) for tp, offset in places}

    def end(self) -> None:
        """Forget everything: the partitions are revoked."""
        self.generation = None
        self.bytes_in_flight = 0
        self._places = {}

    def fresh(self, generation: int, tp: P, records: Sequence[R]) -> Sequence[R]:
        """Drop what is of another generation, of no partition of ours, or was delivered before."""
        place = self._places.get(tp)
        if generation != self.generation or place is None:
            return ()
        if place.next_offset is None or not records or records[0].offset >= place.next_offset:
            return records
        start = place.next_offset
        return [record for record in records if record.offset >= start]

    def deliver(self, tp: P, next_offset: int, records: int, size: int) -> None:
        """Note a batch as in flight; `next_offset` is one past its last record, `size` is in bytes."""
        place = self._places[tp]
        place.next_offset = next_offset
        place.in_flight.append(_Batch(next_offset, records, size))
        self.bytes_in_flight += size

    def finish(self, generation: int, tp: P, next_offset: int) -> bool:
        """Note a batch as finished; False if it is not one of this generation's."""
        place = self._places.get(tp)
        if generation != self.generation or place is None:
            return False
        found = False
        for batch in place.in_flight:
            if batch.next_offset == next_offset and not batch.finished:
                batch.finished = found = True
                self.bytes_in_flight -= batch.size
                break
        while place.in_flight and place.in_flight[0].finished:
            place.done = place.in_flight.popleft().next_offset
        return found

    def committable(self) -> dict[P, int]:
        """Offsets, as the next one to read, that are finished and not committed yet."""
        return {
            tp: place.done
            for tp, place in self._places.items()
            if place.done is not None and place.done != place.committed
        }

    def committed(self, offsets: Iterable[tuple[P, int]]) -> None:
        """Note what has been committed."""
        for tp, offset in offsets:
            if (place := self._places.get(tp)) is not None:
                place.committed = offset

    def records_in_flight(self, tp: P) -> int:
        """Count the records of a partition that are delivered and not finished."""
        place = self._places.get(tp)
        return sum(b.records for b in place.in_flight if not b.finished) if place else 0

    def next_offset(self, tp: P) -> int | None:
        """Tell where the delivery of a partition goes on."""
        place = self._places.get(tp)
        return place.next_offset if place else None

    def done(self, tp: P) -> int | None:
        """Tell the offset before which everything is finished."""
        place = self._places.get(tp)
        return place.done if place else None
