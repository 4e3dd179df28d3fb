"""How many events the collector takes, and how long each waits for its answer, beside a bare kafka-python producer.

    python -m tests.benchmarks.collector 127.0.0.1:9092

The sender is a plain asyncio client on the same machine, so it takes its share of the cores. The bare producer sends
the very records that the collector would have written, with the same settings, from one thread: it is what Kafka and
the client library alone cost.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from base64 import b64encode
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from deploy.local.ports import free_port
from producers.adapters.sender import Sender
from producers.adapters.web.segment import outcome_of
from producers.publisher import Publisher
from producers.records import Record, record_of
from schemas.catalogue import load
from schemas.connection import KafkaConnection
from schemas.outcome import Accepted
from tests.integration.collector_rig import CollectorProcess, chunks, make_topics

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """One measured line. `p50` and `p99` are milliseconds from request to answer, None where there is no answer."""

    what: str
    events_per_second: float
    p50: float | None = None
    p99: float | None = None


def main(broker_bootstrap: str, seconds: float = SECONDS) -> list[Row]:
    """Measure against a running broker; creates the topics where they are missing."""
    asyncio.run(make_topics(broker_bootstrap))
    rows = [_bare(broker_bootstrap, seconds), _publisher(broker_bootstrap, seconds)]
    with TemporaryDirectory() as directory:
        log = Path(directory) / "collector.log"
        with CollectorProcess(broker_bootstrap, free_port(), "bench", log) as collector:
            for connections, size in ((1, 1), (16, 1), (1, 100), (4, 100)):
                rows.append(asyncio.run(_load(collector.url, connections, size, seconds)))
    return rows


def event(number: int) -> dict[str, object]:
    """Give an event of a usual size: a page with a campaign, a device and a user."""
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": f"{time.time_ns()}-{number}",
        "userId": f"u{number % 5000}",
        "anonymousId": f"a{number % 7000}",
        "timestamp": "2024-05-01T11:59:58.123Z",
        "context": {
            "campaign": {"name": "spring", "source": "newsletter", "medium": "email"},
            "page": {"url": f"https://shop.example/p/{number % 100}", "referrer": "https://search.example/"},
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
            "locale": "de-DE",
        },
        "properties": {"product_id": f"p{number % 100}", "category": "tea", "price": 3.5, "position": number % 10},
    }


def _records(many: int) -> list[Record]:
    catalogue, sender, now = load(), Sender("bench", "bench"), datetime.now(UTC)
    outcomes = (outcome_of(orjson.dumps(event(n)), "track", sender, now, catalogue) for n in range(many))
    return [record_of(outcome) for outcome in outcomes if isinstance(outcome, Accepted)]


def _bare(bootstrap: str, seconds: float) -> Row:
    """In a process of its own, so that both start with a cold interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", _BARE, bootstrap, str(seconds)], check=True, capture_output=True, text=True
    )
    return Row("bare kafka-python, acks=all", float(done.stdout))


_BARE = """
import sys, time
from kafka import KafkaProducer
from tests.benchmarks.collector import _records
records, seconds, sent = _records(2000), float(sys.argv[2]), 0
producer = KafkaProducer(bootstrap_servers=sys.argv[1], acks="all", enable_idempotence=False, linger_ms=5,
                         batch_size=131072, metrics_enabled=False)
producer.partitions_for(records[0].topic)
began = time.perf_counter()
while time.perf_counter() - began < seconds:
    for r in records:
        producer.send(r.topic, key=r.key, value=r.value, timestamp_ms=r.timestamp)
    producer.flush()
    sent += len(records)
print(sent / (time.perf_counter() - began))
"""


def _publisher(bootstrap: str, seconds: float) -> Row:
    records, sent = _records(2000), 0
    with closing(Publisher(KafkaConnection(bootstrap_servers=bootstrap))) as publisher:
        publisher.wait_connected(10)
        began = time.perf_counter()
        under_way: list[Future[None]] = []
        while time.perf_counter() - began < seconds:
            for part in chunks(records, 500):
                under_way.append(publisher.publish(part))
                sent += len(part)
                if len(under_way) > 4:
                    under_way.pop(0).result()
        for future in under_way:
            future.result()
        return Row("publisher, chunks of 500", sent / (time.perf_counter() - began))


async def _load(url: str, connections: int, size: int, seconds: float) -> Row:
    host, port = url.removeprefix("http://").split(":")
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def send(first: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        number = first
        while time.perf_counter() < end:
            events = [event(number + step) for step in range(size)]
            number += size
            body = orjson.dumps(events[0] if size == 1 else {"batch": events})
            path = "track" if size == 1 else "batch"
            head = (
                f"POST /v1/{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {b64encode(b'good:').decode()}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            began = time.perf_counter()
            writer.write(head.encode() + body)
            await _answered(reader)
            waits.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(send(worker * 10_000_000) for worker in range(connections)))
    rate = len(waits) * size / (time.perf_counter() - began)
    cuts = statistics.quantiles(waits, n=100)
    each = "single events" if size == 1 else f"batches of {size}"
    return Row(f"collector, {each}, {connections} connections", rate, cuts[49] * 1000, cuts[98] * 1000)


async def _answered(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise AssertionError(head)
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)


def show(rows: list[Row]) -> None:
    """Print the table."""
    for row in rows:
        waits = f"{row.p50:8.1f} {row.p99:8.1f}" if row.p50 is not None and row.p99 is not None else ""
        print(f"{row.what:45} {row.events_per_second:10,.0f} {waits}")


if __name__ == "__main__":
    print(f"{'':45} {'events/s':>10} {'p50 ms':>8} {'p99 ms':>8}")
    show(main(sys.argv[1]))
