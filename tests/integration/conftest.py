"""Fixtures that several files here share: a broker of either kind with our topics, and a publisher to it.

What keeps positions by topics of fixed names needs a broker of its own: `tansu`, `kafka`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.broker import BrokerProcess
from deploy.local.tansu import TansuBroker
from producers.publisher import Publisher
from schemas.connection import KafkaConnection
from sinks.client import Store
from tests.integration.collector_rig import make_topics
from tests.integration.stack_rig import Stack


@pytest.fixture(params=["tansu_broker", "kafka_broker"])
async def broker(request: pytest.FixtureRequest) -> BrokerProcess:
    """A running broker, Tansu and then Apache Kafka, that has our topics."""
    running: BrokerProcess = request.getfixturevalue(request.param)
    await make_topics(running.bootstrap)
    return running


@pytest.fixture
def tansu(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[TansuBroker]:
    """A Tansu of one test."""
    broker = TansuBroker(free_port(), tmp_path / "tansu.log")
    broker.start()
    broker.wait_ready()
    yield broker
    broker.stop()


@pytest.fixture
def kafka(kafka_broker_factory: Callable[..., ApacheKafkaBroker]) -> ApacheKafkaBroker:
    """An Apache Kafka of one test."""
    return kafka_broker_factory()


@pytest.fixture
def publisher(broker: BrokerProcess) -> Iterator[Publisher]:
    """A publisher that the broker has answered."""
    with Publisher(KafkaConnection(bootstrap_servers=broker.bootstrap)) as publisher:
        assert publisher.wait_connected(10)
        yield publisher


@pytest.fixture
def stack(
    kafka_broker_factory: Callable[..., ApacheKafkaBroker],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stack]:
    """All parts, working by the default catalogue; commands find them."""
    stack = Stack(tmp_path, kafka_broker_factory(), store)
    monkeypatch.setenv("TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS", stack.broker.bootstrap)
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__PORT", str(store.connection.port))
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__DATABASE", store.database)
    monkeypatch.setenv("TOUCHPATH_PARTITIONS", "2")
    try:
        stack.touchpath("migrate")
        stack.touchpath("topics")
        stack.start(stack.worker)
        stack.start(stack.sink)
        yield stack
    finally:
        for part in (stack.worker, stack.sink):
            part.stop(20)
