"""From the lines of a telephone system's log to calls: a fold over the lines of a file, with bounded memory.

Lines of a call need not stand together. A call is taken as whole when `WINDOW` further lines have been read since its
last one, or the file ends. What comes for it later is a piece of its own: the same lines again are the same call (logs
overlap), other lines are refused, since one call must not be counted twice.

An import may go on from the first line of the oldest call that is open. Behind that place stand lines of calls that
are done already; they are known by the window of lines before it, and passed by.
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from producers.adapters.adapter import Piece
from producers.adapters.pieces import lines
from producers.adapters.problem import Problem
from producers.adapters.resumed import ResumedFile

WINDOW = 10_000
#: Lines of one call; a call in a queue has one for each ring.
MOST_LINES = 2_000
#: Lines of all open calls together: beyond it, the one that has been silent longest is taken as whole.
MOST_OPEN = 5 * WINDOW
#: Finished calls whose names are remembered.
REMEMBERED = 100_000
LINE_BYTES = 8 * 1024
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Leg:
    """One line of a call, split into cells; `path` is its place (`$.line[17]`)."""

    cells: tuple[str, ...]
    path: str
    raw: bytes


Split = Callable[[str, str], tuple[str | None, tuple[str, ...]]]
"""Gives the name of the call that a line (and its path) belongs to, None where it stands for itself, and its cells.

Raises `Problem` where the line cannot be split.
"""


@dataclass(slots=True)
class _Call:
    """A call that is open. `first` is the byte of its first line; `seen` counts the file's lines at its last one."""

    name: str
    first: int
    legs: list[Leg] = field(default_factory=list)
    seen: int = 0
    done: bool = False


def calls(file: BinaryIO, split: Split, window: int = WINDOW) -> Iterator[Piece]:
    """Give a piece for each call, whose value is the list of its legs in the file's order, and for each bad line."""
    grouping = _Grouping(window, _begun_before(file, split, window))
    at = file.tell()
    for number, end, content in lines(file, LINE_BYTES):
        path = f"$.line[{number}]"
        first, at = at, end
        if not content.strip():
            continue
        try:
            name, leg = _leg(content, path, split)
        except Problem as problem:
            # The last line may be whole next time: then it is to be read again.
            yield from grouping.alone(content, path, problem, end if content.endswith(b"\n") else first)
            continue
        if name is None:
            yield from grouping.alone(content, path, [leg], end)
        else:
            yield from grouping.add(name, leg, first, end)
    yield from grouping.end(at)


def _leg(content: bytes, path: str, split: Split) -> tuple[str | None, Leg]:
    if len(content) > LINE_BYTES:
        raise Problem(path, f"longer than {LINE_BYTES} bytes")
    if not content.endswith(b"\n"):
        raise Problem(path, "cut off: the file's last line has no line break")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(path, f"not UTF-8 (byte {error.start + 1} of the line)") from None
    name, cells = split(text.strip("\r\n"), path)
    return name, Leg(cells, path, content)


class _Grouping:
    """The calls that are open, those that are done, and from where one may go on."""

    def __init__(self, window: int, begun_before: dict[str, int]) -> None:
        self._window = window
        self._before = begun_before
        self._read = 0
        self._held = 0
        # By newest line, oldest first, so that what is due stands in front; and by first line.
        self._open: OrderedDict[str, _Call] = OrderedDict()
        self._order: deque[_Call] = deque()
        self._closed: OrderedDict[str, bytes] = OrderedDict()

    def add(self, name: str, leg: Leg, first: int, end: int) -> Iterator[Piece]:
        """Take a line of a call, and give what is whole by then."""
        self._read += 1
        if self._is_done_before(name):
            yield from self._due(end)
            return
        call = self._open.get(name)
        if call is None:
            call = self._open[name] = _Call(name, first)
            self._order.append(call)
        call.legs.append(leg)
        call.seen = self._read
        self._held += 1
        self._open.move_to_end(name)
        if len(call.legs) > MOST_LINES:
            yield self._close(call, end)
        yield from self._due(end)

    def alone(self, raw: bytes, path: str, value: object, end: int) -> Iterator[Piece]:
        """Take a line that belongs to no call."""
        self._read += 1
        yield Piece(raw, path, value, self._safe(end))
        yield from self._due(end)

    def end(self, end: int) -> Iterator[Piece]:
        """There are no more lines. A file that grows may go on with any of the calls that were open."""
        safe = self._safe(end)
        while self._open:
            piece = self._close(next(iter(self._open.values())), end)
            yield Piece(piece.raw, piece.path, piece.value, safe)

    def _due(self, end: int) -> Iterator[Piece]:
        while self._open:
            call = next(iter(self._open.values()))
            if self._read - call.seen < self._window and self._held <= MOST_OPEN:
                return
            yield self._close(call, end)

    def _close(self, call: _Call, end: int) -> Piece:
        del self._open[call.name]
        call.done = True
        self._held -= len(call.legs)
        raw, path = b"".join(leg.raw for leg in call.legs), call.legs[0].path
        digest = hashlib.blake2b(b"".join(sorted(leg.raw.strip() for leg in call.legs)), digest_size=12).digest()
        before = self._closed.setdefault(call.name, digest)
        if len(self._closed) > REMEMBERED:
            self._closed.popitem(last=False)
        value: object = call.legs
        if before != digest:
            value = Problem(path, f"the call {call.name[:100]!r} was complete long before; sort the file by time")
        elif len(call.legs) > MOST_LINES:
            value = Problem(path, f"more than {MOST_LINES} lines in one call")
        return Piece(raw, path, value, self._safe(end))

    def _safe(self, end: int) -> int | None:
        """Give the byte from where an import may go on: the first line of the oldest call that is open.

        None where that is the first of the file: an import then counts the pieces that are done.
        """
        while self._order and self._order[0].done:
            self._order.popleft()
        return (min(self._order[0].first, end) if self._order else end) or None

    def _is_done_before(self, name: str) -> bool:
        """Say whether a line belongs to a call that an earlier import has taken; by the rule that would close it."""
        seen = self._before.get(name)
        if seen is None:
            return False
        if self._read - seen > self._window:  # too late even for that call
            del self._before[name]
            self._closed.setdefault(name, b"")
            return False
        self._before[name] = self._read
        return True


def _begun_before(file: BinaryIO, split: Split, window: int) -> dict[str, int]:
    """Give the calls in the window before the place where the file stands, and how many lines ago each was seen last.

    Only for a file that is gone on with: there they are all done, or the import would go on further in front.
    """
    place = file.tell()
    if not place or not isinstance(file, ResumedFile):
        return {}
    file.seek(_lines_back(file, place, window))
    seen: dict[str, int] = {}
    read = 0
    for _, end, content in lines(file, LINE_BYTES):
        if end > place:
            break
        if content.strip():
            read += 1
            try:
                name, _ = _leg(content, "$", split)
            except Problem:
                name = None
            if name is not None:
                seen[name] = read
        if end == place:
            break
    file.seek(place)
    return {name: last - read for name, last in seen.items()}


def _lines_back(file: BinaryIO, place: int, count: int) -> int:
    """Give a byte where a line begins, with at least so many lines between it and the place that are not blank."""
    found, begin = 0, place
    while begin > 0:
        size = min(_BLOCK, begin)
        begin -= size
        file.seek(begin)
        block = file.read(size)
        end = block.rfind(b"\n")
        while (at := block.rfind(b"\n", 0, max(end, 0))) >= 0:
            found += bool(block[at + 1 : end].strip())
            if found >= count:
                return begin + at + 1
            end = at
    return 0
