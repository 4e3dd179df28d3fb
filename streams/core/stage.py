"""The interface between the worker shell and the pure core.

What may live here: the shapes that a stage takes and gives. Nothing here knows Kafka, Faust or ClickHouse.
A stage is a pure function of one batch of one partition's records and the state that was committed before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol


class Record(Protocol):
    """One record of an input topic, as read."""

    @property
    def topic(self) -> str:
        """Full name of the topic that it was read from."""

    @property
    def offset(self) -> int:
        """Place in the partition."""

    @property
    def key(self) -> bytes | None:
        """The key's bytes."""

    @property
    def value(self) -> bytes | None:
        """The value's bytes; `None` is a tombstone."""

    @property
    def timestamp(self) -> int:
        """The broker's record timestamp: time of ingest, milliseconds since 1970 UTC."""


class Output(NamedTuple):
    """One record to be written; its partition is murmur2 of `key` over the partitions of `topic`."""

    topic: str  # full name
    key: bytes
    value: bytes
    timestamp: int  # milliseconds since 1970 UTC: the record timestamp of the input that caused it


class StageResult(NamedTuple):
    """What one batch comes to; the shell writes all of it in one transaction, or nothing."""

    outputs: list[Output]  # their order is kept within each output partition
    state: dict[bytes, bytes | None]  # changelog key -> new value, None removes; {} for a stateless stage
    counts: Mapping[str, int]  # named counters for the metrics, e.g. {"applied": 10, "duplicate": 1}
    taken: int | None = None  # so many of the records are in it, at least one; the others come again. None: all


StateReader = Callable[[bytes], bytes | None]
"""Reads the committed state of the batch's own partition; `None` where there is none."""


class Stage(Protocol):
    """One step of the pipeline: `name` is used for the table, the agent and the metrics."""

    @property
    def name(self) -> str:
        """Short, lower case, unique in a worker: `resolve`, `fold`."""

    @property
    def input_topic(self) -> str:
        """Full name of the topic it reads, so that its input has one order."""

    @property
    def also_reads(self) -> tuple[str, ...]:
        """Full names of further topics with the same keys and partitions, for a stage whose end state needs no order.

        Partition n of all of them is one lane with one state: a batch holds the records of any of them, in the order of
        each, and one transaction carries the offsets of all.
        """

    @property
    def stateful(self) -> bool:
        """Whether it has a table, and so a changelog topic."""

    def process(self, partition: int, records: Sequence[Record], read: StateReader) -> StageResult:
        """Fold one batch, or so much of its beginning as is enough at once; synchronous, pure given `read`.

        Bad input never raises: it becomes a quarantine output. Whatever is raised is a defect and stops the worker.
        """
