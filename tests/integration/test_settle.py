"""Settle on real brokers: it returns when all that was accepted is queryable, and else says who is behind where."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.broker import BrokerProcess
from deploy.local.tansu import TansuBroker
from deploy.settle import Behind, SettleReport, SettleTimeout, settle
from schemas import topics
from schemas.catalogue import load
from schemas.connection import KafkaConnection
from schemas.identifier import Identifier
from sinks.client import Store
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.integration.sink_parts import a_visit, collected, ends, journeys_of, make_topics, produce
from tests.integration.sink_rig import SinkProcess, count

GROUP = "the-worker"


class SmallWorker:
    """Resolves in transactions and reads what it wrote, as the real one does: the offset goes with the output.

    `seconds` is how long it takes for one fetch of what it said to itself.
    """

    def __init__(self, bootstrap: str, *, transactions: bool, seconds: float = 0) -> None:
        reads: dict[str, Any] = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=GROUP, enable_auto_commit=False, **reads
        )
        self._transactions = transactions
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, transactional_id="small-worker" if transactions else None
        )
        self._seconds = seconds
        self._stage = ResolveStage(load())
        self._states: list[dict[bytes, bytes | None]] = [{}, {}]

    async def run(self) -> None:
        await self._consumer.start()
        await self._producer.start()
        names = (topics.COLLECTED.name, topics.IDENTITY.name, topics.RESOLVED.name)
        self._consumer.assign([TopicPartition(name, number) for name in names for number in (0, 1)])
        try:
            while True:
                for tp, records in (await self._consumer.getmany(timeout_ms=100, max_records=50)).items():
                    if tp.topic == topics.IDENTITY.name:
                        await asyncio.sleep(self._seconds)
                    await self._write(self._outputs(tp, records), {tp: records[-1].offset + 1})
        finally:
            await self._consumer.stop()
            await self._producer.stop()

    def _outputs(self, tp: TopicPartition, records: list[Any]) -> list[Output]:
        if tp.topic == topics.RESOLVED.name:
            return []
        state = self._states[tp.partition]
        result = self._stage.process(tp.partition, records, state.get)
        state.update(result.state)
        return result.outputs

    async def _write(self, outputs: list[Output], offsets: Mapping[TopicPartition, int]) -> None:
        if not self._transactions:
            sent = [await self._producer.send(output.topic, output.value, key=output.key) for output in outputs]
            await asyncio.gather(*sent)
            await self._consumer.commit(dict(offsets))
            return
        async with self._producer.transaction():
            for output in outputs:
                await self._producer.send(output.topic, output.value, key=output.key)
            await self._producer.send_offsets_to_transaction(dict(offsets), GROUP)


@asynccontextmanager
async def working(worker: SmallWorker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    yield
    task.cancel()
    await asyncio.wait([task])


async def settled(broker: BrokerProcess, store: Store, timeout: float = 60, **more: Any) -> SettleReport:
    kafka = KafkaConnection(bootstrap_servers=broker.bootstrap)
    return await settle(kafka, store.connection, worker_groups=[GROUP], timeout=timeout, **more)


async def idle_and_busy(broker: BrokerProcess, store: Store, home: Path, *, transactions: bool) -> None:
    await make_topics(broker.bootstrap)
    with SinkProcess(home, broker.bootstrap, store.connection):
        empty = await settled(broker, store)
        assert (empty.accepted, empty.queryable, empty.quarantined) == (0, 0, 0)
        bad = Output(topics.COLLECTED.name, b"k", b'{"event_id": "no uuid"}', 0)
        await produce(broker.bootstrap, [*collected(journeys_of(25)), bad])
        heard: list[tuple[Behind, ...]] = []
        async with working(SmallWorker(broker.bootstrap, transactions=transactions)):
            report = await settled(broker, store, on_progress=lambda behind: heard.append(tuple(behind)))
            # The worker and the sink both say it of the record that nobody can read, and mean one row.
            assert (report.accepted, report.queryable, report.quarantined) == (100, 100, 1)
            assert any(heard)
            assert heard[-1] == ()

            async def go_on() -> None:
                for number in range(100, 10_000):
                    await produce(broker.bootstrap, collected(journeys_of(1, start=number)))
                    await asyncio.sleep(0.1)

            before = collected(journeys_of(5, start=50))
            await produce(broker.bootstrap, before)
            more = asyncio.create_task(go_on())
            report = await settled(broker, store)
            more.cancel()
            await asyncio.wait([more])
            assert report.queryable >= 120
            ids = ", ".join(f"'{record.value[13:49].decode()}'" for record in before if record.value)
            assert count(store, "touchpoints", f"event_id IN ({ids})") == len(before)


async def test_on_apache_kafka_an_idle_and_a_busy_pipeline_settle(
    kafka: ApacheKafkaBroker, store: Store, tmp_path: Path
) -> None:
    await idle_and_busy(kafka, store, tmp_path, transactions=True)


async def test_on_tansu_an_idle_and_a_busy_pipeline_settle(tansu: TansuBroker, store: Store, tmp_path: Path) -> None:
    await idle_and_busy(tansu, store, tmp_path, transactions=False)


async def test_without_a_worker_the_timeout_says_who_is_behind_where_and_by_how_much(
    tansu: TansuBroker, store: Store
) -> None:
    await make_topics(tansu.bootstrap, partitions=1)
    await produce(tansu.bootstrap, collected(journeys_of(2)))
    with pytest.raises(SettleTimeout, match=r"the worker is 8 offsets behind in touchpath\.collected\[0\]") as caught:
        await settled(tansu, store, timeout=0.3)
    assert caught.value.behind == (Behind("the worker", topics.COLLECTED.name, 0, 8),)


async def test_without_a_sink_the_timeout_names_the_sink(tansu: TansuBroker, store: Store) -> None:
    await make_topics(tansu.bootstrap)
    await produce(tansu.bootstrap, collected(journeys_of(1)))
    async with working(SmallWorker(tansu.bootstrap, transactions=False)):
        with pytest.raises(SettleTimeout, match=r"the sink is \d offsets behind in touchpath\.collected"):
            await settled(tansu, store, timeout=5)


async def test_what_identifiers_have_to_say_to_each_other_is_waited_for(
    kafka: ApacheKafkaBroker, store: Store, tmp_path: Path
) -> None:
    await make_topics(kafka.bootstrap)
    names = ["customer:ada", "anonymous:a1", "device:d1", "email:ada@example.org", "phone:+4930123456", "loyalty:l1"]
    chain = [Identifier(kind=kind, value=value) for kind, _, value in (name.partition(":") for name in names)]
    links = [a_visit("ada").model_copy(update={"identifiers": pair}) for pair in reversed(list(pairwise(chain)))]
    async with working(SmallWorker(kafka.bootstrap, transactions=True, seconds=0.5)):
        with SinkProcess(tmp_path, kafka.bootstrap, store.connection):
            await produce(kafka.bootstrap, collected(links))
            await settled(kafka, store)
            at_rest = await ends(kafka.bootstrap)
            await asyncio.sleep(2)
            assert await ends(kafka.bootstrap) == at_rest
    # A label went from one end of the chain to the other, link by link.
    assert sum(end for (topic, _), end in at_rest.items() if topic == topics.IDENTITY.name) > 2 * len(links)
    assert sum(end for (topic, _), end in at_rest.items() if topic == topics.PROFILES.name) > 0
