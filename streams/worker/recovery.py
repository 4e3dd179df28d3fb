"""Recovery of the tables: each changelog is read in whole batches, up to its end by position.

A changelog's last offset may be a transaction's marker, which no record ever shows. So the end is asked for
under read_committed, after the predecessor was fenced, and reached when the reader's position is there.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from mode import Service

from streams.worker import clients
from streams.worker.clients import TopicPartition, reader_options
from streams.worker.stores import PartitionStore

if TYPE_CHECKING:
    from streams.worker.batch_transport import Consumer
    from streams.worker.runtime import WorkerRuntime

_POLL_MS = 100  # how long to wait for records before the position is looked at again
_STOP_TIMEOUT = 5.0  # seconds
_FETCH_BYTES = 4 * 1024 * 1024


async def replay(reader: Any, stores: dict[TopicPartition, PartitionStore]) -> dict[TopicPartition, int]:
    """Bring each store up to the end of its changelog partition.

    Args:
        reader: a started consumer of no group.
        stores: changelog partition -> the store to bring up; each goes on from its own offset.

    Returns:
        Records taken in, per changelog partition.
    """
    taken = dict.fromkeys(stores, 0)
    if not stores:
        return taken
    ends = await reader.end_offsets(list(stores))
    begins = await reader.beginning_offsets(list(stores))
    reader.assign(list(stores))
    behind = set()
    for tp, store in stores.items():
        if store.changelog_offset > ends[tp] or 0 < store.changelog_offset < begins[tp]:
            store.wipe()  # the log was cut or made anew: what is on disk tells of another one
        start = max(store.changelog_offset, begins[tp])
        reader.seek(tp, start)
        if start < ends[tp]:
            behind.add(tp)
        else:
            reader.pause(tp)
    while behind:
        fetched = await reader.getmany(*behind, timeout_ms=_POLL_MS)
        for tp, records in fetched.items():
            stores[tp].apply(((r.key, r.value) for r in records), records[-1].offset + 1)
            taken[tp] += len(records)
        for tp in list(behind):
            position = await reader.position(tp)
            if position >= ends[tp]:
                behind.discard(tp)
                reader.pause(tp)
    return taken


class BatchRecovery(Recovery):
    """Faust's recovery service with another way of reading; its signals and its end are Faust's."""

    @Service.task
    async def _restart_recovery(self) -> None:
        while not self.should_stop:
            if await self.wait_for_stopped(cast(Any, self.signal_recovery_start)):
                break
            self.signal_recovery_start.clear()
            generation = self._generation_id
            try:
                self._set_recovery_started()
                await self._wait(self._recover())
                await self._wait(self.on_recovery_completed(generation))
            except RebalanceAgain:
                continue
            except ServiceStopped:
                break
            except Exception as error:
                self._worker.fail(error)
                break

    @Service.task
    async def _slurp_changelogs(self) -> None:
        """Do nothing: changelogs do not come one record at a time."""

    @Service.task
    async def _publish_stats(self) -> None:
        """Do nothing: the metrics tell."""

    @property
    def _worker(self) -> WorkerRuntime:
        return cast("WorkerRuntime", cast(Any, self.app).runtime)

    async def _recover(self) -> None:
        worker = self._worker
        started = time.monotonic()
        changelogs = {lane: place for lane in worker.owned if (place := worker.changelog(lane)) is not None}
        worker.shelf.keep_only(set(changelogs))
        if not changelogs:
            return
        # Stores first: a reader that was never given partitions does not stop.
        stores = {place: worker.shelf.take(*lane) for lane, place in changelogs.items()}
        reader = clients.AIOKafkaConsumer(max_partition_fetch_bytes=_FETCH_BYTES, **reader_options(worker.settings))
        await reader.start()
        try:
            for changelog, count in (await replay(reader, stores)).items():
                stage = changelog.topic.removeprefix(f"{worker.settings.app_id}-").removesuffix("-changelog")
                worker.metrics.recovered.labels(stage).inc(count)
        finally:
            await asyncio.wait({asyncio.ensure_future(reader.stop())}, timeout=_STOP_TIMEOUT)
        worker.metrics.recovery_seconds.set(time.monotonic() - started)

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Seek the inputs, let batches in, and say that the rebalance is over."""
        app = cast(Any, self.app)
        consumer: Consumer = app.consumer
        await app.on_rebalance_complete.send()
        self._set_recovery_ended()
        if not await consumer.begin_generation(generation_id):
            return
        self.completed.set()
        app.flow_control.resume()
        consumer.resume_flow()
        await app._fetcher.maybe_start()
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        app.on_rebalance_end()


class BatchTableManager(TableManager):
    """Faust's table manager with our recovery."""

    @property
    def recovery(self) -> BatchRecovery:
        """The recovery service."""
        if self._recovery is None:
            self._recovery = BatchRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return cast(BatchRecovery, self._recovery)

    async def on_start(self) -> None:
        """Register the tables and start."""
        await self._update_channels()
        await self.recovery.start()
