from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from streams.core.stage import Output, Stage
from streams.worker.clients import TopicPartition
from streams.worker.lanes import LaneKey
from streams.worker.runtime import IncompleteLaneError, WorkerRuntime
from streams.worker.settings import WorkerSettings

SETTINGS = WorkerSettings(app_id="app")


class AStage:
    """A stage's names, and nothing to do."""

    def __init__(self, name: str, input_topic: str, *also_reads: str, stateful: bool = True) -> None:
        self.name, self.input_topic, self.also_reads, self.stateful = name, input_topic, also_reads, stateful

    process: Any = None


class Noted:
    """A writer that notes for which source it was made and started."""

    def __init__(self, source: TopicPartition, started: list[TopicPartition]) -> None:
        self._source, self._started = source, started

    async def start(self) -> None:
        self._started.append(self._source)

    async def write(
        self,
        outputs: Sequence[Output],
        changelog: str | None,
        state: Mapping[bytes, bytes | None],
        timestamp: int,
        next_offsets: Mapping[TopicPartition, int],
    ) -> int | None: ...

    async def stop(self) -> None: ...


def runtime(*stages: Stage, started: list[TopicPartition] | None = None) -> WorkerRuntime:
    notes: list[TopicPartition] = [] if started is None else started
    return WorkerRuntime(SETTINGS, stages, lambda _settings, source: Noted(source, notes))


def places(*pairs: tuple[str, int]) -> list[TopicPartition]:
    return [TopicPartition(*pair) for pair in pairs]


def test_a_partition_of_all_that_a_stage_reads_is_one_lane_with_one_changelog() -> None:
    worker = runtime(AStage("resolve", "a", "b"), AStage("fold", "c", stateful=False))
    assigned = places(("a", 1), ("b", 1), ("c", 1), ("app-resolve-changelog", 1))
    assert worker.lanes_in(assigned) == [LaneKey("fold", 1), LaneKey("resolve", 1)]
    assert {worker.lane_of(place) for place in assigned[:2]} == {LaneKey("resolve", 1)}
    assert worker.changelog(LaneKey("resolve", 1)) == ("app-resolve-changelog", 1)
    assert worker.changelog(LaneKey("fold", 1)) is None


def test_a_worker_that_is_given_only_some_of_a_lanes_sources_says_which_are_missing() -> None:
    worker = runtime(AStage("resolve", "a", "b", "c"))
    with pytest.raises(IncompleteLaneError, match=r"stage resolve: .* partition 1 of b and not of a, c; .* group app "):
        worker.lanes_in(places(("a", 0), ("b", 0), ("c", 0), ("b", 1)))


async def test_one_writer_is_made_for_each_lane_and_named_by_the_stages_own_input() -> None:
    started: list[TopicPartition] = []
    worker = runtime(AStage("resolve", "a", "b"), AStage("fold", "c"), started=started)
    await worker.take_over([LaneKey("resolve", 0), LaneKey("resolve", 1), LaneKey("fold", 0)])
    assert sorted(started) == places(("a", 0), ("a", 1), ("c", 0))
    assert sorted(worker.sources) == places(("a", 0), ("a", 1), ("b", 0), ("b", 1), ("c", 0))
    await worker.let_go()
    assert worker.sources == []


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        ((AStage("one", "a"), AStage("two", "a")), "read twice"),
        ((AStage("one", "a", "b"), AStage("two", "b")), "read twice"),
        ((AStage("one", "a", "a"),), "read twice"),
        ((AStage("one", "a"), AStage("one", "b")), "same name"),
    ],
)
def test_stages_that_share_a_name_or_a_topic_are_refused(stages: tuple[Stage, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        runtime(*stages)
