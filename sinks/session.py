"""Reading one broker cluster: take, make rows, write, remember the place. Ends when told to, or with an error."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Mapping

from schemas.connection import KafkaConnection
from schemas.dense_offsets import has_dense_offsets
from sinks import positions
from sinks.batch import Batch
from sinks.client import Store, StoreError
from sinks.metrics import Metrics
from sinks.positions import Place, Position
from sinks.reader import Cluster, Reader
from sinks.rows import TOPICS
from sinks.settings import SinkSettings
from sinks.writer import Writer

log = logging.getLogger(__name__)

#: Seconds after which garbage is collected even under load.
TIDY_AT_LEAST = 60.0


class ClusterChangedError(Exception):
    """The brokers belong to another cluster than a moment ago: what we know of offsets is void."""


class Session:
    """The time between meeting a cluster and leaving it."""

    def __init__(
        self,
        settings: SinkSettings,
        kafka: KafkaConnection,
        cluster: Cluster,
        store: Store,
        writer: Writer,
        metrics: Metrics,
        stopping: asyncio.Event,
    ) -> None:
        self.reading = False
        self._settings = settings
        self._cluster = cluster
        self._store = store
        self._writer = writer
        self._metrics = metrics
        self._stopping = stopping
        self._reader = Reader(kafka, settings, self._starts)
        self._reader.before_revoke = self._written
        self._saved: dict[Place, Position] = {}
        self._writing: asyncio.Task[None] | None = None
        # Two threads may want the one connection: the writer's, and the one that asks for positions.
        self._store_lock = asyncio.Lock()
        self._cluster_id = ""
        self._epoch = 0
        self._tidied = time.monotonic()

    async def run(self) -> None:
        """Read until `stopping` is set.

        Raises:
            ClusterChangedError: the brokers are another cluster now; nothing of it was written.
            KafkaError, OSError: Kafka failed.
            StoreError: ClickHouse would not say where we stand.
        """
        self._cluster_id = await self._cluster.id()
        self._epoch = await asyncio.to_thread(positions.epoch_of, self._store, self._cluster_id)
        self._reader.dense = has_dense_offsets(self._cluster_id)
        log.info("reading cluster %s, epoch %d of this database", self._cluster_id, self._epoch)
        try:
            await self._reader.start(TOPICS)
            await self._discover()
            self.reading = True
            await self._read()
        finally:
            self.reading = False
            # First the consumer: leaving a group waits for the batch in hand as well.
            await self._reader.stop()
            if self._writing is not None:
                await asyncio.gather(self._writing, return_exceptions=True)

    async def _read(self) -> None:
        settings = self._settings
        batch, generation, discovered = Batch(self._epoch), self._reader.generation, time.monotonic()
        while not self._stopping.is_set():
            taken = await self._reader.take(min(settings.flush_interval, 1.0) / 2, settings.fetch_records)
            if generation != self._reader.generation:
                # A group has given the partitions out anew: what was not written may be another sink's now.
                batch, generation = Batch(self._epoch), self._reader.generation
                await self._reader.rewind()
                continue
            for place, records in taken:
                batch.add(place, records, time.monotonic())
                self._metrics.records.labels(place[0]).inc(len(records))
            now = time.monotonic()
            # While one batch is being written the next grows: the slower ClickHouse is, the larger its inserts are.
            idle = self._writing is None or self._writing.done()
            if batch.full(settings) or (idle and (batch.due(settings, now) or not (taken or batch.records))):
                batch = await self._hand_over(batch)
            if now - discovered >= settings.discovery_interval:
                await self._discover()
                discovered = now
                self._tidy(now, idle=idle and not batch.records)
        if generation == self._reader.generation:
            await self._hand_over(batch)
            await self._written()

    async def _hand_over(self, batch: Batch) -> Batch:
        """Start writing the batch, when the one before is written; give an empty one."""
        offsets = await self._reader.next_offsets()
        await self._written()
        batch.read_up_to(offsets, self._saved)
        self._tell_lag(offsets)
        if not batch.records and not batch.positions:
            return batch
        self._writing = asyncio.create_task(self._write(batch))
        return Batch(self._epoch)

    async def _write(self, batch: Batch) -> None:
        # Offsets of a broker that lost its memory and came back mean other records: look before anything is written.
        if (found := await self._cluster.id()) != self._cluster_id:
            raise ClusterChangedError(f"cluster {self._cluster_id} is now {found}")
        async with self._store_lock:
            if await asyncio.to_thread(self._writer.write, batch, self._cluster_id):
                self._saved.update(batch.positions)
        for topic, count in batch.unreadable.items():
            self._metrics.unreadable.labels(topic).inc(count)

    async def _written(self) -> None:
        """Wait until the batch on its way is written; raises what writing it raised."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    async def _starts(self) -> Mapping[Place, int]:
        while True:
            try:
                async with self._store_lock:
                    self._saved = await asyncio.to_thread(positions.load, self._store, self._cluster_id)
            except StoreError as error:
                if self._stopping.is_set():
                    raise
                log.error("ClickHouse does not say where we stand: %s", error)
                await asyncio.sleep(self._settings.retry_first)
            else:
                return {place: position.next_offset for place, position in self._saved.items()}

    async def _discover(self) -> None:
        if self._settings.group is None:
            found = await self._cluster.partitions(TOPICS)
            await self._reader.assign((topic, number) for topic, numbers in found.items() for number in numbers)

    def _tidy(self, now: float, *, idle: bool) -> None:
        # Best when no batch is held, since the collector looks at every row.
        if not gc.isenabled() and (idle or now - self._tidied >= TIDY_AT_LEAST):
            gc.collect()
            self._tidied = now

    def _tell_lag(self, offsets: Mapping[Place, int]) -> None:
        for place, end in self._reader.ends().items():
            if place in offsets:
                self._metrics.lag.labels(*map(str, place)).set(max(0, end - offsets[place]))
