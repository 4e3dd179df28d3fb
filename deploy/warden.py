"""A process that outlives the supervisor by a moment, so that no part outlives it for long.

It reads `+pid` and `-pid` from standard input. When that ends without a `bye`, the supervisor was killed: whatever
process groups are still on the list get SIGTERM, and after a grace SIGKILL. It runs on its own, from this file, with
the standard library alone, so that it is up in milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

GRACE = 3.0


def watch(lines: Iterable[str]) -> set[int]:
    """Follow the supervisor's words until they end; give the groups that it left running."""
    groups: set[int] = set()
    for line in lines:
        word = line.strip()
        if word == "bye":
            return set()
        if word[:1] == "+":
            groups.add(int(word[1:]))
        elif word[:1] == "-":
            groups.discard(int(word[1:]))
    return groups


def end(groups: set[int], grace: float = GRACE) -> None:
    """End the process groups: politely, then for good."""
    for group in groups:
        _signal(group, signal.SIGTERM)
        _signal(group, signal.SIGCONT)
    deadline = time.monotonic() + grace
    while any(_signal(group, 0) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def main() -> None:
    """Run as a process of its own."""
    # Ctrl-C is for the supervisor; the warden goes when the supervisor has gone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end(watch(sys.stdin))


if __name__ == "__main__":
    main()
