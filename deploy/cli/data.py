"""Commands that bring data in and wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.imports import FilesArgument, RestartOption, connected_publisher, paths_of
from deploy.cli.options import (
    ConfigOption,
    CurrencyOption,
    JsonOption,
    TimezoneOption,
    checked_catalogue,
    settings_of,
    source_settings,
)
from deploy.cli.output import chosen, json_out, rows_out, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from producers.identity_text import IdentifierRules
    from producers.publisher import Publisher
    from producers.store_import import StoreImportSettings, StoreImportSummary
    from schemas.catalogue import Catalogue


def settle(
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds.")] = 60,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Wait until every accepted event is queryable in ClickHouse or quarantined; say how many of each.

    Exit code 3 when that is not so after --timeout seconds.

      touchpath settle --timeout 120 && touchpath sql "SELECT count() FROM touchpoints"
    """
    import asyncio
    import logging

    from deploy.no_broker import away
    from deploy.settle import SettleTimeout, settle
    from sinks.client import StoreError
    from streams.worker.clients import KafkaError

    settings = settings_of(config)
    # It logs each refused connection as an error; we say it once, in our words.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        report = asyncio.run(
            settle(settings.kafka, settings.clickhouse, worker_groups=[settings.worker.app_id], timeout=timeout)
        )
    except (SettleTimeout, StoreError) as error:
        raise CommandError(str(error), Exit.NOT_READY) from error
    except (KafkaError, OSError) as error:
        raise CommandError(away(settings.kafka.bootstrap_servers, error), Exit.NOT_READY) from error
    counts = {"accepted": report.accepted, "queryable": report.queryable, "quarantined": report.quarantined}
    if as_json:
        json_out({**counts, "seconds": round(report.seconds, 3)})
    else:
        typer.echo(" ".join(f"{name}={count}" for name, count in counts.items()))


def store(
    files: FilesArgument,
    source: Annotated[str, typer.Option("--source", help="Whose files they are; part of each receipt's id.")] = "store",
    timezone: TimezoneOption = None,
    currency: CurrencyOption = None,
    restart: RestartOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Import receipts of store tills: CSV lines become one purchase per receipt.

    Killed and run again, it goes on where it stood; the same file again adds nothing. Exit code 1 when a file could
    not be imported; lines that cannot be used go to quarantine and are counted. Columns of other names are told in the
    catalogue's section `store`.

      touchpath import store receipts-*.csv --timezone Europe/Berlin --currency EUR
    """
    from producers.store_import import StoreImportSettings

    settings = settings_of(config)
    declared = source_settings(settings, source, timezone=timezone, default_currency=currency)
    wanted = StoreImportSettings(source=source, timezone=declared.timezone, currency=declared.default_currency)
    catalogue = checked_catalogue(settings)
    paths = paths_of(files)
    with connected_publisher(settings) as publisher:
        rules = settings.identifiers.rules(declared.email_plus)
        state_dir = settings.data_dir / "imports"
        done = _import_all(paths, wanted, publisher, state_dir, catalogue, rules, restart=restart)
    _tell(done, as_json=as_json)
    if len(done) < len(paths):
        raise CommandError(f"{len(paths) - len(done)} of {len(paths)} files could not be imported")


def _import_all(
    files: Sequence[Path],
    wanted: StoreImportSettings,
    publisher: Publisher,
    state_dir: Path,
    catalogue: Catalogue,
    rules: IdentifierRules,
    *,
    restart: bool,
) -> list[StoreImportSummary]:
    from rich.console import Console
    from rich.progress import Progress

    from producers.store_import import StoreImportError, import_store

    done = []
    # Progress is for people; it goes to standard error, so that standard output holds the result alone.
    with Progress(console=Console(stderr=True), disable=chosen() != "table", transient=True) as bar:
        for path in files:
            task = bar.add_task(path.name, total=path.stat().st_size or 1)
            try:
                summary = import_store(
                    path,
                    wanted,
                    publisher,
                    catalogue=catalogue,
                    rules=rules,
                    state_dir=state_dir,
                    restart=restart,
                    progress=lambda at, task=task: bar.update(task, completed=at.bytes_read),  # type: ignore[misc] # mypy cannot infer a default's type in a lambda
                )
            except StoreImportError as error:
                say(f"touchpath: {error}")
            else:
                done.append(summary)
            bar.remove_task(task)
    return done


def _tell(done: Sequence[StoreImportSummary], *, as_json: bool) -> None:
    columns = ("file", "lines", "receipts", "accepted", "duplicate", "quarantined", "seconds", "note")
    rows = [
        (
            str(one.path),
            one.lines,
            one.received,
            one.accepted,
            one.duplicate,
            one.quarantined,
            round(one.seconds, 2),
            "imported before" if one.already_imported else f"from byte {one.resumed_at}" if one.resumed_at else "",
        )
        for one in done
    ]
    rows_out(columns, rows, chosen(as_json), "Imported")
    for one in done:
        for reason in one.reasons:
            say(f"touchpath: {one.path}: quarantined: {reason}")
