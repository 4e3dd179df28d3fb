"""`touchpath demo`: a retail year through the doors that customers use, from the first part to the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.background import in_background
from deploy.data_dir import DataDir
from deploy.demo import check, events, pos_files, report
from deploy.demo.retail_year import RetailYear, load
from deploy.demo.send import send
from deploy.local.ports import LOOPBACK, free_port
from deploy.local_settings import WRITE_KEY
from deploy.local_stack import LocalStack, UpOptions
from deploy.part_log import Terminal
from deploy.supervisor import Supervisor

if TYPE_CHECKING:
    from rich.progress import TaskID

    from deploy.settings import Settings

#: The sender's name of the POS files.
SOURCE = "retail-year"
SETTLE_TIMEOUT = 900.0
#: Parts of the way that are slow to be told of; a bar that stands still looks broken.
_BAR_WIDTH = 30


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What `touchpath demo` is told. `households` None: all of them."""

    households: int | None = 500
    data_dir: Path | None = None
    keep: bool = False
    running: bool = False
    as_json: bool = False


def run_demo(settings: Settings, options: DemoOptions) -> bool:
    """Run the demo; give whether the independent calculation agrees.

    Raises:
        LocalStackError: the stack could not start.
        DemoDataMissingError: the data package is not installed.
        SendError, StoreImportError, SettleTimeout: a door would not take the data, or it did not arrive.
    """
    # It logs each connection that a closing broker ends as an error.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    return asyncio.run(_Demo(settings, options).run())


class _Demo:
    def __init__(self, settings: Settings, options: DemoOptions) -> None:
        self._settings = settings
        self._options = options
        self._seconds: dict[str, float] = {}
        self._progress = Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(_BAR_WIDTH),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )

    async def run(self) -> bool:
        _cancelled_by_sigterm()
        with tempfile.TemporaryDirectory(prefix="touchpath-demo-") as scratch:
            folder = self._options.data_dir or Path(scratch)
            with self._progress:
                async with self._stack(folder) as settings:
                    found = await self._through(settings, Path(scratch) / "receipts")
                    self._progress.stop()
                    report.show(found, as_json=self._options.as_json, next_steps=self._next_steps(settings))
                    sys.stdout.flush()
                    if self._options.keep and not self._options.running:
                        sys.stderr.write("The stack runs until Ctrl-C.\n")
                        with contextlib.suppress(asyncio.CancelledError):
                            await asyncio.Event().wait()
        return not found.differences

    @contextlib.asynccontextmanager
    async def _stack(self, folder: Path) -> AsyncIterator[Settings]:
        """Give the settings of a stack that runs: the one there is, or one of our own while the `with` lasts."""
        if self._options.running:
            yield self._settings
            return
        settings = self._settings.model_copy(
            update={
                "data_dir": folder,
                "collector": self._settings.collector.model_copy(update={"port": free_port()}),
                "clickhouse": self._settings.clickhouse.model_copy(update={"port": free_port()}),
            }
        )
        with DataDir(folder) as data:
            async with Supervisor(data.logs, Terminal(quiet=True)) as supervisor:
                stack = LocalStack(settings, UpOptions(kafka_port=free_port()), data, supervisor)
                with self._step("start the stack", 1) as step:
                    await stack.start()
                    self._progress.advance(step)
                yield stack.settings
                for part, times in supervisor.died.items():
                    sys.stderr.write(f"the {part} died and was started again, times: {times} ({data.log_of(part)})\n")

    async def _through(self, settings: Settings, receipts: Path) -> report.Report:
        with self._step("read the tables", 1) as step:
            year = await in_background(lambda: load(self._options.households))
            self._progress.advance(step)
        sent = await in_background(lambda: self._send_calls(settings, year))
        sent += await in_background(lambda: self._import_receipts(settings, year, receipts))
        await self._settle(settings)
        with self._step("check", 2) as step:
            result = await in_background(lambda: report.ask_result(settings.clickhouse))
            self._progress.advance(step)
            expected = await in_background(lambda: check.calculate(year, self._web_source(settings)))
            self._progress.advance(step)
        figures = result.figures
        wrong = check.differences(expected, figures["conversions"], figures["revenue_minor"], result.shares)
        if figures["violations"]:
            wrong.append(f"the ledger's own check finds {figures['violations']} conversions that do not add up")
        return report.Report(sent, year.oddities(), result, wrong, self._seconds)

    def _send_calls(self, settings: Settings, year: RetailYear) -> Counter[str]:
        keys = settings.collector.write_keys
        key = keys[0].key.get_secret_value() if keys else WRITE_KEY
        total = len(year.mailings) + len(year.redemptions)
        with self._step("mailings and redemptions by HTTP", total) as step:
            counts = send(
                LOOPBACK,
                settings.collector.port,
                key,
                events.calls(year),
                lambda count: self._progress.advance(step, count),
            )
        return counts + Counter(received=total)

    def _import_receipts(self, settings: Settings, year: RetailYear, folder: Path) -> Counter[str]:
        from producers.publisher import Publisher  # noqa: PLC0415 it needs its client
        from producers.store_import import StoreImportSettings, import_store  # noqa: PLC0415

        with self._step("write POS files", 1) as step:
            files = pos_files.write(year, folder)
            self._progress.advance(step)
        wanted = StoreImportSettings(source=SOURCE, timezone=pos_files.ZONE, currency=pos_files.CURRENCY)
        counts: Counter[str] = Counter()
        with (
            self._step("receipts from POS files", year.baskets) as step,
            Publisher(settings.kafka, settings.publisher, client_id="touchpath-importer") as publisher,
        ):
            publisher.wait_connected(10)
            for path in files:
                done = import_store(path, wanted, publisher, rules=settings.identifiers.rules())
                counts.update(
                    received=done.received,
                    accepted=done.accepted,
                    duplicate=done.duplicate,
                    quarantined=done.quarantined,
                )
                self._progress.advance(step, done.received)
        return counts

    async def _settle(self, settings: Settings) -> None:
        from deploy.settle import settle  # noqa: PLC0415 it needs its clients

        with self._step("settle: everything queryable", 1) as step:
            await settle(
                settings.kafka,
                settings.clickhouse,
                worker_groups=[settings.worker.app_id],
                timeout=SETTLE_TIMEOUT,
            )
            self._progress.advance(step)

    @contextlib.contextmanager
    def _step(self, name: str, total: int) -> Iterator[TaskID]:
        began = time.monotonic()
        task = self._progress.add_task(name, total=total)
        yield task
        self._seconds[name] = time.monotonic() - began
        if self._progress.disable and not self._options.as_json:
            sys.stderr.write(f"{name}: {self._seconds[name]:.1f} s\n")

    @staticmethod
    def _web_source(settings: Settings) -> str:
        return settings.collector.write_keys[0].source if settings.collector.write_keys else WRITE_KEY

    def _next_steps(self, settings: Settings) -> list[str]:
        query = '"SELECT * FROM conversion_paths LIMIT 10"'
        port = settings.clickhouse.port
        report, fit = "attribution report --by campaign", "attribution fit --level campaign --with-open"
        if self._options.keep or self._options.running:
            kafka = f"TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS={settings.kafka.bootstrap_servers}"
            clickhouse = f"TOUCHPATH_CLICKHOUSE__PORT={port}"
            where = [
                f"  touchpath sql --clickhouse-port {port} {query}",
                "  Was the last mailing alone decisive? What the models dispute:",
                f"  {clickhouse} touchpath {report}",
                "  What Markov chains make of the campaigns, beside the models above:",
                f"  {kafka} {clickhouse} touchpath {fit}",
            ]
        elif self._options.data_dir is not None:
            where = [
                f"  touchpath up --data-dir {self._options.data_dir}",
                "  and beside it:",
                f"  touchpath sql {query}",
                f"  touchpath {report}",
                f"  touchpath {fit}",
            ]
        else:
            where = ["  touchpath demo --keep                  leave it running, and ask it with SQL"]
        return [
            "Where to look next:",
            *where,
            "  touchpath up                           the whole stack on this machine, for your own events",
            "  deploy/demo/queries/                   the SQL behind these tables",
            "  README.md                              the way through, the first curl, what is measured",
        ]


def _cancelled_by_sigterm() -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
