"""The sink process: from the topics into ClickHouse.

One loop takes records and makes rows, a thread beside it writes the batch before: two batches are in memory at most.
The place in each topic is kept in ClickHouse, written after the data. So `kill -9` at any moment means that the last
batch comes twice, and rows replace by id.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time

from schemas.connection import ClickHouseConnection, KafkaConnection
from sinks.client import Store, StoreError
from sinks.metrics import HttpPort, Metrics
from sinks.reader import BROKER_ERRORS, Cluster
from sinks.session import ClusterChangedError, Session
from sinks.settings import SinkSettings
from sinks.writer import Writer

log = logging.getLogger(__name__)


def run_sink(settings: SinkSettings, kafka: KafkaConnection, clickhouse: ClickHouseConnection) -> int:
    """Run until SIGTERM or SIGINT; give the exit code, 0. Kafka and ClickHouse may come and go."""
    return asyncio.run(_run(settings, kafka, clickhouse))


async def _run(settings: SinkSettings, kafka: KafkaConnection, clickhouse: ClickHouseConnection) -> int:
    sink = Sink(settings, kafka, clickhouse)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, sink.stop)
    # They log each refused connection, some with a trace; we say it once, in our words.
    for name in ("aiokafka", "clickhouse_connect", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    quiet_collector()
    port = None
    if settings.http_port is not None:
        port = HttpPort(settings.http_host, settings.http_port, sink.metrics, sink.is_ready)
        log.info("metrics at http://%s:%d/metrics", settings.http_host, port.port)
    try:
        await sink.run()
    finally:
        if port is not None:
            port.close()
    return 0


def quiet_collector() -> None:
    """Leave the garbage collector to the session, which calls it now and then.

    Left to itself it walks through the rows of a batch again and again, and finds nothing, as rows have no cycles: that
    made a conversion's row cost 41 us instead of 6.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


class Sink:
    """One sink. `run` goes on until `stop` is called."""

    def __init__(self, settings: SinkSettings, kafka: KafkaConnection, clickhouse: ClickHouseConnection) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._kafka = kafka
        self._store = Store(clickhouse)
        self._writer = Writer(self._store, settings, self.metrics)
        self._stopping = asyncio.Event()
        self._session: Session | None = None

    def stop(self) -> None:
        """Write what is held, then end. A second call, or a ClickHouse that does not take it, ends without."""
        if self._stopping.is_set() or self._writer.failing:
            self._writer.stop()
        self._stopping.set()

    def is_ready(self) -> bool:
        """Whether it reads the topics and its last write went well."""
        return self._session is not None and self._session.reading and not self._writer.failing

    async def run(self) -> None:
        """Read and write; begin anew whenever Kafka fails or is another cluster."""
        pause = self._settings.retry_first
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                try:
                    await self._session_once()
                except ClusterChangedError as error:
                    log.warning("%s: starting over with what is known of the new one", error)
                except BROKER_ERRORS as error:
                    log.error("Kafka at %s: %r, next try in %g s", self._kafka.bootstrap_servers, error, pause)
                except StoreError as error:
                    log.error("ClickHouse: %s; next try in %g s", error, pause)
                if time.monotonic() - began > self._settings.retry_longest:
                    pause = self._settings.retry_first
                await self._sleep(pause)
                pause = min(pause * 2, self._settings.retry_longest)
        finally:
            self._writer.close()
            self._store.close()

    async def _session_once(self) -> None:
        async with Cluster(self._kafka) as cluster:
            self._session = Session(
                self._settings, self._kafka, cluster, self._store, self._writer, self.metrics, self._stopping
            )
            await self._session.run()

    async def _sleep(self, seconds: float) -> None:
        if not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), seconds)
            except TimeoutError:
                return
