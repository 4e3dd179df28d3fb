from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streams.worker.clients import TopicPartition
from streams.worker.lanes import LaneBatch, LaneKey, Lanes, Offsets

P0, P1 = LaneKey("s", 0), LaneKey("s", 1)


class Hand:
    """Takes batches; waits before each until it is told to go on."""

    def __init__(self) -> None:
        self.taken: list[list[Any]] = []
        self.offsets: list[Offsets] = []
        self.go = asyncio.Event()

    async def run(self, records: Sequence[Any], next_offsets: Offsets) -> None:
        self.taken.append([record.offset for record in records])
        self.offsets.append(next_offsets)
        await self.go.wait()


@dataclass(frozen=True)
class At:
    offset: int


async def turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def batch(lane: LaneKey, offsets: Sequence[int], done: list[Any], generation: int = 1, topic: str = "t") -> LaneBatch:
    records = [At(offset) for offset in offsets]
    return LaneBatch(
        lane, TopicPartition(topic, lane.partition), generation, records, lambda: done.append(list(offsets))
    )


async def test_what_piles_up_while_a_batch_is_in_hand_is_taken_together() -> None:
    hand, done = Hand(), []
    lanes = Lanes(10, failed=print)
    lanes.open(1, {P0: hand.run})
    for number in range(4):
        assert lanes.submit(batch(P0, [number], done))
        await turn()
    hand.go.set()
    await turn()
    assert hand.taken == [[0], [1, 2, 3]]
    assert done == [[0], [1], [2], [3]]
    assert await lanes.hand_over(1)


async def test_batches_are_not_put_together_beyond_the_limit() -> None:
    hand, done = Hand(), []
    lanes = Lanes(3, failed=print)
    lanes.open(1, {P0: hand.run})
    for number in range(4):
        lanes.submit(batch(P0, [number, number], done))
    hand.go.set()
    await turn()
    assert hand.taken == [[0, 0], [1, 1], [2, 2], [3, 3]]
    await lanes.hand_over(1)


async def test_what_piles_up_from_several_topics_is_taken_together_with_the_next_offset_of_each() -> None:
    hand, done = Hand(), []
    lanes = Lanes(10, failed=print)
    lanes.open(1, {P0: hand.run})
    lanes.submit(batch(P0, [7], done))
    await turn()
    lanes.submit(batch(P0, [8, 9], done))
    lanes.submit(batch(P0, [3, 5], done, topic="other"))
    lanes.submit(batch(P0, [10], done))
    hand.go.set()
    await turn()
    assert hand.taken == [[7], [8, 9, 3, 5, 10]]
    t, other = TopicPartition("t", 0), TopicPartition("other", 0)
    assert hand.offsets == [{t: 8}, {t: 11, other: 6}]
    assert done == [[7], [8, 9], [3, 5], [10]]
    await lanes.hand_over(1)


async def test_partitions_do_not_wait_for_each_other() -> None:
    slow, quick, done = Hand(), Hand(), []
    quick.go.set()
    lanes = Lanes(10, failed=print)
    lanes.open(1, {P0: slow.run, P1: quick.run})
    lanes.submit(batch(P0, [0], done))
    lanes.submit(batch(P1, [1], done))
    await turn()
    assert done == [[1]]
    await lanes.hand_over(0)


async def test_a_hand_over_finishes_the_batch_in_hand_and_forgets_what_is_queued() -> None:
    hand, done = Hand(), []
    lanes = Lanes(1, failed=print)
    lanes.open(1, {P0: hand.run})
    lanes.submit(batch(P0, [0], done))
    lanes.submit(batch(P0, [1], done))
    await turn()
    over = asyncio.ensure_future(lanes.hand_over(5))
    await turn()
    assert not over.done()
    hand.go.set()
    assert await over
    assert (hand.taken, done) == ([[0]], [[0]])


async def test_a_batch_that_takes_too_long_is_cut_off_and_never_done() -> None:
    hand, done = Hand(), []
    lanes = Lanes(1, failed=print)
    lanes.open(1, {P0: hand.run})
    lanes.submit(batch(P0, [0], done))
    await turn()
    assert not await lanes.hand_over(0.01)
    hand.go.set()
    await turn()
    assert done == []


async def test_a_batch_of_another_generation_is_not_taken() -> None:
    hand, done = Hand(), []
    lanes = Lanes(1, failed=print)
    assert not lanes.submit(batch(P0, [0], done))
    lanes.open(2, {P0: hand.run})
    assert not lanes.submit(batch(P0, [0], done, generation=1))
    assert not lanes.submit(batch(P1, [0], done, generation=2))
    await lanes.hand_over(0)
    assert not lanes.submit(batch(P0, [0], done, generation=2))
    assert hand.taken == []


async def test_what_a_batch_raises_is_told_once_and_the_lane_takes_no_more() -> None:
    told: list[BaseException] = []
    calls: list[Any] = []

    async def run(records: Sequence[Any], next_offsets: Offsets) -> None:
        calls.append(records)
        raise ValueError("broken")

    lanes = Lanes(1, failed=told.append)
    lanes.open(1, {P0: run})
    done: list[Any] = []
    lanes.submit(batch(P0, [0], done))
    lanes.submit(batch(P0, [1], done))
    await turn()
    assert [str(error) for error in told] == ["broken"]
    assert (len(calls), done) == (1, [])
    assert await lanes.hand_over(1)
