"""How many events the collector takes, and how long each waits for its answer, beside what there is at best.

    python -m tests.benchmarks.collector 127.0.0.1:9092

Beside it: a bare kafka-python producer that sends the very records that the collector would have written, with the same
settings, from one thread; and a bare ASGI app on the same server that only reads the body and acknowledges.

The sender is a plain asyncio client on the same machine, and so is the broker: with two cores the wall clock says
little of a second process. So each line also says the CPU time that the collector's processes took for an event: 100 us
are 10,000 events a second on one core, and as much with two processes as with one is what makes a second process worth
it. Lines that say "one core" are pinned to one.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import psutil

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
    """One measured line. `p50` and `p99` are milliseconds from request to answer, None where there is no answer.

    `cpu` are microseconds of CPU an event, of the collector or producer alone.
    """

    what: str
    events_per_second: float
    p50: float | None = None
    p99: float | None = None
    cpu: float | None = None


def main(broker_bootstrap: str, seconds: float = SECONDS) -> list[Row]:
    """Measure against a running broker; creates the topics where they are missing."""
    asyncio.run(make_topics(broker_bootstrap))
    rows = [_bare(broker_bootstrap, seconds), _publisher(broker_bootstrap, seconds)]
    with _bare_app() as (url, pid):
        rows += [_measured("bare ASGI app, one core", url, pid, *load, seconds) for load in ((16, 1), (4, 100))]
    with TemporaryDirectory() as directory:
        log = Path(directory) / "collector.log"
        with _pinned(), CollectorProcess(broker_bootstrap, free_port(), "bench", log) as collector:
            assert collector.process is not None
            _unpin()
            what, pid = "collector, one core", collector.process.pid
            _load(collector.url, 4, 100, 1.0)  # warm
            loads = ((1, 1), (16, 1), (1, 100), (4, 100))
            measured = [_measured(what, collector.url, pid, *load, seconds) for load in loads]
            rows += measured
            half = measured[1].events_per_second / 2
            rows.append(_measured(f"{what}, half load", collector.url, pid, 16, 1, seconds, rate=half))
        with CollectorProcess(broker_bootstrap, free_port(), "bench", log, processes=2) as collector:
            assert collector.process is not None
            what, pid = "collector, two processes", collector.process.pid
            _load(collector.url, 16, 100, 1.0)
            rows += [_measured(what, collector.url, pid, *load, seconds) for load in ((16, 1), (8, 100))]
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
    rate, cpu = map(float, done.stdout.split())
    return Row("bare kafka-python, acks=all", rate, cpu=cpu)


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
print(sent / (time.perf_counter() - began), time.process_time() / sent * 1e6)
"""


def _publisher(bootstrap: str, seconds: float) -> Row:
    records, sent = _records(2000), 0
    with closing(Publisher(KafkaConnection(bootstrap_servers=bootstrap))) as publisher:
        publisher.wait_connected(10)
        began, cpu = time.perf_counter(), time.process_time()
        under_way: list[Future[None]] = []
        while time.perf_counter() - began < seconds:
            for part in chunks(records, 500):
                under_way.append(publisher.publish(part))
                sent += len(part)
                if len(under_way) > 4:
                    under_way.pop(0).result()
        for future in under_way:
            future.result()
        rate = sent / (time.perf_counter() - began)
        return Row("publisher, chunks of 500", rate, cpu=(time.process_time() - cpu) / sent * 1e6)


def _measured(
    what: str, url: str, pid: int, connections: int, size: int, seconds: float, *, rate: float | None = None
) -> Row:
    """Send for so many seconds; `rate` are events a second that are sent whether or not the answers keep up."""
    before = _cpu(pid)
    waits, elapsed = _load(url, connections, size, seconds, rate)
    events = len(waits) * size
    cuts = statistics.quantiles(waits, n=100)
    each = "single events" if size == 1 else f"batches of {size}"
    return Row(
        f"{what}, {each}, {connections} connection{'s' * (connections > 1)}",
        events / elapsed,
        cuts[49] * 1000,
        cuts[98] * 1000,
        (_cpu(pid) - before) / events * 1e6,
    )


def _load(
    url: str, connections: int, size: int, seconds: float, rate: float | None = None
) -> tuple[list[float], float]:
    """Give the seconds that each request waited, and the seconds that all took."""
    return asyncio.run(_sent(url, connections, size, seconds, rate))


async def _sent(url: str, connections: int, size: int, seconds: float, rate: float | None) -> tuple[list[float], float]:
    host, port = url.removeprefix("http://").split(":")
    template = _template(size)
    path = "track" if size == 1 else "batch"
    waits: list[float] = []
    start = time.perf_counter()
    end = start + seconds
    run = time.time_ns()

    async def send(worker: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        number = run + worker * 10_000_000
        due = start + (worker * size / rate if rate else 0)
        while (now := time.perf_counter()) < end:
            if rate and now < due:
                await asyncio.sleep(due - now)
            body = template % tuple(range(number, number + size))
            number += size
            head = (
                f"POST /v1/{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {b64encode(b'good:').decode()}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            began = due if rate else time.perf_counter()  # a request that had to wait for its turn has waited, too
            writer.write(head.encode() + body)
            await _answered(reader)
            waits.append(time.perf_counter() - began)
            due += connections * size / rate if rate else 0
        writer.close()

    await asyncio.gather(*map(send, range(connections)))
    return waits, time.perf_counter() - start


def _template(size: int) -> bytes:
    """Give a body with a place for the id of each event: making it anew each time would cost more than taking it."""
    events = [{**event(number), "messageId": "@"} for number in range(size)]
    body = orjson.dumps(events[0] if size == 1 else {"batch": events})
    return body.replace(b"%", b"%%").replace(b'"@"', b'"m%d"')


def _cpu(pid: int) -> float:
    """Give the seconds of CPU that a process and its children have taken."""
    process = psutil.Process(pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


@contextmanager
def _pinned() -> Iterator[None]:
    """Start processes on one core; `_unpin` gives us the others back while they run."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(CORES)})
    try:
        yield
    finally:
        _unpin()


def _unpin() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, CORES)


CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()

_APP = """
import asyncio, sys, uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"16")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"success":true}'})

async def serve():
    await Server(app, address="127.0.0.1", port=int(sys.argv[1]), interface=Interfaces.ASGINL, http=HTTPModes.http1,
                 websockets=False, backpressure=1024, log_enabled=False).serve()

with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(serve())
"""


@contextmanager
def _bare_app() -> Iterator[tuple[str, int]]:
    port = free_port()
    with _pinned():
        process = subprocess.Popen([sys.executable, "-c", _APP, str(port)])
    try:
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


async def _answered(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise AssertionError(head)
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)


def show(rows: list[Row]) -> None:
    """Print the table."""
    for row in rows:
        waits = f"{row.p50:8.1f} {row.p99:8.1f}" if row.p50 is not None and row.p99 is not None else " " * 17
        print(f"{row.what:65} {row.events_per_second:10,.0f} {waits} {row.cpu or 0:8.1f}")


if __name__ == "__main__":
    print(f"{'':65} {'events/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'us CPU':>8}")
    show(main(sys.argv[1], *map(float, sys.argv[2:])))
