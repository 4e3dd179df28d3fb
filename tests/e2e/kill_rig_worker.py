"""`touchpath worker` with a trap: the same process, whose next transaction ends as a file says.

TRAP names the file; what stands in it is one of ENDS. It is taken once, by the first writer that comes to a commit.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from deploy.settings import load
from deploy.wiring import catalogue_of, stages, worker_settings
from streams.worker.app import build_app, run_worker
from streams.worker.clients import TopicPartition
from streams.worker.lanes import Offsets
from streams.worker.settings import WorkerSettings
from streams.worker.writer import PartitionWriter, TransactionalWriter

#: What a trap may say, and the exit code of a worker that died of it; a frozen one goes on when somebody lets it.
ENDS = {"records are written": 101, "offsets are written": 102, "all is committed": 103, "frozen": 0}


class TrappedWriter(TransactionalWriter):
    """Writes as any other; at a commit it looks for the trap."""

    async def commit(self, producer: Any, next_offsets: Offsets) -> None:
        end = sprung(Path(os.environ["TRAP"]))
        dies_when(end, "records are written")
        await producer.send_offsets_to_transaction(dict(next_offsets), self._settings.app_id)
        dies_when(end, "offsets are written")
        if end == "frozen":
            os.kill(os.getpid(), signal.SIGSTOP)
        await producer.commit_transaction()
        dies_when(end, "all is committed")  # the store has not been told


def sprung(trap: Path) -> str | None:
    """Give what the trap says, and take it away."""
    try:
        end = trap.read_text()
        trap.unlink()
    except FileNotFoundError:
        return None
    return end


def dies_when(end: str | None, here: str) -> None:
    if end == here:
        os._exit(ENDS[here])


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = load().settings

    def writer(settings: WorkerSettings, source: TopicPartition) -> PartitionWriter:
        assert settings.transactional
        return TrappedWriter(settings, source)

    return run_worker(build_app(worker_settings(settings), stages(catalogue_of(settings)), writer_factory=writer))


if __name__ == "__main__":
    sys.exit(main())
