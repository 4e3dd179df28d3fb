"""What `settle` asks Kafka: where topics end, and whether a group has read all records before an end.

Neither is what it seems. Transaction markers take offsets, so a group that has read everything may have committed less
than the end. And a broker's list of end offsets is not always right: Tansu gives the beginning of the last batch, plus
one. What a fetch says is right on both, so ends are taken from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped] # no types
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped] # no types
from aiokafka.errors import (  # type: ignore[import-untyped] # no types
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)

from schemas.connection import KafkaConnection
from sinks.positions import Place

_FETCH_WAIT_MS = 50
_NO_COORDINATOR = (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)


class Ends:
    """Questions about the ends of topics and the places of consumer groups; they take no part in any group."""

    def __init__(self, kafka: KafkaConnection, groups: Sequence[str]) -> None:
        options = kafka.aiokafka_options("touchpath-settle")
        self._groups = groups
        self._admin = AIOKafkaAdminClient(**options)
        self._consumer = AIOKafkaConsumer(
            **options,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            # Looks, not reads: short waits, and little data where there is any.
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            max_partition_fetch_bytes=16 * 1024,
        )
        # An offset of a record that the groups have yet to read, found by a look before.
        self._ahead: dict[Place, int] = {}

    async def __aenter__(self) -> Ends:
        await self._admin.start()
        try:
            await self._consumer.start()
            # aiokafka 0.14 raises CancelledError from stop() where its own tasks never got a turn.
            await asyncio.sleep(0)
        except BaseException:
            await self._admin.close()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def now(self, places: Iterable[Place]) -> dict[Place, int]:
        """Give the offset after the last committed record or marker of each place."""
        return await self._fetched(places, self._consumer.last_stable_offset)

    async def written(self, places: Iterable[Place]) -> dict[Place, int]:
        """Give the offset after the last record or marker of each place, whether its transaction is over or not.

        Brokers end a transaction in one partition after the other: a group's offset may be committed a moment before
        what was written with it.
        """
        return await self._fetched(places, self._consumer.highwater)

    async def _fetched(self, places: Iterable[Place], end_of: Callable[[Any], int | None]) -> dict[Place, int]:
        partitions = [TopicPartition(*place) for place in places]
        if not partitions:
            return {}
        self._consumer.assign(partitions)
        for tp, listed in (await self._consumer.end_offsets(partitions)).items():
            self._consumer.seek(tp, listed)
        ends: dict[Place, int] = {}
        while len(ends) < len(partitions):
            await self._consumer.getmany(timeout_ms=_FETCH_WAIT_MS, max_records=1)
            for tp in partitions:
                end = end_of(tp)
                if end is not None and end >= 0:
                    ends.setdefault((tp.topic, tp.partition), int(end))
        return ends

    async def unread(self, targets: Mapping[Place, int]) -> dict[Place, int]:
        """Give the places where a group has records before the target yet to read, and how many offsets that is."""
        committed = await self._committed(targets)
        at = {place: committed.get(place, 0) for place in targets}
        behind = {place: end - at[place] for place, end in targets.items() if at[place] < end}
        unsure = [place for place in behind if at[place] > self._ahead.get(place, -1)]
        for place in unsure:
            self._ahead.pop(place, None)
        found, undecided = await self._next_records({place: at[place] for place in unsure}, targets)
        self._ahead |= found
        return {place: offsets for place, offsets in behind.items() if place in self._ahead or place in undecided}

    async def _committed(self, places: Iterable[Place]) -> dict[Place, int]:
        found: dict[Place, int] = {}
        # By name: Tansu answers a question for all partitions with what aiokafka cannot read.
        partitions = [TopicPartition(*place) for place in places]
        for group in self._groups:
            try:
                committed = await self._admin.list_consumer_group_offsets(group, partitions=partitions)
            except _NO_COORDINATOR:
                # The cluster is new, or the coordinator moves: nothing is known of the group at this look.
                continue
            for tp, place in committed.items():
                key = (tp.topic, tp.partition)
                found[key] = max(found.get(key, 0), int(place.offset))
        return found

    async def _next_records(
        self, starts: Mapping[Place, int], targets: Mapping[Place, int]
    ) -> tuple[dict[Place, int], set[Place]]:
        """Give the offset of the first record at or after the start, for places that have one before the target.

        Beside it those places where nobody can tell yet: before the target a transaction is open.
        """
        if not starts:
            return {}, set()
        open_places = {TopicPartition(*place): place for place in starts}
        self._consumer.assign(list(open_places))
        for tp, place in open_places.items():
            self._consumer.seek(tp, starts[place])
        found: dict[Place, int] = {}
        undecided: set[Place] = set()
        while open_places:
            for tp, records in (await self._consumer.getmany(timeout_ms=_FETCH_WAIT_MS)).items():
                # A record at or beyond the target is not waited for: before it there are markers only.
                if (known := open_places.pop(tp, None)) is not None and records[0].offset < targets[known]:
                    found[known] = int(records[0].offset)
            for tp, place in list(open_places.items()):
                position = await self._consumer.position(tp)
                decided = self._consumer.last_stable_offset(tp)
                if position >= targets[place]:
                    del open_places[tp]
                elif decided is not None and 0 <= decided <= position:
                    undecided.add(open_places.pop(tp))
        return found, undecided
