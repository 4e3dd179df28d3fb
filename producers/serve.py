"""The collector as a process: the composition root of publisher, door and HTTP server, and its clean end."""

import asyncio
import gc
import logging
import multiprocessing
import signal
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from producers.collector.app import Collector
from producers.collector.door import Lookup
from producers.processes import run_processes
from producers.publisher import Publisher
from producers.settings import CollectorSettings, PublisherSettings
from schemas.catalogue import Catalogue
from schemas.connection import KafkaConnection

log = logging.getLogger(__name__)


def run_collector(
    settings: CollectorSettings,
    kafka: KafkaConnection,
    catalogue: Catalogue,
    publisher: PublisherSettings | None = None,
    lookup: Lookup | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, and give the exit code: 0 after a clean end, 1 where the server could not start.

    Blocks; wants the main thread of its process. It starts without Kafka too (`/ready` says 503 until it is there).
    At the end requests in flight are finished for `settings.stop_timeout` seconds while new ones are answered 503,
    then what waits for Kafka is sent. Where `settings.processes` is above 1, so many share the port (Linux shares it
    out by connection), and `/metrics` of any of them tells of all. `lookup` says what is known of an identifier; with
    several processes each gets a copy, so it must be one that can be pickled.
    """
    if settings.processes > 1:
        alone = settings.model_copy(update={"processes": 1})
        arguments = (alone, kafka, catalogue, publisher, lookup)
        return run_processes(settings.processes, run_collector, arguments, 3 * settings.stop_timeout)
    # kafka-python tells of every try to reach a broker that is away; we tell once, and `/ready` at any time.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    _spare_the_collector_of_cycles()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, kafka, catalogue, publisher or PublisherSettings(), lookup))


async def _serve(
    settings: CollectorSettings,
    kafka: KafkaConnection,
    catalogue: Catalogue,
    publishing: PublisherSettings,
    lookup: Lookup | None,
) -> int:
    publisher = Publisher(kafka, publishing, client_id="touchpath-collector")
    collector = Collector(settings, publisher, catalogue, lookup=lookup)
    server = _server(settings, collector)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    if (parent := multiprocessing.parent_process()) is not None:
        loop.add_reader(parent.sentinel, stop.set)  # whoever started us is gone, however it ended
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        clean = stop.is_set()
        if clean:
            collector.refuse_new()
            if not await collector.idle(settings.stop_timeout):
                log.warning("stopped with requests in flight; their senders will send them again")
            server.stop()  # type: ignore[no-untyped-call] # granian leaves it without types
            await asyncio.wait({serving}, timeout=settings.stop_timeout)
    finally:
        stopping.cancel()
        await asyncio.to_thread(publisher.close, settings.stop_timeout)
    if not clean:
        log.error("the HTTP server ended by itself: %s", serving.exception() or "see above")
    return 0 if clean else 1


def _spare_the_collector_of_cycles() -> None:
    """Look for cycles seldom, and never among what was there at the start: an event leaves none behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _server(settings: CollectorSettings, collector: Collector) -> Server:
    return Server(
        collector.app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        backpressure=settings.max_connections,
        log_enabled=False,
        ssl_cert=_file(settings.tls_cert),
        ssl_key=_file(settings.tls_key),
    )


def _file(path: Path | None) -> Path | None:
    return path.absolute() if path else None
