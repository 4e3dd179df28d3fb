"""Fixtures that several files here share: a broker of either kind with our topics, and a publisher to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.broker import BrokerProcess
from producers.publisher import Publisher
from schemas.connection import KafkaConnection
from tests.integration.collector_rig import make_topics


@pytest.fixture(params=["tansu_broker", "kafka_broker"])
async def broker(request: pytest.FixtureRequest) -> BrokerProcess:
    """A running broker, Tansu and then Apache Kafka, that has our topics."""
    running: BrokerProcess = request.getfixturevalue(request.param)
    await make_topics(running.bootstrap)
    return running


@pytest.fixture
def publisher(broker: BrokerProcess) -> Iterator[Publisher]:
    """A publisher that the broker has answered."""
    with Publisher(KafkaConnection(bootstrap_servers=broker.bootstrap)) as publisher:
        assert publisher.wait_connected(10)
        yield publisher
