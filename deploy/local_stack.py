"""The whole stack on one machine: which parts there are, in which order they come and go, and what a lost broker means.

    broker → ClickHouse → topics, tables, catalogue → workers → sink → (Tansu: models, replay, settle) → collector

The collector comes last and goes first: no event is accepted that the rest could not carry.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.background import in_background
from deploy.data_dir import DataDir
from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.errors import LocalStackError
from deploy.local.ports import LOOPBACK, free_port, require_free
from deploy.local.tansu import TansuBroker
from deploy.local_settings import WRITE_KEY, Broker, environment, local_settings, write
from deploy.probes import http_ok, in_thread
from deploy.supervisor import Part, Supervisor

if TYPE_CHECKING:
    from deploy.settings import Settings

CHECK_EVERY = 10.0
#: So long may the replay of what ClickHouse has take, before the doors open.
REPLAY_TIMEOUT = 3600.0
#: So long are events in flight waited for at the end.
LAST_SETTLE_TIMEOUT = 20.0
FIRST_QUERY = "SELECT touchpoint, occurred_at, amount FROM touchpoints"
TANSU_IS_LOST = (
    "Tansu is gone and with it every topic. The door closes, a new Tansu comes up, what ClickHouse has is replayed.",
    "Touchpoints accepted in the last moments that had not reached ClickHouse are lost: Tansu keeps its topics in",
    "memory (with --broker kafka they are on disk).",
)


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `touchpath up` is told beside the settings."""

    kafka_port: int = 9092
    workers: int = 1
    broker: Broker = "tansu"


class LocalStack:
    """The parts on one machine, under one supervisor."""

    def __init__(self, settings: Settings, options: UpOptions, data: DataDir, supervisor: Supervisor) -> None:
        self.settings = local_settings(settings, options.broker, options.kafka_port)
        self.options = options
        self._data = data
        self._supervisor = supervisor
        self._env = environment(data.settings_file)
        self._unsettled = False

    def check_ports(self) -> None:
        """See that the three ports are free.

        Raises:
            LocalStackError: which part cannot have which port, and which option changes it.
        """
        for port, part, option in (
            (self.options.kafka_port, "the broker", "--kafka-port"),
            (self.settings.clickhouse.port, "ClickHouse", "--clickhouse-port"),
            (self.settings.collector.port, "the collector", "--collector-port"),
        ):
            try:
                require_free(port, what=part)
            except LocalStackError as error:
                message = f"port {port} on {LOOPBACK} is taken, so {part} cannot listen there: stop what does"
                raise LocalStackError(f"{message}, or choose another with {option}") from error

    async def start(self) -> None:
        """Bring everything up, the collector last.

        Raises:
            LocalStackError: a part could not start; with the end of its log.
        """
        began = time.monotonic()
        write(self.settings, self._data.settings_file)
        await together(self._supervisor.start(self._broker()), self._supervisor.start(self._clickhouse()))
        await together(self._make_topics(), self._make_tables())
        await self._start_pipeline()
        self._say_ready(time.monotonic() - began)

    async def watch(self) -> None:
        """Go on until cancelled; when Tansu is lost, bring the pipeline up anew around a new one."""
        while True:
            name = await self._supervisor.lost.get()
            if name == "broker":
                await self._replace_tansu()

    async def stop(self) -> bool:
        """Close the door, and let what is in flight arrive; False where that took too long. The rest follows."""
        if await self._supervisor.stop("collector") is None:
            return True
        say = self._supervisor.say
        say("the door is closed; waiting for events in flight")
        settled = await self._settle(LAST_SETTLE_TIMEOUT)
        if not settled and self.options.broker == "tansu":
            say(
                "not everything arrived in time: the touchpoints are replayed at the next start, if ClickHouse has them"
            )
        elif not settled:
            say("not everything arrived in time: it is in Kafka and goes on at the next start")
        return settled

    def _broker(self) -> Part:
        log = self._data.log_of("broker")
        broker = (
            TansuBroker(self.options.kafka_port, log)
            if self.options.broker == "tansu"
            else ApacheKafkaBroker(self._data.kafka, self.options.kafka_port, log)
        )

        def command() -> list[str]:
            broker.prepare()
            return broker.argv()

        return Part(
            "broker",
            command,
            in_thread(broker.is_ready),
            env=broker.env(),
            # A new Tansu is another, empty cluster: everything behind it has to begin anew.
            restart=self.options.broker != "tansu",
            start_timeout=broker.start_timeout,
            stop_timeout=30,
            shown=lambda line: self.options.broker == "tansu" or any(w in line for w in ("WARN", "ERROR", "FATAL")),
        )

    def _clickhouse(self) -> Part:
        port = self.settings.clickhouse.port
        argv = [sys.executable, "-m", "deploy.local.clickhouse_door"]
        argv += ["--data-dir", str(self._data.clickhouse), "--port", str(port)]
        return Part(
            "clickhouse",
            lambda: argv,
            http_ok(port, "/ping"),
            env=self._env,
            start_timeout=60,
            stop_timeout=30,
            check_every=CHECK_EVERY,
        )

    def _worker(self, name: str) -> Part:
        port = free_port()
        env = {**self._env, "TOUCHPATH_WORKER__METRICS_PORT": str(port)}
        if self.settings.worker.store == "disk":
            env["TOUCHPATH_WORKER__DATA_DIR"] = str(self._data.state(name))
        return Part(
            name,
            lambda: _touchpath("worker"),
            http_ok(port, "/ready"),
            env=env,
            start_timeout=90,
            check_every=CHECK_EVERY,
            healthy=http_ok(port, "/health"),
        )

    def _sink(self) -> Part:
        port = free_port()
        return Part(
            "sink",
            lambda: _touchpath("sink"),
            http_ok(port, "/ready"),
            env={**self._env, "TOUCHPATH_SINK__HTTP_PORT": str(port)},
            start_timeout=60,
            check_every=CHECK_EVERY,
            healthy=http_ok(port, "/health"),
        )

    def _collector(self) -> Part:
        port = self.settings.collector.port
        return Part(
            "collector",
            lambda: _touchpath("collector"),
            http_ok(port, "/ready"),
            env=self._env,
            start_timeout=60,
            check_every=CHECK_EVERY,
            healthy=http_ok(port, "/health"),
        )

    @property
    def _workers(self) -> list[str]:
        many = self.options.workers > 1
        return [f"worker-{number}" if many else "worker" for number in range(1, self.options.workers + 1)]

    async def _make_tables(self) -> None:
        from deploy.clickhouse import land_catalogue, migrate_all  # noqa: PLC0415 they need their clients
        from deploy.wiring import catalogue_of  # noqa: PLC0415

        await in_background(lambda: migrate_all(self.settings))
        await in_background(lambda: land_catalogue(self.settings, catalogue_of(self.settings)))

    async def _make_topics(self) -> None:
        from deploy.topic_admin import ensure  # noqa: PLC0415
        from deploy.wiring import every_topic, worker_settings  # noqa: PLC0415

        plan = await ensure(worker_settings(self.settings), every_topic(self.settings))
        for difference in plan.differences:
            self._supervisor.say(
                f"{difference.topic}: {difference.setting} is {difference.found}, "
                f"wanted {difference.wanted}; left as it is" + (f" ({difference.advice})" if difference.advice else "")
            )

    async def _start_pipeline(self) -> None:
        parts = [*(self._worker(name) for name in self._workers), self._sink()]
        await together(*(self._supervisor.start(part) for part in parts))
        if self.options.broker == "tansu":
            await self._publish_models()
            await self._replay()
        else:
            await self._follow_catalogue()
        await self._supervisor.start(self._collector())

    async def _publish_models(self) -> None:
        from deploy.attribution_again import models_again  # noqa: PLC0415 it needs its clients
        from deploy.settle import SettleTimeout  # noqa: PLC0415
        from producers.publisher import PublishFailed  # noqa: PLC0415
        from sinks.client import StoreError  # noqa: PLC0415
        from streams.worker.clients import KafkaError  # noqa: PLC0415

        connections = self.settings.kafka, self.settings.clickhouse
        try:
            names = await models_again(*connections, worker_groups=[self.settings.worker.app_id])
        except (PublishFailed, SettleTimeout, StoreError, KafkaError, OSError) as error:
            raise LocalStackError(f"the models in force could not be published again: {error}") from error
        if names:
            self._supervisor.say(f"models in force, published again: {', '.join(names)}")

    async def _follow_catalogue(self) -> None:
        """Let what was said follow the catalogue, where that has changed since the last start."""
        from deploy.local_catalogue import follow_catalogue  # noqa: PLC0415 it needs its clients
        from deploy.settle import SettleTimeout  # noqa: PLC0415
        from producers.publisher import PublishFailed  # noqa: PLC0415
        from sinks.client import StoreError  # noqa: PLC0415
        from streams.worker.clients import KafkaError  # noqa: PLC0415

        try:
            await in_background(lambda: follow_catalogue(self.settings, REPLAY_TIMEOUT, self._supervisor.say))
        except (PublishFailed, SettleTimeout, StoreError, KafkaError, OSError) as error:
            raise LocalStackError(f"what was said could not follow the changed catalogue: {error}") from error

    async def _replay(self) -> None:
        from deploy.local_catalogue import is_followed, put_in_force_here  # noqa: PLC0415 it needs its clients
        from deploy.replay import ReplayError, replay  # noqa: PLC0415 it needs its clients
        from sinks.client import StoreError  # noqa: PLC0415

        began = time.monotonic()
        say = self._supervisor.say
        rules_changed = self._data.rules_changed(self.settings.catalogue)
        try:
            rules_changed |= not await in_background(lambda: is_followed(self.settings))
            if rules_changed:
                say("the catalogue has changed: everything is derived anew from the touchpoints")
            replayed = await replay(self.settings.kafka, self.settings.clickhouse, rebuild=rules_changed)
        except (ReplayError, StoreError, OSError) as error:
            raise LocalStackError(f"the touchpoints of ClickHouse could not be replayed: {error}") from error
        if replayed:
            touchpoints, commands = replayed
            decisions = f" (and decisions on identities: {commands:,})" if commands else ""
            say(
                "touchpoints of ClickHouse that go through the pipeline again, since Tansu keeps nothing: "
                f"{touchpoints:,}{decisions}"
            )
            if not await self._settle(REPLAY_TIMEOUT):
                raise LocalStackError(f"the replay did not settle in {REPLAY_TIMEOUT:g} s; see {self._data.logs}")
            say(f"replayed in {time.monotonic() - began:.1f} s")
        self._data.remember_rules(self.settings.catalogue)
        await in_background(lambda: put_in_force_here(self.settings))

    async def _settle(self, timeout: float) -> bool:
        from deploy.settle import SettleTimeout, settle  # noqa: PLC0415 it needs its clients

        worker, connections = self.settings.worker, (self.settings.kafka, self.settings.clickhouse)
        try:
            await settle(*connections, worker_groups=[worker.app_id], timeout=timeout)
        except SettleTimeout as error:
            self._supervisor.say(str(error))
            return False
        except Exception as error:
            # A broker that is gone, a store that fell over: whatever it is, the stop goes on.
            self._supervisor.say(f"cannot tell what is in flight: {error}")
            return False
        return True

    async def _replace_tansu(self) -> None:
        say = self._supervisor.say
        for line in TANSU_IS_LOST:
            say(line)
        pause = 0.5
        while True:
            for name in ("collector", "sink", *reversed(self._workers), "broker"):
                await self._supervisor.stop(name)
            try:
                await self._supervisor.start(self._broker())
                await self._make_topics()
                await self._start_pipeline()
            except LocalStackError as error:
                say(f"{error}\nanother try in {pause:g} s")
                await asyncio.sleep(pause)
                pause = min(30.0, pause * 2)
            else:
                # Deaths from before belong to the Tansu that is replaced already.
                while not self._supervisor.lost.empty():
                    self._supervisor.lost.get_nowait()
                say("the pipeline is complete again; the door is open")
                return

    def _say_ready(self, seconds: float) -> None:
        say = self._supervisor.say
        collector, clickhouse = self.settings.collector.port, self.settings.clickhouse.port
        port = "" if clickhouse == 8123 else f"--clickhouse-port {clickhouse} "
        say(f"ready in {seconds:.1f} s; everything listens on {LOOPBACK} only")
        say(f"  events      http://{LOOPBACK}:{collector}   write key: {WRITE_KEY}")
        say(f"  ClickHouse  http://{LOOPBACK}:{clickhouse}   database: {self.settings.clickhouse.database}")
        say(f"  Kafka       {LOOPBACK}:{self.options.kafka_port}   {self.options.broker}")
        say(f"  files       {self._data.path}")
        say("A first event, and where it went a moment later:")
        say(f"  curl -u {WRITE_KEY}: http://{LOOPBACK}:{collector}/v1/track \\")
        say("""    -d '{"userId":"ada","event":"Order Completed","properties":{"revenue":12.5,"currency":"EUR"}}'""")
        say(f"  touchpath sql {port}'{FIRST_QUERY}'")
        say("Ctrl-C stops everything.")


async def together(*work: Coroutine[object, object, None]) -> None:
    """Do several things at once; the first error ends the others and is raised as it is."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _touchpath(command: str) -> list[str]:
    return [sys.executable, "-m", "deploy.cli", command]
