"""Bring what was accepted back onto a broker that lost its memory, from ClickHouse: people's decisions and touchpoints.

Both are written in the order of (epoch, partition, offset), with the keys and timestamps of old, before the doors
open: first the decisions into `touchpath.identity`, then the touchpoints into `touchpath.collected`. For the result
their order does not matter; this way nothing is joined first that a person has parted.

What an interrupted replay has written of the touchpoints is the beginning, partition by partition, of what the next one
has to write: it counts, compares, and goes on behind it. Where that does not hold, all is written again, which is
harmless: events carry ids. Decisions are few, and on their topic identifiers speak as well: what is there is read, and
those that are missing are written.

The workers come to the same end as before, but not by the same steps: which of two identifiers hears of the other first
is chance. So revisions and the history of the ledger differ from one life of the broker to the next, and both must not
stand side by side: onto an empty topic a replay begins with empty tables.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import NamedTuple
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped] # no types
from msgspec import MsgspecError
from msgspec.json import Decoder

from deploy.settle_ends import Ends
from schemas.connection import ClickHouseConnection, KafkaConnection
from schemas.topics import COLLECTED, IDENTITY
from sinks import positions
from sinks.client import Store
from sinks.positions import Place
from sinks.reader import Cluster
from sinks.records import Commanded
from sinks.sql import query, statements
from streams.worker.partitioning import partition_of

Progress = Callable[[int, int], None]
"""Hears how many decisions and touchpoints are on their topics, of how many."""

_CommandKey = tuple[bytes | None, UUID]
_COMMANDED = Decoder(Commanded)

#: So many records are sent before their acknowledgements are waited for.
CHUNK = 5_000


class ReplayError(Exception):
    """The archive cannot be replayed onto this cluster; the message says why."""


class _DivergedError(Exception):
    """What is on the topic is not the beginning of the archive."""


class _Archived(NamedTuple):
    key: bytes
    value: bytes
    timestamp: int


class Replayed(NamedTuple):
    """How many of each there are, whether they were written now or before."""

    touchpoints: int
    commands: int

    def __bool__(self) -> bool:
        """Whether there was anything to replay."""
        return any(self)


async def replay(
    kafka: KafkaConnection,
    clickhouse: ClickHouseConnection,
    *,
    rebuild: bool = False,
    on_progress: Progress | None = None,
) -> Replayed:
    """Write what earlier clusters accepted into this one's topics; give how much that is.

    The topics must exist, and nobody else may write touchpoints or decisions meanwhile. Memory holds some blocks of the
    archive. Replaying twice writes nothing the second time. `rebuild` empties the tables that workers fill also where
    the topics are not empty: for rules that have changed, as what the new rules do not produce would stay otherwise.

    Raises:
        ReplayError: a topic does not exist.
        KafkaError, OSError: no broker answers.
        StoreError: ClickHouse does not answer, or has no tables.
    """
    store = Store(clickhouse)
    try:
        async with Cluster(kafka) as cluster, Ends(kafka, ()) as ends:
            epoch = positions.epoch_of(store, await cluster.id())
            found = await cluster.partitions([COLLECTED.name, IDENTITY.name])
            for topic in (COLLECTED.name, IDENTITY.name):
                if not found.get(topic):
                    raise ReplayError(f"cluster at {kafka.bootstrap_servers} has no topic {topic}")
            there = await ends.now((topic, number) for topic, numbers in found.items() for number in numbers)
        done = {partition: end for (topic, partition), end in there.items() if topic == COLLECTED.name}
        total = Replayed(_size(store, "archive_size", epoch), _size(store, "commands_size", epoch))
        if rebuild or (total and not any(there.values())):
            for statement in statements(query("forget_derived", store.database)):
                store.command(statement)
        commands = await _replay_commands(kafka, store, epoch, there)

        def tell(touchpoints: int) -> None:
            if on_progress is not None:
                on_progress(commands + touchpoints, sum(total))

        tell(0)
        try:
            return Replayed(await _replay(kafka, store, epoch, done, tell), commands)
        except _DivergedError:
            return Replayed(await _replay(kafka, store, epoch, dict.fromkeys(done, 0), tell), commands)
    finally:
        store.close()


def _size(store: Store, name: str, epoch: int) -> int:
    return int(store.rows(query(name, store.database), {"epoch": epoch})[0][0])


async def _replay_commands(kafka: KafkaConnection, store: Store, epoch: int, ends: Mapping[Place, int]) -> int:
    own = {partition: end for (topic, partition), end in ends.items() if topic == IDENTITY.name}
    known = await _commands_there(kafka, own)
    count = 0
    async with _producer(kafka) as producer:
        async for chunk in _chunks(store, "commands", epoch):
            count += len(chunk)
            missing = [record for record in chunk if _command_of(record.key, record.value) not in known]
            sent = [await _send(producer, IDENTITY.name, record, len(own)) for record in missing]
            await asyncio.gather(*sent)
    return count


async def _commands_there(kafka: KafkaConnection, ends: Mapping[int, int]) -> set[_CommandKey]:
    found: set[_CommandKey] = set()
    places = {TopicPartition(IDENTITY.name, partition): end for partition, end in ends.items() if end}
    if not places:
        return found
    async with _consumer(kafka) as consumer:
        consumer.assign(list(places))
        await consumer.seek_to_beginning(*places)
        while places:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found.update(key for record in records if (key := _command_of(record.key, record.value)) is not None)
            for tp in [*places]:
                if await consumer.position(tp) >= places[tp]:
                    del places[tp]
                    consumer.pause(tp)
    return found


def _command_of(key: bytes | None, value: bytes | None) -> _CommandKey | None:
    """Give what tells a decision from all others; None: it is none."""
    if value is None or b'"command"' not in value:
        return None
    try:
        return key, _COMMANDED.decode(value).message.command_id
    except MsgspecError:
        return None


async def _replay(
    kafka: KafkaConnection, store: Store, epoch: int, done: Mapping[int, int], tell: Callable[[int], None]
) -> int:
    counts: defaultdict[int, int] = defaultdict(int)
    last_there: dict[int, _Archived] = {}
    async with _producer(kafka) as producer:
        async for chunk in _chunks(store, "archive", epoch):
            sent = []
            for record in chunk:
                partition = partition_of(record.key, len(done))
                at = counts[partition]
                counts[partition] += 1
                if at < done[partition]:
                    last_there[partition] = record
                    continue
                if at == done[partition]:
                    await _compare(kafka, partition, at - 1, last_there.pop(partition, None))
                # One partition's records stay in order: aiokafka has one batch of a partition on its way at a time.
                sent.append(await _send(producer, COLLECTED.name, record, len(done)))
            await asyncio.gather(*sent)
            tell(sum(counts.values()))
        for partition, record in last_there.items():
            await _compare(kafka, partition, counts[partition] - 1, record)
    return sum(counts.values())


def _producer(kafka: KafkaConnection) -> AIOKafkaProducer:
    return AIOKafkaProducer(**kafka.aiokafka_options("touchpath-replay"), acks="all", linger_ms=5)


def _consumer(kafka: KafkaConnection) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(**kafka.aiokafka_options("touchpath-replay"), auto_offset_reset="earliest")


async def _send(producer: AIOKafkaProducer, topic: str, record: _Archived, partitions: int) -> Awaitable[object]:
    """Hand a record over; what is given is done when the broker has it."""
    partition = partition_of(record.key, partitions)
    sent: Awaitable[object] = await producer.send(
        topic, record.value, key=record.key, partition=partition, timestamp_ms=record.timestamp
    )
    return sent


async def _chunks(store: Store, archive: str, epoch: int) -> AsyncIterator[list[_Archived]]:
    blocks = store.stream(query(archive, store.database), {"epoch": epoch})
    try:
        while (block := await asyncio.to_thread(next, blocks, None)) is not None:
            rows = iter(block)
            while chunk := [_archived(*row) for row in itertools.islice(rows, CHUNK)]:
                yield chunk
    finally:
        await asyncio.to_thread(blocks.close)


def _archived(key: str | bytes, value: str | bytes, timestamp: int) -> _Archived:
    # Bytes that are no UTF-8 come as they are, all else as text.
    return _Archived(_bytes(key), _bytes(value), timestamp)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


async def _compare(kafka: KafkaConnection, partition: int, offset: int, expected: _Archived | None) -> None:
    """See that the record at `offset` is the one that a replay would have written there."""
    if expected is None:
        return
    place = TopicPartition(COLLECTED.name, partition)
    async with _consumer(kafka) as consumer:
        consumer.assign([place])
        consumer.seek(place, offset)
        records = (await consumer.getmany(timeout_ms=10_000, max_records=1)).get(place, [])
    if not records or (records[0].offset, records[0].key, records[0].value) != (offset, expected.key, expected.value):
        raise _DivergedError
