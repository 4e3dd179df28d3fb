"""An existing topic of somebody's own, imported: years of history, resumable. Reads with aiokafka, sends as files do.

It reads from where the last import of the same topic stopped, else from the earliest record, to the end that the topic
had at the beginning. A checkpoint is written behind the last record of each partition of which everything before is
acknowledged. Killed at any moment, the next import goes on there and sends again at most what was under way, under
the same ids: partition and offset are the id of what has none of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.settle_ends import Ends
from deploy.topic_pieces import TopicPlace, topic_outcomes
from producers.adapters.adapter import Adapter, Context
from producers.adapters.sender import Sender
from producers.file_import import CHECKPOINT_SECONDS, RETRY_SECONDS, Pace
from producers.import_counts import counted
from producers.publisher import BufferFull, Publisher, PublishFailed
from producers.recent import RecentIds
from producers.records import Record, record_of
from schemas.catalogue import Catalogue
from schemas.connection import KafkaConnection
from schemas.dense_offsets import has_dense_offsets
from schemas.outcome import Duplicate, Outcome
from sinks.positions import Place
from sinks.reader import Cluster, Reader
from sinks.settings import SinkSettings

TAKE_SECONDS = 0.5
_FETCH_BYTES = 4 * 1024 * 1024


class TopicImportError(Exception):
    """The topic cannot be imported, or not to its end. The message is for the user; what came before is kept."""


@dataclass(frozen=True, slots=True)
class TopicSummary:
    """What became of a topic. received = accepted + duplicate + quarantined, counted in events.

    `records` are those that were read now, `before` the offsets that earlier imports had done; `total` is how many
    offsets there are from the beginning of this import to its end (some may hold no record).
    """

    topic: str
    records: int = 0
    total: int = 0
    before: int = 0
    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    reasons: tuple[str, ...] = ()


async def import_topic(
    kafka: KafkaConnection,
    topic: str,
    adapter: Adapter,
    sender: Sender,
    catalogue: Catalogue,
    publisher: Publisher,
    *,
    state_dir: Path | None = None,
    start: int | None = None,
    progress: Callable[[TopicSummary, int], None] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pace: Pace | None = None,
) -> TopicSummary:
    """Import a topic of the cluster at `kafka`, and give what became of it, when all of it is acknowledged.

    `start` is the offset to begin at in each partition (0: the earliest); None: where the last import stopped.
    `state_dir` holds the checkpoints; None keeps none. `progress` hears the summary so far and the offsets done.

    Raises:
        TopicImportError: there is no such topic, or our own Kafka takes nothing for `pace.give_up_after` seconds.
        KafkaError, OSError: no broker answers at `kafka`.
    """
    began = time.monotonic()
    async with Cluster(kafka) as cluster, Ends(kafka, ()) as ends_of:
        partitions = (await cluster.partitions([topic])).get(topic)
        if not partitions:
            raise TopicImportError(f"Kafka at {kafka.bootstrap_servers} has no topic {topic}")
        cluster_id = await cluster.id()
        ends = await ends_of.now((topic, number) for number in partitions)
    checkpoint = None if state_dir is None else _Checkpoint(state_dir, cluster_id, topic, adapter.name, sender.source)
    known = checkpoint.load() if checkpoint is not None and start is None else {}
    starts = {(topic, number): known.get(number, start or 0) for number in partitions}
    context = Context(sender, now(), catalogue)
    run = _Run(adapter, context, publisher, checkpoint, progress, pace or Pace(), starts, ends)
    reader = Reader(kafka, SinkSettings(fetch_bytes=_FETCH_BYTES), run.starts)
    reader.dense = has_dense_offsets(cluster_id)
    if unread := [place for place in starts if starts[place] < ends[place]]:
        await reader.start([topic])
        try:
            await reader.assign(unread)
            await run.all(reader, now)
        finally:
            await reader.stop()
    return replace(run.summary, seconds=time.monotonic() - began)


@dataclass(slots=True)
class _Chunk:
    """Outcomes on their way, all of one partition. When they are acknowledged, everything before `then` is done."""

    outcomes: list[Outcome]
    records: list[Record]
    place: Place
    then: int
    read: int
    future: Future[None] | None = None


class _Run:
    """One pass over a topic."""

    def __init__(
        self,
        adapter: Adapter,
        context: Context,
        publisher: Publisher,
        checkpoint: _Checkpoint | None,
        progress: Callable[[TopicSummary, int], None] | None,
        pace: Pace,
        starts: Mapping[Place, int],
        ends: Mapping[Place, int],
    ) -> None:
        self._adapter, self._context, self._publisher = adapter, context, publisher
        self._checkpoint, self._progress, self._pace = checkpoint, progress, pace
        self._starts, self._ends = dict(starts), dict(ends)
        self._done = dict(starts)
        self._recent = RecentIds(pace.remembered)
        self._under_way: deque[_Chunk] = deque()
        self._saved_at = time.monotonic()
        topic = next(iter(starts))[0]
        total = sum(max(0, end - starts[place]) for place, end in ends.items())
        self.summary = TopicSummary(topic, total=total, before=sum(starts.values()))

    async def starts(self) -> Mapping[Place, int]:
        """Tell the reader where to begin. Offset 0 is left out: the earliest record may stand later."""
        return {place: offset for place, offset in self._starts.items() if offset}

    async def all(self, reader: Reader, now: Callable[[], datetime]) -> None:
        """Read to the ends, and wait for the last acknowledgement."""
        while True:
            taken = await reader.take(TAKE_SECONDS, self._pace.chunk_pieces)
            context = replace(self._context, received_at=now())
            for place, records in taken:
                end = self._ends[place]
                wanted = [(record.offset, record.value or b"") for record in records if record.offset < end]
                if wanted:
                    await self._take(place, wanted, context)
            at = await reader.next_offsets()
            if all(offset >= self._ends[place] for place, offset in at.items()):
                break
        await self._settle(0)
        # Behind the last record there may be markers only: they are done, too.
        self._done = {place: max(done, self._ends[place]) for place, done in self._done.items()}
        self._save()
        self._tell()

    async def _take(self, place: Place, records: Sequence[tuple[int, bytes]], context: Context) -> None:
        outcomes: list[Outcome] = []
        for offset, value in records:
            for outcome in topic_outcomes(self._adapter, value, TopicPlace(*place, offset), context):
                outcomes.append(self._recent.once(outcome))
            if len(outcomes) % 100 == 0:
                await asyncio.sleep(0)  # let the reader answer its broker
        sent = [record_of(outcome) for outcome in outcomes if not isinstance(outcome, Duplicate)]
        chunk = _Chunk(outcomes, sent, place, records[-1][0] + 1, len(records))
        await self._publish(chunk)
        self._under_way.append(chunk)
        await self._settle(self._pace.chunks_under_way)

    async def _publish(self, chunk: _Chunk) -> None:
        """Hand a chunk to the publisher, for as long as it takes within `give_up_after`."""
        give_up = time.monotonic() + self._pace.give_up_after
        while True:
            try:
                chunk.future = self._publisher.publish(chunk.records)
            except PublishFailed as error:
                if isinstance(error, BufferFull) and self._under_way and self._under_way[0] is not chunk:
                    await self._settle(len(self._under_way) - 1)
                elif time.monotonic() > give_up:
                    raise self._gave_up(error) from error
                else:
                    await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _settle(self, most: int) -> None:
        """Wait, oldest first, until at most `most` chunks are under way; send again what was not acknowledged."""
        give_up = time.monotonic() + self._pace.give_up_after
        while len(self._under_way) > most:
            chunk = self._under_way[0]
            try:
                if chunk.future is not None:
                    await asyncio.wrap_future(chunk.future)
            except PublishFailed as error:
                if time.monotonic() > give_up:
                    raise self._gave_up(error) from error
                await asyncio.sleep(RETRY_SECONDS)
                await self._publish(chunk)
                continue
            self._under_way.popleft()
            self._count(chunk)
            give_up = time.monotonic() + self._pace.give_up_after
            if time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
                self._save()
            self._tell()

    def _count(self, chunk: _Chunk) -> None:
        self._done[chunk.place] = chunk.then
        self.summary = counted(replace(self.summary, records=self.summary.records + chunk.read), chunk.outcomes)

    def _save(self) -> None:
        if self._checkpoint is not None:
            self._checkpoint.save({partition: offset for (_, partition), offset in self._done.items()})
        self._saved_at = time.monotonic()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.summary, sum(self._done[place] - begin for place, begin in self._starts.items()))

    def _gave_up(self, error: Exception) -> TopicImportError:
        while self._under_way and _acknowledged(self._under_way[0]):
            self._count(self._under_way.popleft())
        self._save()
        seconds = self._pace.give_up_after
        return TopicImportError(f"Kafka took nothing for {seconds:.0f} s ({error}); import again to go on from here")


def _acknowledged(chunk: _Chunk) -> bool:
    future = chunk.future
    return future is not None and future.done() and not future.cancelled() and future.exception() is None


class _Checkpoint:
    """The next offset of each partition, on disk. Another cluster, adapter or source has another one."""

    def __init__(self, directory: Path, *named: str) -> None:
        name = hashlib.sha256("\0".join(named).encode()).hexdigest()[:32]
        self._path = directory / f"topic-{name}.json"

    def load(self) -> dict[int, int]:
        """Give what is known, nothing where that is nothing."""
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
            return {int(partition): int(offset) for partition, offset in known.items()}
        except (OSError, ValueError, AttributeError):
            return {}  # none, or something that is no checkpoint: the import then begins at the beginning

    def save(self, offsets: Mapping[int, int]) -> None:
        """Write the places; the older ones are replaced in one step."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(offsets), encoding="utf-8")
        partial.replace(self._path)
