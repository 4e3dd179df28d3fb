"""The ClickHouse door as a child process: for the supervisor and for tests."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

from deploy.local.ports import LOOPBACK, require_free
from deploy.local.process import ChildProcess


class ClickHouseDoor:
    """ClickHouse's HTTP interface on 127.0.0.1:`port` with its tables in `data_dir`."""

    name = "clickhouse-door"
    start_timeout = 30.0

    def __init__(
        self,
        data_dir: Path,
        port: int,
        log_path: Path,
        *,
        user: str = "default",
        password: str = "",
        max_body_mb: int = 4096,
    ) -> None:
        self.data_dir = data_dir
        self.host = LOOPBACK
        self.port = port
        self.user = user
        self.password = password
        self.max_body_mb = max_body_mb
        self.log_path = log_path
        self.process = ChildProcess(self.name, log_path)

    @property
    def url(self) -> str:
        """Where HTTP clients go, without user and password."""
        return f"http://{self.host}:{self.port}/"

    def prepare(self) -> None:
        """Make the data directory."""
        self.data_dir.mkdir(parents=True, exist_ok=True)

    def argv(self) -> list[str]:
        """Return the command line."""
        options = [f"--data-dir={self.data_dir}", f"--port={self.port}", f"--user={self.user}"]
        options.append(f"--max-body-mb={self.max_body_mb}")
        return [sys.executable, "-m", "deploy.local.clickhouse_door", *options]

    def env(self) -> dict[str, str]:
        """Return the environment, which carries the password."""
        return {**os.environ, "TOUCHPATH_DOOR_PASSWORD": self.password}

    def is_ready(self) -> bool:
        """Whether a ping is answered."""
        try:
            with urllib.request.urlopen(f"{self.url}ping", timeout=2) as answer:  # noqa: S310 - our own address
                return bool(answer.read() == b"Ok.\n")
        except (urllib.error.URLError, OSError):
            return False

    def start(self) -> None:
        """Start the door; does not wait."""
        require_free(self.port, what=self.name)
        self.prepare()
        self.process.start(self.argv(), self.env())

    def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until a ping is answered; raises `LocalStackError` with the end of the log."""
        self.process.wait_ready(self.is_ready, self.start_timeout if timeout is None else timeout)

    def stop(self, timeout: float = 20.0) -> int | None:
        """SIGTERM, then SIGKILL after `timeout` seconds; returns the exit code."""
        return self.process.stop(timeout)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
