"""One lane per stage and partition: its batches go one after the other, lanes go side by side.

While one lane waits for its transaction, another one computes. What has piled up in a lane meanwhile, from all the
topics that its stage reads, is taken together, so batches are large under load and small when idle.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from streams.worker.clients import TopicPartition

Offsets = Mapping[TopicPartition, int]  # source -> the next offset to read, when this is done
Run = Callable[[Sequence[Any], Offsets], Awaitable[None]]  # takes records, those of each source in their order


class LaneKey(NamedTuple):
    """Names a lane: partition `partition` of all the topics that the stage reads."""

    stage: str
    partition: int


@dataclass(frozen=True)
class LaneBatch:
    """Records of one fetch, of one source partition."""

    lane: LaneKey
    tp: TopicPartition
    generation: int
    records: Sequence[Any]
    done: Callable[[], object]  # to be called when its outcome is committed


class _Lane:
    def __init__(self, run: Run, max_records: int, failed: Callable[[BaseException], None]) -> None:
        self._run = run
        self._max_records = max_records
        self._failed = failed
        self._queue: deque[LaneBatch] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self.task = asyncio.create_task(self._loop())

    def put(self, batch: LaneBatch) -> None:
        self._queue.append(batch)
        self._arrived.set()

    def _take(self) -> list[LaneBatch]:
        taken = [self._queue.popleft()]
        room = self._max_records - len(taken[0].records)
        while self._queue and len(self._queue[0].records) <= room:
            taken.append(self._queue.popleft())
            room -= len(taken[-1].records)
        return taken

    async def _loop(self) -> None:
        try:
            while not self._closed:
                if not self._queue:
                    self._arrived.clear()
                    await self._arrived.wait()
                    continue
                batches = self._take()
                self._idle.clear()
                one = len(batches) == 1
                records = batches[0].records if one else list(chain.from_iterable(b.records for b in batches))
                await self._run(records, {b.tp: b.records[-1].offset + 1 for b in batches})
                for batch in batches:
                    batch.done()
                self._idle.set()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._closed = True
            self._queue.clear()
            self._failed(error)

    async def close(self) -> None:
        """Forget what is queued, and wait for the batch in hand."""
        self._closed = True
        self._queue.clear()
        self._arrived.set()
        await self.task


class Lanes:
    """The lanes that this worker owns in one generation of the group."""

    def __init__(self, max_records: int, failed: Callable[[BaseException], None]) -> None:
        self._max_records = max_records
        self._failed = failed
        self._lanes: dict[LaneKey, _Lane] = {}
        self.generation: int | None = None

    def open(self, generation: int, runs: Mapping[LaneKey, Run]) -> None:
        """Begin a generation, with what is to be done in each lane."""
        self.generation = generation
        self._lanes = {key: _Lane(run, self._max_records, self._failed) for key, run in runs.items()}

    def submit(self, batch: LaneBatch) -> bool:
        """Queue a batch; False, and nothing done, if it is of another generation or of no lane here."""
        lane = self._lanes.get(batch.lane)
        if batch.generation != self.generation or lane is None:
            return False
        lane.put(batch)
        return True

    async def hand_over(self, timeout: float) -> bool:
        """End the generation: queued batches are forgotten, those in hand may finish.

        Returns:
            False if some batch did not finish in `timeout` seconds and was cut off; it is not committed.
        """
        lanes, self._lanes = self._lanes, {}
        self.generation = None
        if not lanes:
            return True
        closing = [asyncio.ensure_future(lane.close()) for lane in lanes.values()]
        _, late = await asyncio.wait(closing, timeout=timeout)
        for task in [*late, *(lane.task for lane in lanes.values())]:
            task.cancel()
        await asyncio.gather(*closing, *(lane.task for lane in lanes.values()), return_exceptions=True)
        return not late
