"""The stream stage on one core: ours, plain Faust and Quix Streams, the same core functions on the same Kafka.

    python -m tests.benchmarks.streams                 every job
    python -m tests.benchmarks.streams --quick         small ones
    python -m tests.benchmarks.streams --only ours     one of ours, fold, resolve, faust, quix

Each job is one worker process, alone on the first core; Kafka and this program have the others. Its topic is full
before it starts, the clock runs from its first record to its last one: for us until that one is committed, for the
others until it is folded and its outputs are handed to their producer. 30 events a customer, 2 % of them
late. All three write the same journeys, conversions and credits, byte for byte.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped] # ships no types

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.ports import free_port
from deploy.topic_admin import ensure
from deploy.topics import WantedTopic
from schemas import topics
from schemas.catalogue import load
from schemas.connection import KafkaConnection
from streams.core.fold import FoldStage
from streams.core.resolve import ResolveStage
from streams.core.stage import Stage
from streams.worker.app import build_app, run_worker
from streams.worker.partitioning import partition_of
from streams.worker.settings import WorkerSettings
from streams.worker.topics import changelog_topics
from streams.worker.writer import TransactionalWriter
from tests.benchmarks.events import touchpoints
from tests.benchmarks.report import Line
from tests.benchmarks.stopwatch import Stopwatch, pin

PARTITIONS = 4
EVENTS_A_CUSTOMER = 30
LONGEST = 300.0

_OURS = ("ours", "fold", "resolve")
JOBS = (*_OURS, "quix", "faust")
EVENTS = {"ours": 300_000, "fold": 300_000, "resolve": 300_000, "quix": 120_000, "faust": 30_000}
QUICK = {"ours": 30_000, "fold": 30_000, "resolve": 30_000, "quix": 15_000, "faust": 6_000}


class JobError(Exception):
    """A worker died or took too long; the message holds the end of its log."""


@dataclass(frozen=True)
class Measured:
    """What one worker did between its first and its last record."""

    job: str
    events: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Events per second of the clock on the wall."""
        return self.events / self.seconds

    @property
    def cpu_micros(self) -> float:
        """Microseconds of CPU an event, all threads of the worker."""
        return self.cpu_seconds / self.events * 1e6


def run_jobs(bootstrap: str, folder: Path, jobs: Sequence[str] = JOBS, *, quick: bool = False) -> list[Measured]:
    """Run them one after the other, and leave out one that fails, saying so.

    `fold` reads what `ours` has resolved, so it comes after it, and with it.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics so new that their leaders are still to be told
    sizes = QUICK if quick else EVENTS
    wanted = [job for job in JOBS if job in jobs or (job == "ours" and "fold" in jobs)]
    found = []
    for job in wanted:
        events = sizes[job]
        collected = topics.COLLECTED.name if job in _OURS else f"bench.{job}.collected"
        print(f"  {job}: {events:,} events", flush=True)
        asyncio.run(_prepare(bootstrap, job, collected, events))
        try:
            measured = _measure(bootstrap, folder, job, collected, events)
        except JobError as error:
            print(f"  {job}: {error}", flush=True)
            continue
        print(f"  {job}: {measured.rate:,.0f} events/s, {measured.cpu_micros:.1f} us CPU an event", flush=True)
        found.append(measured)
    return found


def lines(found: Sequence[Measured]) -> list[Line]:
    """Write the figures for the report, the others beside ours."""
    by_job = {measured.job: measured for measured in found}
    ours = by_job.get("ours")
    names = {
        "ours": "stream stage, ours: resolve + fold + attribute",
        "resolve": "stream stage, ours: resolve alone",
        "fold": "stream stage, ours: fold + attribute alone",
        "quix": "stream stage, Quix Streams: the same core functions",
        "faust": "stream stage, plain Faust: the same core functions",
    }
    notes = {
        "ours": "exactly once, memory store, default settings, transactions of up to 16,000 records",
        "resolve": "the same, that stage only",
        "fold": "the same, that stage only",
        "quix": "exactly once, RocksDB state, a checkpoint each second",
        "faust": "Faust's exactly once, memory store, a commit each second",
    }
    written = []
    for measured in found:
        text = f"{measured.rate:,.0f} events/s, {measured.cpu_micros:.1f} us CPU an event"
        figures = {"events_per_second": measured.rate, "cpu_us_per_event": measured.cpu_micros}
        if ours is not None and measured.job in ("quix", "faust"):
            ratio, in_cpu = ours.rate / measured.rate, measured.cpu_micros / ours.cpu_micros
            text += f"; **ours is {ratio:.1f} x as fast**, {in_cpu:.1f} x by CPU"
            figures |= {"ours_times": ratio, "ours_times_by_cpu": in_cpu}
        note = f"{notes[measured.job]}; {measured.events:,} events, one core"
        written.append(Line(names[measured.job], text, note, figures))
    return written


# --- topics and their filling


async def _prepare(bootstrap: str, job: str, collected: str, events: int) -> None:
    settings = _settings(bootstrap, job)
    names = {collected, *(topic.name for topic in topics.TOPICS)}
    if job == "faust":
        names.add("bench.faust.resolved")
    wanted = [WantedTopic(name, PARTITIONS, 1, {}, "") for name in sorted(names)]
    if job in _OURS:
        logs = changelog_topics(settings, _stages(job))
        wanted += [WantedTopic(log.name, PARTITIONS, 1, log.config, "") for log in logs]
    made = await ensure(settings, wanted)
    if collected in {topic.name for topic in made.create}:
        await fill(bootstrap, collected, events)


async def fill(bootstrap: str, topic: str, events: int) -> None:
    """Write so many touchpoints, as the collector would have, in whole batches."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=256 * 1024, linger_ms=0)
    await producer.start()
    try:
        await producer.partitions_for(topic)
        batches = [producer.create_batch() for _ in range(PARTITIONS)]
        now = int(time.time() * 1000)
        for touchpoint in touchpoints(events, max(1, events // EVENTS_A_CUSTOMER)):
            key, value = touchpoint.key.encode(), touchpoint.model_dump_json().encode()
            partition = partition_of(key, PARTITIONS)
            if batches[partition].append(timestamp=now, key=key, value=value) is None:
                await (await producer.send_batch(batches[partition], topic, partition=partition))
                batches[partition] = producer.create_batch()
                batches[partition].append(timestamp=now, key=key, value=value)
        for partition, batch in enumerate(batches):
            if batch.record_count():
                await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()


# --- one worker process, seen from outside


_PROGRAMS = {"faust": "tests.benchmarks.streams_faust", "quix": "tests.benchmarks.streams_quix"}


def _measure(bootstrap: str, folder: Path, job: str, collected: str, events: int) -> Measured:
    home = folder / job
    home.mkdir(parents=True, exist_ok=True)
    cores = worker_core()
    told = {"bootstrap": bootstrap, "job": job, "collected": collected, "events": events, "core": cores}
    program = _PROGRAMS.get(job, "tests.benchmarks.streams")
    # Faust reads the command line itself.
    environ = {**os.environ, "STREAMS_BENCH": json.dumps(told)}
    with (home / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", program], cwd=home, env=environ | _here(), stdout=subprocess.PIPE, stderr=log
        )
    alarm = threading.Timer(LONGEST, worker.kill)
    alarm.start()
    said: dict[str, dict[str, Any]] = {}
    try:
        assert worker.stdout is not None
        for line in worker.stdout:
            if line.startswith(b'{"at"'):
                mark = json.loads(line)
                said[mark["at"]] = mark
                if mark["at"] == "last":
                    break
    finally:
        alarm.cancel()
        worker.terminate()
        try:
            worker.wait(30)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
    if "last" not in said:
        tail = (home / "worker.log").read_text(errors="replace").splitlines()[-30:]
        raise JobError("the worker did not come to its end:\n" + "\n".join(tail))
    first, last = said["first"], said["last"]
    return Measured(job, events, last["time"] - first["time"], last["cpu"] - first["cpu"])


def _here() -> dict[str, str]:
    """Let a process in another folder find this package."""
    root = str(Path(__file__).parents[2])
    return {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}


def told() -> dict[str, Any]:
    """Give a worker process what it was told; for the programs of the peers too."""
    return dict(json.loads(os.environ["STREAMS_BENCH"]))


# --- cores


def worker_core() -> int | None:
    """Give the core of the measured worker; None where there is only one, or no way to choose."""
    cores = _cores()
    return cores[0] if len(cores) > 1 else None


@contextmanager
def others_on_other_cores(*pids: int) -> Iterator[None]:
    """Keep this process and those given off the worker's core."""
    mine = _cores()
    if len(mine) < 2:
        yield
        return
    _move([*pids, os.getpid()], set(mine[1:]))
    try:
        yield
    finally:
        _move([os.getpid()], set(mine))


_ALL_CORES: list[int] = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _cores() -> list[int]:
    return _ALL_CORES


def _move(pids: Sequence[int], cores: set[int]) -> None:
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            try:
                os.sched_setaffinity(int(thread.name), cores)
            except ProcessLookupError:
                continue  # it ended meanwhile


# --- our worker


def _settings(bootstrap: str, job: str) -> WorkerSettings:
    return WorkerSettings(app_id=f"bench-{job}", kafka=KafkaConnection(bootstrap_servers=bootstrap))


def _stages(job: str) -> list[Stage]:
    every: dict[str, list[Stage]] = {
        "ours": [ResolveStage(load()), FoldStage(load())],
        "resolve": [ResolveStage(load())],
        "fold": [FoldStage(load())],
    }
    return every[job]


class _Noticed:
    """A stage that says when its first batch comes, and remembers how much it has in hand."""

    def __init__(self, stage: Stage, watch: Stopwatch) -> None:
        self.name, self.input_topic, self.stateful = stage.name, stage.input_topic, stage.stateful
        self.also_reads = stage.also_reads
        self._process, self._watch = stage.process, watch
        self.in_hand: dict[int, int] = {}

    def process(self, partition: int, records: Any, read: Any) -> Any:
        self._watch.first()
        self.in_hand[partition] = len(records)
        return self._process(partition, records, read)


class _Counted(TransactionalWriter):
    """The product's writer, which says what is committed of the last stage."""

    def __init__(self, settings: WorkerSettings, source: Any, last: _Noticed, watch: Stopwatch) -> None:
        super().__init__(settings, source)
        self._last, self._watch, self._partition = last, watch, source.partition
        self._is_last = source.topic == last.input_topic

    async def write(self, *what: Any) -> int | None:
        end = await super().write(*what)
        if self._is_last:
            self._watch.done(self._last.in_hand.pop(self._partition))
        return end


def worker_main() -> int:
    """Be our worker."""
    logging.basicConfig(level=logging.WARNING)
    orders = told()
    pin(orders["core"])
    watch = Stopwatch(orders["events"])
    stages = [_Noticed(stage, watch) for stage in _stages(orders["job"])]
    settings = _settings(orders["bootstrap"], orders["job"])
    counted = partial(_Counted, last=stages[-1], watch=watch)
    return run_worker(build_app(settings, stages, writer_factory=counted))


def main() -> None:
    """Start a Kafka, run the jobs, print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=JOBS, action="append")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--bootstrap", help="a broker that runs; it must be empty")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = None
        if arguments.bootstrap is None:
            broker = ApacheKafkaBroker(folder / "kafka", free_port(), folder / "kafka.log", heap_mb=1024)
            broker.start()
        try:
            if broker is not None:
                broker.wait_ready()
            pids = [broker.process.pid] if broker is not None else []
            bootstrap = arguments.bootstrap or (broker.bootstrap if broker else "")
            with others_on_other_cores(*pids):
                found = run_jobs(bootstrap, folder, arguments.only or JOBS, quick=arguments.quick)
        finally:
            if broker is not None:
                broker.stop()
    for line in lines(found):
        print(f"{line.what:55} {line.measured}   ({line.note})")


if __name__ == "__main__":
    if "STREAMS_BENCH" in os.environ:
        sys.exit(worker_main())
    main()
