"""A child process with a log file, a readiness probe and a clean stop. Knows nothing of what it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from deploy.local.errors import LocalStackError

LOG_TAIL_LINES = 30


class Part(Protocol):
    """What a supervisor needs to run one part of the local stack itself."""

    name: str

    def prepare(self) -> None:
        """Do what must be done before each start: directories, configuration, downloads."""

    def argv(self) -> list[str]:
        """Return the command line, valid after `prepare()`."""

    def env(self) -> dict[str, str]:
        """Return the whole environment of the process."""

    def is_ready(self) -> bool:
        """Ask the running part once whether it can work; never raises."""


class ChildProcess:
    """One program, started at most once at a time, whose output goes to the end of `log_path`."""

    def __init__(self, name: str, log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; raises `LocalStackError` when it was never started."""
        if self._child is None:
            raise LocalStackError(f"{self.name} was not started")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def returncode(self) -> int | None:
        """The exit code, or None while it runs or before it was started."""
        return None if self._child is None else self._child.poll()

    def start(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start `argv`; the environment is replaced by `env` when that is given."""
        if self.running:
            raise LocalStackError(f"{self.name} is already running as process {self.pid}")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(os.environ if env is None else env),
                # Ctrl-C in a terminal goes to the whole group; the order of stopping is ours to choose.
                start_new_session=True,
            )

    def wait_ready(self, is_ready: Callable[[], bool], timeout: float) -> None:
        """Return when `is_ready()` says yes; raise when the process ends or `timeout` seconds pass."""
        deadline = time.monotonic() + timeout
        while True:
            if not self.running:
                raise LocalStackError(f"{self.name} ended with code {self.returncode}\n{self.log_tail()}")
            if is_ready():
                return
            if time.monotonic() > deadline:
                raise LocalStackError(f"{self.name} was not ready in {timeout:g} s\n{self.log_tail()}")
            time.sleep(0.05)

    def stop(self, timeout: float = 20.0) -> int | None:
        """SIGTERM, then after `timeout` seconds SIGKILL. Returns the exit code; safe to call twice."""
        if self._child is None:
            return None
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            # A process that somebody froze cannot act on SIGTERM.
            self._child.send_signal(signal.SIGCONT)
            try:
                self._child.wait(timeout)
            except subprocess.TimeoutExpired:
                self._child.kill()
        return self._child.wait()

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The last lines of the log, for an error message."""
        try:
            text = self.log_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])
