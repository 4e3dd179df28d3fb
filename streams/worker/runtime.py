"""What the parts of one worker share: who owns what, who writes where, and whether it goes on at all."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rocksdict import Cache

from streams.core.stage import Stage
from streams.worker.clients import TopicPartition
from streams.worker.lanes import LaneKey, Lanes, Run
from streams.worker.ledger import BatchLedger
from streams.worker.metrics import Condition, WorkerMetrics
from streams.worker.settings import WorkerSettings
from streams.worker.stage_agent import LaneRunner
from streams.worker.stores import DiskStore, MemoryStore, PartitionStore, StoreShelf
from streams.worker.topics import changelog_name, source_topics
from streams.worker.writer import PartitionWriter, WriterFactory, make_writer

log = logging.getLogger("touchpath.worker")


class IncompleteLaneError(Exception):
    """The worker was given some of a lane's sources and not all: whoever has the others would write the same state."""


class WorkerRuntime:
    """One worker's stages, ledger, lanes, writers and stores. All calls come from the worker's own loop."""

    def __init__(
        self,
        settings: WorkerSettings,
        stages: Sequence[Stage],
        writer_factory: WriterFactory = make_writer,
        metrics: WorkerMetrics | None = None,
    ) -> None:
        self.settings = settings
        self.stages = {stage.name: stage for stage in stages}
        if len(self.stages) != len(stages):
            raise ValueError("two stages have the same name")
        self.reader_of = {topic: stage for stage in stages for topic in source_topics(stage)}
        if len(self.reader_of) != sum(len(source_topics(stage)) for stage in stages):
            raise ValueError("a topic is read twice; each stage needs inputs of its own")
        self.metrics = metrics if metrics is not None else WorkerMetrics()
        self.condition = Condition()
        self.ledger: BatchLedger[TopicPartition] = BatchLedger()
        self.lanes = Lanes(settings.max_batch_records, self.fail)
        self.shelf = StoreShelf(self._make_store)
        self.cluster_id = ""
        self._cache: Cache | None = None
        self._writer_factory = writer_factory
        self._writers: dict[LaneKey, PartitionWriter] = {}
        self.stopping = False
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], object] = lambda: None

    @property
    def client_id(self) -> str:
        """What Kafka calls this member of the group: it tells whoever asks for the group by which catalogue we work."""
        editions = [edition for stage in self.stages.values() if (edition := getattr(stage, "edition", ""))]
        return ".".join([self.settings.app_id, *editions])

    def fail(self, error: BaseException) -> None:
        """End the worker: what cannot go on is restarted by the supervisor, with nothing half done."""
        if self.failure is None:
            self.failure = error
            self.condition.ready = False
            self.on_failure()

    def changelog(self, lane: LaneKey) -> TopicPartition | None:
        """Give the changelog partition of a lane; `None` for a stateless stage."""
        if not self.stages[lane.stage].stateful:
            return None
        return TopicPartition(changelog_name(self.settings.app_id, lane.stage), lane.partition)

    def lane_of(self, source: TopicPartition) -> LaneKey:
        """Give the lane of a source partition."""
        return LaneKey(self.reader_of[source.topic].name, source.partition)

    def lanes_in(self, assigned: Iterable[TopicPartition]) -> list[LaneKey]:
        """Find the lanes in an assignment.

        Raises:
            IncompleteLaneError: of some lane not all sources were assigned.
        """
        found: dict[LaneKey, set[str]] = {}
        for tp in assigned:
            if tp.topic in self.reader_of:
                found.setdefault(self.lane_of(tp), set()).add(tp.topic)
        for lane, topics in sorted(found.items()):
            if missing := sorted(set(source_topics(self.stages[lane.stage])) - topics):
                given = ", ".join(sorted(topics))
                raise IncompleteLaneError(
                    f"stage {lane.stage}: this worker was given partition {lane.partition} of {given}"
                    f" and not of {', '.join(missing)}; all workers of the group {self.settings.app_id} must read the"
                    " same topics: stop those of another version before this one is started"
                )
        return sorted(found)

    @property
    def owned(self) -> list[LaneKey]:
        """Lanes that this worker writes for."""
        return sorted(self._writers)

    @property
    def sources(self) -> list[TopicPartition]:
        """Partitions that the lanes of this worker read."""
        return [
            TopicPartition(topic, lane.partition)
            for lane in self.owned
            for topic in source_topics(self.stages[lane.stage])
        ]

    def _make_store(self, stage: str, partition: int) -> PartitionStore:
        settings = self.settings
        if settings.store == "memory":
            return MemoryStore()
        name = changelog_name(settings.app_id, stage)
        path = (settings.data_dir or Path()) / name / str(partition)
        if self._cache is None:
            self._cache = Cache(settings.disk_cache_bytes)
        changelog = f"{self.cluster_id}/{name}/{partition}"
        return DiskStore(path, changelog, settings.tombstone_retention / 2, cache=self._cache)

    async def take_over(self, lanes: Sequence[LaneKey]) -> None:
        """Start a writer for each lane, which fences whoever wrote before; then, and only then, recover."""
        await self.let_go()
        writers = {
            lane: self._writer_factory(
                self.settings, TopicPartition(self.stages[lane.stage].input_topic, lane.partition)
            )
            for lane in lanes
        }
        await asyncio.gather(*(writer.start() for writer in writers.values()))
        self._writers = writers
        self.metrics.assigned.set(len(writers))

    def open_lanes(self, generation: int) -> None:
        """Let batches in: the stores are recovered and the positions are set."""
        runs: dict[LaneKey, Run] = {}
        for lane, writer in self._writers.items():
            changelog = self.changelog(lane)
            store = self.shelf.take(*lane) if changelog is not None else None
            runs[lane] = LaneRunner(
                self.stages[lane.stage],
                lane.partition,
                writer=writer,
                store=store,
                changelog=changelog.topic if changelog is not None else None,
                metrics=self.metrics,
            ).run
        self.lanes.open(generation, runs)
        self.condition.ready = self.failure is None
        self.metrics.ready.set(self.condition.ready)

    async def hand_over(self) -> None:
        """Finish the batches in hand and take no more."""
        self.condition.ready = False
        self.metrics.ready.set(0)
        started = time.monotonic()
        if not await self.lanes.hand_over(self.settings.hand_over_timeout):
            log.warning(
                "a batch was cut off after %.1f s of hand-over: its next owner does it again",
                time.monotonic() - started,
            )

    async def let_go(self) -> None:
        """Stop the writers."""
        writers, self._writers = self._writers, {}
        await asyncio.gather(*(writer.stop() for writer in writers.values()), return_exceptions=True)
        self.metrics.assigned.set(0)
        self.metrics.lag.clear()
        self.metrics.state_keys.clear()

    def close(self) -> None:
        """Close the stores."""
        self.shelf.keep_only(set())
