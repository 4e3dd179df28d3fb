"""What this project asks of a broker, asked of each: Tansu for the laptop, Apache Kafka for everything else.

A gap of Tansu that is known is an expected failure, strictly: the day it is closed, this suite says so.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import ProducerFenced, TopicAlreadyExistsError
from kafka import KafkaProducer

from streams.worker.partitioning import partition_of

PARTITIONS = 4
PATIENCE = 10.0  # seconds until what does not answer counts as not working

_NO_TRANSACTIONS = "Tansu: aiokafka cannot initialise a transactional or idempotent producer"
TANSU_GAPS = {
    "test_a_committed_transaction_is_seen_whole_with_its_offset": _NO_TRANSACTIONS,
    "test_an_aborted_transaction_is_never_seen": _NO_TRANSACTIONS,
    "test_a_second_producer_of_the_same_transactional_id_fences_the_first": _NO_TRANSACTIONS,
    "test_the_end_of_a_log_under_read_committed_stops_before_what_is_open": _NO_TRANSACTIONS,
}


@pytest.fixture(params=["tansu", "kafka"])
def bootstrap(request: pytest.FixtureRequest) -> str:
    name = request.node.originalname
    if request.param == "tansu" and name in TANSU_GAPS:
        request.applymarker(pytest.mark.xfail(strict=True, reason=TANSU_GAPS[name]))
    broker = request.getfixturevalue(f"{request.param}_broker")
    return str(broker.bootstrap)


@asynccontextmanager
async def running(client: Any) -> AsyncIterator[Any]:
    await asyncio.wait_for(client.start(), PATIENCE)
    try:
        yield client
    finally:
        await client.close() if hasattr(client, "close") else await asyncio.wait_for(client.stop(), PATIENCE)


async def new_topic(bootstrap: str, **config: str) -> str:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    async with running(AIOKafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=config)])
    return name


def partitions(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, p) for p in range(PARTITIONS)]


async def read(bootstrap: str, topic: str, isolation: str = "read_uncommitted") -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", isolation_level=isolation)
    async with running(consumer):
        places = partitions(topic)
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        records: list[Any] = []
        async with asyncio.timeout(PATIENCE):
            while [tp for tp in places if await consumer.position(tp) < ends[tp]]:
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    records.extend(batch)
        return records


async def write(bootstrap: str, topic: str, pairs: Sequence[tuple[bytes, bytes | None]], **more: Any) -> None:
    async with running(AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")) as producer:
        for key, value in pairs:
            await producer.send_and_wait(topic, key=key, value=value, **more)


async def test_the_records_of_a_key_keep_their_order(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    pairs = [(b"k%d" % (i % 7), b"%d" % i) for i in range(200)]
    async with running(AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")) as producer:
        await asyncio.gather(*[await producer.send(topic, key=k, value=v) for k, v in pairs])
    records = await read(bootstrap, topic)
    for key in {key for key, _ in pairs}:
        assert [r.value for r in records if r.key == key] == [v for k, v in pairs if k == key]


async def test_a_whole_batch_goes_to_its_partition_in_order(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    async with running(AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)) as producer:
        batch = producer.create_batch()
        for number in range(100):
            batch.append(timestamp=1_600_000_000_000 + number, key=b"k", value=b"%d" % number)
        metadata = await (await producer.send_batch(batch, topic, partition=2))
        assert (metadata.partition, metadata.offset) == (2, 0)
    records = await read(bootstrap, topic)
    assert [(r.partition, r.offset, r.value, r.timestamp) for r in records] == [
        (2, n, b"%d" % n, 1_600_000_000_000 + n) for n in range(100)
    ]


async def test_kafka_pythons_partitioner_and_ours_agree(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    keys = [f"{kind}:{i}ü".encode() for kind in ("email", "anonymous", "customer") for i in range(40)]

    def send() -> None:
        producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=False)
        for key in keys:
            producer.send(topic, key=key, value=b"")
        producer.flush()
        producer.close()

    await asyncio.to_thread(send)
    records = await read(bootstrap, topic)
    assert {r.key: r.partition for r in records} == {key: partition_of(key, PARTITIONS) for key in keys}
    assert len(records) == len(keys)


async def test_a_records_own_timestamp_is_kept(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    await write(bootstrap, topic, [(b"k", b"v")], timestamp_ms=1_488_326_400_001)
    (record,) = await read(bootstrap, topic)
    assert (record.timestamp, record.timestamp_type) == (1_488_326_400_001, 0)


async def test_end_offsets_are_one_past_the_last_record(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    await write(bootstrap, topic, [(b"k", b"v")] * 3, partition=1)
    async with running(AIOKafkaConsumer(bootstrap_servers=bootstrap)) as consumer:
        places = partitions(topic)
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        # The client gives them in the order of the answers, which is any.
        assert [begins[place] for place in places] == [0, 0, 0, 0]
        assert [ends[place] for place in places] == [0, 3, 0, 0]


async def test_a_group_remembers_what_was_committed(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    await write(bootstrap, topic, [(b"k", b"%d" % i) for i in range(5)], partition=0)
    place = TopicPartition(topic, 0)
    options = {"bootstrap_servers": bootstrap, "group_id": f"g-{topic}", "enable_auto_commit": False}
    async with running(AIOKafkaConsumer(**options)) as first:
        first.assign([place])
        assert await first.committed(place) is None
        await first.commit({place: 2})
    async with running(AIOKafkaConsumer(auto_offset_reset="earliest", **options)) as second:
        second.assign([place])
        record = await asyncio.wait_for(second.getone(), PATIENCE)
        assert record.offset == 2


async def test_the_members_of_a_group_share_the_partitions(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    options = {
        "bootstrap_servers": bootstrap,
        "group_id": f"g-{topic}",
        "rebalance_timeout_ms": 2000,
        "heartbeat_interval_ms": 500,
    }
    async with AsyncExitStack() as stack:
        members = []
        for _ in range(2):
            members.append(await stack.enter_async_context(running(AIOKafkaConsumer(topic, **options))))
        async with asyncio.timeout(2 * PATIENCE):
            while True:
                shares = [member.assignment() for member in members]
                # The first member holds all until it hears of the second.
                if all(0 < len(share) < PARTITIONS for share in shares) and set().union(*shares) == set(
                    partitions(topic)
                ):
                    break
                await asyncio.gather(*(member.getmany(timeout_ms=100) for member in members))
        assert sum(len(share) for share in shares) == PARTITIONS


async def test_a_compacted_topic_is_accepted_and_says_so(bootstrap: str) -> None:
    topic = await new_topic(bootstrap, **{"cleanup.policy": "compact"})
    async with running(AIOKafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    entries = {entry[0]: entry[1] for resource in answer.resources for entry in resource[4]}
    assert entries["cleanup.policy"] == "compact"


async def test_a_tombstone_arrives_as_no_value_and_an_empty_value_as_empty(bootstrap: str) -> None:
    topic = await new_topic(bootstrap, **{"cleanup.policy": "compact"})
    await write(bootstrap, topic, [(b"k", b"v"), (b"k", None), (b"k", b"")], partition=0)
    assert [r.value for r in await read(bootstrap, topic)] == [b"v", None, b""]


async def test_a_record_of_nearly_a_megabyte_goes_through(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    await write(bootstrap, topic, [(b"k", bytes(1_000_000))])
    (record,) = await read(bootstrap, topic)
    assert len(record.value) == 1_000_000


async def test_a_topic_that_is_there_is_not_made_again(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    async with running(AIOKafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        try:
            answer = await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
            codes = [error[1] for error in answer.topic_errors]
        except TopicAlreadyExistsError as error:
            codes = [error.errno]
    assert codes == [TopicAlreadyExistsError.errno]


def transactional(bootstrap: str, name: str) -> Any:
    return AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"t-{name}", acks="all")


async def test_a_committed_transaction_is_seen_whole_with_its_offset(bootstrap: str) -> None:
    source, first, second = [await new_topic(bootstrap) for _ in range(3)]
    group, place = f"g-{source}", TopicPartition(source, 0)
    async with running(transactional(bootstrap, source)) as producer, producer.transaction():
        await producer.send_and_wait(first, key=b"k", value=b"1")
        await producer.send_and_wait(second, key=b"k", value=b"2")
        await producer.send_offsets_to_transaction({place: 7}, group)
    assert [r.value for r in await read(bootstrap, first, "read_committed")] == [b"1"]
    assert [r.value for r in await read(bootstrap, second, "read_committed")] == [b"2"]
    async with running(AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group)) as consumer:
        assert await consumer.committed(place) == 7


async def test_an_aborted_transaction_is_never_seen(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    group, place = f"g-{topic}", TopicPartition(topic, 0)
    async with running(transactional(bootstrap, topic)) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, key=b"k", value=b"gone", partition=0)
        await producer.send_offsets_to_transaction({place: 7}, group)
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, key=b"k", value=b"kept", partition=0)
    assert [r.value for r in await read(bootstrap, topic, "read_committed")] == [b"kept"]
    assert [r.value for r in await read(bootstrap, topic)] == [b"gone", b"kept"]
    async with running(AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group)) as consumer:
        assert await consumer.committed(place) is None


async def test_a_second_producer_of_the_same_transactional_id_fences_the_first(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    async with running(transactional(bootstrap, topic)) as old:
        await old.begin_transaction()
        await old.send_and_wait(topic, key=b"k", value=b"old", partition=0)
        async with running(transactional(bootstrap, topic)) as new:
            async with new.transaction():
                await new.send_and_wait(topic, key=b"k", value=b"new", partition=0)
            with pytest.raises(ProducerFenced):
                await asyncio.wait_for(old.commit_transaction(), PATIENCE)
        assert [r.value for r in await read(bootstrap, topic, "read_committed")] == [b"new"]


async def test_the_end_of_a_log_under_read_committed_stops_before_what_is_open(bootstrap: str) -> None:
    topic = await new_topic(bootstrap)
    place = TopicPartition(topic, 0)
    await write(bootstrap, topic, [(b"k", b"before")], partition=0)
    async with running(transactional(bootstrap, topic)) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, key=b"k", value=b"open", partition=0)
        reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
        async with running(reader):
            assert (await reader.end_offsets([place]))[place] == 1
            await producer.commit_transaction()
            async with asyncio.timeout(PATIENCE):  # the marker is written after the commit was answered
                while (await reader.end_offsets([place]))[place] != 3:
                    await asyncio.sleep(0.05)
