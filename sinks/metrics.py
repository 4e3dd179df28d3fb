"""The sink's numbers and its small HTTP port: /metrics, /health (it runs), /ready (it reads and can write)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST


class Metrics:
    """Every number that the sink gives, each with its meaning."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter(
            "touchpath_sink_records", "Records taken from the topics", ["topic"], registry=self.registry
        )
        self.rows = Counter("touchpath_sink_rows", "Rows inserted", ["table"], registry=self.registry)
        self.unreadable = Counter(
            "touchpath_sink_unreadable", "Records that could not be read and are in quarantine", ["topic"],
            registry=self.registry,
        )  # fmt: skip
        self.flush = Histogram(
            "touchpath_sink_flush_seconds", "Time to write one batch, tries included", registry=self.registry
        )
        self.failures = Counter("touchpath_sink_flush_failures", "Tries that failed", registry=self.registry)
        self.lag = Gauge(
            "touchpath_sink_lag_offsets", "Offsets not yet written", ["topic", "partition"], registry=self.registry
        )


class HttpPort:
    """Serves the numbers in a thread of its own; `port` is the one that was bound."""

    def __init__(self, host: str, port: int, metrics: Metrics, is_ready: Callable[[], bool]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                match self.path.partition("?")[0]:
                    case "/metrics":
                        self._answer(200, generate_latest(metrics.registry), CONTENT_TYPE_LATEST)
                    case "/health":
                        self._answer(200, b"ok\n")
                    case "/ready":
                        ready = is_ready()
                        self._answer(200 if ready else 503, b"ready\n" if ready else b"not ready\n")
                    case _:
                        self._answer(404, b"/metrics /health /ready\n")

            def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing of each request."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="sink-http", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
