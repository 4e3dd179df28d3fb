"""Writing what one batch came to: outputs, changelog and the offsets of what it read.

Two writers with one interface. The transactional one is the product's promise; the plain one is for a broker
that has no transactions, where one worker alone writes and a crash may double what it wrote last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from streams.core.stage import Output
from streams.worker.clients import AIOKafkaProducer, KafkaError, TopicPartition, client_options, errors
from streams.worker.lanes import Offsets
from streams.worker.partitioning import partition_of
from streams.worker.settings import WorkerSettings

_FENCED = (
    errors.ProducerFenced,
    errors.InvalidProducerEpoch,
    errors.InvalidProducerIdMapping,
    errors.InvalidTxnState,
    errors.OutOfOrderSequenceNumber,
)
T = TypeVar("T")


class FencedError(Exception):
    """Another worker owns the partition now, or the broker gave up on this one's transaction."""


class RecordTooLargeError(Exception):
    """A stage gave a record that no broker would take; it has to bound its state and its outputs."""


class PartitionWriter(Protocol):
    """Writes for one lane: a stage's partition n of all that it reads."""

    async def start(self) -> None:
        """Get ready; a transactional writer fences its predecessor and ends its open transaction here."""

    async def write(
        self,
        outputs: Sequence[Output],
        changelog: str | None,
        state: Mapping[bytes, bytes | None],
        timestamp: int,
        next_offsets: Offsets,
    ) -> int | None:
        """Write it all; `timestamp` (ms) is that of the changelog records, `next_offsets` those of the sources.

        Returns:
            The changelog offset after the last record written to it, or `None` if there was none.

        Raises:
            FencedError: this writer may not write any more; nothing of the batch is visible.
            RecordTooLargeError: a record is over the limit; nothing of the batch is visible.
        """

    async def stop(self) -> None:
        """Let go; an open transaction is left to the next owner's fencing."""


WriterFactory = Callable[[WorkerSettings, TopicPartition], PartitionWriter]


def producer_options(settings: WorkerSettings) -> dict[str, Any]:
    """Keyword arguments for any aiokafka producer of the worker."""
    return client_options(settings) | {
        "acks": "all",
        "linger_ms": 0,  # batches are built whole, waiting adds nothing
        "max_batch_size": settings.producer_batch_bytes,
        "max_request_size": settings.max_request_bytes,
    }


class _Sends:
    """Records on their way: whole batches per output partition, each partition in order."""

    def __init__(self, producer: Any, max_bytes: int) -> None:
        self._producer = producer
        self._max_bytes = max_bytes
        self._batches: dict[tuple[str, int], list[Any]] = {}
        self._partitions: dict[str, int] = {}

    async def add(self, outputs: Iterable[Output]) -> None:
        for topic, key, value, timestamp in outputs:
            partitions = self._partitions.get(topic)
            if partitions is None:
                partitions = len(await self._producer.partitions_for(topic))
                self._partitions[topic] = partitions
            self.append(topic, partition_of(key, partitions), key, value, timestamp)

    def append(self, topic: str, partition: int, key: bytes, value: bytes | None, timestamp: int) -> None:
        batches = self._batches.get((topic, partition))
        if batches is None:
            batches = self._batches[topic, partition] = [self._producer.create_batch()]
        if batches[-1].append(timestamp=timestamp, key=key, value=value) is None:
            batches.append(self._producer.create_batch())
            batches[-1].append(timestamp=timestamp, key=key, value=value)

    async def _send(self, topic: str, partition: int, batches: list[Any]) -> int:
        for batch in batches:
            if batch.size() > self._max_bytes:  # a record that large is alone in its batch
                raise RecordTooLargeError(
                    f"a record of {batch.size()} bytes for {topic}[{partition}]; the limit is {self._max_bytes}"
                )
        pending = [await self._producer.send_batch(b, topic, partition=partition) for b in batches]
        last = (await asyncio.gather(*pending))[-1]
        return int(last.offset) + int(batches[-1].record_count())

    async def deliver(self) -> dict[tuple[str, int], int]:
        """Wait until all is acknowledged; give the offset after the last record, per partition written."""
        places = list(self._batches)
        ends = await asyncio.gather(*(self._send(*place, self._batches[place]) for place in places))
        return dict(zip(places, ends, strict=True))


async def _while_sending(producer: Any, work: Coroutine[Any, Any, T]) -> T:
    """Do the work, or raise what made the producer's sender die: aiokafka leaves some futures open then."""
    sender: asyncio.Task[None] = producer._sender.sender_task
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, sender}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise sender.exception() or FencedError("the producer was stopped")
    finally:
        if not task.done():
            task.cancel()


class TransactionalWriter:
    """One transactional producer for a lane; its id names the lane's partition, so a new owner fences the old one.

    `source` is partition n of the stage's `input_topic`, whatever else the stage reads.
    """

    def __init__(self, settings: WorkerSettings, source: TopicPartition) -> None:
        self._settings = settings
        self._source = source
        self._producer: Any = None

    @property
    def transactional_id(self) -> str:
        """`<app>-<topic>-<partition>`."""
        return f"{self._settings.app_id}-{self._source.topic}-{self._source.partition}"

    async def start(self) -> None:
        """See `PartitionWriter`."""
        self._producer = AIOKafkaProducer(
            transactional_id=self.transactional_id,
            transaction_timeout_ms=int(self._settings.transaction_timeout * 1000),
            **producer_options(self._settings),
        )
        await self._producer.start()

    async def write(
        self,
        outputs: Sequence[Output],
        changelog: str | None,
        state: Mapping[bytes, bytes | None],
        timestamp: int,
        next_offsets: Offsets,
    ) -> int | None:
        """See `PartitionWriter`."""
        producer = self._producer
        if producer is None:
            raise FencedError(f"{self.transactional_id} was stopped")
        work = self._transact(producer, outputs, changelog, state, timestamp, next_offsets)
        try:
            ends = await _while_sending(producer, work)
        except _FENCED as error:
            raise FencedError(f"{self.transactional_id}: {type(error).__name__}") from error
        except (KafkaError, errors.IllegalOperation) as error:
            # aiokafka wraps what made its sender fail.
            if isinstance(error.__cause__, _FENCED):
                raise FencedError(f"{self.transactional_id}: {type(error.__cause__).__name__}") from error
            raise
        return ends.get((changelog, self._source.partition)) if changelog is not None else None

    async def _transact(
        self,
        producer: Any,
        outputs: Sequence[Output],
        changelog: str | None,
        state: Mapping[bytes, bytes | None],
        timestamp: int,
        next_offsets: Offsets,
    ) -> dict[tuple[str, int], int]:
        await producer.begin_transaction()
        sends = _Sends(producer, self._settings.max_request_bytes)
        await sends.add(outputs)
        if changelog is not None:
            for key, value in state.items():
                sends.append(changelog, self._source.partition, key, value, timestamp)
        ends = await sends.deliver()
        await self.commit(producer, next_offsets)
        return ends

    async def commit(self, producer: Any, next_offsets: Offsets) -> None:
        """Add the offsets of all sources and commit."""
        await producer.send_offsets_to_transaction(dict(next_offsets), self._settings.app_id)
        await producer.commit_transaction()

    async def stop(self) -> None:
        """See `PartitionWriter`."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_quietly(producer)


class PlainWriter:
    """A producer without transactions; the consumer commits the offset after `write` has returned."""

    def __init__(self, settings: WorkerSettings, source: TopicPartition) -> None:
        self._settings = settings
        self._source = source
        self._producer: Any = None

    async def start(self) -> None:
        """See `PartitionWriter`."""
        self._producer = AIOKafkaProducer(**producer_options(self._settings))
        await self._producer.start()

    async def write(
        self,
        outputs: Sequence[Output],
        changelog: str | None,
        state: Mapping[bytes, bytes | None],
        timestamp: int,
        next_offsets: Offsets,  # noqa: ARG002 - the consumer commits them
    ) -> int | None:
        """See `PartitionWriter`. Outputs go before the changelog: a crash between doubles, and never loses."""
        if self._producer is None:
            raise FencedError(f"the writer of {self._source} was stopped")
        sends = _Sends(self._producer, self._settings.max_request_bytes)
        await sends.add(outputs)
        await sends.deliver()
        if changelog is None or not state:
            return None
        sends = _Sends(self._producer, self._settings.max_request_bytes)
        for key, value in state.items():
            sends.append(changelog, self._source.partition, key, value, timestamp)
        return (await sends.deliver())[changelog, self._source.partition]

    async def stop(self) -> None:
        """See `PartitionWriter`."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_quietly(producer)


async def stop_quietly(producer: Any, timeout: float = 2.0) -> None:
    """Stop a producer that may be fenced or broken: what it could still say is of no use to anyone."""
    try:
        await asyncio.wait_for(producer.stop(), timeout)
    except (KafkaError, TimeoutError, *_FENCED):
        await producer.client.close()


def make_writer(settings: WorkerSettings, source: TopicPartition) -> PartitionWriter:
    """Make the writer that the settings' guarantee asks for."""
    kind = TransactionalWriter if settings.transactional else PlainWriter
    return kind(settings, source)
