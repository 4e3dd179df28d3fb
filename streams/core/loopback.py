"""The stages run in memory until nothing is under way: for a look at recorded data under other rules, and for tests.

Topics are lists, partitions are `crc32(key) % partitions`, and whoever may go next is asked of `choose`. The end state
of the product does not depend on that choice; here this can be tried.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from streams.core.stage import Output, Stage


@dataclass(frozen=True, slots=True)
class LoopRecord:
    """A record of a topic in memory; see `streams.core.stage.Record`."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int


@dataclass(slots=True)
class Waiting:
    """Records of one topic and partition that a stage has not taken yet."""

    stage: Stage
    topic: str
    partition: int
    records: int


Choose = Callable[[Sequence[Waiting]], tuple[int, int]]
"""Takes what waits (never empty), gives the index of the one that goes next and how many of its records."""


def first_all(waiting: Sequence[Waiting]) -> tuple[int, int]:
    """Take all of whoever stands first."""
    return 0, waiting[0].records


@dataclass
class Loopback:
    """Stages over topics in memory. `states` are the tables by (stage's name, partition)."""

    stages: Sequence[Stage]
    partitions: int = 1
    choose: Choose = first_all
    topics: dict[tuple[str, int], list[LoopRecord]] = field(default_factory=lambda: defaultdict(list))
    states: dict[tuple[str, int], dict[bytes, bytes]] = field(default_factory=lambda: defaultdict(dict))
    counts: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    _taken: dict[tuple[str, str, int], int] = field(default_factory=lambda: defaultdict(int))

    def put(self, output: Output) -> None:
        """Write a record."""
        self._append(crc32(output.key) % self.partitions, *output)

    def put_everywhere(self, topic: str, key: bytes, value: bytes | None, timestamp: int) -> None:
        """Write a record to every partition of a topic."""
        for partition in range(self.partitions):
            self._append(partition, topic, key, value, timestamp)

    def run(self, on_step: Callable[[int], None] | None = None) -> None:
        """Let the stages work until nothing waits; `on_step` hears how many records each step took."""
        while waiting := self._waiting():
            index, count = self.choose(waiting)
            chosen = waiting[index]
            taken = min(max(count, 1), chosen.records)
            self._step(chosen, taken)
            if on_step is not None:
                on_step(taken)

    def records(self, topic: str) -> list[LoopRecord]:
        """Give the records of a topic, partition by partition."""
        return [record for partition in range(self.partitions) for record in self.topics[topic, partition]]

    def _append(self, partition: int, topic: str, key: bytes, value: bytes | None, timestamp: int) -> None:
        log = self.topics[topic, partition]
        log.append(LoopRecord(topic, len(log), key, value, timestamp))

    def _waiting(self) -> list[Waiting]:
        found = []
        for stage in self.stages:
            for topic in (stage.input_topic, *stage.also_reads):
                for partition in range(self.partitions):
                    there = len(self.topics[topic, partition]) - self._taken[stage.name, topic, partition]
                    if there:
                        found.append(Waiting(stage, topic, partition, there))
        return found

    def _step(self, chosen: Waiting, count: int) -> None:
        stage, topic, partition = chosen.stage, chosen.topic, chosen.partition
        begin = self._taken[stage.name, topic, partition]
        log = self.topics[topic, partition]
        batch = log[begin : begin + count]
        state = self.states[stage.name, partition]
        result = stage.process(partition, batch, state.get)
        self._taken[stage.name, topic, partition] = begin + (len(batch) if result.taken is None else result.taken)
        for key, value in result.state.items():
            if value is None:
                state.pop(key, None)
            else:
                state[key] = value
        for fate, number in result.counts.items():
            self.counts[stage.name][fate] += number
        for output in result.outputs:
            self.put(output)
