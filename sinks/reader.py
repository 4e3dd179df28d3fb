"""The sink's way to Kafka: clients with the connection's security, partitions, and records from a place that we name.

aiokafka has no types; what is untyped of it stays in this file.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition  # type: ignore[import-untyped] # no types
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped] # no types
from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError  # type: ignore[import-untyped] # no types

from schemas.connection import KafkaConnection
from schemas.dense_offsets import HoleWatch
from sinks.cells import Record
from sinks.positions import Place
from sinks.settings import SinkSettings

log = logging.getLogger(__name__)

#: What a caller has to expect of every call here while brokers are away.
BROKER_ERRORS: tuple[type[Exception], ...] = (KafkaError, OSError)

CLIENT_ID = "touchpath-sink"

Starts = Callable[[], Awaitable[Mapping[Place, int]]]
"""Asks for the next offset of each place that is known."""


class Cluster:
    """Questions to a Kafka cluster about itself."""

    def __init__(self, kafka: KafkaConnection) -> None:
        self._admin = AIOKafkaAdminClient(**kafka.aiokafka_options(CLIENT_ID))

    async def __aenter__(self) -> Cluster:
        try:
            await self._admin.start()
        except BROKER_ERRORS:
            await self._admin.close()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._admin.close()

    async def id(self) -> str:
        """Give the cluster's id: another one means that what we know of offsets is void."""
        return str((await self._admin.describe_cluster())["cluster_id"])

    async def partitions(self, topics: Iterable[str]) -> dict[str, list[int]]:
        """Give the partitions of those of `topics` that exist."""
        # Asked for all, not by name: a broker may make a topic that somebody asks for by name.
        wanted = set(topics)
        described = await self._admin.describe_topics()
        return {
            entry["topic"]: sorted(partition["partition"] for partition in entry["partitions"])
            for entry in described
            if entry["topic"] in wanted and not entry["error_code"]
        }


class Reader:
    """Takes records of many partitions, and knows the next offset of each, transaction markers passed over.

    `generation` grows each time a group takes partitions away, and everything that was taken but
    not written must be dropped then, and `rewind` called.
    """

    def __init__(self, kafka: KafkaConnection, settings: SinkSettings, starts: Starts) -> None:
        self.generation = 0
        self.before_revoke: Callable[[], Awaitable[None]] | None = None
        self._settings = settings
        self._starts = starts
        self._places: set[Place] = set()
        self.dense = False
        """Are the cluster's offsets without holes? Then a hole is waited for; see `schemas.dense_offsets`."""
        self._holes: HoleWatch[Place] = HoleWatch()
        self._next: dict[Place, int] = {}
        self._consumer = AIOKafkaConsumer(
            **kafka.aiokafka_options(CLIENT_ID),
            group_id=settings.group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            # An offset that is gone must be told, not quietly replaced.
            auto_offset_reset="none",
            fetch_min_bytes=1,
            max_partition_fetch_bytes=settings.fetch_bytes,
        )

    async def start(self, topics: Sequence[str]) -> None:
        """Connect; with a group, join it for `topics`. Without one, `assign` says what to read."""
        await self._consumer.start()
        # aiokafka 0.14 raises CancelledError from stop() where its own tasks never got a turn.
        await asyncio.sleep(0)
        if self._settings.group is not None:
            self._consumer.subscribe(list(topics), listener=_Listener(self))

    async def stop(self) -> None:
        """Leave."""
        await self._consumer.stop()

    async def assign(self, places: Iterable[Place]) -> None:
        """Read these places, too, from where we stand there, or from the earliest record there is."""
        new = set(places) - self._places
        if not new:
            return
        here = {place: await self._consumer.position(TopicPartition(*place)) for place in self._places}
        self._places |= new
        self._consumer.assign([TopicPartition(*place) for place in sorted(self._places)])
        known = dict(await self._starts())
        await self._seek(self._places, known | here)

    async def rewind(self) -> None:
        """Go back, in every place that we have, to what is written."""
        await self._seek(self._assigned(), await self._starts())

    async def take(self, seconds: float, most: int) -> list[tuple[Place, list[Record]]]:
        """Wait at most so long for records, and take at most so many."""
        try:
            taken = await self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=most)
        except OffsetOutOfRangeError as error:
            await self._start_over(dict(error.args[0]))
            return []
        found = [((tp.topic, tp.partition), records) for tp, records in taken.items()]
        return [self._before_hole(*each) for each in found] if self.dense else found

    def _before_hole(self, place: Place, records: list[Record]) -> tuple[Place, list[Record]]:
        expected = self._next.get(place, 0)
        sound = self._holes.sound(place, expected, [record.offset for record in records], time.monotonic())
        self._next[place] = expected = max(expected, records[sound - 1].offset + 1) if sound else expected
        if sound < len(records):
            log.debug("%s[%d]: offset %d is not visible yet", *place, expected)
            self._consumer.seek(TopicPartition(*place), expected)
        return place, records[:sound]

    async def next_offsets(self) -> dict[Place, int]:
        """Give the offset that each place goes on at: all before it was taken, or is a marker, or was rolled back."""
        found = {}
        for place in self._assigned():
            try:
                found[place] = await self._consumer.position(TopicPartition(*place))
            except IllegalStateError:  # a group has just taken it away
                continue
        return found

    def ends(self) -> dict[Place, int]:
        """Give the end of each place as the broker last spoke of it: what transactions have left open is beyond it."""
        ends = {place: self._consumer.last_stable_offset(TopicPartition(*place)) for place in self._assigned()}
        return {place: int(end) for place, end in ends.items() if end is not None}

    def _assigned(self) -> list[Place]:
        return [(tp.topic, tp.partition) for tp in self._consumer.assignment()]

    async def _seek(self, places: Iterable[Place], known: Mapping[Place, int]) -> None:
        fresh = []
        for place in places:
            tp = TopicPartition(*place)
            self._next[place] = known.get(place, 0)
            if place in known:
                self._consumer.seek(tp, known[place])
            else:
                fresh.append(tp)
        if fresh:
            await self._consumer.seek_to_beginning(*fresh)

    async def _start_over(self, gone: Mapping[Any, int]) -> None:
        for tp, offset in gone.items():
            log.warning(
                "%s[%d]: offset %d is not there: records were deleted before they were read, or the topic was made"
                " anew. Reading goes on at the earliest record there is.",
                tp.topic,
                tp.partition,
                offset,
            )
            self._next.pop((tp.topic, tp.partition), None)
            await self._consumer.seek_to_beginning(tp)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def on_partitions_revoked(self, _revoked: Any) -> None:
        self._reader.generation += 1
        if self._reader.before_revoke is not None:
            await self._reader.before_revoke()

    async def on_partitions_assigned(self, _assigned: Any) -> None:
        await self._reader.rewind()
