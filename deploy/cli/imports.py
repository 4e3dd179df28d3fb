"""Commands that bring history in: files of any adapter, topics, costs."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.options import (
    ConfigOption,
    CurrencyOption,
    JsonOption,
    PhoneRegionOption,
    TimezoneOption,
    checked_catalogue,
    settings_of,
    source_settings,
)
from deploy.cli.output import chosen, rows_out, say
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.progress import Progress

    from deploy.costs import CostSummary
    from deploy.settings import Settings
    from deploy.topic_import import TopicSummary
    from producers.adapters.adapter import Adapter
    from producers.adapters.sender import Sender
    from producers.file_import import FileImportSummary
    from producers.publisher import Publisher

CONNECT_SECONDS = 10.0

FilesArgument = Annotated[
    list[str], typer.Argument(help="Files, folders (all files in them) or patterns.", metavar="FILE...")
]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", help="Whose events they are; part of their ids. The adapter's name by default."),
]
StateOption = Annotated[
    Path | None, typer.Option("--state-dir", metavar="DIR", help="Where it is noted how far imports are.")
]
RestartOption = Annotated[bool, typer.Option("--restart", help="Read from the beginning all the same.")]


def files(
    adapter: Annotated[str, typer.Argument(help="Which one: see `touchpath adapters`.")],
    files: FilesArgument,
    source: SourceOption = None,
    timezone: TimezoneOption = None,
    phone_region: PhoneRegionOption = None,
    currency: CurrencyOption = None,
    state_dir: StateOption = None,
    restart: RestartOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Import files that an adapter reads, gzipped or not.

    Killed and run again, it goes on where it stood; the same file again adds nothing. Exit code 1 when a file could
    not be imported to its end; what cannot be used goes to quarantine and is counted. What a source's events mean
    where they do not say so (zone, currency, phone region) comes from the settings `sources`, or these options.

      touchpath adapters                                     which there are
      touchpath import genesys calls/ --source hotline --timezone Europe/Berlin
      touchpath import segment_archive "archive/*.jsonl.gz" --source shop
    """
    settings = settings_of(config)
    reads = known_adapter(adapter)
    if reads.file is None:
        raise CommandError(f"{adapter} comes by webhook, not in files: see `touchpath adapters {adapter}`", Exit.USAGE)
    options = {"timezone": timezone, "phone_region": phone_region, "default_currency": currency}
    sender = declared_sender(settings, reads, source, options)
    paths = paths_of(files)
    with connected_publisher(settings) as publisher:
        done, failed = _import_files(reads, paths, sender, settings, publisher, state_dir, restart=restart)
    _tell_files(done, as_json=as_json)
    if failed:
        raise CommandError(f"{failed} of {len(paths)} files could not be imported to their end")


def topic(
    name: Annotated[str, typer.Argument(help="The topic, of JSON records.")],
    adapter: Annotated[str, typer.Option("--adapter", help="What reads a record: see `touchpath adapters`.")],
    source: SourceOption = None,
    timezone: TimezoneOption = None,
    phone_region: PhoneRegionOption = None,
    currency: CurrencyOption = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="earliest, or an offset; by default where the last import stopped."),
    ] = None,
    bootstrap: Annotated[
        str | None, typer.Option("--bootstrap", help="Brokers that have it, if they are others: host:port.")
    ] = None,
    state_dir: StateOption = None,
    restart: RestartOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Import a topic that exists already, to the end that it has now.

    Each record is what the adapter's webhook or file would hold. Events without an id of their own have their
    partition and offset as id; so the same topic again adds nothing. Killed and run again, it goes on where it stood.

      touchpath import topic shop-events --adapter segment_archive --source shop
      touchpath import topic tickets --adapter zendesk --bootstrap kafka.example.org:9092 --from earliest
    """
    import asyncio
    import logging

    from deploy.no_broker import away
    from sinks.reader import BROKER_ERRORS

    settings = settings_of(config)
    reads = known_adapter(adapter)
    if name.startswith("touchpath."):
        raise CommandError(f"{name} is one of Touchpath's own topics", Exit.USAGE)
    options = {"timezone": timezone, "phone_region": phone_region, "default_currency": currency}
    sender = declared_sender(settings, reads, source, options)
    begin = _offset(start, restart=restart)
    theirs = settings.kafka.model_copy(update={"bootstrap_servers": bootstrap} if bootstrap else {})
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with connected_publisher(settings) as publisher:
        from deploy.topic_import import TopicImportError, import_topic

        with _bar("records") as bar:
            try:
                done = asyncio.run(
                    import_topic(
                        theirs,
                        name,
                        reads,
                        sender,
                        checked_catalogue(settings),
                        publisher,
                        state_dir=state_dir or settings.data_dir / "imports",
                        start=begin,
                        progress=_topic_progress(bar, name),
                    )
                )
            except TopicImportError as error:
                raise CommandError(str(error)) from error
            except BROKER_ERRORS as error:
                raise CommandError(away(theirs.bootstrap_servers, error), Exit.NOT_READY) from error
    _tell_topic(done, as_json=as_json)


def costs(
    files: FilesArgument,
    source: Annotated[str, typer.Option("--source", help="Whose spend; its days replace those of before.")] = "costs",
    currency: CurrencyOption = None,
    decimal: Annotated[
        str | None, typer.Option("--decimal", help="The sign before decimals: . or , (told by the file by default).")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Import what was spent, by day, channel and campaign. A day that is imported again is replaced whole.

    A day with a line that cannot be used stays as it was, with the line and the reason; exit code 1 then. Views count
    spend in the catalogue's reporting currency, each line at the rate of its day.

      touchpath import costs spend-2026-03.csv --currency EUR
    """
    from deploy.costs import import_costs
    from producers.costs import CostFileError

    if decimal not in (None, ".", ","):
        raise CommandError(f"--decimal: {decimal!r} is neither . nor ,", Exit.USAGE)
    settings = settings_of(config)
    catalogue = checked_catalogue(settings)
    done: list[CostSummary] = []
    failed = 0
    paths = paths_of(files)
    with tables_of(settings) as store:
        for path in paths:
            try:
                done.append(
                    import_costs(
                        path,
                        store,
                        catalogue,
                        source=source,
                        currency=currency.upper() if currency else None,
                        decimal=decimal,  # type: ignore[arg-type] # checked above
                    )
                )
            except CostFileError as error:
                failed += 1
                say(f"touchpath: {error}")
    _tell_costs(done, as_json=as_json)
    refused = sum(len(one.refused) for one in done)
    if failed or refused:
        raise CommandError(f"{failed} files and {refused} days could not be imported")


# ---- what they share


def known_adapter(name: str) -> Adapter:
    """Give the adapter of that name; an unknown one ends the command with the nearest that there is."""
    from producers.adapters.registry import ADAPTERS

    if name not in ADAPTERS:
        import difflib

        near = difflib.get_close_matches(name, ADAPTERS, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; `touchpath adapters` lists them"
        raise CommandError(f"there is no adapter {name!r}{hint}", Exit.USAGE)
    return ADAPTERS[name]


def declared_sender(settings: Settings, adapter: Adapter, source: str | None, options: dict[str, Any]) -> Sender:
    """Give whose events they are; an adapter whose times have no zone wants the source's."""
    declared = source_settings(settings, source or adapter.name, **options)
    if adapter.zone_needed and declared.timezone is None:
        raise CommandError(
            f"times of {adapter.name} have no zone; name the source's, for example --timezone Europe/Berlin", Exit.USAGE
        )
    return declared.sender("import", settings.identifiers)


def paths_of(words: Sequence[str]) -> list[Path]:
    """Give the files that are meant: themselves, those in a folder, those of a pattern; each once, in order."""
    import glob

    found: list[Path] = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith("."))
        elif path.exists():
            inside = [path]
        else:
            every = glob.glob(word, recursive=True)  # noqa: PTH207 # a pattern may be absolute
            inside = sorted(Path(one) for one in every if Path(one).is_file())
        if not inside:
            raise CommandError(
                f"{word}: there is no such file" if not path.is_dir() else f"{word}: is empty", Exit.USAGE
            )
        found += inside
    return list(dict.fromkeys(found))


def _offset(text: str | None, *, restart: bool) -> int | None:
    if text is None:
        return 0 if restart else None
    if text == "earliest":
        return 0
    if not text.isdigit():
        raise CommandError(f"--from: {text!r} is neither earliest nor an offset", Exit.USAGE)
    return int(text)


@contextmanager
def connected_publisher(settings: Settings) -> Iterator[Publisher]:
    """Give a way to Kafka, once a broker answers; nobody there ends the command."""
    from producers.publisher import Publisher

    with Publisher(settings.kafka, settings.publisher, client_id="touchpath-importer") as publisher:
        if not publisher.wait_connected(CONNECT_SECONDS):
            raise CommandError(f"no Kafka broker answers at {settings.kafka.bootstrap_servers}", Exit.NOT_READY)
        yield publisher


def _bar(unit: str) -> Progress:
    """Make a progress bar for people, on standard error, so that standard output holds the result alone."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:,} events" if unit == "bytes" else "{task.completed:,.0f} " + unit),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=chosen() != "table",
        transient=True,
    )


def _import_files(
    adapter: Adapter,
    paths: Sequence[Path],
    sender: Sender,
    settings: Settings,
    publisher: Publisher,
    state_dir: Path | None,
    *,
    restart: bool,
) -> tuple[list[FileImportSummary], int]:
    from producers.file_import import FileImportError, KafkaAwayError, import_file

    catalogue = checked_catalogue(settings)
    done: list[FileImportSummary] = []
    failed = 0
    with _bar("bytes") as bar:
        for path in paths:
            task = bar.add_task(path.name, total=path.stat().st_size or 1, events=0)
            try:
                summary = import_file(
                    adapter,
                    path,
                    sender,
                    catalogue,
                    publisher,
                    state_dir=state_dir or settings.data_dir / "imports",
                    restart=restart,
                    progress=lambda at, task=task: bar.update(task, completed=at.bytes_read, events=at.received),  # type: ignore[misc] # mypy cannot infer a default's type in a lambda
                )
            except KafkaAwayError as error:
                raise CommandError(str(error), Exit.NOT_READY) from error
            except FileImportError as error:
                failed += 1
                say(f"touchpath: {error}")
                if error.summary is not None:
                    done.append(error.summary)
            else:
                done.append(summary)
            bar.remove_task(task)
    return done, failed


def _topic_progress(bar: Progress, name: str) -> Callable[[TopicSummary, int], None]:
    task = bar.add_task(name, total=None)
    return lambda summary, done: bar.update(task, total=summary.total, completed=done)


def _tell_files(done: Sequence[FileImportSummary], *, as_json: bool) -> None:
    columns = ("file", "events", "accepted", "duplicate", "quarantined", "seconds", "note")
    rows = [
        (str(one.path), one.received, one.accepted, one.duplicate, one.quarantined, round(one.seconds, 2), _note(one))
        for one in done
    ]
    rows_out(columns, rows, chosen(as_json), "Imported")
    for one in done:
        for reason in one.reasons:
            say(f"touchpath: {one.path}: quarantined: {reason}")


def _note(one: FileImportSummary) -> str:
    if one.already_imported:
        return "imported before"
    if one.resumed_at:
        return f"from byte {one.resumed_at}"
    return f"behind event {one.passed_over}" if one.passed_over else ""


def _tell_topic(done: TopicSummary, *, as_json: bool) -> None:
    columns = ("topic", "records", "events", "accepted", "duplicate", "quarantined", "seconds", "note")
    note = f"{done.before} offsets were done before" if done.before else ""
    row = (
        done.topic,
        done.records,
        done.received,
        done.accepted,
        done.duplicate,
        done.quarantined,
        round(done.seconds, 2),
        note,
    )
    rows_out(columns, [row], chosen(as_json), "Imported")
    for reason in done.reasons:
        say(f"touchpath: {done.topic}: quarantined: {reason}")


def _tell_costs(done: Sequence[CostSummary], *, as_json: bool) -> None:
    columns = ("file", "lines", "days added", "changed", "unchanged", "refused", "spent")
    rows = [
        (
            str(one.path),
            one.lines,
            len(one.added),
            len(one.changed),
            len(one.unchanged),
            len(one.refused),
            ", ".join(f"{amount} {currency}" for currency, amount in one.spent.items()),
        )
        for one in done
    ]
    rows_out(columns, rows, chosen(as_json), "Imported costs")
    for one in done:
        for warning in one.warnings:
            say(f"touchpath: {warning}")
        for day in one.refused:
            for reason in day.reasons:
                say(f"touchpath: {one.path}: {day.day} stays as it was: {reason}")
