"""The newest events of a profile, read from the stored head one by one, from the end, and only as far as somebody asks.

An event in its place at the end looks at the one or two before it; reading all of them would cost more than the rest of
the fold. Whether an event or an order is among those not read yet is a search in the stored bytes.
"""

from bisect import insort
from collections.abc import Iterator
from typing import Any

import msgspec

from streams.core.touch import Key, Touch

_decode = msgspec.msgpack.Decoder(Touch).decode
#: How MessagePack writes 16 bytes: the head of a `bin 8`, then the bytes.
_ID_HEAD = b"\xc4\x10"


def by_key(touch: Touch) -> Key:
    """Give the place of an event, as a sort key."""
    return touch.at, touch.id


class Tail:
    """Events in order. The first `_unread` of `_items` are raw; the others are touches. `stored` holds the raw ones."""

    __slots__ = ("_items", "_stored", "_unread")

    def __init__(self, raws: list[msgspec.Raw], stored: bytes) -> None:
        self._items: list[Any] = raws
        self._unread = len(raws)
        self._stored = stored

    def __len__(self) -> int:
        return len(self._items)

    @property
    def to_store(self) -> list[msgspec.Raw]:
        """The events as they are to be stored: what was not read goes back as it came."""
        return self._items

    @property
    def last(self) -> Touch | None:
        """The newest event."""
        return self._at(len(self._items) - 1) if self._items else None

    def all(self) -> list[Touch]:
        """Give all events in order; the list is the tail's own."""
        if self._unread:
            self._read_to(0)
        return self._items

    def backwards(self) -> Iterator[Touch]:
        """Give the events, newest first."""
        for index in range(len(self._items) - 1, -1, -1):
            yield self._at(index)

    def since(self, at: int) -> tuple[list[Touch], bool]:
        """Give the events from the moment on, and whether one before it is here."""
        items = self._items
        begin = len(items)
        while begin and self._at(begin - 1).at >= at:
            begin -= 1
        return items[begin:], begin > 0

    def holds(self, event_id: bytes) -> bool:
        """Say whether the event is here."""
        items, unread = self._items, self._unread
        for index in range(unread, len(items)):
            if items[index].id == event_id:
                return True
        if unread and _ID_HEAD + event_id in self._stored:
            return any(touch.id == event_id for touch in self.all())
        return False

    def naming(self, order: str) -> list[Touch]:
        """Give the events that name the order."""
        if self._unread and order.encode() in self._stored:
            self._read_to(0)
        return [touch for touch in self._items[self._unread :] if touch.sale is not None and touch.sale.order == order]

    def append(self, touch: Touch) -> None:
        """Add an event that is newer than all others."""
        self._items.append(touch)

    def insert(self, touch: Touch) -> None:
        """Add an event in its place."""
        insort(self.all(), touch, key=by_key)

    def take(self, count: int) -> list[Touch]:
        """Take the oldest events away and give them."""
        touches = self.all()
        taken = touches[:count]
        del touches[:count]
        return taken

    def _at(self, index: int) -> Touch:
        if index < self._unread:
            self._read_to(index)
        touch: Touch = self._items[index]
        return touch

    def _read_to(self, begin: int) -> None:
        items = self._items
        for index in range(begin, self._unread):
            items[index] = _decode(items[index])
        self._unread = begin
