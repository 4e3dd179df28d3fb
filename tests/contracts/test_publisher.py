"""What a publisher promises, on Tansu and on Apache Kafka alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.partitioner import murmur2

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.broker import BrokerProcess
from producers.publisher import BufferFull, NotConnected, Publisher, PublishFailed
from producers.records import Record
from producers.settings import PublisherSettings
from schemas.connection import KafkaConnection
from tests.integration.collector_rig import make_topics, read_all

QUICK = PublisherSettings(request_timeout=2, delivery_timeout=3, metadata_timeout=1)


@pytest.fixture(params=["tansu_broker", "kafka_broker"])
def broker(request: pytest.FixtureRequest) -> BrokerProcess:
    running: BrokerProcess = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def publisher(broker: BrokerProcess) -> Iterator[Publisher]:
    with Publisher(KafkaConnection(bootstrap_servers=broker.bootstrap), QUICK) as publisher:
        assert publisher.wait_connected(10)
        yield publisher


def record(topic: str, number: int, size: int = 10) -> Record:
    return Record(topic, f"customer:{number}".encode(), b"x" * size, 1_500_000_000_000 + number)


async def test_what_is_acknowledged_can_be_read_with_its_key_value_and_time(
    broker: BrokerProcess, publisher: Publisher
) -> None:
    topic = f"publisher-{uuid4().hex}"
    await make_topics(broker.bootstrap, topic)
    sent = [record(topic, number) for number in range(500)]
    publisher.publish(sent).result(10)
    read = await read_all(broker.bootstrap, topic)
    assert sorted((r.key, r.value, r.timestamp) for r in read) == sorted((r.key, r.value, r.timestamp) for r in sent)


async def test_a_record_lies_in_the_partition_that_murmur2_of_its_key_names(
    broker: BrokerProcess, publisher: Publisher
) -> None:
    topic = f"publisher-{uuid4().hex}"
    await make_topics(broker.bootstrap, topic)
    publisher.publish([record(topic, number) for number in range(50)]).result(10)
    for read in await read_all(broker.bootstrap, topic):
        assert read.key is not None
        assert read.partition == (murmur2(read.key) & 0x7FFFFFFF) % 4


async def test_a_record_lies_in_the_partition_that_it_names_and_one_without_a_value_is_a_tombstone(
    broker: BrokerProcess, publisher: Publisher
) -> None:
    topic = f"publisher-{uuid4().hex}"
    await make_topics(broker.bootstrap, topic)
    count = publisher.partitions(topic)
    assert count == 4
    plain = [Record(topic, b"markov", b"x", 1_500_000_000_000, partition) for partition in range(count)]
    gone = [one._replace(value=b"") for one in plain for _ in range(2)]
    publisher.publish([*plain, *gone]).result(10)
    read = await read_all(broker.bootstrap, topic)
    for partition in range(count):
        assert [r.value for r in read if r.partition == partition] == [b"x", None, None]
    with pytest.raises(PublishFailed, match="has no partition 4"):
        publisher.publish([Record(topic, b"markov", b"x", 0, count)]).result(10)


async def test_publishing_nothing_is_acknowledged_at_once(publisher: Publisher) -> None:
    assert publisher.publish([]).result(0) is None


@pytest.fixture
def tansu_makes_topics(request: pytest.FixtureRequest, broker: BrokerProcess) -> None:
    """Tansu makes a topic that is asked for, also where the client says not to."""
    if broker.name == "tansu":
        request.applymarker(pytest.mark.xfail(strict=True, reason="Tansu creates topics unasked"))


@pytest.mark.usefixtures("tansu_makes_topics")
async def test_a_topic_that_does_not_exist_fails_the_job_and_leaves_the_next_one_alone(
    broker: BrokerProcess, publisher: Publisher
) -> None:
    topic = f"publisher-{uuid4().hex}"
    await make_topics(broker.bootstrap, topic)
    lost = publisher.publish([record(f"missing-{topic}", 1)])
    good = publisher.publish([record(topic, 1)])
    with pytest.raises(PublishFailed):
        lost.result(10)
    good.result(10)


async def test_a_record_larger_than_kafka_takes_fails_and_the_others_of_its_job_are_written(
    broker: BrokerProcess, publisher: Publisher
) -> None:
    topic = f"publisher-{uuid4().hex}"
    await make_topics(broker.bootstrap, topic)
    with pytest.raises(PublishFailed, match="MessageSizeTooLarge"):
        publisher.publish([record(topic, 1), record(topic, 2, size=2_000_000), record(topic, 3)]).result(10)
    assert [r.key for r in await read_all(broker.bootstrap, topic)].count(b"customer:2") == 0


async def test_a_batch_that_the_topic_does_not_take_is_split_and_every_job_hears_of_all_its_own_records(
    kafka_broker: BrokerProcess,
) -> None:
    topic = f"publisher-{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
    await admin.start()
    try:
        small = {"max.message.bytes": "6000"}
        await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1, topic_configs=small)])
    finally:
        await admin.close()
    patient = PublisherSettings(linger_ms=200)
    with Publisher(KafkaConnection(bootstrap_servers=kafka_broker.bootstrap), patient) as publisher:
        assert publisher.wait_connected(10)
        publisher.publish([record(topic, 9999)]).result(10)
        jobs = [[record(topic, job * 100 + number, size=500) for number in range(40)] for job in range(5)]
        waiting = [publisher.publish(job) for job in jobs]
        lost = publisher.publish([record(topic, 1000, size=500), record(topic, 1001, size=9000)])
        for future in waiting:
            future.result(10)
        with pytest.raises(PublishFailed, match="MessageSizeTooLarge"):
            lost.result(10)
    keys = [r.key for r in await read_all(kafka_broker.bootstrap, topic)]
    sent = [record.key for job in jobs for record in job]
    assert sorted(key for key in keys if key in set(sent)) == sorted(sent)
    assert b"customer:1001" not in keys


async def test_a_job_that_the_client_does_not_take_is_told_so_and_never_that_it_is_written(
    broker: BrokerProcess, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"publisher-{uuid4().hex}"
    await make_topics(broker.bootstrap, topic)
    publisher.publish([record(topic, 0)]).result(10)  # from now on the topic is known
    accumulator = publisher._producer._accumulator
    take, taken = accumulator.append, 0

    def one_and_no_more(*arguments: Any, **more: Any) -> Any:
        nonlocal taken
        taken += 1
        if taken > 1:
            raise RuntimeError("no more")
        return take(*arguments, **more)

    monkeypatch.setattr(accumulator, "append", one_and_no_more)
    with pytest.raises(PublishFailed, match="no more"):
        publisher.publish([record(topic, number) for number in range(50)]).result(10)  # of several partitions
    with pytest.raises(PublishFailed, match="no more"):
        publisher.publish([record(topic, 51)]).result(10)
    monkeypatch.undo()
    publisher.publish([record(topic, 52)]).result(10)


async def test_each_of_many_jobs_at_once_hears_of_its_own_records_and_all_are_written_once(
    broker: BrokerProcess, publisher: Publisher
) -> None:
    topic = f"publisher-{uuid4().hex}"
    await make_topics(broker.bootstrap, topic)
    sent = [[record(topic, job * 1000 + number, size=job) for number in range(job * 7 % 50)] for job in range(60)]
    with ThreadPoolExecutor(4) as threads:
        for future in list(threads.map(publisher.publish, sent)):
            future.result(10)
    read = await read_all(broker.bootstrap, topic)
    assert sorted(r.key or b"" for r in read) == sorted(record.key for job in sent for record in job)


@pytest.mark.usefixtures("tansu_makes_topics")
async def test_ready_says_which_topic_is_missing(broker: BrokerProcess, publisher: Publisher) -> None:
    topic = f"publisher-{uuid4().hex}"
    await make_topics(broker.bootstrap, topic)
    assert publisher.ready([topic]) is None
    missing = f"missing-{topic}"
    assert missing in (publisher.ready([topic, missing]) or "")


async def test_closing_sends_what_still_waits(broker: BrokerProcess) -> None:
    topic = f"publisher-{uuid4().hex}"
    await make_topics(broker.bootstrap, topic)
    slow = PublisherSettings(linger_ms=2000)
    publisher = Publisher(KafkaConnection(bootstrap_servers=broker.bootstrap), slow)
    assert publisher.wait_connected(10)
    waiting = publisher.publish([record(topic, number) for number in range(20)])
    publisher.close()
    waiting.result(0)
    assert len(await read_all(broker.bootstrap, topic)) == 20


def test_after_closing_nothing_is_taken(broker: BrokerProcess) -> None:
    publisher = Publisher(KafkaConnection(bootstrap_servers=broker.bootstrap))
    publisher.close()
    publisher.close()
    with pytest.raises(NotConnected):
        publisher.publish([record("any", 1)])


def test_without_a_broker_nothing_is_taken_and_nobody_waits(free_port: Callable[[], int]) -> None:
    with Publisher(KafkaConnection(bootstrap_servers=f"127.0.0.1:{free_port()}"), QUICK) as publisher:
        with pytest.raises(NotConnected):
            publisher.publish([record("any", 1)])
        assert "no Kafka broker answers" in (publisher.ready(["any"]) or "")


async def test_the_buffer_is_bounded_while_the_broker_is_away_and_all_goes_well_when_it_is_back(
    kafka_broker_factory: Callable[..., ApacheKafkaBroker],
) -> None:
    broker = kafka_broker_factory()
    await make_topics(broker.bootstrap, "bounded")
    small = QUICK.model_copy(update={"buffer_bytes": 100_000})
    with Publisher(KafkaConnection(bootstrap_servers=broker.bootstrap), small) as publisher:
        assert publisher.wait_connected(10)
        publisher.publish([record("bounded", 0)]).result(10)
        broker.kill()
        assert publisher.ready(["bounded"]) is not None
        waiting = [publisher.publish([record("bounded", number, size=40_000)]) for number in (1, 2)]
        with pytest.raises(BufferFull):
            publisher.publish([record("bounded", 3, size=40_000)])
        for future in waiting:
            with pytest.raises(PublishFailed):
                future.result(10)
        broker.start()
        broker.wait_ready()
        end = time.monotonic() + 15
        while publisher.ready(["bounded"]) is not None and time.monotonic() < end:
            time.sleep(0.1)
        publisher.publish([record("bounded", 4)]).result(10)
    keys = {r.key for r in await read_all(broker.bootstrap, "bounded")}
    assert {b"customer:0", b"customer:4"} <= keys
