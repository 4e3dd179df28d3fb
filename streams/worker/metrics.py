"""What a worker tells about itself: one closed set of names, and the door that serves them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

MetricName = Literal[
    "touchpath_worker_records_total",
    "touchpath_worker_outputs_total",
    "touchpath_worker_stage_events_total",
    "touchpath_worker_recovered_records_total",
    "touchpath_worker_batch_records",
    "touchpath_worker_process_seconds",
    "touchpath_worker_write_seconds",
    "touchpath_worker_recovery_seconds",
    "touchpath_worker_lag_records",
    "touchpath_worker_state_keys",
    "touchpath_worker_assigned_partitions",
    "touchpath_worker_ready",
]

METRICS: Final[Mapping[MetricName, tuple[str, tuple[str, ...]]]] = {
    "touchpath_worker_records_total": ("Records read and committed.", ("stage", "partition")),
    "touchpath_worker_outputs_total": ("Records written to output topics.", ("stage", "partition")),
    "touchpath_worker_stage_events_total": ("What a stage counted, by its own names.", ("stage", "event")),
    "touchpath_worker_recovered_records_total": ("Changelog records taken in at recovery.", ("stage",)),
    "touchpath_worker_batch_records": ("Records in one batch.", ("stage",)),
    "touchpath_worker_process_seconds": ("Time the stage computed on one batch.", ("stage",)),
    "touchpath_worker_write_seconds": ("Time from begin to commit of one batch.", ("stage",)),
    "touchpath_worker_recovery_seconds": ("Time of the last recovery.", ()),
    "touchpath_worker_lag_records": ("Offsets between the end and what is committed.", ("topic", "partition")),
    "touchpath_worker_state_keys": ("Keys in the table, roughly.", ("stage", "partition")),
    "touchpath_worker_assigned_partitions": ("Partitions of stages that this worker owns.", ()),
    "touchpath_worker_ready": ("1 when recovered and assigned.", ()),
}
_BATCH_BUCKETS = (1, 4, 16, 64, 256, 500, 1000, 2000, 4000, 8000)
_TIME_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 5.0)


class WorkerMetrics:
    """Counters, gauges and histograms of one worker; times in seconds."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        counter, gauge = self._counter, self._gauge
        self.records = counter("touchpath_worker_records_total")
        self.outputs = counter("touchpath_worker_outputs_total")
        self.stage_events = counter("touchpath_worker_stage_events_total")
        self.recovered = counter("touchpath_worker_recovered_records_total")
        self.batch_records = self._histogram("touchpath_worker_batch_records", _BATCH_BUCKETS)
        self.process_seconds = self._histogram("touchpath_worker_process_seconds", _TIME_BUCKETS)
        self.write_seconds = self._histogram("touchpath_worker_write_seconds", _TIME_BUCKETS)
        self.recovery_seconds = gauge("touchpath_worker_recovery_seconds")
        self.lag = gauge("touchpath_worker_lag_records")
        self.state_keys = gauge("touchpath_worker_state_keys")
        self.assigned = gauge("touchpath_worker_assigned_partitions")
        self.ready = gauge("touchpath_worker_ready")

    def _counter(self, name: MetricName) -> Counter:
        help_, labels = METRICS[name]
        return Counter(name, help_, labels, registry=self.registry)

    def _gauge(self, name: MetricName) -> Gauge:
        help_, labels = METRICS[name]
        return Gauge(name, help_, labels, registry=self.registry)

    def _histogram(self, name: MetricName, buckets: tuple[float, ...]) -> Histogram:
        help_, labels = METRICS[name]
        return Histogram(name, help_, labels, registry=self.registry, buckets=buckets)


class Condition:
    """Whether the worker is ready, and whether its loop still turns. Written by the loop, read by a thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_silence: float = 30.0) -> None:
        self._clock = clock
        self._max_silence = max_silence
        self._seen = clock()
        self.ready = False

    def beat(self) -> None:
        """Say that the loop turns."""
        self._seen = self._clock()

    @property
    def healthy(self) -> bool:
        """Whether the loop has turned lately."""
        return self._clock() - self._seen < self._max_silence


class MetricsServer:
    """`/metrics`, `/ready` and `/health` on a thread of their own: they answer while the loop is busy."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, condition: Condition) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
                elif path == "/ready":
                    self._state(condition.ready, b"ready\n", b"not ready\n")
                elif path == "/health":
                    self._state(condition.healthy, b"ok\n", b"the loop does not turn\n")
                else:
                    self._answer(404, b"not found\n")

            def _state(self, good: bool, yes: bytes, no: bytes) -> None:
                self._answer(200 if good else 503, yes if good else no)

            def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Say nothing: probes come every few seconds."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
