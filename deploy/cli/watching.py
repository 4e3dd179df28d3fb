"""The command that watches a folder for files."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.imports import connected_publisher, declared_sender, known_adapter
from deploy.cli.options import (
    ConfigOption,
    CurrencyOption,
    PhoneRegionOption,
    TimezoneOption,
    checked_catalogue,
    settings_of,
    source_settings,
)
from deploy.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from producers.adapters.adapter import Adapter
    from producers.adapters.sender import Sender
    from producers.watch import Rule, Taken


def watch(
    folder: Annotated[Path, typer.Argument(help="Where files are put.")],
    adapter: Annotated[
        str | None, typer.Option("--adapter", help="Reads every file. Without it: the folder's name says which.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="PATTERN=ADAPTER[:SOURCE]", help="Which file is whose: 'berlin/*.csv=pos_csv'."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Whose events they are; the adapter's name by default.")
    ] = None,
    timezone: TimezoneOption = None,
    phone_region: PhoneRegionOption = None,
    currency: CurrencyOption = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave files where they are, and read what is added.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks.")] = 2,
    quiet: Annotated[float, typer.Option("--quiet", min=0, help="Seconds unchanged, then a file is whole.")] = 5,
    once: Annotated[bool, typer.Option("--once", help="Import what is whole, and end.")] = False,
    state_dir: Annotated[
        Path | None, typer.Option("--state-dir", metavar="DIR", help="Where it is noted how far imports are.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Import what is put into a folder, until Ctrl-C; each file is then moved to done/ or failed/.

    Without --adapter and --rule a file is read by the adapter that its folder is called after: FOLDER/pos_csv/a.csv.
    Files may come days late, and again: nothing is counted twice. A file that failed has its reason beside it.

      touchpath watch /srv/tills --adapter pos_csv --source store --timezone Europe/Berlin --currency EUR
      touchpath watch /srv/in --rule 'berlin/*.csv=pos_csv:berlin' --rule 'calls/*=genesys:hotline'
    """
    import threading

    from producers import watch as watching
    from producers.adapters.registry import ADAPTERS
    from producers.watch import rules_of_folders

    settings = settings_of(config)
    options = {"timezone": timezone, "phone_region": phone_region, "default_currency": currency}

    def named(reads: Adapter, name: str | None = None) -> Sender:
        return declared_sender(settings, reads, name or source, options)

    def of_folder(reads: Adapter) -> Sender:  # most of them will never see a file
        return source_settings(settings, source or reads.name, **options).sender("watch", settings.identifiers)

    rules = _rules(adapter, rule or (), named, keep=keep) or rules_of_folders(ADAPTERS.values(), of_folder)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with connected_publisher(settings) as publisher:
            say(f"touchpath: watching {folder}; Ctrl-C stops")
            watching.watch(
                folder,
                rules,
                checked_catalogue(settings),
                publisher,
                state_dir=state_dir or settings.data_dir / "imports",
                settings=watching.WatchSettings(every=every, quiet=quiet),
                stop=stop,
                told=_tell,
                once=once,
            )
    except watching.WatchError as error:
        raise CommandError(str(error), Exit.USAGE) from error


def _rules(
    adapter: str | None,
    words: Sequence[str],
    sender: Callable[..., Sender],
    *,
    keep: bool,
) -> list[Rule]:
    from producers.watch import Rule

    rules = []
    for word in words:
        pattern, equals, what = word.rpartition("=")
        name, _, source = what.partition(":")
        if not equals or not pattern or not name:
            raise CommandError(f"--rule: {word!r} is not PATTERN=ADAPTER or PATTERN=ADAPTER:SOURCE", Exit.USAGE)
        reads = _reader(name)
        rules.append(Rule(pattern=pattern, adapter=reads, sender=sender(reads, source or None), keep=keep))
    if adapter is not None:
        reads = _reader(adapter)
        rules.append(Rule(pattern="*", adapter=reads, sender=sender(reads), keep=keep))
    return rules


def _reader(name: str) -> Adapter:
    found = known_adapter(name)
    if found.file is None:
        raise CommandError(f"{name} comes by webhook, not in files: see `touchpath adapters {name}`", Exit.USAGE)
    return found


def _tell(taken: Taken) -> None:
    """Write one line for each file: what became of it, where it is now, and how many events were in it."""
    summary = taken.summary
    counts = ""
    if summary is not None:
        counts = f"accepted={summary.accepted} duplicate={summary.duplicate} quarantined={summary.quarantined}"
    typer.echo(f"{taken.outcome}\t{taken.path}\t{taken.adapter}\t{counts}")
    if taken.reason is not None:
        say(f"touchpath: {taken.reason}")
