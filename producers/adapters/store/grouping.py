"""From lines to receipts: a fold over the lines of a file, with bounded memory.

Lines of a receipt need not stand together. A receipt is taken as whole when `window` further lines have been read
since its last one, or the file ends. A bad line spoils the receipt that it names, wherever it stands in it: without
that line the sum would be wrong. A receipt is store, till, date and number; it may run over midnight: a line
of the same store, till and number within an hour joins, and the earlier date is the receipt's.

When lines of a receipt come after it was taken, they make a receipt of the same name: the same lines again are a
`Duplicate` (exports overlap), other lines are `Torn` and not taken, since one receipt must not be counted twice.
Names are remembered for the last `remembered` receipts.
"""

import hashlib
from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from producers.adapters.problem import Problem
from producers.adapters.store.lines import BadLine, Line, Raw

ONE_DAY = timedelta(days=1)
OVER_MIDNIGHT = timedelta(hours=1)

Name = tuple[str, str, str]
"""Store, till and number."""


@dataclass(slots=True)
class Receipt:
    """The lines of one receipt, and what is wrong with any of them."""

    store: str
    till: str
    number: str
    date: date
    lines: list[Line] = field(default_factory=list)
    problem: Problem | None = None
    bad: list[Raw] = field(default_factory=list)
    seen: int = 0
    """How many lines of the file had been read at its newest line."""

    @property
    def name(self) -> Name:
        """What it is called at its store."""
        return self.store, self.till, self.number

    @property
    def key(self) -> str:
        """What names it for ever: store, till, date, number."""
        return f"{self.store}/{self.till}/{self.date.isoformat()}/{self.number}"

    @property
    def raws(self) -> list[Raw]:
        """All its lines as they stand in the file, in the file's order."""
        return sorted([line.raw for line in self.lines] + self.bad, key=lambda raw: raw.offset)

    @property
    def first(self) -> Raw:
        """Its first line in the file; lines are added in the file's order."""
        good = self.lines[0].raw
        return self.bad[0] if self.bad and self.bad[0].offset < good.offset else good


@dataclass(frozen=True, slots=True)
class Whole:
    """A receipt that is complete as far as the file tells; it may hold a problem."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Twice:
    """A receipt that came before with the same lines."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Torn:
    """More lines of a receipt that was taken as whole already."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Stray:
    """A bad line of which nobody can say which receipt it belongs to."""

    line: BadLine


@dataclass(slots=True)
class _Recent:
    """A bad line of the window: receipts that begin after it may claim it too."""

    line: BadLine
    seen: int
    claimed: bool


Found = Whole | Twice | Torn | Stray


class Grouping:
    """The receipts that are open. `add` each line in order, then `end`; both give what is finished by then."""

    def __init__(self, window: int = 10_000, remembered: int = 1_000_000) -> None:
        self._window = window
        self._remembered = remembered
        self._read = 0
        # By newest line, oldest first, so that what is due stands in front.
        self._open: OrderedDict[tuple[Name, date], Receipt] = OrderedDict()
        self._bad: deque[_Recent] = deque()
        self._closed: OrderedDict[bytes, bytes] = OrderedDict()
        # Where finished receipts stand that a place to go on from may have to go around: first and last line of each
        # stretch of the file in which one reaches into the next, in order.
        self._spans: list[tuple[int, int]] = []

    def add(self, line: Line | BadLine) -> Iterator[Found]:
        """Take the next line."""
        self._read += 1
        if isinstance(line, Line):
            self._take(line)
        else:
            self._spoil(line)
        yield from self._due()

    def end(self) -> Iterator[Found]:
        """There are no more lines: close everything, in the order of their newest lines."""
        yield from (Stray(recent.line) for recent in self._bad if not recent.claimed)
        self._bad.clear()
        while self._open:
            _, receipt = self._open.popitem(last=False)
            yield self._close(receipt)

    def first_open(self) -> Raw | None:
        """Give the earliest line of the receipts that are not finished, None where all are."""
        waiting = [receipt.first for receipt in self._open.values()] + [recent.line.raw for recent in self._bad]
        return min(waiting, key=lambda raw: raw.offset, default=None)

    def clean(self, at: int) -> int:
        """Give the last byte, at most `at`, from where reading may begin anew.

        Everything before it is finished, and no receipt has lines on both sides: one that was read in part would be a
        receipt of another worth. Where the tills of a file never rest, so that each receipt reaches into the next, that
        is far back: a night, or the beginning of the file.
        """
        still_open = self.first_open()
        place = at if still_open is None else min(at, still_open.offset)
        before = bisect_left(self._spans, (place, 0))
        if before and place <= self._spans[before - 1][1]:
            place = self._spans[before - 1][0]
        self._spans = [span for span in self._spans if span[1] >= place]
        return place

    def first_spoilt_by(self, bad: Raw) -> Raw:
        """Give the earliest line of the open receipts that a bad line has spoilt, the bad line where there is none."""
        spoilt = [receipt.first for receipt in self._open.values() if bad in receipt.bad]
        return min(spoilt, key=lambda raw: raw.offset, default=bad)

    def _take(self, line: Line) -> None:
        name, day = (line.store, line.till, line.receipt), line.local.date()
        receipt = self._open.get((name, day)) or self._over_midnight(name, day, line)
        if receipt is None:
            receipt = self._open[name, day] = Receipt(*name, day)
            receipt.lines.append(line)
            self._claim(receipt)
        else:
            receipt.lines.append(line)
        receipt.seen = self._read
        self._open.move_to_end((name, receipt.date))
        if day < receipt.date:  # the earlier date names it
            del self._open[name, receipt.date]
            receipt.date = day
            self._open[name, day] = receipt

    def _over_midnight(self, name: Name, day: date, line: Line) -> Receipt | None:
        for other in (day - ONE_DAY, day + ONE_DAY):
            receipt = self._open.get((name, other))
            if receipt and any(abs(known.moment - line.moment) <= OVER_MIDNIGHT for known in receipt.lines):
                return receipt
        return None

    def _claim(self, receipt: Receipt) -> None:
        """A receipt begins: what was read before it and was bad may be its own."""
        for recent in self._bad:
            if _may_belong(recent.line, receipt):
                recent.claimed = True
                receipt.problem = receipt.problem or recent.line.problem
                receipt.bad.append(recent.line.raw)

    def _spoil(self, bad: BadLine) -> None:
        """Mark every open receipt to which a bad line may belong: without that line its sum would be wrong."""
        found = [receipt for receipt in self._open.values() if _may_belong(bad, receipt)]
        self._bad.append(_Recent(bad, self._read, claimed=bool(found)))
        for receipt in found:
            receipt.problem = receipt.problem or bad.problem
            receipt.bad.append(bad.raw)
            receipt.seen = self._read
            self._open.move_to_end((receipt.name, receipt.date))

    def _due(self) -> Iterator[Found]:
        while self._bad and self._read - self._bad[0].seen >= self._window:
            recent = self._bad.popleft()
            if not recent.claimed:
                yield Stray(recent.line)
        while self._open:
            receipt = next(iter(self._open.values()))
            if self._read - receipt.seen < self._window:
                return
            self._open.popitem(last=False)
            yield self._close(receipt)

    def _close(self, receipt: Receipt) -> Found:
        raws = receipt.raws
        self._span(raws[0].offset, raws[-1].offset)
        name, content = _digest(receipt.key.encode()), _digest(*sorted(raw.content.strip() for raw in raws))
        before = self._closed.get(name)
        if before is not None:
            return Twice(receipt) if before == content else Torn(receipt)
        self._closed[name] = content
        if len(self._closed) > self._remembered:
            self._closed.popitem(last=False)
        return Whole(receipt)

    def _span(self, first: int, last: int) -> None:
        """Add the stretch of a finished receipt; those that it reaches into become one with it."""
        begin = end = bisect_left(self._spans, (first, 0))
        while begin and self._spans[begin - 1][1] >= first:
            begin -= 1
        while end < len(self._spans) and self._spans[end][0] <= last:
            end += 1
        touched = [*self._spans[begin:end], (first, last)]
        self._spans[begin:end] = [(min(one[0] for one in touched), max(one[1] for one in touched))]


def _may_belong(bad: BadLine, receipt: Receipt) -> bool:
    names = {"store_id": receipt.store, "till": receipt.till, "receipt": receipt.number}
    last = bad.known[-1][0] if bad.known and bad.cut else None
    told = False
    for column, value in bad.known:
        if column not in names:
            continue
        if column == last:
            if not names[column].startswith(value):
                return False
        elif names[column] != value:
            return False
        told = told or column == "store_id"
    if told and bad.told is not None and bad.told.date() != receipt.date:
        times = [line.local.replace(tzinfo=None) for line in receipt.lines]
        if all(abs(time - bad.told) > OVER_MIDNIGHT for time in times):
            return False
    # What was cut off inside the name may belong to whatever begins like it; a whole line says its whole name.
    return told and (bad.cut or any(column == "receipt" for column, _ in bad.known))


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(part + b"\n")
    return digest.digest()
