"""Building the worker's Faust app out of settings and stages, and running it as a process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO, Any, cast

import faust

from streams.core.stage import Stage
from streams.worker import clients
from streams.worker.batch_transport import BatchMessage, Consumer
from streams.worker.clients import AIOKafkaAdminClient, KafkaError, client_options
from streams.worker.loops import new_loop
from streams.worker.metrics import MetricsServer, WorkerMetrics
from streams.worker.quiet import quiet_libraries
from streams.worker.recovery import BatchTableManager
from streams.worker.runtime import IncompleteLaneError, WorkerRuntime
from streams.worker.settings import WorkerSettings
from streams.worker.stage_agent import DefectError
from streams.worker.topics import changelog_name, changelog_topics, source_topics
from streams.worker.writer import FencedError, RecordTooLargeError, WriterFactory, make_writer

if sys.platform != "win32":
    import fcntl

log = logging.getLogger("touchpath.worker")

EXIT_STOPPED = 0
EXIT_DEFECT = 1  # a stage raised, or something that nobody thought of
EXIT_SETUP = 2  # topics are missing or do not fit together
EXIT_FENCED = 3  # another worker owns the partition: start again
EXIT_BROKER = 3  # Kafka does not answer, or says no: not ready, as a script is told, and starting again may help

_STOP_TIMEOUT = 15.0  # seconds for a stop on top of the hand-over
_FAILED_STOP_TIMEOUT = 3.0  # enough to leave the group, so that the others need not wait for the session's end
_LAG_INTERVAL = 5.0
_TIDY_EVERY = 12  # so many lag intervals lie between two collections of cycles: each stops the worker for some 0.5 s


class SetupError(Exception):
    """The cluster is not as the worker needs it; the message says what to do."""


class WorkerApp(faust.App):
    """A Faust app that carries the worker's runtime to the transport and the recovery."""

    runtime: WorkerRuntime

    def _create_directories(self) -> None:
        """Create none: Faust's own stores hold nothing here."""


def build_app(
    settings: WorkerSettings,
    stages: Sequence[Stage],
    *,
    writer_factory: WriterFactory = make_writer,
    metrics: WorkerMetrics | None = None,
) -> WorkerApp:
    """Build the app: one agent per stage, and a table for each that has state.

    Args:
        settings: see `WorkerSettings`.
        stages: at least one, with distinct names and topics to read.
        writer_factory: makes the writer of one lane; a test puts its faults here.
        metrics: where to count; by default a registry of its own.

    Raises:
        ValueError: two stages share a name or a topic that they read.
    """
    quiet_libraries()
    app = WorkerApp(
        settings.app_id,
        broker=[f"batch://{server}" for server in settings.kafka.servers],
        store="memory://",
        TableManager=BatchTableManager,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_replication_factor=settings.replication_factor,
        broker_session_timeout=settings.session_timeout,
        broker_rebalance_timeout=settings.rebalance_timeout,
        broker_heartbeat_interval=settings.session_timeout / 4,
        broker_request_timeout=settings.request_timeout,
        broker_commit_interval=1.0,
        web_enabled=False,
        stream_wait_empty=False,
        autodiscover=False,
    )
    app.runtime = WorkerRuntime(settings, stages, writer_factory, metrics)
    for stage in stages:
        _add_stage(app, stage)
    return app


def _add_stage(app: WorkerApp, stage: Stage) -> None:
    raw: dict[str, Any] = {
        "key_type": bytes,
        "value_type": bytes,
        "key_serializer": "raw",
        "value_serializer": "raw",
    }
    if stage.stateful:
        table = app.Table(stage.name, key_type=bytes, value_type=bytes, use_partitioner=True)
        assert table.changelog_topic.get_topic_name() == changelog_name(app.conf.id, stage.name)  # noqa: S101

    async def deliver(stream: Any) -> None:
        consumer = cast(Consumer, app.consumer)
        async for event in stream.noack().events():
            consumer.submit(cast(BatchMessage, event.message))

    app.agent(app.topic(*source_topics(stage), **raw), name=f"touchpath.{stage.name}")(deliver)


async def check_topics(settings: WorkerSettings, stages: Sequence[Stage]) -> str:
    """See that inputs and changelogs are there and fit together.

    Returns:
        The cluster's id, empty if the broker gives none.

    Raises:
        SetupError: a topic is missing, or a changelog or another topic that a stage reads has other partitions than
            the stage's input.
        KafkaError: the cluster cannot be asked.
    """
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        changelogs = changelog_topics(settings, stages)
        # Topics, the input that each must have as many partitions as, and how to call that one.
        beside = [(log.name, log.copartitioned_with, f"its input {log.copartitioned_with}") for log in changelogs]
        beside += [
            (name, stage.input_topic, f"{stage.input_topic}, which stage {stage.name} reads with it,")
            for stage in stages
            for name in stage.also_reads
        ]
        wanted = {stage.input_topic for stage in stages} | {name for name, _, _ in beside}
        described = await admin.describe_topics(sorted(wanted))
        partitions = {t["topic"]: len(t["partitions"]) for t in described if not t["error_code"]}
        if missing := sorted(wanted - {name for name, count in partitions.items() if count}):
            raise SetupError(f"topics are missing: {', '.join(missing)}; `touchpath topics` creates them")
        for name, like, called in beside:
            if partitions[name] != partitions[like]:
                raise SetupError(
                    f"{name} has {partitions[name]} partitions, but {called} has {partitions[like]};"
                    " `touchpath topics` says what can be done"
                )
        return str((await admin.describe_cluster()).get("cluster_id") or "")
    finally:
        await admin.close()


async def serve(app: WorkerApp, stop: asyncio.Event | None = None) -> int:
    """Run the app until it is told to stop or cannot go on; give the process's exit code.

    SIGTERM and SIGINT finish the batch in hand, commit it and leave the group. Whatever ends a worker
    otherwise ends it whole: the supervisor starts a new one, which recovers from the changelog.
    """
    runtime = app.runtime
    settings = runtime.settings
    stop = stop if stop is not None else asyncio.Event()
    runtime.on_failure = stop.set
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.set_exception_handler(_quiet_when_over(runtime))
    server = None
    if settings.metrics_port is not None:
        server = MetricsServer(
            settings.metrics_host, settings.metrics_port, runtime.metrics.registry, runtime.condition
        )
        server.start()
        log.info("metrics on http://%s:%d/metrics", settings.metrics_host, server.port)
    try:
        _claim(settings)
        runtime.cluster_id = await check_topics(settings, list(runtime.stages.values()))
        # The start ends only when the tables are recovered; a stop must not have to wait for that.
        starting = asyncio.ensure_future(app.start())
        starting.add_done_callback(partial(_started, runtime))
        watch = asyncio.ensure_future(_watch(app, stop))
        await stop.wait()
        watch.cancel()
    except Exception as error:
        runtime.fail(error)
    if app.started:
        await _stop(app)
    runtime.close()
    if server is not None:
        server.stop()
    return _exit_code(runtime.failure)


_claims: list[IO[str]] = []  # open for as long as the process lives


def _claim(settings: WorkerSettings) -> None:
    """Keep other workers out of the disk stores: a folder belongs to one worker."""
    if settings.store != "disk" or settings.data_dir is None or sys.platform == "win32":
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    claim = (settings.data_dir / "worker.lock").open("w")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        claim.close()
        raise SetupError(f"data_dir {settings.data_dir} is in use by another worker") from None
    _claims.append(claim)


def _quiet_when_over(
    runtime: WorkerRuntime,
) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """Leave out what aiokafka's tasks say after the worker has failed: the failure is told once, by us."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if runtime.failure is None and not isinstance(context.get("exception"), clients.errors.ProducerFenced):
            loop.default_exception_handler(context)

    return handle


def _started(runtime: WorkerRuntime, starting: asyncio.Future[Any]) -> None:
    if not starting.cancelled() and (error := starting.exception()) is not None:
        runtime.fail(error)


async def _watch(app: WorkerApp, stop: asyncio.Event) -> None:
    """Notice that Faust crashed; measure what only a timer can."""
    runtime = app.runtime
    rounds = 0
    while not stop.is_set():
        for _ in range(int(_LAG_INTERVAL / 0.5)):
            if app.crashed:
                runtime.fail(app.crash_reason or RuntimeError("Faust's app crashed"))
                return
            await asyncio.sleep(0.5)
        rounds += 1
        if rounds % _TIDY_EVERY == 0:
            gc.collect()
        try:
            await cast(Consumer, app.consumer).measure_lag()
        except KafkaError as error:
            log.debug("no lag: %s", error)
        for (stage, partition), store in runtime.shelf.items():
            runtime.metrics.state_keys.labels(stage, str(partition)).set(store.keys_estimate())


async def _stop(app: WorkerApp) -> None:
    runtime = app.runtime
    runtime.stopping = True
    consumer = cast(Consumer, app.consumer)
    consumer.stop_flow()
    try:
        if runtime.failure is None:
            await consumer.wait_empty()
            await runtime.let_go()
        # Not wait_for: that would wait for whatever in Faust takes no cancel.
        timeout = _STOP_TIMEOUT if runtime.failure is None else _FAILED_STOP_TIMEOUT
        stopping = asyncio.ensure_future(app.stop())
        done, _ = await asyncio.wait({stopping}, timeout=timeout)
        if not done:
            log.warning("the stop took longer than %.0f s and was left", timeout)
        elif (error := stopping.exception()) is not None:
            raise error
    except Exception as error:
        log.warning("the stop was not clean: %s: %s", type(error).__name__, error)


def _exit_code(failure: BaseException | None) -> int:
    if failure is None:
        return EXIT_STOPPED
    match failure:
        case FencedError():
            code, text = EXIT_FENCED, f"fenced, to be started again: {failure}"
        case SetupError() | IncompleteLaneError():
            code, text = EXIT_SETUP, str(failure)
        case DefectError() | RecordTooLargeError():
            code, text = EXIT_DEFECT, str(failure)
        case KafkaError() | ConnectionError():
            code, text = EXIT_BROKER, f"Kafka: {type(failure).__name__}: {failure}"
        case OSError():
            code, text = EXIT_SETUP, f"the worker cannot go on: {failure}"
        case _:
            code, text = EXIT_DEFECT, f"the worker cannot go on: {type(failure).__name__}: {failure}"
    unforeseen = failure.__cause__ or failure if code == EXIT_DEFECT else None
    log.error("%s", text, exc_info=unforeseen)
    return code


def run_worker(app: WorkerApp) -> int:
    """Run the app in this process and give its exit code; meant to be a supervised process's whole life."""
    # A batch is thousands of objects without a cycle among them, and the collector would look at them again and again:
    # a third of the fold's time. What cycles there are, Faust's and aiokafka's, are collected by `_watch`.
    gc.freeze()
    gc.disable()
    runner = asyncio.Runner(loop_factory=new_loop)
    code = runner.run(serve(app))
    if code == EXIT_STOPPED and not asyncio.all_tasks(runner.get_loop()):
        runner.close()
        return code
    # What failed or took too long may have left threads and tasks that never end; there is nothing in them to be saved.
    logging.shutdown()
    os._exit(code)
