"""What whose-is-it costs: events a second through resolve, what its state weighs, and how quickly it is read back.

    python -m tests.benchmarks.identity            10 k, 100 k and 1 M profiles, and the recovery of 1 M from Kafka
    python -m tests.benchmarks.identity --quick    10 k and 30 k

No Kafka in the first part: the stage on a partition's store, as the worker calls it, in batches of 2,000, each number
of profiles in a process of its own. What identifiers say to each other because of a batch is heard and paid for with
it. A profile is a customer with an e-mail address and a cookie that were all seen together, and beside each there is a
cookie that was seen alone. Lives are resolved once and laid under many names of one length, which gives the same bytes
as resolving each of them would.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psutil
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped] # ships no types

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.ports import free_port
from deploy.topic_admin import ensure
from deploy.topics import WantedTopic
from schemas import topics
from schemas.bodies import WebBody
from schemas.catalogue import load
from schemas.connection import KafkaConnection
from schemas.identifier import Identifier
from schemas.touchpoint import Touchpoint
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from streams.worker.app import build_app, run_worker
from streams.worker.partitioning import partition_of
from streams.worker.settings import WorkerSettings
from streams.worker.stores import MemoryStore
from streams.worker.topics import changelog_topics
from tests.benchmarks.events import RECEIVED, START
from tests.benchmarks.report import Line

BATCH = 2_000
MEASURED = 40_000
SHARES = (0.01, 0.05, 0.20)
"""Of so many events each links two identifiers that were never seen together."""
SIZES = (10_000, 100_000, 1_000_000)
QUICK_SIZES = (10_000, 30_000)
PATTERNS = 50
_FIRST_PATTERN = 9_000_000  # no profile has such a number: they have seven digits, too
PARTITIONS = 4
LONGEST = 600.0


@dataclass(frozen=True)
class ARecord:
    topic: str
    offset: int
    key: bytes
    value: bytes
    timestamp: int


@dataclass(frozen=True)
class Row:
    """What one number of profiles came to with one share of linking events."""

    profiles: int
    share: float
    micros: float
    least_micros: float
    messages: float
    bytes_an_identifier: int
    bytes_a_profile: int
    bytes_alone: int
    memory_a_profile: int
    memory_mib: int

    @property
    def rate(self) -> float:
        """Events a second of CPU."""
        return 1e6 / self.micros


# --- events


def event(number: int, minute: int, *keys: str) -> Touchpoint:
    """A page view of whom the keys name."""
    chance = random.Random(number)
    return Touchpoint(
        event_id=UUID(int=chance.getrandbits(128), version=4),
        source="shop",
        touchpoint="page_view",
        channel="web",
        occurred_at=START + timedelta(minutes=minute),
        received_at=RECEIVED,
        identifiers=tuple(
            Identifier(kind=kind, value=value) for kind, _, value in (key.partition(":") for key in keys)
        ),
        body=WebBody(url="https://shop.example/products/1", title="Running shoes"),
        properties={"page": number % 100},
    )


def a_life(number: int) -> Iterator[Touchpoint]:
    """What happened to one customer: visits, three log-ins, a click and an order; and another cookie's only visit."""
    customer, cookie, email, alone = names(number)
    first = number * 100
    yield event(first, 10, cookie)
    for log_in in range(3):
        yield event(first + 1 + log_in, 20 + 1440 * log_in, customer, cookie)
    yield event(first + 5, 5000, customer, email)
    yield event(first + 6, 5010, email)
    yield event(first + 7, 5020, alone)


def names(number: int) -> tuple[str, str, str, str]:
    """Customer, cookie, e-mail address, and the cookie that was seen alone."""
    digits = f"{number:07d}"
    return f"customer:c{digits}", f"anonymous:a{digits}", f"email:e{digits}@example.org", f"anonymous:b{digits}"


def measured_events(profiles: int, share: float, used: int) -> Iterator[Touchpoint]:
    """Events of known identifiers, but for the share that links: a new cookie, or one that was alone, logs in.

    `used` of the cookies that were alone have logged in before.
    """
    chance = random.Random(int(share * 1000))
    for number in range(MEASURED):
        customer, cookie, email, _ = names(chance.randrange(profiles))
        minute = 100_000 + number
        if chance.random() < share:
            used += 1
            fresh = used % 2 or used >= profiles
            other = f"anonymous:n{share}-{number:07d}" if fresh else names(used)[3]
            keys: tuple[str, ...] = (customer, other)
        else:
            what = chance.random()
            keys = (cookie,) if what < 0.6 else (email,) if what < 0.85 else (customer, cookie)
        yield event(10**9 + int(share * 1000) * MEASURED + number, minute, *keys)


# --- the stage on a store


class Resolving:
    """Resolve on one partition, with all that identifiers say to each other."""

    def __init__(self) -> None:
        self.stage = ResolveStage(load())
        self.store = MemoryStore()
        self.messages = 0
        self._offset = 0

    def take(self, events: list[Touchpoint]) -> list[float]:
        """Resolve; give the CPU microseconds an event of each batch, what it caused included."""
        incoming = [
            Output(topics.COLLECTED.name, e.key.encode(), e.model_dump_json(exclude_none=True).encode(), 0)
            for e in events
        ]
        costs = []
        for begin in range(0, len(incoming), BATCH):
            waiting = incoming[begin : begin + BATCH]
            count = len(waiting)
            spent = 0.0
            while waiting:
                given = [ARecord(o.topic, self._offset + n, o.key, o.value, 0) for n, o in enumerate(waiting)]
                self._offset += len(given)
                started = time.process_time()
                result = self.stage.process(0, given, self.store.get)
                self.store.apply(result.state.items(), self._offset)
                spent += time.process_time() - started
                waiting = [o for o in result.outputs if o.topic == topics.IDENTITY.name]
                self.messages += len(waiting)
            costs.append(spent / count * 1e6)
        return costs


def patterns() -> list[list[tuple[bytes, bytes, bytes]]]:
    """The nodes of some lives: digits of the life, key, value."""
    found = []
    for number in range(_FIRST_PATTERN, _FIRST_PATTERN + PATTERNS):
        resolving = Resolving()
        resolving.take(list(a_life(number)))
        digits = b"%07d" % number
        found.append([(digits, key, value) for key, value in sorted(resolving.store.data.items())])
    return found


def nodes(profiles: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each node of so many profiles; names have one length, so they can be put in for another's."""
    lives = patterns()
    for number in range(profiles):
        digits = b"%07d" % number
        for pattern, key, value in lives[number % PATTERNS]:
            yield key.replace(pattern, digits), value.replace(pattern, digits)


def case(profiles: int) -> list[Row]:
    """Measure one number of profiles in this process."""
    resolving = Resolving()
    store = resolving.store
    empty = psutil.Process().memory_info().rss
    alone = together = count = 0
    for key, value in nodes(profiles):
        store.apply([(key, value)], 0)
        count += 1
        if key.startswith(b"anonymous:b"):
            alone += len(key) + len(value)
        else:
            together += len(key) + len(value)
    filled = psutil.Process().memory_info().rss
    rows = []
    used = 0
    for share in SHARES:
        events = list(measured_events(profiles, share, used))
        used += sum(each.key.startswith("customer:") and each.identifiers[1].value[0] in "nb" for each in events)
        resolving.messages = 0
        costs = sorted(resolving.take(events))
        rows.append(
            Row(
                profiles,
                share,
                round(costs[len(costs) // 2], 2),
                round(costs[0], 2),
                round(resolving.messages / MEASURED, 2),
                (alone + together) // count,
                together // profiles,
                alone // profiles,
                (filled - empty) // profiles,
                round(psutil.Process().memory_info().rss / 2**20),
            )
        )
    return rows


def run_cases(sizes: tuple[int, ...]) -> list[Row]:
    """Measure each number of profiles in a process of its own."""
    rows = []
    for profiles in sizes:
        command = [sys.executable, "-m", "tests.benchmarks.identity", "--case", str(profiles)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        for found in json.loads(done.stdout):
            rows.append(Row(**found))
            print(f"  {rows[-1]}", flush=True)
    return rows


# --- recovery


def _settings(bootstrap: str, folder: Path, metrics_port: int) -> WorkerSettings:
    return WorkerSettings(
        app_id="bench-identity",
        kafka=KafkaConnection(bootstrap_servers=bootstrap),
        data_dir=folder,
        metrics_port=metrics_port,
    )


async def _fill(settings: WorkerSettings, profiles: int) -> int:
    """Write the changelog of so many profiles, as the worker would have; give the number of records."""
    (log,) = changelog_topics(settings, [ResolveStage(load())])
    wanted = [WantedTopic(topic.name, PARTITIONS, 1, {}, "") for topic in topics.TOPICS]
    await ensure(settings, [*wanted, WantedTopic(log.name, PARTITIONS, 1, dict(log.config), "")])
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers, acks="all", max_batch_size=256 * 1024, linger_ms=0
    )
    await producer.start()
    try:
        await producer.partitions_for(log.name)
        batches = [producer.create_batch() for _ in range(PARTITIONS)]
        now, count = int(time.time() * 1000), 0
        for key, value in nodes(profiles):
            partition = partition_of(key, PARTITIONS)
            if batches[partition].append(timestamp=now, key=key, value=value) is None:
                await (await producer.send_batch(batches[partition], log.name, partition=partition))
                batches[partition] = producer.create_batch()
                batches[partition].append(timestamp=now, key=key, value=value)
            count += 1
        for partition, batch in enumerate(batches):
            if batch.record_count():
                await (await producer.send_batch(batch, log.name, partition=partition))
    finally:
        await producer.stop()
    return count


@dataclass(frozen=True)
class Recovered:
    """How a worker read its state back."""

    profiles: int
    records: float
    seconds: float

    @property
    def rate(self) -> float:
        """Records a second, from the first request until the last store is up."""
        return self.records / self.seconds


def recover(bootstrap: str, folder: Path, profiles: int) -> Recovered:
    """Fill the changelog, start a worker, and ask its metrics how it read it.

    Raises:
        RuntimeError: it did not read all, died, or took too long.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics so new that their leaders are still to be told
    port = free_port()
    settings = _settings(bootstrap, folder, port)
    written = asyncio.run(_fill(settings, profiles))
    print(f"  recovery: {written:,} records of {profiles:,} profiles are written", flush=True)
    environ = {**os.environ, "IDENTITY_BENCH": settings.model_dump_json(exclude_none=True)}
    worker = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.identity", "--worker"], env=environ)
    try:
        until = time.monotonic() + LONGEST
        while not _metric(port, "touchpath_worker_ready"):
            if worker.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the worker did not become ready (exit code {worker.poll()})")
            time.sleep(0.5)
        records = _metric(port, "touchpath_worker_recovered_records_total")
        seconds = _metric(port, "touchpath_worker_recovery_seconds")
    finally:
        worker.terminate()
        worker.wait(60)
    if records != written:
        raise RuntimeError(f"{written:,} records were written, {records:,.0f} recovered")
    found = Recovered(profiles, records, seconds)
    print(f"  recovery: {found.rate:,.0f} records/s", flush=True)
    return found


def _metric(port: int, name: str) -> float:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            said = answer.read().decode().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.rpartition(" ")[2]) for line in said if line.startswith((name + " ", name + "{")))


def worker_main() -> int:
    """Be the worker that recovers."""
    logging.basicConfig(level=logging.WARNING)
    settings = WorkerSettings.model_validate_json(os.environ["IDENTITY_BENCH"])
    return run_worker(build_app(settings, [ResolveStage(load())]))


# --- the report


def lines(rows: list[Row], recovered: Recovered | None) -> list[Line]:
    """Write the figures for the report: each beside that of the least number of profiles."""
    least = {row.share: row for row in reversed(rows)}
    written = []
    for row in rows:
        times = row.micros / least[row.share].micros
        text = f"{row.rate:,.0f} events/s, {row.micros:g} us CPU an event"
        if times != 1:
            text += f", {times:.2f} x that at {least[row.share].profiles:,}"
        written.append(
            Line(
                f"resolve, {row.profiles:,} profiles, {row.share:.0%} linking events",
                text,
                f"no Kafka, memory store; {row.messages:g} messages between identifiers an event, paid for with it",
                asdict(row) | {"events_per_second": row.rate, "times_the_least": times},
            )
        )
    for row in {row.profiles: row for row in rows}.values():
        written.append(
            Line(
                f"state of resolve, {row.profiles:,} profiles",
                f"{row.bytes_an_identifier} bytes an identifier, {row.bytes_a_profile} a profile of three,"
                f" {row.bytes_alone} one that is alone",
                f"{row.memory_a_profile:,} bytes of memory a profile and the cookie beside it;"
                f" {row.memory_mib:,} MiB in all",
            )
        )
    if recovered is not None:
        written.append(
            Line(
                f"recovery of resolve, {recovered.profiles:,} profiles",
                f"{recovered.rate:,.0f} records/s",
                f"{recovered.records:,.0f} nodes from the changelog on Kafka, memory store, {recovered.seconds:.1f} s",
                {"records_per_second": recovered.rate, "seconds": recovered.seconds, "records": recovered.records},
            )
        )
    return written


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-kafka", action="store_true", help="leave out the recovery")
    parser.add_argument("--case", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        sys.exit(worker_main())
    if arguments.case:
        gc.disable()  # as the worker has it in its batches
        print(json.dumps([asdict(row) for row in case(arguments.case)]))
        return
    sizes = QUICK_SIZES if arguments.quick else SIZES
    rows = run_cases(sizes)
    recovered = None
    if not arguments.no_kafka:
        with tempfile.TemporaryDirectory() as name:
            broker = ApacheKafkaBroker(Path(name) / "kafka", free_port(), Path(name) / "kafka.log", heap_mb=1024)
            broker.start()
            try:
                broker.wait_ready()
                recovered = recover(broker.bootstrap, Path(name) / "worker", sizes[-1])
            finally:
                broker.stop()
    for line in lines(rows, recovered):
        print(f"{line.what:55} {line.measured}   ({line.note})")


if __name__ == "__main__":
    main()
