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
from streams.worker.lanes import Lanes, Run
from streams.worker.ledger import BatchLedger
from streams.worker.metrics import Condition, WorkerMetrics
from streams.worker.settings import WorkerSettings
from streams.worker.stage_agent import PartitionRunner
from streams.worker.stores import DiskStore, MemoryStore, PartitionStore, StoreShelf
from streams.worker.topics import changelog_name
from streams.worker.writer import PartitionWriter, WriterFactory, make_writer

log = logging.getLogger("touchpath.worker")


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
        self.stages = {stage.input_topic: stage for stage in stages}
        if len(self.stages) != len(stages):
            raise ValueError("two stages read the same topic; each needs an input of its own")
        if len({stage.name for stage in stages}) != len(stages):
            raise ValueError("two stages have the same name")
        self.metrics = metrics if metrics is not None else WorkerMetrics()
        self.condition = Condition()
        self.ledger: BatchLedger[TopicPartition] = BatchLedger()
        self.lanes = Lanes(settings.max_batch_records, self.fail)
        self.shelf = StoreShelf(self._make_store)
        self.cluster_id = ""
        self._cache: Cache | None = None
        self._writer_factory = writer_factory
        self._writers: dict[TopicPartition, PartitionWriter] = {}
        self.stopping = False
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], object] = lambda: None

    def fail(self, error: BaseException) -> None:
        """End the worker: what cannot go on is restarted by the supervisor, with nothing half done."""
        if self.failure is None:
            self.failure = error
            self.condition.ready = False
            self.on_failure()

    def changelog(self, source: TopicPartition) -> TopicPartition | None:
        """Give the changelog partition of an input partition; `None` for a stateless stage."""
        stage = self.stages[source.topic]
        if not stage.stateful:
            return None
        return TopicPartition(changelog_name(self.settings.app_id, stage.name), source.partition)

    def sources(self, assigned: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Pick the input partitions out of an assignment."""
        return sorted(TopicPartition(*tp) for tp in assigned if tp.topic in self.stages)

    @property
    def owned(self) -> list[TopicPartition]:
        """Input partitions that this worker writes for."""
        return sorted(self._writers)

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

    async def take_over(self, sources: Sequence[TopicPartition]) -> None:
        """Start a writer for each partition, which fences whoever wrote before; then, and only then, recover."""
        await self.let_go()
        writers = {tp: self._writer_factory(self.settings, tp) for tp in sources}
        await asyncio.gather(*(writer.start() for writer in writers.values()))
        self._writers = writers
        self.metrics.assigned.set(len(writers))

    def open_lanes(self, generation: int) -> None:
        """Let batches in: the stores are recovered and the positions are set."""
        runs: dict[TopicPartition, Run] = {}
        for source, writer in self._writers.items():
            stage = self.stages[source.topic]
            changelog = self.changelog(source)
            store = self.shelf.take(stage.name, source.partition) if changelog is not None else None
            name = changelog.topic if changelog is not None else None
            runner = PartitionRunner(stage, source, writer=writer, store=store, changelog=name, metrics=self.metrics)
            runs[source] = runner.run
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
