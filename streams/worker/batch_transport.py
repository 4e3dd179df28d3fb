"""Faust's transport, fed in whole batches. Registered as `batch` in the entry-point group `faust.transports`.

Faust keeps the membership, the rebalance, the registration of tables and the agents; what changes is that one
Faust message carries all records that a fetch brought for one partition, that offsets are kept per batch, and
that a partition's writer is started, and its predecessor fenced, before its changelog's end is read.

This is the one file, with `recovery.py` and `app.py`, that touches Faust's untyped edge.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from faust.transport.consumer import ensure_TPset
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

from schemas.dense_offsets import HoleWatch, has_dense_offsets
from streams.worker import clients
from streams.worker.clients import KafkaError, TopicPartition, errors, reader_options
from streams.worker.lanes import LaneBatch
from streams.worker.loops import new_loop
from streams.worker.runtime import IncompleteLaneError, WorkerRuntime
from streams.worker.writer import producer_options

_FETCH_WAIT_MS = 100  # how long the broker may hold a fetch that brings nothing
_FETCH_TIMEOUT = 0.2  # seconds; a fetch answers at once when there is anything, this bounds a hand-over
_ONE_HOUR_MS = 3_600_000


class BatchMessage(ConsumerMessage):
    """All records that one fetch brought for one partition; `offset` is that of the last one."""

    records: Sequence[Any]

    @classmethod
    def of(cls, tp: TP, records: Sequence[Any], generation: int) -> BatchMessage:
        """Wrap the records, in offset order and not empty, of one partition."""
        last = records[-1]
        message = cls(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            None,
            b"",
            b"",
            None,
            0,
            sum(r.serialized_key_size + r.serialized_value_size for r in records),
            TP(tp.topic, tp.partition),
            generation_id=generation,
        )
        message.records = records
        return message


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that heartbeats and fetches; every option of its client comes from the worker's settings."""

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:  # noqa: ARG002
        settings = _runtime(self).settings
        self._assignor = self.app.assignor
        return clients.AIOKafkaConsumer(
            group_id=settings.app_id,
            partition_assignment_strategy=[self._assignor],
            max_poll_records=None,  # what stays in the client's buffer keeps its partition from being fetched
            max_partition_fetch_bytes=settings.max_fetch_bytes,
            # A fetch that waits leaves out the partitions whose records are still being taken over.
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            # The loop that turns is watched by /health; a long recovery must not look like a dead worker.
            max_poll_interval_ms=_ONE_HOUR_MS,
            session_timeout_ms=int(settings.session_timeout * 1000),
            rebalance_timeout_ms=int(settings.rebalance_timeout * 1000),
            heartbeat_interval_ms=int(settings.session_timeout * 1000 / 4),
            **reader_options(settings) | {"client_id": _runtime(self).client_id},
        )

    async def on_thread_stop(self) -> None:
        """Leave the group; a join that is cut off by the stop is no error."""
        with contextlib.suppress(asyncio.CancelledError, KafkaError):
            await super().on_thread_stop()

    async def rewind(self, sources: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        """Seek each partition to its committed offset, or to its start where nothing was committed yet."""
        committed = await self.call_thread(self._rewind, sources)
        return cast("dict[TopicPartition, int | None]", committed)

    async def _rewind(self, sources: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        consumer = self._ensure_consumer()
        committed: dict[TopicPartition, int | None] = {}
        for tp in sources:
            committed[tp] = offset = await consumer.committed(tp)
            if offset is None:
                await consumer.seek_to_beginning(tp)
            else:
                consumer.seek(tp, offset)
        return committed

    async def go_back(self, tp: TopicPartition, offset: int) -> None:
        """Seek one partition."""
        await self.call_thread(self._go_back, tp, offset)

    async def _go_back(self, tp: TopicPartition, offset: int) -> None:
        self._ensure_consumer().seek(tp, offset)

    async def leave_alone(self, partitions: Sequence[TopicPartition]) -> None:
        """Never fetch these: the changelogs are ours for the assignor's sake, recovery reads them itself."""
        await self.call_thread(self._pause, partitions)

    async def _pause(self, partitions: Sequence[TopicPartition]) -> None:
        self._ensure_consumer().pause(*partitions)

    async def lags(self, done: Mapping[TopicPartition, int | None]) -> dict[TopicPartition, int]:
        """Offsets between the end that was last seen and what is done; `None` counts from the position."""
        lags = await self.call_thread(self._lags, done)
        return cast("dict[TopicPartition, int]", lags)

    async def _lags(self, done: Mapping[TopicPartition, int | None]) -> dict[TopicPartition, int]:
        consumer = self._ensure_consumer()
        lags = {}
        for tp, offset in done.items():
            if tp not in consumer.assignment():
                continue
            end = consumer.last_stable_offset(tp) or consumer.highwater(tp)
            if end is not None:
                lags[tp] = max(0, end - (await consumer.position(tp) if offset is None else offset))
        return lags


def _runtime(owner: Any) -> WorkerRuntime:
    """Reach the runtime through Faust's app, which carries it."""
    return cast(WorkerRuntime, owner.app.runtime)


class Consumer(driver.Consumer):
    """Delivers whole batches, and hands partitions over between batches."""

    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._runtime = _runtime(self)
        self._rebalances = 0
        self._room = asyncio.Event()
        self._holes: HoleWatch[TopicPartition] = HoleWatch()
        self._fetch_idle = asyncio.Event()
        self._fetch_idle.set()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon, thread_loop=new_loop())

    # -- delivery

    async def _drain_messages(self, fetcher: Any) -> None:
        stopped, fetcher_stopped = self._stopped.is_set, fetcher._stopped.is_set
        try:
            while not (stopped() or fetcher_stopped() or self._runtime.stopping):
                self._runtime.condition.beat()
                if not self.flow_active:
                    await self._either(self.can_resume_flow)
                elif not (fetchable := self._fetchable()):
                    await self._wait_for_room()
                else:
                    await self._fetch_and_deliver(fetchable)
        except self.consumer_stopped_errors:
            if not self._runtime.stopping:
                raise
        except asyncio.CancelledError:
            # Faust takes a cancel during a rebalance for a crash.
            if not self._runtime.stopping:
                raise

    def _fetchable(self) -> set[TP]:
        """Partitions with room in their lane: two batches' worth of each source, one in hand and one waiting."""
        runtime = self._runtime
        if runtime.ledger.bytes_in_flight >= runtime.settings.max_bytes_in_flight:
            return set()
        limit = 2 * runtime.settings.max_batch_records
        ledger = runtime.ledger
        return {
            tp
            for tp in self._get_active_partitions()
            if tp.topic in runtime.reader_of and ledger.records_in_flight(TopicPartition(*tp)) < limit
        }

    async def _wait_for_room(self) -> None:
        self._room.clear()
        await self._either(self._room, self.suspend_flow)

    async def _either(self, *events: asyncio.Event) -> None:
        # mode asks for its own Event, and takes any.
        await self.wait_first(*cast(Any, events), timeout=_FETCH_TIMEOUT)

    async def _fetch_and_deliver(self, fetchable: set[TP]) -> None:
        generation = self.app.consumer_generation_id
        self._fetch_idle.clear()
        try:
            fetched = await self._thread.getmany(fetchable, _FETCH_TIMEOUT)
        finally:
            self._fetch_idle.set()
        limit = self._runtime.settings.max_batch_records
        for tp, records in fetched.items():
            # A rebalance may begin at any await; what it finds undelivered is read again after its seek.
            if not self.flow_active:
                return
            fresh = self._runtime.ledger.fresh(generation, TopicPartition(*tp), records)
            if fresh and self._dense:
                fresh = await self._before_hole(TopicPartition(*tp), fresh)
            for start in range(0, len(fresh), limit):
                if self.flow_active:
                    await self._deliver(tp, fresh[start : start + limit], generation)

    @property
    def _dense(self) -> bool:
        return has_dense_offsets(self._runtime.cluster_id)

    async def _before_hole(self, tp: TopicPartition, records: Sequence[Any]) -> Sequence[Any]:
        """Give the records before the first hole, and read again from there; see `schemas.dense_offsets`."""
        expected = self._runtime.ledger.next_offset(tp) or 0
        sound = self._holes.sound(tp, expected, [record.offset for record in records], time.monotonic())
        if sound < len(records):
            await self._thread.go_back(tp, records[sound - 1].offset + 1 if sound else expected)
        return records[:sound]

    async def _deliver(self, tp: TP, records: Sequence[Any], generation: int) -> None:
        message = BatchMessage.of(tp, records, generation)
        self._runtime.ledger.deliver(
            TopicPartition(*tp), message.offset + 1, len(records), message.serialized_value_size
        )
        await self.wait_first(self.callback(message), cast(Any, self.suspend_flow))

    def submit(self, message: BatchMessage) -> bool:
        """Put a delivered batch into its lane; False if its generation is over."""
        tp = TopicPartition(message.topic, message.partition)
        return self._runtime.lanes.submit(
            LaneBatch(
                self._runtime.lane_of(tp),
                tp,
                -1 if message.generation_id is None else message.generation_id,
                message.records,
                lambda: message.ack(cast(Any, self)),
            )
        )

    def ack(self, message: Message) -> bool:
        """Note a batch as done."""
        if message.acked or message.generation_id is None:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        tp = TopicPartition(message.topic, message.partition)
        known = self._runtime.ledger.finish(message.generation_id, tp, message.offset + 1)
        self._room.set()
        return known

    # -- offsets

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002
        """Commit what is finished. Under transactions there is nothing to do: it went with the batch."""
        ledger = self._runtime.ledger
        offsets = ledger.committable()
        if not offsets:
            return False
        if not self._runtime.settings.transactional and not await self._commit(cast(Any, offsets)):
            return False
        ledger.committed(offsets.items())
        return True

    async def perform_seek(self) -> None:
        """Do nothing: `begin_generation` seeks, at the one moment when no fetch is under way."""

    async def wait_empty(self) -> None:
        """Wait for the batches in hand, then commit."""
        await self._runtime.hand_over()
        await self.commit()

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: Faust's watch of single messages knows no batches; the lag metric does."""

    # -- rebalance

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Hand the partitions over: finish the batch in hand, commit, take no more."""
        self.stop_flow()
        self._rebalances += 1
        try:
            await self.wait_empty()
            self._runtime.ledger.end()
            await self._runtime.let_go()
        except Exception as error:
            self._runtime.fail(error)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Fence the predecessors of our lanes, then let Faust go on to recovery."""
        self.stop_flow()
        self._rebalances += 1
        runtime = self._runtime
        try:
            await runtime.lanes.hand_over(0.0)
            rest = [TopicPartition(*tp) for tp in assigned if tp.topic not in runtime.reader_of]
            if rest:
                await self._thread.leave_alone(rest)
            if not runtime.stopping:  # leaving the group brings an assignment too
                await runtime.take_over(runtime.lanes_in(cast(Any, assigned)))
        except (KafkaError, OSError, IncompleteLaneError) as error:
            runtime.fail(error)
        await super().on_partitions_assigned(assigned, generation_id)

    async def begin_generation(self, generation: int) -> bool:
        """Seek to the committed offsets and let batches in; False if another rebalance or a stop has begun."""
        rebalances = self._rebalances
        await self._fetch_idle.wait()
        runtime = self._runtime
        sources = runtime.sources

        def is_over() -> bool:
            return bool(
                self.app.consumer_generation_id != generation or self._rebalances != rebalances or runtime.stopping
            )

        try:
            committed = await self._thread.rewind(sources)
        except errors.IllegalStateError:  # the group has taken one away meanwhile, and will say so
            if not await self._comes_true(is_over, runtime.settings.session_timeout):
                raise
        if is_over():
            return False
        runtime.ledger.begin(generation, committed.items())
        runtime.open_lanes(generation)
        self.resume_partitions(ensure_TPset(sources))
        return True

    @staticmethod
    async def _comes_true(condition: Callable[[], bool], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not condition() and time.monotonic() < until:
            await asyncio.sleep(0.05)
        return condition()

    async def measure_lag(self) -> None:
        """Set the lag gauges."""
        runtime = self._runtime
        ledger = runtime.ledger
        done = {tp: ledger.done(tp) if ledger.records_in_flight(tp) else None for tp in runtime.sources}
        for tp, lag in (await self._thread.lags(done)).items():
            runtime.metrics.lag.labels(tp.topic, str(tp.partition)).set(lag)


class Producer(driver.Producer):
    """Faust's own producer, which the stages do not use: only its way to the broker is set."""

    def _settings_auth(self) -> Mapping[str, Any]:
        return producer_options(_runtime(self).settings)


class Transport(driver.Transport):
    """The `batch` transport."""

    Consumer = Consumer
    Producer = Producer
