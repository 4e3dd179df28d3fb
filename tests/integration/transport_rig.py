"""Topics, worker processes with a supervisor, and readers, for the transport's tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from deploy.local.ports import free_port
from streams.worker.settings import WorkerSettings
from streams.worker.topics import changelog_topics
from tests.integration.transport_app import CountingStage

APP = Path(__file__).with_name("transport_app.py")
INPUT_PARTITIONS = 4
OUTPUT_PARTITIONS = 3  # other than the input's, so that a wrong partitioner shows


def eventually(what: str, check: Callable[[], bool], timeout: float = 60.0) -> None:
    """Wait until `check` holds; fail with what was waited for."""
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {what}")
        time.sleep(0.1)


class Rig:
    """One application on one broker: its topics, settings and workers."""

    def __init__(self, bootstrap: str, folder: Path, **settings: Any) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        name = uuid.uuid4().hex[:8]
        self.input, self.second, self.output = f"in-{name}", f"second-{name}", f"out-{name}"
        self.options: dict[str, Any] = {
            "app_id": f"app-{name}",
            "kafka": {"bootstrap_servers": bootstrap},
            "session_timeout": 6,
            "rebalance_timeout": 6,
            "hand_over_timeout": 4,
            "transaction_timeout": 8,
            **settings,
        }
        self.stages = [["count", self.input, self.output]]
        self.ports: dict[str, int] = {}
        self.stores: dict[str, str] = {}  # worker -> kind of store, if not memory
        self.stage = CountingStage("count", self.input, self.output)
        self.changelog = changelog_topics(self.settings(""), [self.stage])[0]
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.exits: Counter[int] = Counter()
        self._faults: dict[str, float] = {}
        self._watch: threading.Thread | None = None
        self._watching = threading.Event()
        self._lock = threading.Lock()
        print(f"worker logs are in {folder}")  # noqa: T201 - pytest shows it when a test fails
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)

    def settings(self, worker: str) -> WorkerSettings:
        own = {
            "data_dir": str(self.folder / f"data-{worker}"),
            "store": self.stores.get(worker, "memory"),
            "metrics_port": self.ports.setdefault(worker, free_port()),
        }
        return WorkerSettings.model_validate(own | self.options)

    def create_topic(self, name: str, partitions: int, **config: str) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
        admin.close()

    def create_topics(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        changelog = NewTopic(self.changelog.name, INPUT_PARTITIONS, 1, topic_configs=dict(self.changelog.config))
        admin.create_topics(
            [
                NewTopic(self.input, INPUT_PARTITIONS, 1),
                NewTopic(self.output, OUTPUT_PARTITIONS, 1),
                changelog,
            ]
        )
        admin.close()

    def read_two_topics(self, partitions: int = INPUT_PARTITIONS) -> None:
        """Make the second input topic, and let workers that are started from here on read both."""
        self.create_topic(self.second, partitions)
        self.stages = [["count", self.input, self.output, self.second]]

    # -- workers

    def start(self, worker: str, **faults: float) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "TRANSPORT_SETTINGS": self.settings(worker).model_dump_json(exclude_none=True),
            "TRANSPORT_STAGES": json.dumps(self.stages),
            "TRANSPORT_FAULTS": json.dumps(faults),
        }
        with self.log(worker).open("ab") as log:
            process = subprocess.Popen([sys.executable, str(APP)], env=environment, stdout=log, stderr=log)
            log.write(b"-- started %d\n" % process.pid)
        self.workers[worker] = process
        return process

    def ask(self, worker: str, path: str) -> tuple[int, str]:
        """Ask a worker's HTTP door; status 0 if it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[worker]}{path}", timeout=1) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, worker: str, name: str) -> float:
        """Sum of a metric over its labels; 0 if the worker does not answer."""
        lines = self.ask(worker, "/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((name + " ", name + "{")))

    def owns(self, worker: str) -> int:
        """How many input partitions a worker has recovered and is working on."""
        if self.ask(worker, "/ready")[0] != 200:
            return 0
        return int(self.metric(worker, "touchpath_worker_assigned_partitions"))

    def log(self, worker: str) -> Path:
        return self.folder / f"{worker}.log"

    def supervise(self, workers: Iterable[str], **faults: float) -> None:
        """Start the workers and start again what dies, until `stop`."""
        self._faults = faults
        names = list(workers)
        for name in names:
            self.start(name, **faults)

        def watch() -> None:
            while not self._watching.wait(0.1):
                with self._lock:
                    for name in names:
                        if (code := self.workers[name].poll()) is not None:
                            self.exits[code] += 1
                            self.start(name, **self._faults)

        self._watching.clear()
        self._watch = threading.Thread(target=watch, daemon=True)
        self._watch.start()

    def calm(self, **faults: float) -> None:
        """From here on, workers that are started have these faults only."""
        self._faults = faults

    def kill(self, worker: str) -> None:
        with self._lock:
            self.workers[worker].kill()

    def freeze(self, worker: str, seconds: float) -> None:
        with self._lock:
            process = self.workers[worker]
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def stop(self) -> dict[str, int]:
        """Stop all workers cleanly; give their exit codes."""
        self._watching.set()
        if self._watch is not None:
            self._watch.join()
            self._watch = None
        for process in self.workers.values():
            process.terminate()
        codes = {}
        for name, process in self.workers.items():
            try:
                codes[name] = process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[name] = process.wait()
        self.workers = {}
        return codes

    def close(self) -> None:
        self.stop()
        self.producer.close()

    # -- records

    def send(self, events: Iterable[tuple[bytes, bytes]], topic: str | None = None) -> None:
        for key, value in events:
            self.producer.send(topic or self.input, key=key, value=value)
        self.producer.flush()

    def read(self, topic: str) -> list[Any]:
        """All committed records of a topic, each partition in order."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap,
            group_id=None,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        parts = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        records: list[Any] = []
        while any(consumer.position(tp) < ends[tp] for tp in parts):
            for batch in consumer.poll(200, max_records=5000).values():
                records.extend(batch)
        consumer.close()
        return records

    def state(self) -> dict[bytes, bytes]:
        """The state as the changelog tells it."""
        state: dict[bytes, bytes] = {}
        for record in self.read(self.changelog.name):
            if record.value is None:
                state.pop(record.key, None)
            else:
                state[record.key] = record.value
        return state
