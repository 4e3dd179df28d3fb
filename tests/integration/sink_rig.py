"""A sink beside real parts: its process, its tables, and waiting for what they come to hold."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local.process import ChildProcess
from schemas.connection import ClickHouseConnection, KafkaConnection
from sinks import migrations
from sinks.client import Store

PATIENCE = 60.0


class SinkProcess:
    """A sink that can be started, stopped and killed."""

    def __init__(self, home: Path, bootstrap: str, clickhouse: ClickHouseConnection, **settings: Any) -> None:
        given = {
            "settings": settings,
            "kafka": KafkaConnection(bootstrap_servers=bootstrap).model_dump(mode="json"),
            "clickhouse": clickhouse.model_dump(mode="json") | {"password": ""},
        }
        self._argv = [sys.executable, "-m", "tests.integration.sink_app", json.dumps(given)]
        self.child = ChildProcess("sink", home / "sink.log")

    def start(self) -> None:
        self.child.start(self._argv)

    def kill(self) -> None:
        self.child.kill()

    def stop(self) -> int | None:
        return self.child.stop(timeout=20)

    def log(self) -> str:
        return self.child.log_path.read_text()

    def __enter__(self) -> SinkProcess:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def migrated(port: int, database: str) -> Store:
    """A connection to a database that has all tables."""
    store = Store(ClickHouseConnection(port=port, database=database))
    migrations.apply(store)
    return store


def count(store: Store, view: str, where: str = "1") -> int:
    return int(store.rows(f"SELECT count() FROM {store.database}.{view} WHERE {where}")[0][0])


async def eventually(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until it is true; a test that waits in vain fails with the last answer."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await asyncio.to_thread(true):
        assert asyncio.get_running_loop().time() < deadline, "it did not come true in time"
        await asyncio.sleep(0.1)
