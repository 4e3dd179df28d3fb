"""The store importer: POS files in, Kafka out, resumable. The shell around `producers.adapters.store`.

It reads a file line by line, never whole; sends receipts in chunks, some of them under way at once; and writes a
checkpoint behind the last receipt of which everything before is acknowledged. Killed at any moment, the next import
goes on there and sends again at most what was under way, under the same ids.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field

from producers.adapters.sender import Limits, Sender
from producers.adapters.store.columns import Layout, LayoutError, layout_of
from producers.adapters.store.grouping import Found, Grouping
from producers.adapters.store.lines import Declared, Line, Raw, line_of
from producers.adapters.store.pos_csv import outcome_of
from producers.publisher import BufferFull, Publisher, PublishFailed
from producers.records import Record, record_of
from producers.store_checkpoint import Checkpoints
from schemas.money import Currency
from schemas.outcome import Accepted, Duplicate, Outcome, Quarantined

LONGEST_LINE = 64 * 1024
SHOWN_REASONS = 10
CHECKPOINT_SECONDS = 1.0
RETRY_SECONDS = 0.2


class StoreImportError(Exception):
    """A file cannot be imported, or Kafka stayed away. The message is for the user and says what to do."""


class StoreImportSettings(BaseModel):
    """What the user says of the files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(default="store", min_length=1, max_length=100)
    timezone: str | None = Field(default=None, description="IANA zone of times without one: Europe/Berlin")
    currency: Currency | None = Field(default=None, description="of lines without one")
    window_lines: int = Field(default=10_000, ge=1, description="a receipt is whole after so many other lines")
    chunk_receipts: int = Field(default=500, ge=1, description="receipts sent and acknowledged together")
    chunks_under_way: int = Field(default=6, ge=1)
    give_up_after: float = Field(default=60, gt=0, description="seconds without Kafka")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: bytes of the file, and receipts by outcome so far."""

    bytes_read: int
    bytes_total: int
    receipts: int


@dataclass(frozen=True, slots=True)
class StoreImportSummary:
    """What became of a file. received = accepted + duplicate + quarantined, counted in receipts (and stray lines).

    `already_imported`: an earlier import had finished this very content; nothing was read or sent, all counts are 0.
    `resumed_at` is the byte at which this import began. `reasons` are the first few of what was quarantined.
    """

    path: Path
    lines: int = 0
    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    already_imported: bool = False
    resumed_at: int = 0
    seconds: float = 0.0
    reasons: tuple[str, ...] = ()


def import_store(
    path: Path,
    settings: StoreImportSettings,
    publisher: Publisher,
    *,
    state_dir: Path | None = None,
    restart: bool = False,
    progress: Callable[[Progress], None] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> StoreImportSummary:
    """Import one POS file and give what became of it, when Kafka has acknowledged all of it. Blocks.

    `state_dir` holds the checkpoints; None keeps none. `restart` reads the file from its beginning all the same.
    `progress` is called after each chunk, from this thread.

    Raises:
        StoreImportError: no such file, no receipt lines, no zone or currency where one is needed, or no Kafka for
            `give_up_after` seconds. What was acknowledged is kept, and the next import goes on there.
    """
    began = time.monotonic()
    declared = _declared(settings)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            layout = _layout(path, file, declared)
            checkpoints = _checkpoints(settings, state_dir)
            place = checkpoints.find(path) if checkpoints and not restart else None
            if place and place.finished and place.size == size:
                return StoreImportSummary(
                    path, already_imported=True, resumed_at=size, seconds=time.monotonic() - began
                )
            run = _Run(path, size, settings, publisher, checkpoints, progress, now(), layout, declared)
            summary = run.all(file, _Place(place.offset, place.line) if place else _Place(file.tell(), 2))
    except OSError as error:
        raise StoreImportError(f"{path}: {error.strerror or error}") from error
    return replace(summary, resumed_at=place.offset if place else 0, seconds=time.monotonic() - began)


class _Place(NamedTuple):
    """A line's first byte and its number."""

    offset: int
    line: int


@dataclass(slots=True)
class _Chunk:
    """Receipts on their way. When it and all before it are acknowledged, everything before `then` is done."""

    outcomes: list[Outcome]
    records: list[Record]
    then: _Place
    future: "Future[None] | None" = None


class _Run:
    """One pass over one file."""

    def __init__(
        self,
        path: Path,
        size: int,
        settings: StoreImportSettings,
        publisher: Publisher,
        checkpoints: Checkpoints | None,
        progress: Callable[[Progress], None] | None,
        received_at: datetime,
        layout: Layout,
        declared: Declared,
    ) -> None:
        self._path, self._size, self._settings = path, size, settings
        self._publisher, self._checkpoints, self._progress = publisher, checkpoints, progress
        self._received_at, self._layout, self._declared = received_at, layout, declared
        self._sender = Sender(settings.source, f"file:{path.name}")
        self._limits = Limits()
        self._grouping = Grouping(settings.window_lines)
        self._under_way: deque[_Chunk] = deque()
        self._outcomes: list[Outcome] = []
        self._saved_at = time.monotonic()
        self._lines = 0
        self._summary = StoreImportSummary(path)

    def all(self, file: BinaryIO, start: _Place) -> StoreImportSummary:
        """Read from a place to the end, and wait for the last acknowledgement."""
        at, cut = start, None
        for raw in _lines(file, start):
            at = _Place(raw.offset + raw.length, raw.number + 1)
            cut = None if raw.ended else raw
            if not raw.content.strip():
                continue
            self._lines += 1
            self._take(self._grouping.add(line_of(raw, self._layout, self._declared)))
            if len(self._outcomes) >= self._settings.chunk_receipts:
                self._send(at)
        if cut is not None:
            # The line may be whole next time; then the receipt that it spoils here is read again.
            again = self._grouping.first_spoilt_by(cut)
            at = _Place(again.offset, again.number)
        self._take(self._grouping.end())
        self._send(at)
        self._settle(0)
        self._save(at, finished=True)
        return replace(self._summary, lines=self._lines)

    def _take(self, found: Iterable[Found]) -> None:
        self._outcomes += [outcome_of(one, self._sender, self._received_at, self._limits) for one in found]

    def _send(self, at: _Place) -> None:
        """Send what has gathered, and wait where too much is under way."""
        still_open = self._grouping.first_open()
        then = _Place(still_open.offset, still_open.number) if still_open else at
        records = [record_of(outcome) for outcome in self._outcomes if not isinstance(outcome, Duplicate)]
        chunk = _Chunk(self._outcomes, records, then)
        self._outcomes = []
        self._publish(chunk)
        self._under_way.append(chunk)
        self._settle(self._settings.chunks_under_way)

    def _publish(self, chunk: _Chunk) -> None:
        """Hand a chunk to the publisher, for as long as it takes within `give_up_after`."""
        give_up = time.monotonic() + self._settings.give_up_after
        while True:
            try:
                chunk.future = self._publisher.publish(chunk.records)
            except PublishFailed as error:
                if isinstance(error, BufferFull) and self._under_way and self._under_way[0] is not chunk:
                    self._settle(len(self._under_way) - 1)
                elif time.monotonic() > give_up:
                    raise StoreImportError(self._gave_up(error)) from error
                else:
                    time.sleep(RETRY_SECONDS)
            else:
                return

    def _settle(self, most: int) -> None:
        """Wait, oldest first, until at most `most` chunks are under way; send again what was not acknowledged."""
        give_up = time.monotonic() + self._settings.give_up_after
        while len(self._under_way) > most:
            chunk = self._under_way[0]
            try:
                if chunk.future is not None:
                    chunk.future.result()
            except PublishFailed as error:
                if time.monotonic() > give_up:
                    raise StoreImportError(self._gave_up(error)) from error
                time.sleep(RETRY_SECONDS)
                self._publish(chunk)
                continue
            self._under_way.popleft()
            self._count(chunk)
            give_up = time.monotonic() + self._settings.give_up_after
            if time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
                self._save(chunk.then, finished=False)
            if self._progress:
                self._progress(Progress(chunk.then.offset, self._size, self._summary.received))

    def _count(self, chunk: _Chunk) -> None:
        known, bad = Counter(map(type, chunk.outcomes)), [o for o in chunk.outcomes if isinstance(o, Quarantined)]
        summary = self._summary
        room = max(0, SHOWN_REASONS - len(summary.reasons))
        self._summary = replace(
            summary,
            received=summary.received + len(chunk.outcomes),
            accepted=summary.accepted + known[Accepted],
            duplicate=summary.duplicate + known[Duplicate],
            quarantined=summary.quarantined + known[Quarantined],
            reasons=(*summary.reasons, *(one.record.reason for one in bad[:room])),
        )

    def _save(self, place: _Place, *, finished: bool) -> None:
        if self._checkpoints is not None:
            self._checkpoints.save(self._path, place.offset, place.line, finished=finished)
            self._saved_at = time.monotonic()

    def _gave_up(self, error: Exception) -> str:
        seconds = self._settings.give_up_after
        return f"{self._path}: Kafka took nothing for {seconds:.0f} s ({error}); import again to go on from here"


def _lines(file: BinaryIO, start: _Place) -> Iterator[Raw]:
    """Give the lines from a place on. Of a line above the bound the beginning is given, which then is a bad line."""
    file.seek(start.offset)
    offset, number = start
    while content := file.readline(LONGEST_LINE):
        ended = content.endswith(b"\n")
        length = len(content)
        while not ended and length >= LONGEST_LINE and (rest := file.readline(LONGEST_LINE)):
            ended = rest.endswith(b"\n")
            length += len(rest)
        yield Raw(number, offset, content, ended, length)
        offset += length
        number += 1


def _layout(path: Path, file: BinaryIO, declared: Declared) -> Layout:
    """Read the heading, and look whether the first line needs something that was not declared."""
    first = file.readline(LONGEST_LINE)
    if not first.strip():
        raise StoreImportError(f"{path}: the file is empty")
    try:
        layout = layout_of(first.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise StoreImportError(f"{path}: line 1: not UTF-8 (byte {error.start + 1})") from error
    except LayoutError as error:
        raise StoreImportError(f"{path}: {error}") from error
    if "currency" not in layout.positions and declared.currency is None:
        raise StoreImportError(f"{path}: there is no column currency; name the currency, for example --currency EUR")
    place = file.tell()
    second = file.readline(LONGEST_LINE)
    file.seek(place)
    if declared.zone is None and second.strip():
        utc = Declared(ZoneInfo("UTC"), declared.currency)
        line = line_of(Raw(2, place, second), layout, utc)
        if isinstance(line, Line) and isinstance(line.local.tzinfo, ZoneInfo):
            raise StoreImportError(
                f"{path}: line 2: the time has no time zone; name the stores' zone, for example "
                "--timezone Europe/Berlin"
            )
    return layout


def _declared(settings: StoreImportSettings) -> Declared:
    try:
        zone = ZoneInfo(settings.timezone) if settings.timezone else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise StoreImportError(f"{settings.timezone!r} is not a time zone; one is Europe/Berlin") from error
    return Declared(zone, settings.currency)


def _checkpoints(settings: StoreImportSettings, state_dir: Path | None) -> Checkpoints | None:
    if state_dir is None:
        return None
    return Checkpoints(state_dir, f"1|{settings.source}|{settings.timezone}|{settings.currency}")
