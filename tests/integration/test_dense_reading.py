"""On Tansu a later batch may be visible before an earlier one. Readers with the guard lose nothing by it."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.tansu import TansuBroker
from schemas.connection import KafkaConnection
from sinks.positions import Place
from sinks.reader import Reader
from sinks.settings import SinkSettings

TOPIC, PARTITIONS, PRODUCERS, BATCHES, RECORDS = "touchpath.dense", 2, 6, 150, 5


async def produce(bootstrap: str, number: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for count in range(BATCHES):
            sent = []
            for partition in range(PARTITIONS):
                batch = producer.create_batch()
                for record in range(RECORDS):
                    batch.append(key=b"k", value=b"%d-%d-%d-%d" % (number, count, partition, record), timestamp=None)
                sent.append(await producer.send_batch(batch, TOPIC, partition=partition))
            await asyncio.gather(*sent)


async def from_the_start() -> Mapping[Place, int]:
    return {}


async def test_a_reader_beside_many_producers_sees_each_record_once(tansu_broker: TansuBroker) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=tansu_broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
    await admin.close()
    reader = Reader(KafkaConnection(bootstrap_servers=tansu_broker.bootstrap), SinkSettings(), from_the_start)
    reader.dense = True
    await reader.start([TOPIC])
    await reader.assign((TOPIC, number) for number in range(PARTITIONS))
    producing = asyncio.gather(*(produce(tansu_broker.bootstrap, number) for number in range(PRODUCERS)))
    expected = PARTITIONS * PRODUCERS * BATCHES * RECORDS
    seen: list[bytes | None] = []
    offsets: dict[Place, list[int]] = {}
    try:
        async with asyncio.timeout(120):
            while len(seen) < expected:
                for place, records in await reader.take(0.2, 1_000):
                    seen += [record.value for record in records]
                    offsets.setdefault(place, []).extend(record.offset for record in records)
        await producing
    finally:
        await reader.stop()
    assert len(set(seen)) == len(seen) == expected
    for found in offsets.values():
        assert found == list(range(len(found)))
