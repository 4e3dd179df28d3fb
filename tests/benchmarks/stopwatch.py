"""What a measured worker says of itself: when its first record came and when the last one was done, on standard output.

The times are of the machine's monotonic clock, the same in every process; the CPU is that of the whole process, all its
threads. Start-up, joining the group and topic creation lie before the first record.
"""

from __future__ import annotations

import json
import os
import sys
import time


class Stopwatch:
    """Runs from the first record to record number `until`."""

    def __init__(self, until: int) -> None:
        self._until = until
        self._done = 0
        self._begun = False
        self._ended = False

    def first(self) -> None:
        """Say that a record came in; only the first call counts."""
        if not self._begun:
            self._begun = True
            self._say("first")

    def done(self, records: int = 1) -> None:
        """Say that so many more records are done; at the last of them the time is taken."""
        self._done += records
        if self._done >= self._until and not self._ended:
            self._ended = True
            self._say("last")

    def _say(self, what: str) -> None:
        line = {"at": what, "time": time.monotonic(), "cpu": time.process_time(), "done": self._done}
        os.write(sys.stdout.fileno(), (json.dumps(line) + "\n").encode())


def pin(core: int | None) -> None:
    """Keep this process on one core, and all threads that it starts from now on."""
    if core is not None:
        os.sched_setaffinity(0, {core})
