"""What the tests of the producers share: topics on a running broker, a collector in a process of its own, reading."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from schemas.topics import COLLECTED, QUARANTINE

PROGRAM = """
import sys, logging
from producers.serve import run_collector
from producers.settings import CollectorSettings, PublisherSettings
from schemas.catalogue import load
from schemas.connection import KafkaConnection
logging.basicConfig(level="WARNING")
settings = CollectorSettings.model_validate_json(sys.argv[1])
publisher = PublisherSettings.model_validate_json(sys.argv[3])
sys.exit(run_collector(settings, KafkaConnection(bootstrap_servers=sys.argv[2]), load(), publisher))
"""


async def make_topics(bootstrap: str, *names: str, partitions: int = 4) -> None:
    """Create topics that are not there; by default the two that producers write."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        for name in names or (COLLECTED.name, QUARANTINE.name):
            if name not in there:
                with contextlib.suppress(TopicAlreadyExistsError):
                    await admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
    finally:
        await admin.close()


async def partitions_of(bootstrap: str, topic: str) -> int:
    """How many partitions a topic has; tests share brokers, and who came first has made it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return len(described[0]["partitions"])


async def read_all(bootstrap: str, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
    """Read a topic from its beginning to its present end."""
    partitions = [TopicPartition(topic, number) for number in range(await partitions_of(bootstrap, topic))]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    records: list[ConsumerRecord[bytes, bytes]] = []
    async with consumer:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            await consumer.seek_to_beginning(partition)
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                records += batch
    return records


async def read_source(bootstrap: str, topic: str, source: str) -> list[dict[str, Any]]:
    """Read what one source left in a topic, decoded; tests share brokers, so each uses a source of its own."""
    values = [orjson.loads(record.value or b"{}") for record in await read_all(bootstrap, topic)]
    return [value for value in values if value["source"] == source]


class CollectorProcess:
    """A collector on a port of 127.0.0.1, as a child process."""

    def __init__(
        self, bootstrap: str, port: int, source: str, log: Path, publisher: str = "{}", **settings: Any
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.source = source
        keys = [{"key": "good", "source": source, "default_currency": "EUR"}]
        self._settings = orjson.dumps({"port": port, "write_keys": keys, **settings}).decode()
        self._bootstrap, self._publisher, self._log = bootstrap, publisher, log
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=self.url, auth=("good", ""), timeout=30)

    def start(self, *, ready: bool = True) -> Self:
        """Start it and wait until it is up, and until it reaches Kafka where `ready`."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, self._settings, self._bootstrap, self._publisher],
                stderr=log,
                stdout=log,
            )
        self.wait_for("/ready" if ready else "/health", 200)
        return self

    def wait_for(self, path: str, status: int, timeout: float = 90) -> None:
        """Wait until a path answers with a status."""
        end = time.monotonic() + timeout
        last: object = None
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                last = self.client.get(path)
                if isinstance(last, httpx.Response) and last.status_code == status:
                    return
            time.sleep(0.05)
        raise AssertionError(f"{path} did not answer {status}, but {last}; log:\n{self._log.read_text()}")

    def post(self, path: str, body: object, **more: Any) -> httpx.Response:
        """Send an event; bytes go as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.client.post(path, content=content, **more)

    def metric(self, name: str) -> float:
        """Give a counter of this source."""
        wanted = f'touchpath_collector_events_{name}_total{{source="{self.source}"}} '
        for line in self.client.get("/metrics").text.splitlines():
            if line.startswith(wanted):
                return float(line.removeprefix(wanted))
        return 0.0

    def terminate(self) -> int:
        """SIGTERM; gives the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.client.close()


def chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    """Give a list in parts."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
