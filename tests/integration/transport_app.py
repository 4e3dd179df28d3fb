"""A worker for the transport's tests: a small counting stage, and faults that only a test has.

Configured by TRANSPORT_SETTINGS (JSON of WorkerSettings), TRANSPORT_STAGES (JSON list of [name, input, output,
further inputs...]; a name that begins with "copy" is a stage without state),
TRANSPORT_FAULTS (JSON: `dies_in_commit` counted from 1, seconds to `linger` in each transaction).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from streams.core.stage import Output, Record, StageResult, StateReader
from streams.worker.app import build_app, run_worker
from streams.worker.lanes import Offsets
from streams.worker.settings import WorkerSettings
from streams.worker.writer import PartitionWriter, TransactionalWriter, make_writer


class CountingStage:
    """Keeps, per key, the ids it has seen; puts out each id when it is new. `forget` empties a key."""

    stateful = True

    def __init__(self, name: str, input_topic: str, output_topic: str, *also_reads: str) -> None:
        self.name = name
        self.input_topic = input_topic
        self.also_reads = also_reads
        self.output_topic = output_topic

    def process(self, partition: int, records: Sequence[Record], read: StateReader) -> StageResult:  # noqa: ARG002
        seen: dict[bytes, list[bytes]] = {}
        outputs = []
        duplicates = 0
        for record in records:
            assert record.key is not None
            assert record.value is not None
            if record.value == b"poison":
                raise ValueError("poison")
            ids = seen.get(record.key)
            if ids is None:
                ids = seen[record.key] = (read(record.key) or b"").split()
            if record.value == b"forget":
                ids.clear()
                continue
            if record.value in ids:
                duplicates += 1
                continue
            ids.append(record.value)
            outputs.append(Output(self.output_topic, b"out:" + record.key, record.value, record.timestamp))
        state: dict[bytes, bytes | None] = {key: b" ".join(ids) or None for key, ids in seen.items()}
        return StageResult(outputs, state, {"new": len(outputs), "duplicate": duplicates})


class CopyingStage:
    """Passes every record on; has no state."""

    stateful = False

    def __init__(self, name: str, input_topic: str, output_topic: str, *also_reads: str) -> None:
        self.name = name
        self.input_topic = input_topic
        self.also_reads = also_reads
        self.output_topic = output_topic

    def process(self, partition: int, records: Sequence[Record], read: StateReader) -> StageResult:  # noqa: ARG002
        outputs = [Output(self.output_topic, r.key or b"", r.value or b"", r.timestamp) for r in records]
        return StageResult(outputs, {}, {})


class FaultyWriter(TransactionalWriter):
    """Dies in the commit that the faults tell of, counted over all partitions of the process."""

    faults: Mapping[str, float]
    commits = 0

    async def commit(self, producer: Any, next_offsets: Offsets) -> None:
        FaultyWriter.commits += 1
        dies = FaultyWriter.commits == self.faults.get("dies_in_commit")
        point = os.getpid() % 3
        if dies and point == 0:
            os._exit(9)  # everything is written, nothing is committed
        await asyncio.sleep(self.faults.get("linger", 0))
        await producer.send_offsets_to_transaction(dict(next_offsets), self._settings.app_id)
        if dies and point == 1:
            os._exit(9)
        await producer.commit_transaction()
        if dies:
            os._exit(9)  # the store has not been told


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    settings = WorkerSettings.model_validate_json(os.environ["TRANSPORT_SETTINGS"])
    stages = [
        (CopyingStage if names[0].startswith("copy") else CountingStage)(*names)
        for names in json.loads(os.environ["TRANSPORT_STAGES"])
    ]
    faults = json.loads(os.environ.get("TRANSPORT_FAULTS", "{}"))

    def writer(settings: WorkerSettings, source: Any) -> PartitionWriter:
        if not faults:
            return make_writer(settings, source)
        faulty = FaultyWriter(settings, source)
        faulty.faults = faults
        return faulty

    return run_worker(build_app(settings, stages, writer_factory=writer))


if __name__ == "__main__":
    sys.exit(main())
