"""A batch goes through in as many steps as the stage wants, each with the offsets that it has come to."""

# ruff: noqa: ARG002 # a stage and a writer that stand for others have the arguments of those

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from streams.core.stage import Output, StageResult, StateReader
from streams.worker.clients import TopicPartition
from streams.worker.lanes import Offsets
from streams.worker.metrics import WorkerMetrics
from streams.worker.stage_agent import LaneRunner


class At(NamedTuple):
    topic: str
    offset: int
    partition: int = 1
    key: bytes = b"k"
    value: bytes = b"v"
    timestamp: int = 0


class Few:
    """Takes at most so many records of a batch."""

    name, input_topic, also_reads, stateful = "few", "a", ("b",), False

    def __init__(self, most: int) -> None:
        self.most = most

    def process(self, partition: int, records: Sequence[Any], read: StateReader) -> StageResult:
        taken = records[: self.most]
        outputs = [Output("out", b"k", f"{one.topic}{one.offset}".encode(), 0) for one in taken]
        return StageResult(outputs, {}, {}, len(taken))


class Written:
    """A writer that keeps what was written, and with which offsets."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[str], dict[str, int]]] = []

    async def write(
        self,
        outputs: Sequence[Output],
        changelog: str | None,
        state: Mapping[bytes, bytes | None],
        timestamp: int,
        next_offsets: Offsets,
    ) -> None:
        told = {tp.topic: offset for tp, offset in next_offsets.items()}
        self.batches.append(([output.value.decode() for output in outputs], told))


@pytest.mark.parametrize(
    ("most", "wanted"),
    [
        (2, [(["a5", "a6"], {"a": 7}), (["b3", "a9"], {"b": 4, "a": 10}), (["a10"], {"a": 12, "b": 4})]),
        (5, [(["a5", "a6", "b3", "a9", "a10"], {"a": 12, "b": 4})]),
    ],
)
async def test_what_a_stage_leaves_of_a_batch_comes_again_behind_what_it_took(
    most: int, wanted: list[tuple[list[str], dict[str, int]]]
) -> None:
    written: Any = Written()
    runner = LaneRunner(Few(most), 1, writer=written, store=None, changelog=None, metrics=WorkerMetrics())
    records = [At("a", 5), At("a", 6), At("b", 3), At("a", 9), At("a", 10)]
    # Behind the last record lies the marker of a transaction.
    await runner.run(records, {TopicPartition("a", 1): 12, TopicPartition("b", 1): 4})
    assert written.batches == wanted
