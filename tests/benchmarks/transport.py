"""What the batch transport itself costs: `python -m tests.benchmarks.transport [--records N] [--bootstrap H:P]`.

A stage that only counts, one worker, four partitions; events a second, the worker's CPU a record, the time of
one event alone, and records a second at recovery. Without `--bootstrap` it starts an Apache Kafka of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.ports import free_port
from schemas.connection import KafkaConnection
from streams.core.stage import Output, Record, StageResult, StateReader
from streams.worker.app import build_app, run_worker
from streams.worker.partitioning import partition_of
from streams.worker.settings import WorkerSettings
from streams.worker.topics import changelog_topics

PARTITIONS = 4
KEYS = 20_000
VALUE_BYTES = 200


class Counting:
    """Counts records per key, and passes each one on."""

    name = "count"
    stateful = True
    also_reads: tuple[str, ...] = ()

    def __init__(self, input_topic: str, output_topic: str) -> None:
        self.input_topic = input_topic
        self.output_topic = output_topic

    def process(self, partition: int, records: Sequence[Record], read: StateReader) -> StageResult:  # noqa: ARG002
        counts: dict[bytes, int] = {}
        outputs = []
        topic = self.output_topic
        for record in records:
            key = record.key or b""
            count = counts.get(key)
            if count is None:
                count = int(read(key) or b"0")
            counts[key] = count + 1
            outputs.append(Output(topic, key, record.value or b"", record.timestamp))
        state: dict[bytes, bytes | None] = {key: b"%d" % count for key, count in counts.items()}
        return StageResult(outputs, state, {"counted": len(outputs)})


def worker_main(name: str, settings: str) -> int:
    """Be the worker process."""
    logging.basicConfig(level=logging.WARNING)
    return run_worker(build_app(WorkerSettings.model_validate_json(settings), [Counting(f"in-{name}", f"out-{name}")]))


class Bench:
    """One application's topics and its worker."""

    def __init__(self, bootstrap: str, folder: Path, **settings: Any) -> None:
        self.name = uuid.uuid4().hex[:8]
        self.bootstrap = bootstrap
        self.input, self.output = f"in-{self.name}", f"out-{self.name}"
        self.settings = WorkerSettings(
            app_id=f"bench-{self.name}",
            kafka=KafkaConnection(bootstrap_servers=bootstrap),
            data_dir=folder / self.name,
            metrics_port=free_port(),
            **settings,
        )
        self.process: subprocess.Popen[bytes] | None = None

    async def create_topics(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        changelog = changelog_topics(self.settings, [Counting(self.input, self.output)])[0]
        await admin.create_topics(
            [
                NewTopic(self.input, PARTITIONS, 1),
                NewTopic(self.output, PARTITIONS, 1),
                NewTopic(changelog.name, PARTITIONS, 1, topic_configs=dict(changelog.config)),
            ]
        )
        await admin.close()

    async def fill(self, records: int) -> None:
        chance = random.Random(1)
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", max_batch_size=256 * 1024)
        await producer.start()
        batches = [producer.create_batch() for _ in range(PARTITIONS)]
        value = b"x" * VALUE_BYTES
        for number in range(records):
            key = b"customer:%d" % chance.randrange(KEYS)
            partition = partition_of(key, PARTITIONS)
            if batches[partition].append(timestamp=1_700_000_000_000 + number, key=key, value=value) is None:
                await (await producer.send_batch(batches[partition], self.input, partition=partition))
                batches[partition] = producer.create_batch()
                batches[partition].append(timestamp=1_700_000_000_000 + number, key=key, value=value)
        for partition, batch in enumerate(batches):
            await (await producer.send_batch(batch, self.input, partition=partition))
        await producer.stop()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.transport", "--worker", self.name]
        environment = {**os.environ, "TRANSPORT_BENCH": self.settings.model_dump_json(exclude_none=True)}
        self.process = subprocess.Popen(command, env=environment)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def metric(self, name: str) -> float:
        try:
            url = f"http://127.0.0.1:{self.settings.metrics_port}/metrics"
            with urllib.request.urlopen(url, timeout=2) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0.0
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((name + " ", name + "{")))

    def wait(self, name: str, at_least: float) -> float:
        while (value := self.metric(name)) < at_least:
            assert self.process is not None
            if self.process.poll() is not None:
                raise SystemExit(f"the worker ended with {self.process.returncode}")
            time.sleep(0.2)
        return value

    def cpu(self) -> float:
        assert self.process is not None
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    async def alone(self, events: int) -> list[float]:
        """Seconds from the sending of one event to the reading of its output, with nothing else going on."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
        consumer = AIOKafkaConsumer(
            self.output,
            bootstrap_servers=self.bootstrap,
            auto_offset_reset="latest",
            isolation_level="read_committed",
        )
        await producer.start()
        await consumer.start()
        await consumer.seek_to_end()
        for tp in consumer.assignment():
            await consumer.position(tp)
        times = []
        for _ in range(events):
            await asyncio.sleep(0.3)
            started = time.perf_counter()
            await producer.send_and_wait(self.input, key=b"customer:1", value=b"x" * VALUE_BYTES)
            while not await consumer.getmany(timeout_ms=1000):  # getone() would keep the next fetch waiting
                pass
            times.append(time.perf_counter() - started)
        await consumer.stop()
        await producer.stop()
        return times


async def measure(bootstrap: str, folder: Path, records: int, **settings: Any) -> None:
    """Print one line of the table."""
    bench = Bench(bootstrap, folder, **settings)
    await bench.create_topics()
    await bench.fill(records)
    bench.start()
    try:
        first = bench.wait("touchpath_worker_records_total", 1)
        started, cpu = time.perf_counter(), bench.cpu()
        bench.wait("touchpath_worker_records_total", records)
        seconds, cpu = time.perf_counter() - started, bench.cpu() - cpu
        batches = bench.metric("touchpath_worker_batch_records_count")
        alone = await bench.alone(15)
    finally:
        bench.stop()
    if bench.settings.store == "disk":
        recovery = "goes on from disk"
    else:
        bench.start()
        bench.wait("touchpath_worker_ready", 1)
        recovered = bench.metric("touchpath_worker_recovered_records_total")
        recovery = f"{recovered / bench.metric('touchpath_worker_recovery_seconds'):,.0f} records/s"
        bench.stop()
    done = records - first
    print(
        f"{bench.settings.guarantee:13} {bench.settings.store:7} {done / seconds:10,.0f} records/s"
        f" {cpu / done * 1e6:6.1f} us CPU a record {records / batches:6,.0f} records a batch"
        f"   alone: median {statistics.median(alone) * 1000:.0f} ms, longest {max(alone) * 1000:.0f} ms"
        f"   recovery: {recovery}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--bootstrap")
    parser.add_argument("--only", help="guarantee/store, e.g. exactly_once/memory")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        sys.exit(worker_main(arguments.worker, os.environ["TRANSPORT_BENCH"]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = None
        if arguments.bootstrap is None:
            broker = ApacheKafkaBroker(folder / "kafka", free_port(), folder / "kafka.log", heap_mb=1024)
            broker.start()
            broker.wait_ready()
            arguments.bootstrap = broker.bootstrap
        try:
            for kind in ("exactly_once/memory", "exactly_once/disk", "unfenced/memory"):
                if arguments.only in (None, kind):
                    guarantee, store = kind.split("/")
                    asyncio.run(
                        measure(arguments.bootstrap, folder, arguments.records, guarantee=guarantee, store=store)
                    )
        finally:
            if broker is not None:
                broker.stop()


if __name__ == "__main__":
    main()
