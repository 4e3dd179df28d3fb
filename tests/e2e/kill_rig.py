"""The whole way through as processes that die and are started again at once: two workers, a sink, a collector.

Or some of it: the workers alone, for instance.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from deploy.clickhouse import land_catalogue, migrate_all
from deploy.local.ports import free_port
from deploy.local_settings import environment, local_settings, write
from deploy.settings import Settings
from deploy.settle import LOOPS, SettleReport, Wait, settle, until_at_rest
from deploy.settle_ends import Ends
from deploy.topic_admin import ensure
from deploy.wiring import catalogue_of, every_topic, worker_settings
from schemas import topics
from schemas.connection import ClickHouseConnection
from sinks.reader import Cluster
from streams.worker.app import EXIT_FENCED
from tests.e2e.kill_rig_worker import ENDS

TRAPPED_WORKER = Path(__file__).with_name("kill_rig_worker.py")
WORKERS = ("worker-1", "worker-2")
PARTS = (*WORKERS, "sink", "collector")
SESSION_TIMEOUT = 6.0
FROZEN = 9.5  # seconds, well beyond the session's end
ALL = 2 * 4  # partitions of the two stages
#: So long may it take, on a busy machine, until a trap springs: a worker has to start and to be given its partitions.
PATIENCE = 150.0
#: A transaction that nobody ends is ended by the broker; its readers wait no longer than this.
TRANSACTION_TIMEOUT = 8.0


def eventually(what: str, true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until it is true; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


class Stack:
    """The parts of one pipeline, beside a broker and, where there is a sink, a ClickHouse that live on."""

    def __init__(
        self,
        folder: Path,
        kafka_port: int,
        clickhouse: ClickHouseConnection | None = None,
        parts: Sequence[str] = PARTS,
    ) -> None:
        given = Settings().model_copy(update={"data_dir": folder})
        if clickhouse is not None:
            given = given.model_copy(update={"clickhouse": clickhouse})
        chosen = local_settings(given, "kafka", kafka_port)
        timeouts = {"session_timeout": SESSION_TIMEOUT, "transaction_timeout": TRANSACTION_TIMEOUT}
        self.settings = chosen.model_copy(
            update={
                "worker": chosen.worker.model_copy(update=timeouts),
                "collector": chosen.collector.model_copy(update={"port": free_port(), "retry_after": 1}),
            }
        )
        self.folder = folder
        self.parts = parts
        self.exits: list[tuple[str, int]] = []  # of parts that ended while they were watched
        self._file = folder / "settings.json"
        write(self.settings, self._file)
        self._ports = {name: free_port() for name in PARTS} | {"collector": self.settings.collector.port}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._enough = threading.Event()
        self._watch = threading.Thread(target=self._restart_the_dead, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['collector']}"

    async def prepare(self) -> None:
        await ensure(worker_settings(self.settings), every_topic(self.settings))
        if "sink" in self.parts:
            migrate_all(self.settings)
            land_catalogue(self.settings, catalogue_of(self.settings))

    def start(self) -> None:
        """Start all parts, wait until they are ready, and from then on start again what dies."""
        for name in self.parts:
            self._start(name)
        for name in self.parts:
            eventually(f"{name} is ready", lambda name=name: self.ready(name))  # type: ignore[misc] # a name more
        self._watch.start()

    def ready(self, name: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._ports[name]}/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def owns(self, worker: str) -> int:
        """How many partitions of the stages a worker has recovered and works on."""
        if not self.ready(worker):
            return 0
        with urllib.request.urlopen(f"http://127.0.0.1:{self._ports[worker]}/metrics", timeout=2) as answer:
            lines = answer.read().decode().splitlines()
        mark = "touchpath_worker_assigned_partitions "
        return sum(int(float(line.removeprefix(mark))) for line in lines if line.startswith(mark))

    def kill(self, name: str) -> None:
        with self._lock:
            self._running[name].kill()

    def crash(self, worker: str, end: str) -> None:
        """Let the worker die at the next commit that it comes to; wait until it has."""
        died = self.ended(worker, ENDS[end])
        self._trap(worker).write_text(end)
        eventually(f"{worker} dies when {end}", lambda: self.ended(worker, ENDS[end]) > died)

    def freeze(self, worker: str, *, in_transaction: bool) -> Callable[[], None]:
        """Stop a worker that has work, wherever it is or inside its next transaction; give what lets it go on.

        It goes on when its session is over and the other worker has taken all that was its own.
        """
        eventually("both workers have partitions", lambda: all(0 < self.owns(name) < ALL for name in WORKERS))
        if in_transaction:
            self._trap(worker).write_text("frozen")
            eventually(f"{worker} freezes", lambda: self._is_frozen(worker))
        with self._lock:
            process = self._running[worker]
        process.send_signal(signal.SIGSTOP)
        until = time.monotonic() + FROZEN

        def go_on() -> None:
            time.sleep(max(0.0, until - time.monotonic()))
            [other] = (name for name in WORKERS if name != worker)
            eventually(f"{other} takes what was {worker}'s", lambda: self.owns(other) == ALL)
            fenced = self.ended(worker, EXIT_FENCED)
            process.send_signal(signal.SIGCONT)
            if in_transaction:
                eventually(f"{worker} finds itself fenced", lambda: self.ended(worker, EXIT_FENCED) > fenced)

        return go_on

    def ended(self, name: str, code: int) -> int:
        """How many times a part ended with an exit code."""
        return self.exits.count((name, code))

    async def settle(self, timeout: float) -> SettleReport:
        groups = [self.settings.worker.app_id]
        return await settle(self.settings.kafka, self.settings.clickhouse, worker_groups=groups, timeout=timeout)

    async def at_rest(self, timeout: float) -> None:
        """Wait until the workers have read all that there is, and have caused nothing more."""
        wait = Wait(time.monotonic(), timeout, None)
        async with (
            Cluster(self.settings.kafka) as cluster,
            Ends(self.settings.kafka, [self.settings.worker.app_id]) as ends,
        ):
            partitions = await cluster.partitions((topics.COLLECTED.name, *LOOPS))
            places = {topic: [(topic, number) for number in numbers] for topic, numbers in partitions.items()}
            await until_at_rest(ends, places, wait, most_rounds=1)

    def stop(self) -> dict[str, int]:
        """Stop everything cleanly; give the exit codes."""
        self._enough.set()
        if self._watch.is_alive():
            self._watch.join()
        for process in self._running.values():
            process.terminate()
            process.send_signal(signal.SIGCONT)
        codes = {}
        for name, process in self._running.items():
            try:
                codes[name] = process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[name] = process.wait()
        self._running = {}
        return codes

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _start(self, name: str) -> None:
        port = str(self._ports[name])
        environ = environment(
            self._file,
            PYTHONPATH=str(Path(__file__).parents[2]),
            TRAP=str(self._trap(name)),
            TOUCHPATH_WORKER__METRICS_PORT=port,
            TOUCHPATH_SINK__HTTP_PORT=port,
        )
        argv = [sys.executable, str(TRAPPED_WORKER)]
        if name not in WORKERS:
            argv = [sys.executable, "-m", "deploy.cli", name]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(argv, env=environ, stdout=log, stderr=log)
            log.write(b"-- started as process %d\n" % process.pid)
        self._running[name] = process

    def _restart_the_dead(self) -> None:
        while not self._enough.wait(0.1):
            for name in self.parts:
                with self._lock:
                    code = self._running[name].poll()
                    if code is not None:
                        self.exits.append((name, code))
                        self._start(name)

    def _is_frozen(self, name: str) -> bool:
        with self._lock:
            pid = self._running[name].pid
        try:
            return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
        except psutil.NoSuchProcess:
            return False

    def _trap(self, name: str) -> Path:
        return self.folder / f"{name}.trap"


assert os.name == "posix"  # SIGSTOP and the exit codes of signals
