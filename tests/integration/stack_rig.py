"""Everything a command needs, as real parts: a broker, the tables, one worker and one sink."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.cli.exits import Exit
from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.ports import free_port
from deploy.local.process import ChildProcess
from deploy.probes import http_ok
from schemas.touchpoint import Touchpoint
from sinks.client import Store
from tests.integration.sink_parts import collected, produce
from tests.unit.deploy.commands import failed


class Stack:
    """A broker, the tables, one worker and one sink; commands are run as a person would."""

    def __init__(self, home: Path, broker: ApacheKafkaBroker, store: Store) -> None:
        self.home, self.broker, self.store = home, broker, store
        self.worker = ChildProcess("worker", home / "worker.log")
        self.sink = ChildProcess("sink", home / "sink.log")

    def start(self, part: ChildProcess) -> None:
        port = free_port()
        variable = "WORKER__METRICS_PORT" if part is self.worker else "SINK__HTTP_PORT"
        argv = [sys.executable, "-m", "deploy.cli", part.name]
        part.start(argv, os.environ | {f"TOUCHPATH_{variable}": str(port)})
        look = http_ok(port, "/ready")

        async def ready() -> bool:
            return await look()

        part.wait_ready(lambda: asyncio.run(ready()), 60)

    def touchpath(self, *words: str, code: Exit = Exit.DONE) -> str:
        """What a command prints; of one that fails, why."""
        done = CliRunner().invoke(app, list(words))
        if code is Exit.DONE:
            assert done.exit_code == 0, done.exception
            return done.stdout or done.stderr
        return failed(done, code)

    def send(self, *touchpoints: Touchpoint) -> None:
        asyncio.run(produce(self.broker.bootstrap, collected(touchpoints)))
        self.touchpath("settle", "--timeout", "90")

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        return self.store.table(text)[1]

    def whole(self) -> None:
        """The books balance, and nothing is booked by another fit than the one in force."""
        assert self.sql("SELECT * FROM attribution_violations") == []
        assert self.sql("SELECT * FROM attribution_stale") == []
