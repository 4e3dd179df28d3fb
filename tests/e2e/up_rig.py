"""`touchpath up` as a process, on free ports, and the questions that tests ask of it."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from deploy.clickhouse import ask
from deploy.local.ports import free_port
from schemas.connection import ClickHouseConnection

READY_SECONDS = 180


class Up:
    """One `touchpath up`; `start` it, ask it, `stop` it, `start` it again on the same folder and ports."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.collector, self.clickhouse, self.kafka = free_port(), free_port(), free_port()
        self.output = folder.with_suffix(".out")
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def argv(self) -> list[str]:
        ports = {"collector": self.collector, "clickhouse": self.clickhouse, "kafka": self.kafka}
        words = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
        return [sys.executable, "-m", "deploy.cli", "up", "--data-dir", str(self.folder), *words, *self._options]

    def start(self) -> None:
        began = self.said().count("Ctrl-C stops")
        with self.output.open("ab") as out:
            self._process = subprocess.Popen(self.argv, stdout=out, stderr=out)
        self.until(lambda: self.said().count("Ctrl-C stops") > began, READY_SECONDS)

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(90)

    def end(self) -> None:
        """Whatever became of the test: leave no process."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def said(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def until(self, true: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            alive = self._process is None or self._process.poll() is None
            assert alive, f"touchpath up ended:\n{self.said()[-4000:]}"
            assert time.monotonic() < deadline, f"it did not happen in {seconds} s:\n{self.said()[-4000:]}"
            time.sleep(0.1)

    def part(self, name: str) -> int:
        """The process of a part, by what its command line says."""
        mark = {"broker": "broker", "clickhouse": "deploy.local.clickhouse_door"}.get(name, name)
        found = [child.pid for child in psutil.Process(self.pid).children() if mark in child.cmdline()]
        assert len(found) == 1, f"{name}: {found}"
        return int(found[0])

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children(recursive=True)

    def track(self, message: str, user: str = "ada", revenue: float = 12.5) -> str:
        """Send one order, again where the door is closed; give what the collector says of it."""
        body = {
            "messageId": message,
            "userId": user,
            "anonymousId": f"device-of-{user}",  # an order of a device opens a visit, which earns
            "event": "Order Completed",
            "properties": {"order_id": message, "revenue": revenue, "currency": "EUR"},
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.collector}/v1/track",
            json.dumps(body).encode(),
            {"Authorization": "Basic " + base64.b64encode(b"local:").decode()},
        )
        answers: list[dict[str, Any]] = []

        def taken() -> bool:
            try:
                with urllib.request.urlopen(request, timeout=20) as response:
                    answers.append(json.load(response))
            except (urllib.error.URLError, OSError):
                return False
            return True

        self.until(taken, 120)
        return str(answers[-1]["events"][0]["status"])

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        return ask(ClickHouseConnection(port=self.clickhouse), query)[1]

    def settle(self) -> dict[str, Any]:
        return dict(json.loads(self.touchpath("settle", "--timeout", "90", "--json")))

    def touchpath(self, *words: str) -> str:
        """What a command prints, run beside the stack."""
        environ = {
            **os.environ,
            "TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{self.kafka}",
            "TOUCHPATH_CLICKHOUSE__PORT": str(self.clickhouse),
        }
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", *words],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
