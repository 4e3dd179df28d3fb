"""How long from sending an event until it can be queried, at half of what the whole pipeline sustains on this machine.

    python -m tests.benchmarks.latency [--quick] [--rate EVENTS_A_SECOND]

The whole product as `touchpath up --broker kafka` runs it, on all cores, with the sender and whoever looks beside it:
collector, Apache Kafka, worker, sink, ClickHouse. The sender keeps to its timetable whatever the answers take; the
clock of an event runs from the moment when its request was due until a query every 50 ms finds it in the view
`touchpoints`, and a conversion until it is in `credits` as well. First the rate is doubled until it is not kept up.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import orjson

from schemas.connection import ClickHouseConnection
from sinks.client import Store
from tests.benchmarks.report import Line
from tests.e2e.up_rig import Up

BATCH = 20
"""Events a request, as a server-side SDK sends them; more where there would be too many requests."""
SHORTEST_PAUSE = 0.005
"""Seconds between two requests at least."""
LOOK_EVERY = 0.05
MARKED_A_SECOND = 200
"""At most so many events are looked for; at higher rates every n-th of them. All sent count as load."""
CONVERSIONS = 20
"""One event in so many is a purchase."""
USERS = 5_000
CONNECTIONS = 8
FIRST_RATE = 500
LEAST_RATE = 50
LAST_RATE = 32_000
KEPT_UP = 2.0
"""A rate is sustained if everything marked is queryable so many seconds after the last was sent."""
GIVEN_UP = 60.0
_PAGES = ("tea", "coffee", "cups", "pots", "spoons")


@dataclass(frozen=True)
class Passed:
    """One load: what was asked for, what was sent, and the seconds until each marked event could be queried."""

    wanted_rate: float
    sent_rate: float
    touchpoints: list[float]
    credits: list[float]
    missing: int
    behind: float
    """Seconds from the last sending until everything marked was seen."""

    @property
    def sustained(self) -> bool:
        """Whether the pipeline kept up."""
        return not self.missing and self.behind <= KEPT_UP and self.sent_rate >= 0.95 * self.wanted_rate


class Looker:
    """Asks again and again which of the marked events can be queried, in a thread of its own."""

    def __init__(self, clickhouse_port: int) -> None:
        self._store = Store(ClickHouseConnection(port=clickhouse_port))
        self._lock = threading.Lock()
        self._unseen: dict[str, dict[str, float]] = {"touchpoints": {}, "credits": {}}
        self.waits: dict[str, list[float]] = {"touchpoints": [], "credits": []}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def mark(self, event_id: str, due: float, *, conversion: bool) -> None:
        """Look for this event from now on; it was due to be sent at `due`."""
        with self._lock:
            self._unseen["touchpoints"][event_id] = due
            if conversion:
                self._unseen["credits"][event_id] = due

    @property
    def missing(self) -> int:
        """How many are still to be seen."""
        return sum(len(unseen) for unseen in self._unseen.values())

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()
        self._store.close()

    def _look(self) -> None:
        while not self._stop.is_set():
            began = time.perf_counter()
            for view, column in (("touchpoints", "event_id"), ("credits", "conversion_id")):
                self._look_into(view, column)
            self._stop.wait(max(0.0, LOOK_EVERY - (time.perf_counter() - began)))

    def _look_into(self, view: str, column: str) -> None:
        with self._lock:
            ids = list(self._unseen[view])
        if not ids:
            return
        wanted = ",".join(f"'{event_id}'" for event_id in ids)
        found = self._store.rows(
            f"SELECT DISTINCT toString({column}) FROM {self._store.database}.{view} WHERE {column} IN ({wanted})"
        )
        seen_at = time.perf_counter()
        with self._lock:
            for (event_id,) in found:
                self.waits[view].append(seen_at - self._unseen[view].pop(event_id))


def an_event(event_id: str, chance: Random, *, conversion: bool) -> dict[str, object]:
    """Give an event in Segment's form."""
    user = chance.randrange(USERS)
    event: dict[str, object] = {
        "type": "track",
        "messageId": event_id,
        "userId": f"u{user}",
        "anonymousId": f"a{user}",
        "context": {
            "campaign": {"name": f"campaign-{user % 12}", "source": "newsletter", "medium": "email"},
            "page": {"url": f"https://shop.example/{chance.choice(_PAGES)}", "referrer": "https://search.example/"},
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
            "locale": "de-DE",
        },
    }
    if conversion:
        properties = {"order_id": event_id, "revenue": chance.randrange(500, 20_000) / 100, "currency": "EUR"}
        return event | {"event": "Order Completed", "properties": properties}
    return event | {"event": "Product Viewed", "properties": {"product_id": f"p{user % 100}", "price": 3.5}}


async def load(collector_port: int, looker: Looker, rate: float, seconds: float, seed: int) -> tuple[int, float]:
    """Send by the timetable; give how many events were sent, and in how many seconds."""
    chance = Random(seed)
    due_requests: asyncio.Queue[tuple[float, list[dict[str, object]]] | None] = asyncio.Queue()
    head = f"Host: 127.0.0.1\r\nAuthorization: Basic {b64encode(b'local:').decode()}\r\nContent-Length: "

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", collector_port)
        while (request := await due_requests.get()) is not None:
            body = orjson.dumps({"batch": request[1]})
            writer.write(f"POST /v1/batch HTTP/1.1\r\n{head}{len(body)}\r\n\r\n".encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"the collector answered {answer!r}")
            await reader.readexactly(int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        writer.close()

    connections = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    total = int(rate * seconds)
    mark_each = max(1, round(rate / MARKED_A_SECOND))
    pause = max(SHORTEST_PAUSE, min(BATCH / rate, 1.0))
    sent = 0
    while sent < total:
        due = began + sent / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        events = []
        for number in range(sent, min(total, sent + max(1, round(rate * pause)))):
            conversion = number % CONVERSIONS == 0
            event_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
            events.append(an_event(event_id, chance, conversion=conversion))
            # Of conversions the same share is marked; beside those numbers the two would never meet.
            if number // CONVERSIONS % mark_each == 0:
                looker.mark(event_id, due, conversion=conversion)
        sent += len(events)
        due_requests.put_nowait((due, events))
        _raise_first(connections)
    for _ in connections:
        due_requests.put_nowait(None)
    await asyncio.gather(*connections)
    return sent, time.perf_counter() - began


def _raise_first(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done():
            task.result()


def one_load(up: Up, rate: float, seconds: float, seed: int) -> Passed:
    """Load for so many seconds, wait until all is seen or given up."""
    looker = Looker(up.clickhouse)
    try:
        sent, took = asyncio.run(load(up.collector, looker, rate, seconds, seed))
        ended = time.perf_counter()
        while looker.missing and time.perf_counter() - ended < GIVEN_UP:
            time.sleep(0.02)
        behind = time.perf_counter() - ended
        missing = looker.missing
    finally:
        looker.stop()
    return Passed(rate, sent / took, looker.waits["touchpoints"], looker.waits["credits"], missing, behind)


def measure(folder: Path, *, quick: bool = False, rate: float | None = None) -> tuple[Passed, float]:
    """Start the stack in `folder`, find the rate that it sustains, load it with half of that.

    Returns:
        What came of the load, and the sustained rate (twice `rate` where that is given: nothing is tried then).
    """
    up = Up(folder / "latency", "--broker", "kafka")
    try:
        up.start()
        one_load(up, 200, 3, seed=1)  # everything warm
        if rate is None:
            sustained = _ramp(up, 3 if quick else 6)
            rate = sustained / 2
        else:
            sustained = 2 * rate
        print(f"  load: {rate:,.0f} events/s", flush=True)
        return one_load(up, rate, 5 if quick else 30, seed=3), sustained
    finally:
        if up._process is not None and up._process.poll() is None:
            up.stop()
        up.end()


def _ramp(up: Up, seconds: float) -> float:
    """Try higher rates while they are sustained; where the first is not, lower ones until one is."""
    sustained = 0.0
    rate = float(FIRST_RATE)
    while LEAST_RATE <= rate <= LAST_RATE:
        passed = one_load(up, rate, seconds, seed=int(rate))
        print(
            f"  {rate:,.0f} events/s: {passed.sent_rate:,.0f} sent, all queryable {passed.behind:.1f} s after the last",
            flush=True,
        )
        if passed.sustained:
            sustained = rate
            if rate < FIRST_RATE:
                break
            rate *= 2 if rate < 4_000 else 1.5
        elif sustained:
            break
        else:
            rate /= 2
    if not sustained:
        raise RuntimeError(f"not even {LEAST_RATE} events/s are sustained here")
    return sustained


def lines(passed: Passed, sustained: float) -> list[Line]:
    """Write the figures for the report."""
    note = (
        f"{passed.sent_rate:,.0f} events/s by HTTP, half of the {sustained:,.0f} that all parts and the sender sustain "
        f"together on this machine; looked for every {LOOK_EVERY * 1000:.0f} ms"
    )
    written = []
    for what, waits in (("queryable as a touchpoint", passed.touchpoints), ("attributed in `credits`", passed.credits)):
        p50, p99 = percentiles(waits)
        missing = f"; {passed.missing} never seen" if passed.missing else ""
        written.append(
            Line(
                f"end to end, sent until {what}",
                f"p50 {p50:.2f} s, p99 {p99:.2f} s{missing}",
                f"{note}; {len(waits):,} events",
                {"p50_s": p50, "p99_s": p99, "events": len(waits), "rate": passed.sent_rate, "sustained": sustained},
            )
        )
    return written


def percentiles(waits: Sequence[float]) -> tuple[float, float]:
    """Give the median and the 99th percentile."""
    if len(waits) < 2:
        return (waits[0], waits[0]) if waits else (float("nan"), float("nan"))
    cuts = statistics.quantiles(waits, n=100)
    return cuts[49], cuts[98]


def main() -> None:
    """Run it alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rate", type=float, help="load with this rate, and try no other")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for line in lines(*measure(Path(folder), quick=arguments.quick, rate=arguments.rate)):
            print(f"{line.what:55} {line.measured}   ({line.note})")


if __name__ == "__main__":
    main()
