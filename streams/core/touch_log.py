"""A profile's events in order of (occurred_at, event id), kept in chunks: one event does not rewrite a life.

The newest events are the tail, which is stored with the profile's head. Older ones are sealed into chunks of their own
that are read only when something needs them: an event in its place at the end touches the head and nothing else. The
head keeps of each chunk its first key, its size and a small filter over event ids and order numbers (Bloom,
1970), so that "have we seen it?" rarely reads one.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence

import msgspec

from streams.core.ids import small_hash
from streams.core.journeys import Progress
from streams.core.tail import Tail, by_key
from streams.core.touch import Key, Touch

TAIL = 96
"""The longest tail; above it the oldest `SEALED` events of it become a chunk."""
SEALED = 64
FILTER_BYTES = 128
_PRIMES = (1021, 1019, 1013)


class ChunkRef(msgspec.Struct, array_like=True, gc=False):
    """What the head knows of a sealed chunk. `dropped` of its oldest events are gone already."""

    number: int
    first_at: int
    first_id: bytes
    count: int
    dropped: int
    filter: bytes


class Chunk(msgspec.Struct, array_like=True, gc=False):
    """A sealed chunk: how the journeys stood before its first event, and its events."""

    start: Progress
    touches: list[Touch]


ChunkReader = Callable[[int], Chunk]
"""Reads a sealed chunk by its number."""

Advance = Callable[[Progress, Sequence[Touch]], Progress]
"""Gives how the journeys stand behind some events, from how they stood before them."""


def _bits(value: int) -> int:
    bits = 0
    for prime in _PRIMES:
        bits |= 1 << (value % prime)
    return bits


def _id_bits(event_id: bytes) -> int:
    return _bits(int.from_bytes(event_id, "big"))


class _Segment:
    """A sealed chunk while a batch is folded. `start` and `touches` are there once it has been read."""

    __slots__ = ("dirty", "ref", "start", "stored", "touches")

    def __init__(self, ref: ChunkRef, start: Progress | None, touches: list[Touch] | None) -> None:
        self.ref = ref
        self.start = start
        self.touches = touches
        self.dirty = touches is not None
        self.stored = touches is None


class TouchLog:
    """The events of one profile, in segments: the sealed chunks, oldest first, and the tail.

    Chunks are read through `read_chunk` and remembered until the log is let go. `base` is how the journeys stood before
    the oldest event, `tail_start` before the tail.
    """

    def __init__(
        self,
        refs: list[ChunkRef],
        tail: Tail,
        next_chunk: int,
        *,
        base: Progress,
        tail_start: Progress,
        read_chunk: ChunkReader,
        advance: Advance,
    ) -> None:
        self.tail = tail
        self.next_chunk = next_chunk
        self.base = base
        self.tail_start = tail_start
        self._read_chunk = read_chunk
        self._advance = advance
        self._chunks = [_Segment(ref, None, None) for ref in refs]
        self._removed: list[int] = []

    def __len__(self) -> int:
        kept = len(self.tail)
        return kept + sum(chunk.ref.count for chunk in self._chunks) if self._chunks else kept

    def __iter__(self) -> Iterator[Touch]:
        for index in range(self.segments):
            yield from self.segment(index)

    @property
    def segments(self) -> int:
        """How many segments there are, the tail counted."""
        return len(self._chunks) + 1

    def segment(self, index: int) -> list[Touch]:
        """Give the events of a segment."""
        return self.tail.all() if index == len(self._chunks) else self._load(self._chunks[index])

    def segment_of(self, key: Key) -> int:
        """Give the segment in which an event with this place stands, or would stand."""
        if not self._chunks or (len(self.tail) > 0 and key >= self.tail.all()[0].key):
            return len(self._chunks)
        index = len(self._chunks) - 1
        while index and (self._chunks[index].ref.first_at, self._chunks[index].ref.first_id) > key:
            index -= 1
        return index

    def start(self, index: int) -> Progress:
        """Give how the journeys stood before a segment."""
        if index == 0:
            return self.base
        if index == len(self._chunks):
            return self.tail_start
        self._load(self._chunks[index])
        return self._chunks[index].start or Progress()

    def restart(self, index: int, start: Progress) -> None:
        """Note how the journeys stand before a segment now."""
        if index == 0:
            self.base = start
        elif index == len(self._chunks):
            self.tail_start = start
        else:
            self._chunks[index].start = start
            self._chunks[index].dirty = True

    @property
    def last(self) -> Touch | None:
        """The newest event. The tail may be empty behind chunks: what was in it has gone to another profile."""
        last = self.tail.last
        return self._load(self._chunks[-1])[-1] if last is None and self._chunks else last

    @property
    def refs(self) -> list[ChunkRef]:
        """What the head keeps of the sealed chunks, oldest first."""
        return [chunk.ref for chunk in self._chunks]

    def oldest(self) -> Touch:
        """Give the oldest event of a log that is not empty."""
        return self._load(self._chunks[0])[0] if self._chunks else self.tail.all()[0]

    def holds(self, event_id: bytes) -> bool:
        """Say whether the log has the event."""
        if self.tail.holds(event_id):
            return True
        if not self._chunks:
            return False
        bits = _id_bits(event_id)
        return any(
            touch.id == event_id for chunk in self._chunks if self._may_hold(chunk, bits) for touch in self._load(chunk)
        )

    def get(self, touch: Touch) -> Touch | None:
        """Give the log's own event with the id of `touch`, or None."""
        return self.find(touch.id) if self.holds(touch.id) else None

    def find(self, event_id: bytes) -> Touch:
        """Give an event that the log holds."""
        return next(touch for touch in self if touch.id == event_id)

    def naming(self, order: str) -> list[Touch]:
        """Give the events that name the order, in order of time."""
        found: list[Touch] = []
        if self._chunks:
            bits = _bits(small_hash(order))
            for chunk in self._chunks:
                if self._may_hold(chunk, bits):
                    found += [touch for touch in self._load(chunk) if touch.sale and touch.sale.order == order]
        return found + self.tail.naming(order)

    def since(self, at: int) -> list[Touch]:
        """Give the events from the moment `at` on, in order."""
        newest, complete = self.tail.since(at)
        if complete or not self._chunks:
            return newest
        parts = [newest]
        for chunk in reversed(self._chunks):
            touches = self._load(chunk)
            parts.append(touches)
            if touches and touches[0].at < at:
                break
        found = [touch for part in reversed(parts) for touch in part]
        return found[bisect_left(found, at, key=lambda touch: touch.at) :]

    def before(self, key: Key) -> Iterator[Touch]:
        """Give the events before a place, newest first."""
        for touch in self.tail.backwards():
            if (touch.at, touch.id) < key:
                yield touch
        for chunk in reversed(self._chunks):
            for touch in reversed(self._load(chunk)):
                if (touch.at, touch.id) < key:
                    yield touch

    def after(self, key: Key) -> Iterator[Touch]:
        """Give the events behind a place, oldest first."""
        parts: list[list[Touch]] = []
        for touches in self._backwards():
            parts.append(touches)
            if touches and touches[0].key <= key:
                break
        for touches in reversed(parts):
            for touch in touches:
                if (touch.at, touch.id) > key:
                    yield touch

    def append(self, touch: Touch) -> None:
        """Add an event that is newer than all others."""
        self.tail.append(touch)
        if len(self.tail) > TAIL:
            self._seal()

    def insert(self, touch: Touch) -> None:
        """Add an event in its place."""
        index = self.segment_of(touch.key)
        if index == len(self._chunks):
            self.tail.insert(touch)
            if len(self.tail) > TAIL:
                self._seal()
            return
        chunk = self._chunks[index]
        touches = self._load(chunk)
        insort(touches, touch, key=by_key)
        chunk.dirty = True
        chunk.ref.count = len(touches)
        chunk.ref.first_at, chunk.ref.first_id = touches[0].key
        if len(touches) > 2 * SEALED:
            self._split(index)

    def changed(self, touch: Touch) -> None:
        """Say that an event of the log was changed in place."""
        index = self.segment_of(touch.key)
        if index < len(self._chunks):  # the tail is written with the head anyway
            self._chunks[index].dirty = True

    def drop_oldest(self) -> Touch:
        """Take the oldest event away and give it; `base` moves on behind it."""
        if self._chunks:
            chunk = self._chunks[0]
            touch = self._load(chunk).pop(0)
            chunk.ref.dropped += 1
            chunk.ref.count -= 1
            if not chunk.ref.count:
                self._remove(chunk)
                del self._chunks[0]
        else:
            touch = self.tail.take(1)[0]
        self.base = self._advance(self.base, [touch])
        return touch

    def since_segment(self, index: int) -> list[Touch]:
        """Give the events of a segment and all behind it, in order."""
        if index == len(self._chunks):
            return self.tail.all()
        return [touch for place in range(index, self.segments) for touch in self.segment(place)]

    def replace(self, index: int, chunks: list[Chunk], tail_start: Progress, tail: list[Touch]) -> None:
        """Put others in the place of segment `index` and all behind it: sealed chunks, none empty, and a tail."""
        for chunk in self._chunks[index:]:
            self._remove(chunk)
        self._chunks[index:] = [self._new_chunk(chunk.start, chunk.touches) for chunk in chunks]
        self.tail_start = tail_start
        self.tail = Tail.of(tail)

    def changes(self) -> Iterator[tuple[int, Chunk | None]]:
        """Give the sealed chunks to be written, and None for those to be removed."""
        for number in self._removed:
            yield number, None
        for chunk in self._chunks:
            if chunk.dirty and chunk.touches is not None:
                self._describe(chunk)
                yield chunk.ref.number, Chunk(chunk.start or Progress(), chunk.touches)

    def _remove(self, chunk: _Segment) -> None:
        if chunk.stored:
            self._removed.append(chunk.ref.number)

    def _backwards(self) -> Iterator[list[Touch]]:
        yield self.tail.all()
        for chunk in reversed(self._chunks):
            yield self._load(chunk)

    def _load(self, chunk: _Segment) -> list[Touch]:
        if chunk.touches is None:
            stored = self._read_chunk(chunk.ref.number)
            chunk.start = stored.start
            chunk.touches = stored.touches[chunk.ref.dropped :]
        return chunk.touches

    def _may_hold(self, chunk: _Segment, bits: int) -> bool:
        return chunk.dirty or int.from_bytes(chunk.ref.filter, "big") & bits == bits

    def _seal(self) -> None:
        start = self.tail_start if self._chunks else self.base
        touches = self.tail.take(SEALED)
        self._chunks.append(self._new_chunk(start, touches))
        self.tail_start = self._advance(start, touches)

    def _split(self, index: int) -> None:
        touches = self._load(self._chunks[index])
        half = len(touches) // 2
        start = self._advance(self.start(index), touches[:half])
        self._chunks.insert(index + 1, self._new_chunk(start, touches[half:]))
        del touches[half:]
        self._describe(self._chunks[index])

    def _new_chunk(self, start: Progress, touches: list[Touch]) -> _Segment:
        chunk = _Segment(ChunkRef(self.next_chunk, 0, b"", 0, 0, b""), start, touches)
        self.next_chunk += 1
        self._describe(chunk)
        return chunk

    def _describe(self, chunk: _Segment) -> None:
        touches = chunk.touches or []
        bits = 0
        for touch in touches:
            bits |= _id_bits(touch.id)
            if touch.sale is not None and touch.sale.order is not None:
                bits |= _bits(small_hash(touch.sale.order))
        ref = chunk.ref
        ref.first_at, ref.first_id = touches[0].key
        ref.count, ref.dropped, ref.filter = len(touches), 0, bits.to_bytes(FILTER_BYTES, "big")
