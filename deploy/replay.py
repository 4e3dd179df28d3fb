"""Bring the accepted touchpoints back onto a broker that lost its memory: from ClickHouse into `touchpath.collected`.

The archive is written in the order of (epoch, partition, offset), with the keys and timestamps of old, before the doors
open. So what an interrupted replay has written is the beginning, partition by partition, of what the next one has to
write: it counts, compares, and goes on behind it. Where that does not hold, all is written again, which is harmless:
events carry ids.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped] # no types

from deploy.settle_ends import Ends
from schemas.connection import ClickHouseConnection, KafkaConnection
from schemas.topics import COLLECTED
from sinks import positions
from sinks.client import Store
from sinks.reader import Cluster
from sinks.sql import query, statements
from streams.worker.partitioning import partition_of

Progress = Callable[[int, int], None]
"""Hears how many touchpoints are on the topic, of how many."""

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


async def replay(
    kafka: KafkaConnection,
    clickhouse: ClickHouseConnection,
    *,
    rebuild: bool = False,
    on_progress: Progress | None = None,
) -> int:
    """Write what earlier clusters accepted into this one's `touchpath.collected`; give how many touchpoints that are.

    The topics must exist, and nobody else may write to `touchpath.collected` meanwhile. Memory holds some blocks of the
    archive. Replaying twice writes nothing the second time. `rebuild` first empties the tables that workers fill: for
    rules that have changed, as what the new rules do not produce would stay otherwise.

    Raises:
        ReplayError: the topic does not exist.
        KafkaError, OSError: no broker answers.
        StoreError: ClickHouse does not answer, or has no tables.
    """
    store = Store(clickhouse)
    try:
        async with Cluster(kafka) as cluster, Ends(kafka, ()) as ends:
            epoch = positions.epoch_of(store, await cluster.id())
            partitions = (await cluster.partitions([COLLECTED.name])).get(COLLECTED.name)
            if not partitions:
                raise ReplayError(f"cluster at {kafka.bootstrap_servers} has no topic {COLLECTED.name}")
            there = await ends.now((COLLECTED.name, number) for number in partitions)
        if rebuild:
            for statement in statements(query("forget_derived", store.database)):
                store.command(statement)
        done = {partition: end for (_, partition), end in there.items()}
        try:
            return await _replay(kafka, store, epoch, done, on_progress)
        except _DivergedError:
            return await _replay(kafka, store, epoch, dict.fromkeys(done, 0), on_progress)
    finally:
        store.close()


async def _replay(
    kafka: KafkaConnection, store: Store, epoch: int, done: Mapping[int, int], on_progress: Progress | None
) -> int:
    total = int(store.rows(query("archive_size", store.database), {"epoch": epoch})[0][0])
    counts: defaultdict[int, int] = defaultdict(int)
    last_there: dict[int, _Archived] = {}
    producer = AIOKafkaProducer(**kafka.aiokafka_options("touchpath-replay"), acks="all", linger_ms=5)
    async with producer:
        async for chunk in _chunks(store, epoch):
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
                sent.append(
                    await producer.send(
                        COLLECTED.name,
                        record.value,
                        key=record.key,
                        partition=partition,
                        timestamp_ms=record.timestamp,
                    )
                )
            await asyncio.gather(*sent)
            if on_progress is not None:
                on_progress(sum(counts.values()), total)
        for partition, record in last_there.items():
            await _compare(kafka, partition, counts[partition] - 1, record)
    return sum(counts.values())


async def _chunks(store: Store, epoch: int) -> AsyncIterator[list[_Archived]]:
    blocks = store.stream(query("archive", store.database), {"epoch": epoch})
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
    async with AIOKafkaConsumer(**kafka.aiokafka_options("touchpath-replay"), auto_offset_reset="earliest") as consumer:
        consumer.assign([place])
        consumer.seek(place, offset)
        records = (await consumer.getmany(timeout_ms=10_000, max_records=1)).get(place, [])
    if not records or (records[0].offset, records[0].key, records[0].value) != (offset, expected.key, expected.value):
        raise _DivergedError
