"""The parts' logs: each line to the part's file, and to the terminal with the part's name before it."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

COLOURS = {"broker": 35, "clickhouse": 33, "collector": 32, "worker": 36, "sink": 34, "touchpath": 1}
WIDTH = 10
#: A log file that is longer than this when a stack starts is set aside as `.1`.
KEPT_BYTES = 10 * 1024 * 1024
TAIL_LINES = 20


class Terminal:
    """Writes prefixed lines; in colour where somebody looks, not at all when `quiet`."""

    def __init__(self, out: TextIO | None = None, *, quiet: bool = False) -> None:
        self._out = out or sys.stdout
        self._colour = self._out.isatty()
        self._quiet = quiet

    def line(self, part: str, text: str) -> None:
        """Write one line of a part."""
        if self._quiet:
            return
        prefix = f"{part:<{WIDTH}} |"
        if self._colour:
            prefix = f"\033[{COLOURS.get(part.partition('-')[0], 37)}m{prefix}\033[0m"
        self._out.write(f"{prefix} {text}\n")
        self._out.flush()


class PartLog:
    """One part's log, over all its starts."""

    def __init__(
        self, part: str, path: Path, terminal: Terminal, shown: Callable[[str], bool] = lambda _: True
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > KEPT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        self.part = part
        self.path = path
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._terminal = terminal
        self._shown = shown

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Take lines until the stream ends; a line without an end is taken in pieces of 64 KiB."""
        with self.path.open("ab") as file:
            rest = b""
            while chunk := await stream.read(65536):
                file.write(chunk)
                file.flush()
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) >= 65536:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._take(line)
            if rest:
                self._take(rest)

    def _take(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        self.tail.append(text)
        if text.strip() and self._shown(text):
            self._terminal.line(self.part, text)
