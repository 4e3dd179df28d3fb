"""Helpers of the sink's tests: touchpoints, a worker stand-in made of the real stages, and topics on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.settle_ends import Ends
from schemas import topics
from schemas.bodies import EmailBody, LineItem, StoreBody, WebBody
from schemas.connection import KafkaConnection
from schemas.identifier import Identifier
from schemas.money import Money
from schemas.touchpoint import Campaign, Touchpoint
from sinks.reader import Cluster
from sinks.rows import TOPICS
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.properties.catalogues import catalogue_with

#: The time of ingest must be now: Kafka's retention looks at it and deletes at once what is older.
INGEST = datetime.now(UTC)
NOW = INGEST - timedelta(days=1)
#: Three models: a life below has one line of the ledger in `first` and in `last`, and two in `linear`.
CATALOGUE = catalogue_with(attribution={"models": ["first", "last", "linear"]})


@dataclass(frozen=True)
class ARecord:
    """A Kafka record in memory."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 1_772_366_400_000
    topic: str = topics.COLLECTED.name


def a_visit(customer: str, minute: int = 0, campaign: str | None = "spring") -> Touchpoint:
    return Touchpoint(
        event_id=uuid4(),
        source="web",
        touchpoint="page_view",
        channel="web",
        occurred_at=NOW + timedelta(minutes=minute),
        received_at=INGEST,
        identifiers=(Identifier(kind="customer", value=customer),),
        campaign=Campaign(name=campaign) if campaign else None,
        body=WebBody(url="https://shop.example/"),
        properties={"a": [1, None, {"b": "ü"}]},
    )


def a_click(customer: str, minute: int) -> Touchpoint:
    return Touchpoint(
        event_id=uuid4(),
        source="mail",
        touchpoint="email_clicked",
        channel="email",
        occurred_at=NOW + timedelta(minutes=minute),
        received_at=INGEST,
        identifiers=(Identifier(kind="customer", value=customer),),
        body=EmailBody(),
    )


def a_purchase(customer: str, minute: int = 100, amount: str = "12.99") -> Touchpoint:
    return Touchpoint(
        event_id=uuid4(),
        source="store",
        touchpoint="store_purchase",
        channel="store",
        occurred_at=NOW + timedelta(minutes=minute),
        received_at=INGEST,
        identifiers=(Identifier(kind="customer", value=customer), Identifier(kind="loyalty", value=f"L{customer}")),
        order_id=f"receipt-{customer}-{minute}",
        amount=Money(amount=Decimal(amount), currency="EUR"),
        body=StoreBody(store="1", items=(LineItem(product="p", category="c", value=Decimal(amount)),)),
    )


def journeys_of(customers: int, start: int = 0) -> list[Touchpoint]:
    """Three touchpoints and a purchase of each customer."""
    return [
        touchpoint
        for number in range(start, start + customers)
        for touchpoint in (
            a_visit(f"c{number}"),
            a_visit(f"c{number}", 60, "summer"),
            a_visit(f"c{number}", 65, "summer"),
            a_purchase(f"c{number}"),
        )
    ]


def collected(touchpoints: Iterable[Touchpoint]) -> list[Output]:
    return [
        Output(
            topics.COLLECTED.name, t.key.encode(), t.model_dump_json().encode(), int(t.received_at.timestamp() * 1000)
        )
        for t in touchpoints
    ]


def worked(records: Sequence[Output]) -> list[Output]:
    """All that the real stages make of collected records, in one partition, until nothing is under way."""
    loop = Loopback([ResolveStage(CATALOGUE), FoldStage(CATALOGUE)])
    for record in records:
        loop.put(record)
    loop.run()
    made = [
        Output(topic, r.key or b"", r.value or b"", r.timestamp) for (topic, _), log in loop.topics.items() for r in log
    ]
    return [output for output in made if output.topic != topics.COLLECTED.name]


async def make_topics(bootstrap: str, partitions: int = 2) -> None:
    """Make those of our topics that are missing."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        new = [NewTopic(name, partitions, 1) for name in TOPICS if name not in there]
        if new:
            await admin.create_topics(new)
        while not set(TOPICS) <= set(await admin.list_topics()):
            await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def produce(bootstrap: str, records: Sequence[Output], transactional_id: str | None = None) -> None:
    """Write the records, in one transaction where an id is given."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", transactional_id=transactional_id)
    async with producer:
        if transactional_id:
            async with producer.transaction():
                await _send(producer, records)
        else:
            await _send(producer, records)


async def _send(producer: AIOKafkaProducer, records: Sequence[Output]) -> None:
    sent = [await producer.send(r.topic, r.value, key=r.key, timestamp_ms=r.timestamp) for r in records]
    if sent:
        await asyncio.gather(*sent)


async def ends(bootstrap: str) -> dict[tuple[str, int], int]:
    """The end of every place, as a fetch tells it."""
    kafka = KafkaConnection(bootstrap_servers=bootstrap)
    async with Cluster(kafka) as cluster, Ends(kafka, ()) as found:
        partitions = await cluster.partitions(TOPICS)
        return await found.now((topic, number) for topic, numbers in partitions.items() for number in numbers)
