"""Somebody's own topic, imported: every event once, under ids of its own, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.local.broker import BrokerProcess
from deploy.topic_import import TopicImportError, TopicSummary, import_topic
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Sender
from producers.file_import import Pace
from producers.publisher import Publisher, PublishFailed
from schemas.catalogue import load
from schemas.connection import KafkaConnection
from schemas.topics import COLLECTED, QUARANTINE
from tests.integration.collector_rig import make_topics, read_source

CATALOGUE = load()
OPEN = {"RecordType": "Open", "Recipient": "ada@example.org", "ReceivedAt": "2026-03-01T10:00:00Z"}
PACE = Pace(chunk_pieces=20, give_up_after=0.5)


@pytest.fixture
def kafka(broker: BrokerProcess) -> KafkaConnection:
    return KafkaConnection(bootstrap_servers=broker.bootstrap)


@pytest.fixture
def publisher(kafka: KafkaConnection) -> Iterator[Publisher]:
    with Publisher(kafka) as publisher:
        assert publisher.wait_connected(10)
        yield publisher


@pytest.fixture
async def topic(broker: BrokerProcess) -> str:
    name = f"theirs-{uuid4().hex[:8]}"
    await make_topics(broker.bootstrap, name, partitions=3)
    return name


async def write(broker: BrokerProcess, topic: str, *values: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        for index, value in enumerate(values):
            await producer.send_and_wait(topic, value, partition=index % 3)


def events(count: int) -> list[bytes]:
    """Events that are all the same, and have no id of their own."""
    return [json.dumps(OPEN).encode()] * count


async def run(
    kafka: KafkaConnection, topic: str, publisher: Publisher, state: Path | None, **more: Any
) -> TopicSummary:
    sender = Sender(topic, "import")
    return await import_topic(
        kafka, topic, ADAPTERS["postmark"], sender, CATALOGUE, publisher, state_dir=state, pace=PACE, **more
    )


def counts(summary: TopicSummary) -> tuple[int, int, int, int, int]:
    return summary.records, summary.received, summary.accepted, summary.duplicate, summary.quarantined


async def test_every_record_is_an_event_by_its_place_and_an_import_goes_on_where_it_stopped(
    broker: BrokerProcess, kafka: KafkaConnection, publisher: Publisher, topic: str, tmp_path: Path
) -> None:
    await write(broker, topic, *events(100), b"no JSON", b'[{"RecordType": "Nonsense"}]')
    told: list[tuple[int, int]] = []
    first = await run(kafka, topic, publisher, tmp_path, progress=lambda s, done: told.append((done, s.total)))
    assert counts(first) == (102, 102, 100, 0, 2)
    assert told[-1] == (102, 102)
    assert told == sorted(told)
    collected = await read_source(broker.bootstrap, COLLECTED.name, topic)
    assert len({value["event_id"] for value in collected}) == len(collected) == 100
    bad = {
        value["door"].partition("?")[2]: value for value in await read_source(broker.bootstrap, QUARANTINE.name, topic)
    }
    assert bad.keys() == {"adapter=postmark"}

    again = await run(kafka, topic, publisher, tmp_path)
    assert counts(again) == (0, 0, 0, 0, 0)
    assert again.before == 102
    await write(broker, topic, *events(3))
    assert counts(await run(kafka, topic, publisher, tmp_path)) == (3, 3, 3, 0, 0)
    assert counts(await run(kafka, topic, publisher, tmp_path, start=0)) == (105, 105, 103, 0, 2)
    collected = await read_source(broker.bootstrap, COLLECTED.name, topic)
    assert len({value["event_id"] for value in collected}) == 103


class Failing:
    """A publisher whose Kafka goes away after so many chunks."""

    def __init__(self, publisher: Publisher, chunks: int) -> None:
        self._publisher, self._left = publisher, chunks

    def publish(self, records: Any) -> Future[None]:
        if self._left == 0:
            raise PublishFailed("gone")
        self._left -= 1
        return self._publisher.publish(records)


async def test_an_import_that_broke_off_loses_nothing_and_doubles_nothing(
    broker: BrokerProcess, kafka: KafkaConnection, publisher: Publisher, topic: str, tmp_path: Path
) -> None:
    await write(broker, topic, *events(300))
    for chunks in (4, 6):
        with pytest.raises(TopicImportError, match="import again to go on from here"):
            await run(kafka, topic, Failing(publisher, chunks), tmp_path)  # type: ignore[arg-type] # as much of one as is asked
    last = await run(kafka, topic, publisher, tmp_path)
    assert 0 < last.before < 300
    assert last.records == 300 - last.before
    collected = await read_source(broker.bootstrap, COLLECTED.name, topic)
    assert len({value["event_id"] for value in collected}) == 300


async def test_a_topic_that_is_not_there_is_said(kafka: KafkaConnection, publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(TopicImportError, match="has no topic nowhere"):
        await run(kafka, "nowhere", publisher, tmp_path)


async def test_from_the_command_line(
    tansu_broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"theirs-{uuid4().hex[:8]}"
    await make_topics(tansu_broker.bootstrap)
    await make_topics(tansu_broker.bootstrap, name, partitions=3)
    await write(tansu_broker, name, *events(5))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS", tansu_broker.bootstrap)
    words = ["import", "topic", name, "--adapter", "postmark", "--source", name, "--json"]
    for records in (5, 0):
        done = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert done.exit_code == 0, done.exception
        [row] = json.loads(done.stdout)
        assert (row["records"], row["accepted"]) == (records, records)
