"""Each event as it arrives: `touchpath.collected` and `touchpath.quarantine` from their ends on.

A duplicate that a collector knows never reaches Kafka: the collector counts it. So its counters are watched beside the
topics, and what they grow by is told by source. What reaches Kafka twice, because another collector took it or an
import was repeated, is told as a duplicate by its id, as far as this tail has seen the first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import httpx
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from deploy.settle_ends import Ends
from producers.recent import RecentIds
from schemas.connection import KafkaConnection
from schemas.dense_offsets import has_dense_offsets
from schemas.identifier import strongest
from schemas.quarantine import QuarantineRecord, reason_of
from schemas.topics import COLLECTED, QUARANTINE
from schemas.touchpoint import Touchpoint
from sinks.positions import Place
from sinks.reader import Cluster, Reader
from sinks.settings import SinkSettings

LOOK_SECONDS = 0.25
DUPLICATES = "touchpath_collector_events_duplicate"
_REMEMBERED = 100_000
_MOST = 500


class TailError(Exception):
    """There is nothing to follow; the message says why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One event, or `count` duplicates that a collector knew. `reason` says why it was not taken."""

    outcome: Literal["accepted", "duplicate", "quarantined"]
    at: datetime
    source: str
    id: str | None = None
    touchpoint: str | None = None
    channel: str | None = None
    identifier: str | None = None
    amount: str | None = None
    door: str | None = None
    reason: str | None = None
    count: int = 1

    def as_json(self) -> dict[str, Any]:
        """Give what is known of it."""
        return {name: value for name, value in asdict(self).items() if value is not None} | {"at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are told."""

    source: str | None = None
    quarantined: bool = False

    def takes(self, seen: Seen) -> bool:
        """Say whether it is one of them."""
        if self.quarantined and seen.outcome != "quarantined":
            return False
        return self.source is None or seen.source == self.source


class Reading:
    """From records to what is told of them; remembers ids, to know a duplicate."""

    def __init__(self) -> None:
        self._recent = RecentIds(_REMEMBERED)

    def seen(self, topic: str, value: bytes, now: datetime) -> Seen:
        """Tell of one record of `collected` or `quarantine`."""
        try:
            if topic == QUARANTINE.name:
                return _quarantined(QuarantineRecord.model_validate_json(value))
            return self._collected(Touchpoint.model_validate_json(value))
        except ValidationError as error:
            reason = f"on {topic} lies what is none of its records: {reason_of(error)}"
            return Seen("quarantined", now, f"topic:{topic}", reason=reason)

    def _collected(self, touchpoint: Touchpoint) -> Seen:
        identifier, amount = strongest(touchpoint.identifiers), touchpoint.amount
        again = touchpoint.event_id in self._recent
        self._recent.remember([touchpoint.event_id])
        return Seen(
            "duplicate" if again else "accepted",
            touchpoint.received_at,
            touchpoint.source,
            id=str(touchpoint.event_id),
            touchpoint=touchpoint.touchpoint,
            channel=touchpoint.channel,
            identifier=identifier.key if identifier else None,
            amount=f"{amount.amount} {amount.currency}" if amount else None,
        )


def _quarantined(record: QuarantineRecord) -> Seen:
    return Seen(
        "quarantined",
        record.received_at,
        record.source,
        id=str(record.quarantine_id),
        door=record.door,
        reason=record.reason,
    )


class Duplicates:
    """The duplicates that a collector has counted, by source, since it was last asked. Time is an argument."""

    def __init__(self) -> None:
        self._known: dict[str, float] | None = None

    def grown(self, metrics: str, now: datetime) -> list[Seen]:
        """Read the collector's metrics; the first reading tells nothing."""
        counts = {
            sample.labels.get("source", ""): sample.value
            for family in text_string_to_metric_families(metrics)
            if family.name == DUPLICATES
            for sample in family.samples
            if sample.name == f"{DUPLICATES}_total"
        }
        known, self._known = self._known, counts
        if known is None:
            return []
        grown = []
        for source, count in counts.items():
            before = known.get(source, 0)
            new = int(count - before if count >= before else count)  # it has begun anew
            if new:
                grown.append(Seen("duplicate", now, source, count=new, reason="known to the collector"))
        return grown


async def tail(
    kafka: KafkaConnection,
    wanted: Filter,
    tell: Callable[[Seen], None],
    *,
    collector: str | None,
    following: Callable[[bool], None],
    stop: asyncio.Event,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Tell of each event that arrives from now on, until `stop` is set.

    `collector` is its address (`http://127.0.0.1:8080`), None: nobody is asked for duplicates. `following` hears once
    that events are followed, and whether the collector answers.

    Raises:
        TailError: the topics are not there.
        KafkaError, OSError: no broker answers.
    """
    reading, duplicates = Reading(), Duplicates()

    def told(seen: Seen) -> None:
        if wanted.takes(seen):
            tell(seen)

    async with _reader(kafka) as reader, httpx.AsyncClient(timeout=2) as http:

        async def look() -> bool:
            if collector is None or wanted.quarantined:
                return False
            with contextlib.suppress(httpx.HTTPError, ValueError):
                answer = await http.get(f"{collector}/metrics")
                if answer.is_success:
                    for seen in duplicates.grown(answer.text, now()):
                        told(seen)
                    return True
            return False

        following(await look())
        looking = asyncio.create_task(_again_and_again(look, stop))
        try:
            while not stop.is_set():
                for (topic, _), records in await reader.take(LOOK_SECONDS, _MOST):
                    for record in records:
                        told(reading.seen(topic, record.value or b"", now()))
        finally:
            looking.cancel()


async def _again_and_again(look: Callable[[], Awaitable[bool]], stop: asyncio.Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(LOOK_SECONDS)
        await look()


@contextlib.asynccontextmanager
async def _reader(kafka: KafkaConnection) -> AsyncIterator[Reader]:
    topics = (COLLECTED.name, QUARANTINE.name)
    async with Cluster(kafka) as cluster, Ends(kafka, ()) as ends:
        partitions = await cluster.partitions(topics)
        if missing := [topic for topic in topics if topic not in partitions]:
            raise TailError(f"Kafka at {kafka.bootstrap_servers} has no topic {missing[0]}: run touchpath topics")
        dense = has_dense_offsets(await cluster.id())
        starts = await ends.now((topic, number) for topic in topics for number in partitions[topic])

    async def from_the_end() -> dict[Place, int]:
        return starts

    reader = Reader(kafka, SinkSettings(), from_the_end)
    await reader.start(topics)
    try:
        reader.dense = dense
        await reader.assign(starts)
        yield reader
    finally:
        await reader.stop()
