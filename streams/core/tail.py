"""The newest events of a profile, read from the stored head one by one, from the end, and only as far as somebody asks.

An event in its place at the end looks at the one or two before it; reading all of them would cost more than the rest of
the fold. So they are stored as one run of bytes: each event as MessagePack, and behind it its length, by which the run
is read backwards. Whether an event or an order is among those not read yet is a search in these bytes.
"""

from bisect import insort
from collections.abc import Iterator

import msgspec

from streams.core.touch import Key, Touch

_decode = msgspec.msgpack.Decoder(Touch).decode
_encode = msgspec.msgpack.Encoder().encode
#: How MessagePack writes 16 bytes: the head of a `bin 8`, then the bytes.
_ID_HEAD = b"\xc4\x10"
#: Bytes of the length behind an event. An event has no text above 500 characters, so it stays far below.
_LENGTH = 2


def by_key(touch: Touch) -> Key:
    """Give the place of an event, as a sort key."""
    return touch.at, touch.id


class Tail:
    """Events in order. `stored[:_end]` are the `_unread` oldest as bytes; `_newest` are the others, newest first."""

    __slots__ = ("_end", "_ids", "_newest", "_stored", "_unread")

    def __init__(self, stored: bytes, count: int) -> None:
        self._stored = stored
        self._end = len(stored)
        self._unread = count
        self._newest: list[Touch] = []
        self._ids: set[bytes] = set()  # of the newest

    @classmethod
    def of(cls, touches: list[Touch]) -> "Tail":
        """Give the tail that holds the events, which are in order."""
        tail = cls(b"", 0)
        tail._newest = touches[::-1]
        tail._ids = {touch.id for touch in touches}
        return tail

    def __len__(self) -> int:
        return self._unread + len(self._newest)

    def to_store(self) -> bytes:
        """Give the events as they are to be stored: what was not read goes back as it came."""
        parts = [self._stored[: self._end]]
        for touch in reversed(self._newest):
            event = _encode(touch)
            parts += (event, len(event).to_bytes(_LENGTH, "big"))
        return b"".join(parts)

    @property
    def last(self) -> Touch | None:
        """The newest event."""
        if self._newest:
            return self._newest[0]
        return self._read_one() if self._unread else None

    def all(self) -> list[Touch]:
        """Give all events in order."""
        while self._unread:
            self._read_one()
        return self._newest[::-1]

    def backwards(self) -> Iterator[Touch]:
        """Give the events, newest first."""
        index, newest = 0, self._newest
        while index < len(newest) or self._unread:
            yield newest[index] if index < len(newest) else self._read_one()
            index += 1

    def since(self, at: int) -> tuple[list[Touch], bool]:
        """Give the events from the moment on, and whether one before it is here."""
        found: list[Touch] = []
        for touch in self.backwards():
            if touch.at < at:
                return found[::-1], True
            found.append(touch)
        return found[::-1], False

    def holds(self, event_id: bytes) -> bool:
        """Say whether the event is here."""
        if event_id in self._ids:
            return True
        if self._unread and self._stored.find(_ID_HEAD + event_id, 0, self._end) >= 0:
            self.all()
            return event_id in self._ids
        return False

    def naming(self, order: str) -> list[Touch]:
        """Give the events that name the order."""
        if self._unread and self._stored.find(order.encode(), 0, self._end) >= 0:
            self.all()
        return [touch for touch in reversed(self._newest) if touch.sale is not None and touch.sale.order == order]

    def append(self, touch: Touch) -> None:
        """Add an event that is newer than all others."""
        self._newest.insert(0, touch)
        self._ids.add(touch.id)

    def insert(self, touch: Touch) -> None:
        """Add an event in its place."""
        touches = self.all()
        insort(touches, touch, key=by_key)
        self._newest = touches[::-1]
        self._ids.add(touch.id)

    def take(self, count: int) -> list[Touch]:
        """Take the oldest `count` events (at least one) away and give them."""
        touches = self.all()
        self._newest = touches[: count - 1 : -1]
        taken = touches[:count]
        self._ids.difference_update(touch.id for touch in taken)
        return taken

    def _read_one(self) -> Touch:
        """Read the newest of the events that are stored."""
        end = self._end - _LENGTH
        self._end = begin = end - int.from_bytes(self._stored[end : self._end], "big")
        self._unread -= 1
        touch = _decode(self._stored[begin:end])
        self._newest.append(touch)
        self._ids.add(touch.id)
        return touch
