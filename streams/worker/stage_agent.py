"""Running a stage: one batch of one lane through process, write, apply.

The state is changed only after the commit, so what `process` reads is always what a recovery would give.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from streams.core.stage import Stage, StageResult
from streams.worker.clients import TopicPartition
from streams.worker.lanes import Offsets
from streams.worker.metrics import WorkerMetrics
from streams.worker.stores import PartitionStore
from streams.worker.writer import PartitionWriter

if TYPE_CHECKING:
    from streams.core.stage import Record

log = logging.getLogger("touchpath.worker")


class DefectError(Exception):
    """A stage raised. The message says where; the cause says what."""


def _no_state(key: bytes) -> bytes | None:  # noqa: ARG001 - a stateless stage has nothing to read
    return None


class LaneRunner:
    """A stage bound to one partition of all that it reads: the lane's writer, store and changelog."""

    def __init__(
        self,
        stage: Stage,
        partition: int,
        *,
        writer: PartitionWriter,
        store: PartitionStore | None,
        changelog: str | None,
        metrics: WorkerMetrics,
    ) -> None:
        self._stage = stage
        self._partition = partition
        self._writer = writer
        self._store = store
        self._changelog = changelog
        self._metrics = metrics
        self._read = store.get if store is not None else _no_state
        labels = (stage.name, str(partition))
        self._records = metrics.records.labels(*labels)
        self._outputs = metrics.outputs.labels(*labels)
        self._batch_records = metrics.batch_records.labels(stage.name)
        self._process_seconds = metrics.process_seconds.labels(stage.name)
        self._write_seconds = metrics.write_seconds.labels(stage.name)

    async def run(self, records: Sequence[Any], next_offsets: Offsets) -> None:
        """Take one batch through, and with it the sources to `next_offsets`; in as many steps as the stage wants.

        Raises:
            DefectError: the stage raised; nothing of the batch was written.
            FencedError: the partition has another owner; nothing of the batch is visible.
        """
        while (taken := await self._step(records, next_offsets)) is not None:
            records = records[taken:]

    async def _step(self, records: Sequence[Any], next_offsets: Offsets) -> int | None:
        """Take the beginning of a batch through; give how many records that were, None for all of them."""
        started = time.perf_counter()
        result = self._process(records)
        taken = result.taken if result.taken is not None and result.taken < len(records) else None
        if taken is not None:
            records = records[:taken]
            next_offsets = {TopicPartition(one.topic, one.partition): one.offset + 1 for one in records}
        processed = time.perf_counter()
        changelog_offset = await self._writer.write(
            result.outputs, self._changelog, result.state, records[-1].timestamp, next_offsets
        )
        if self._store is not None and changelog_offset is not None:
            self._store.apply(result.state.items(), changelog_offset)
        self._process_seconds.observe(processed - started)
        self._write_seconds.observe(time.perf_counter() - processed)
        self._batch_records.observe(len(records))
        self._records.inc(len(records))
        self._outputs.inc(len(result.outputs))
        for event, count in result.counts.items():
            self._metrics.stage_events.labels(self._stage.name, event).inc(count)
        return taken

    def _process(self, records: Sequence[Record]) -> StageResult:
        try:
            result = self._stage.process(self._partition, records, self._read)
        except Exception as error:
            raise DefectError(
                f"stage {self._stage.name} raised on {_places(records)}: {type(error).__name__}: {error}"
            ) from error
        if result.state and self._store is None:
            raise DefectError(f"stage {self._stage.name} calls itself stateless, but gave state")
        return result


def _places(records: Sequence[Any]) -> str:
    """Say where a batch was read: each source with its first and last offset."""
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for record in records:
        first.setdefault(record.topic, record)
        last[record.topic] = record
    return ", ".join(
        f"{topic}[{record.partition}] offsets {record.offset}-{last[topic].offset}" for topic, record in first.items()
    )
