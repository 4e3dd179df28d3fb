"""Writing a batch: the data first, then the positions; again and again until it is in. Never skips, never gives up.

The tables of a batch are written side by side, each over a connection of its own: most of an insert is waiting.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from sinks import positions
from sinks.batch import Batch
from sinks.client import Store, StoreError
from sinks.metrics import Metrics
from sinks.rows import COLUMNS
from sinks.settings import SinkSettings

log = logging.getLogger(__name__)


class Writer:
    """Writes batches one after another; blocks, so it is to be called in a thread."""

    def __init__(self, store: Store, settings: SinkSettings, metrics: Metrics) -> None:
        self.failing = False
        """True while the last try failed."""
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._stopping = threading.Event()
        self._gave_up = False
        self._pool = ThreadPoolExecutor(settings.insert_connections, thread_name_prefix="insert")
        self._connections: queue.SimpleQueue[Store] = queue.SimpleQueue()
        for _ in range(settings.insert_connections):
            self._connections.put(store.twin())

    def close(self) -> None:
        """Let the connections go."""
        self._pool.shutdown(wait=True)
        while not self._connections.empty():
            self._connections.get().close()

    def stop(self) -> None:
        """Give up what is being tried: what is not written will be read again."""
        self._stopping.set()

    def write(self, batch: Batch, cluster_id: str) -> bool:
        """Write the batch; False where `stop` came first. A table that was written before a failure is not again."""
        if self._gave_up:
            # The positions of this batch would say that the one before is in.
            return False
        began = time.monotonic()
        todo = {table: rows for table, rows in batch.rows.items() if rows}
        pause = self._settings.retry_first
        while True:
            try:
                self._write_once(todo, batch, cluster_id)
            except StoreError as error:
                self.failing = True
                self._metrics.failures.inc()
                log.error(
                    "a batch of %d records is not in ClickHouse, next try in %g s: %s", batch.records, pause, error
                )
            else:
                self.failing = False
                self._metrics.flush.observe(time.monotonic() - began)
                return True
            if self._stopping.wait(pause):
                self._gave_up = True
                return False
            pause = min(pause * 2, self._settings.retry_longest)

    def _write_once(self, todo: dict[str, list[tuple[object, ...]]], batch: Batch, cluster_id: str) -> None:
        # The largest first: it takes the longest.
        tables = sorted(todo, key=lambda table: -len(todo[table]))
        inserts = {table: self._pool.submit(self._insert, table, todo[table]) for table in tables}
        failure: StoreError | None = None
        for table, insert in inserts.items():
            try:
                insert.result()
            except StoreError as error:
                failure = failure or error
            else:
                self._metrics.rows.labels(table).inc(len(todo.pop(table)))
        if failure is not None:
            raise failure
        if batch.positions:
            positions.save(self._store, cluster_id, batch.positions)

    def _insert(self, table: str, rows: list[tuple[object, ...]]) -> None:
        connection = self._connections.get()
        try:
            connection.insert(table, COLUMNS[table], rows)
        finally:
            self._connections.put(connection)
