"""A running stack as a sender and a reader see it: its doors, its topics, and what came of it in ClickHouse."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaProducer

from deploy.clickhouse import ask
from deploy.settle import SettleReport, settle
from schemas.connection import ClickHouseConnection, KafkaConnection
from tests.e2e.up_rig import Up


class Doors:
    """Everything that takes input, and two views to look at."""

    def __init__(self, up: Up) -> None:
        self._kafka = KafkaConnection(bootstrap_servers=f"127.0.0.1:{up.kafka}")
        self._clickhouse = ClickHouseConnection(port=up.clickhouse)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{up.collector}", auth=("local", ""), timeout=60)

    def close(self) -> None:
        self.http.close()

    def post(self, path: str, content: bytes, **more: Any) -> tuple[int, dict[str, Any]]:
        answer = self.http.post(path, content=content, **more)
        return answer.status_code, answer.json()

    def good_event(self) -> str:
        """Send one that nothing is wrong with; give its id."""
        message = str(uuid.uuid4())
        event = b'{"messageId":"%s","userId":"neighbour","event":"Product Viewed"}' % message.encode()
        status, told = self.post("/v1/track", event)
        assert (status, told["accepted"]) == (200, 1)
        return message

    def put(self, topic: str, *values: bytes | None) -> None:
        """Write onto a topic, past all doors."""
        producer = KafkaProducer(bootstrap_servers=self._kafka.bootstrap_servers, acks="all")
        for value in values:
            producer.send(topic, key=b"customer:neighbour", value=value)
        producer.close()

    def import_store(self, *files: Path) -> subprocess.CompletedProcess[str]:
        words = ["import", "store", *map(str, files), "--timezone", "UTC", "--currency", "EUR"]
        environ = {
            **os.environ,
            "TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers,
            "TOUCHPATH_DATA_DIR": str(files[0].parent),
        }
        argv = [sys.executable, "-m", "deploy.cli", *words]
        return subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=120, check=False)

    def counted(self) -> Counter[str]:
        """What the collector has told so far, by outcome."""
        names = ("received", "accepted", "duplicate", "quarantined")
        found: Counter[str] = Counter()
        for line in self.http.get("/metrics").text.splitlines():
            for name in names:
                if line.startswith(f"touchpath_collector_events_{name}_total{{"):
                    found[name] += int(float(line.rpartition(" ")[2]))
        return found

    def settle(self) -> SettleReport:
        return asyncio.run(settle(self._kafka, self._clickhouse, worker_groups=["touchpath"], timeout=60))

    def landed(self, ids: set[str]) -> set[str]:
        """Give those of the ids that are touchpoints, after all has settled."""
        self.settle()
        return {row[0] for row in self._sql("SELECT toString(event_id) FROM touchpoints")} & ids

    def quarantine(self, where: str) -> list[tuple[str, str]]:
        """Give reason and raw of the rows, in the order of their reasons, after all has settled."""
        self.settle()
        return [
            (row[0], row[1]) for row in self._sql(f"SELECT reason, raw FROM quarantine WHERE {where} ORDER BY 1, 2")
        ]

    def count(self, query: str) -> int:
        """Give the one number that a query asks for, after all has settled."""
        self.settle()
        return int(self._sql(query)[0][0])

    def _sql(self, query: str) -> list[tuple[Any, ...]]:
        return ask(self._clickhouse, query)[1]
