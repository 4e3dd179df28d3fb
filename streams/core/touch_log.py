"""A profile's events in order of (occurred_at, event id), kept in chunks: one event does not rewrite a life.

The newest events are the tail, which is stored with the profile's head. Older ones are sealed into chunks of their own
that are read only when something needs them: an event in its place at the end touches the head and nothing else. The
head keeps of each chunk its first key, its size and a small filter over event ids and order numbers (Bloom,
1970), so that "have we seen it?" rarely reads one.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

import msgspec

from streams.core.ids import small_hash
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


ChunkReader = Callable[[int], list[Touch]]
"""Reads a sealed chunk by its number."""


def _bits(value: int) -> int:
    bits = 0
    for prime in _PRIMES:
        bits |= 1 << (value % prime)
    return bits


def _id_bits(event_id: bytes) -> int:
    return _bits(int.from_bytes(event_id, "big"))


class _Chunk:
    __slots__ = ("dirty", "ref", "touches")

    def __init__(self, ref: ChunkRef, touches: list[Touch] | None, dirty: bool) -> None:
        self.ref = ref
        self.touches = touches
        self.dirty = dirty


class TouchLog:
    """The events of one profile. Chunks are read through `read_chunk` and remembered until the log is let go."""

    def __init__(self, refs: list[ChunkRef], tail: Tail, next_chunk: int, read_chunk: ChunkReader) -> None:
        self.tail = tail
        self.next_chunk = next_chunk
        self._read_chunk = read_chunk
        self._chunks = [_Chunk(ref, None, False) for ref in refs]
        self._removed: list[int] = []

    def __len__(self) -> int:
        kept = len(self.tail)
        for chunk in self._chunks:
            kept += chunk.ref.count
        return kept

    def __iter__(self) -> Iterator[Touch]:
        for chunk in self._chunks:
            yield from self._load(chunk)
        yield from self.tail.all()

    @property
    def last(self) -> Touch | None:
        """The newest event."""
        return self.tail.last

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
        if self._is_in_tail(touch):
            self.tail.insert(touch)
            if len(self.tail) > TAIL:
                self._seal()
            return
        index = len(self._chunks) - 1
        while index and (self._chunks[index].ref.first_at, self._chunks[index].ref.first_id) > touch.key:
            index -= 1
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
        if self._is_in_tail(touch):
            return  # the tail is written with the head anyway
        for chunk in reversed(self._chunks):
            touches = chunk.touches
            if touches and touches[0].key <= touch.key:
                chunk.dirty = True
                return

    def drop_oldest(self) -> Touch:
        """Take the oldest event away and give it."""
        if not self._chunks:
            return self.tail.take(1)[0]
        chunk = self._chunks[0]
        touch = self._load(chunk).pop(0)
        chunk.ref.dropped += 1
        chunk.ref.count -= 1
        if not chunk.ref.count:
            self._removed.append(chunk.ref.number)
            del self._chunks[0]
        return touch

    def changes(self) -> Iterator[tuple[int, list[Touch] | None]]:
        """Give the sealed chunks to be written, and None for those to be removed."""
        for number in self._removed:
            yield number, None
        for chunk in self._chunks:
            if chunk.dirty and chunk.touches is not None:
                self._describe(chunk)
                yield chunk.ref.number, chunk.touches

    def _backwards(self) -> Iterator[list[Touch]]:
        yield self.tail.all()
        for chunk in reversed(self._chunks):
            yield self._load(chunk)

    def _load(self, chunk: _Chunk) -> list[Touch]:
        if chunk.touches is None:
            touches = self._read_chunk(chunk.ref.number)
            chunk.touches = touches[chunk.ref.dropped :] if chunk.ref.dropped else touches
        return chunk.touches

    def _may_hold(self, chunk: _Chunk, bits: int) -> bool:
        return chunk.dirty or int.from_bytes(chunk.ref.filter, "big") & bits == bits

    def _seal(self) -> None:
        self._chunks.append(self._new_chunk(self.tail.take(SEALED)))

    def _is_in_tail(self, touch: Touch) -> bool:
        return not self._chunks or (len(self.tail) > 0 and touch.key >= self.tail.all()[0].key)

    def _split(self, index: int) -> None:
        touches = self._load(self._chunks[index])
        half = len(touches) // 2
        self._chunks.insert(index + 1, self._new_chunk(touches[half:]))
        del touches[half:]
        self._describe(self._chunks[index])

    def _new_chunk(self, touches: list[Touch]) -> _Chunk:
        chunk = _Chunk(ChunkRef(self.next_chunk, 0, b"", 0, 0, b""), touches, True)
        self.next_chunk += 1
        self._describe(chunk)
        return chunk

    def _describe(self, chunk: _Chunk) -> None:
        touches = chunk.touches or []
        bits = 0
        for touch in touches:
            bits |= _id_bits(touch.id)
            if touch.sale is not None and touch.sale.order is not None:
                bits |= _bits(small_hash(touch.sale.order))
        ref = chunk.ref
        ref.first_at, ref.first_id = touches[0].key
        ref.count, ref.dropped, ref.filter = len(touches), 0, bits.to_bytes(FILTER_BYTES, "big")
