"""A worker seeks the places of its partitions; meanwhile the group may have given them to somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from streams.worker.batch_transport import Consumer
from streams.worker.clients import TopicPartition, errors

SOURCE = TopicPartition("touchpath.identity", 1)
SECONDS = 0.2


class Gone:
    """The thread of a consumer that has lost its partition: it cannot seek there."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile

    async def rewind(self, sources: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        asyncio.get_running_loop().call_later(SECONDS / 4, self._meanwhile)
        raise errors.IllegalStateError(f"Partitions {set(sources)} are not assigned")


def a_consumer() -> Any:
    """The consumer of a worker that has been given one partition, in generation 3."""
    consumer: Any = Consumer.__new__(Consumer)
    consumer.app = SimpleNamespace(consumer_generation_id=3)
    settings = SimpleNamespace(session_timeout=SECONDS)
    consumer._runtime = SimpleNamespace(sources=[SOURCE], settings=settings, stopping=False)
    consumer._rebalances = 1
    consumer._fetch_idle = asyncio.Event()
    consumer._fetch_idle.set()
    return consumer


async def test_a_rebalance_that_takes_a_partition_while_its_place_is_sought_is_waited_for() -> None:
    consumer = a_consumer()

    def rebalance() -> None:
        consumer._rebalances += 1

    consumer._thread = Gone(rebalance)
    assert await consumer.begin_generation(3) is False


async def test_a_partition_that_is_gone_though_the_group_says_nothing_is_an_error() -> None:
    consumer = a_consumer()
    consumer._thread = Gone(lambda: None)
    with pytest.raises(errors.IllegalStateError):
        await consumer.begin_generation(3)
