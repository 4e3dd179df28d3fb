"""The importer of files: a file of any adapter in, Kafka out, resumable. The shell around `Adapter.file`.

It reads a file piece by piece, never whole (a gzip file as it is unpacked); sends what becomes of them in chunks,
some of them under way at once; and writes a checkpoint behind the last piece of which everything before is
acknowledged. Killed at any moment, the next import goes on there and sends again at most what was under way, under
the same ids. A piece that says no byte from where to go on is counted instead, and passed over next time.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from producers.adapters.adapter import Adapter, Context, Piece
from producers.adapters.finish import outcome_of
from producers.adapters.pieces import BAD_GZIP, unzipped
from producers.adapters.problem import Problem
from producers.adapters.resumed import ImportedFile, ResumedFile
from producers.adapters.sender import Sender
from producers.file_checkpoint import Checkpoint, Known, Place
from producers.import_counts import counted
from producers.publisher import BufferFull, Publisher, PublishFailed
from producers.recent import RecentIds
from producers.records import Record, record_of
from schemas.catalogue import Catalogue
from schemas.outcome import Duplicate, Outcome, Quarantined

CHECKPOINT_SECONDS = 1.0
RETRY_SECONDS = 0.2
LONGEST_FIRST_LINE = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much is under way at once, and how long Kafka may stay away."""

    chunk_pieces: int = 500
    """Pieces of a file, or records of a topic, that are sent and acknowledged together."""
    chunks_under_way: int = 6
    give_up_after: float = 60.0
    """Seconds without Kafka."""
    remembered: int = 100_000
    """Event ids that are remembered, to tell what stands in the file or topic twice."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: bytes of the file, and events with an outcome so far."""

    bytes_read: int
    bytes_total: int
    received: int


@dataclass(frozen=True, slots=True)
class FileImportSummary:
    """What became of a file. received = accepted + duplicate + quarantined, counted in pieces.

    `already_imported`: an earlier import had finished this very content; nothing was read or sent, all counts are 0.
    `resumed_at` is the byte at which this import began, and `passed_over` the pieces behind it that were done before.
    `reasons` are the first few of what was quarantined.
    """

    path: Path
    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    already_imported: bool = False
    resumed_at: int = 0
    passed_over: int = 0
    seconds: float = 0.0
    reasons: tuple[str, ...] = ()


class FileImportError(Exception):
    """A file cannot be imported, or not to its end, or Kafka stayed away. The message is for the user.

    What came before is kept: `summary` says what, and the next import goes on there.
    """

    def __init__(self, message: str, summary: FileImportSummary | None = None) -> None:
        super().__init__(message)
        self.summary = summary


class KafkaAwayError(FileImportError):
    """Kafka stayed away for too long. Nothing is wrong with the file; import it again later."""


def import_file(
    adapter: Adapter,
    path: Path,
    sender: Sender,
    catalogue: Catalogue,
    publisher: Publisher,
    *,
    state_dir: Path | None = None,
    restart: bool = False,
    progress: Callable[[Progress], None] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pace: Pace | None = None,
) -> FileImportSummary:
    """Import one file and give what became of it, when Kafka has acknowledged all of it. Blocks.

    The sender's door becomes `file:<name>?adapter=<adapter>`. A bad row is kept with the heading before it, so that it
    can be read again by itself. `state_dir` holds the checkpoints; None keeps none. `restart` reads the
    file from its beginning all the same. `progress` is called after each chunk, from this thread.

    Raises:
        KafkaAwayError: no Kafka for `pace.give_up_after` seconds.
        FileImportError: no such file, nothing can be read of it or not to its end, or the adapter reads no files.
    """
    began = time.monotonic()
    checkpoint = None
    sender = replace(sender, door=f"file:{path.name}?adapter={adapter.name}")
    try:
        with path.open("rb") as file:
            if state_dir is not None:
                checkpoint = Checkpoint(state_dir, path, _settings_of(adapter, sender, catalogue))
            known = checkpoint.find() if checkpoint and not restart else None
            if known and known.finished:
                size = path.stat().st_size
                return FileImportSummary(path, already_imported=True, resumed_at=size, seconds=time.monotonic() - began)
            context = Context(sender, now(), catalogue)
            run = _Run(adapter, path, file, context, publisher, checkpoint, progress, pace or Pace())
            return run.all(known, began)
    except OSError as error:
        raise FileImportError(f"{path}: {error.strerror or error}") from error
    finally:
        if checkpoint is not None:
            checkpoint.close()


def _settings_of(adapter: Adapter, sender: Sender, catalogue: Catalogue) -> str:
    """Give what, when it changes, makes other events of the same file, so that it is to be read anew."""
    told = (sender.source, sender.default_currency, sender.channel, sender.zone, sender.phone_region)
    kept = (*sorted(sender.never_keep), *sender.switchboards, *filter(None, (sender.rules.mark,)))
    return "|".join(("2", adapter.name, *map(str, told), *kept, str(catalogue.store)))


@dataclass(slots=True)
class _Chunk:
    """Outcomes on their way. When it and all before it are acknowledged, everything before `then` is done."""

    outcomes: list[Outcome]
    records: list[Record]
    then: Place
    bytes_read: int
    future: "Future[None] | None" = None


@dataclass(slots=True)
class _Run:
    """One pass over one file."""

    adapter: Adapter
    path: Path
    file: BinaryIO
    context: Context
    publisher: Publisher
    checkpoint: Checkpoint | None
    progress: Callable[[Progress], None] | None
    pace: Pace
    place: Place = field(default_factory=Place)
    under_way: deque[_Chunk] = field(default_factory=deque)
    outcomes: list[Outcome] = field(default_factory=list)
    saved_at: float = field(default_factory=time.monotonic)
    size: int = 0
    content: ImportedFile | None = None
    summary: FileImportSummary = field(init=False)
    recent: RecentIds = field(init=False)

    def __post_init__(self) -> None:
        self.summary = FileImportSummary(self.path)
        self.recent = RecentIds(self.pace.remembered)
        self.size = self.path.stat().st_size

    def all(self, known: Known | None, began: float) -> FileImportSummary:
        """Read from where it is known to the end, and wait for the last acknowledgement."""
        if known:
            self.place = known.place
            self.summary = replace(self.summary, resumed_at=known.place.offset, passed_over=known.place.pieces)
        broken: Exception | None = None
        try:
            for piece in self._pieces(known):
                self._take(piece)
        except (Problem, *BAD_GZIP) as error:
            broken = error
        self._send()
        self._settle(0)
        self._save(self.place, finished=broken is None)
        summary = replace(self.summary, seconds=time.monotonic() - began)
        if broken is not None:
            raise FileImportError(f"{self.path}: {_said(broken)}", summary) from broken
        return summary

    def _pieces(self, known: Known | None) -> Iterator[Piece]:
        """Give the pieces that are still to be done."""
        if self.adapter.file is None:
            raise Problem("$", f"{self.adapter.name} comes by webhook only, not in files")
        content = unzipped(self.file)
        offset, skip = known.place if known else Place()
        if offset:
            first = content.readline(LONGEST_FIRST_LINE)
            content.seek(offset)
            self.content = ResumedFile(content, first, known.lines if known else 0)
        else:
            self.content = ImportedFile(content)
        pieces = self.adapter.file(cast(BinaryIO, self.content), self.context)
        for _ in range(skip):
            next(pieces, None)
        yield from pieces

    def _take(self, piece: Piece) -> None:
        outcome = outcome_of(self.adapter, piece, self.context)
        if isinstance(outcome, Quarantined) and self.content is not None and self.content.heading:
            outcome = outcome_of(self.adapter, replace(piece, raw=self.content.heading + piece.raw), self.context)
        self.outcomes.append(self.recent.once(outcome))
        if piece.end is not None:
            self.place = Place(piece.end, 0)
        elif not self.place.offset:
            self.place = Place(0, self.place.pieces + 1)
        if len(self.outcomes) >= self.pace.chunk_pieces:
            self._send()

    def _send(self) -> None:
        """Send what has gathered, and wait where too much is under way."""
        if not self.outcomes:
            return
        records = [record_of(outcome) for outcome in self.outcomes if not isinstance(outcome, Duplicate)]
        chunk = _Chunk(self.outcomes, records, self.place, self.file.tell())
        self.outcomes = []
        self._publish(chunk)
        self.under_way.append(chunk)
        self._settle(self.pace.chunks_under_way)

    def _publish(self, chunk: _Chunk) -> None:
        """Hand a chunk to the publisher, for as long as it takes within `give_up_after`."""
        give_up = time.monotonic() + self.pace.give_up_after
        while True:
            try:
                chunk.future = self.publisher.publish(chunk.records)
            except PublishFailed as error:
                if isinstance(error, BufferFull) and self.under_way and self.under_way[0] is not chunk:
                    self._settle(len(self.under_way) - 1)
                elif time.monotonic() > give_up:
                    raise self._gave_up(error) from error
                else:
                    time.sleep(RETRY_SECONDS)
            else:
                return

    def _settle(self, most: int) -> None:
        """Wait, oldest first, until at most `most` chunks are under way; send again what was not acknowledged."""
        give_up = time.monotonic() + self.pace.give_up_after
        while len(self.under_way) > most:
            chunk = self.under_way[0]
            try:
                if chunk.future is not None:
                    chunk.future.result()
            except PublishFailed as error:
                if time.monotonic() > give_up:
                    raise self._gave_up(error) from error
                time.sleep(RETRY_SECONDS)
                self._publish(chunk)
                continue
            self.under_way.popleft()
            self.summary = counted(self.summary, chunk.outcomes)
            give_up = time.monotonic() + self.pace.give_up_after
            if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
                self._save(chunk.then, finished=False)
            if self.progress:
                self.progress(Progress(chunk.bytes_read, self.size, self.summary.received))

    def _save(self, place: Place, *, finished: bool) -> None:
        if self.checkpoint is not None:
            self.checkpoint.save(place, finished=finished)
            self.saved_at = time.monotonic()

    def _gave_up(self, error: Exception) -> KafkaAwayError:
        seconds = self.pace.give_up_after
        return KafkaAwayError(
            f"{self.path}: Kafka took nothing for {seconds:.0f} s ({error}); import again to go on from here",
            self.summary,
        )


def _said(error: Exception) -> str:
    if isinstance(error, Problem):
        return str(error)
    return f"cannot be read to its end ({error}); what came before is imported"
