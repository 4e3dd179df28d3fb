"""The brokers of the laptop stack come up, answer a client, and keep what they promise to keep."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.broker import BrokerProcess, cluster_at
from deploy.local.errors import LocalStackError
from deploy.local.process import ChildProcess
from deploy.local.tansu import TansuBroker

TOPIC = "a-topic-of-these-tests"


async def make_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def write(bootstrap: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(TOPIC, value, partition=0)


async def read_one(bootstrap: str) -> bytes | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer:
        consumer.assign([TopicPartition(TOPIC, 0)])
        await consumer.seek_to_beginning()
        value: bytes | None = (await consumer.getone()).value
        return value


@pytest.fixture(params=["tansu_broker", "kafka_broker"])
def broker(request: pytest.FixtureRequest) -> BrokerProcess:
    running: BrokerProcess = request.getfixturevalue(request.param)
    return running


async def test_a_record_written_to_the_broker_can_be_read_back(broker: BrokerProcess) -> None:
    await make_topic(broker.bootstrap)
    await write(broker.bootstrap, b"first")
    assert await read_one(broker.bootstrap) == b"first"


def test_the_broker_answers_with_the_cluster_id_it_was_given(broker: BrokerProcess) -> None:
    assert cluster_at(broker.bootstrap) == broker.cluster_id


def test_tansu_gets_a_new_cluster_id_at_each_start(tmp_path: Path, free_port: Callable[[], int]) -> None:
    broker = TansuBroker(free_port(), tmp_path / "tansu.log")
    ids = []
    for _ in range(2):
        broker.start()
        broker.wait_ready()
        ids.append(cluster_at(broker.bootstrap))
        broker.stop()
    assert None not in ids
    assert ids[0] != ids[1]


async def test_apache_kafka_keeps_an_acknowledged_record_over_a_kill(
    kafka_broker_factory: Callable[..., ApacheKafkaBroker],
) -> None:
    broker = kafka_broker_factory()
    cluster_id = broker.cluster_id
    await make_topic(broker.bootstrap)
    await write(broker.bootstrap, b"kept")
    broker.kill()
    assert cluster_at(broker.bootstrap) is None
    broker.start()
    broker.wait_ready()
    assert await read_one(broker.bootstrap) == b"kept"
    assert broker.cluster_id == cluster_id


def test_a_broker_on_a_taken_port_says_which_port(tansu_broker: TansuBroker, tmp_path: Path) -> None:
    second = TansuBroker(tansu_broker.port, tmp_path / "tansu.log")
    with pytest.raises(LocalStackError, match=f"port {tansu_broker.port} on 127.0.0.1 is taken"):
        second.start()


def test_another_cluster_on_the_port_does_not_pass_for_ready(tansu_broker: TansuBroker, tmp_path: Path) -> None:
    second = TansuBroker(tansu_broker.port, tmp_path / "tansu.log")
    second.prepare()
    assert not second.is_ready()


def test_a_process_that_ends_before_it_is_ready_shows_the_end_of_its_log(tmp_path: Path) -> None:
    child = ChildProcess("short-lived", tmp_path / "log")
    child.start([sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"])
    with pytest.raises(LocalStackError, match=r"short-lived ended with code 3\nno such thing"):
        child.wait_ready(lambda: False, timeout=20)


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child = ChildProcess("stubborn", tmp_path / "log")
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); "
    child.start([sys.executable, "-c", ignore + "time.sleep(60)"])
    child.wait_ready(lambda: "up" in child.log_tail(), timeout=20)
    assert child.stop(timeout=0.2) == -9
    assert not child.running


@pytest.mark.usefixtures("_kafka_is_possible")
def test_several_processes_may_fetch_the_jars_at_once(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from deploy.local.kafka_jars import kafka_jars; "
    code += "print(len(list(kafka_jars(Path(sys.argv[1])).glob('*.jar'))))"
    racing = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) for _ in range(2)]
    counted = [int(process.communicate(timeout=200)[0]) for process in racing]
    assert counted[0] == counted[1] > 20
    assert [path.name for path in tmp_path.iterdir()] == ["kafka-4.1.0"]
