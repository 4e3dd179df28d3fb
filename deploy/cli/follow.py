"""The command that shows events as they arrive."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.options import ConfigOption, settings_of
from deploy.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.settings import Settings
    from deploy.tail import Filter, Seen

COLOURS = {"accepted": "green", "duplicate": "yellow", "quarantined": "red"}


def tail(
    source: Annotated[str | None, typer.Option("--source", help="Of this source only.")] = None,
    quarantined: Annotated[bool, typer.Option("--quarantined", help="Only what was not taken.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many events.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    collector: Annotated[
        str | None, typer.Option("--collector", metavar="URL", help="Asked for duplicates; where it is configured.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Show each event within a second of its arrival: accepted, duplicate, or why not. Ctrl-C stops.

    A duplicate that the collector knows never reaches Kafka. The collector counts it, so it is shown as a count by
    source; one that another process let through is shown by its id, if the first was seen here. Journeys count both
    once.

      touchpath tail
      touchpath tail --source shop --quarantined
      touchpath tail --json | jq .touchpoint
    """
    import asyncio
    import logging

    from deploy.no_broker import away
    from deploy.tail import Filter, TailError
    from sinks.reader import BROKER_ERRORS

    settings = settings_of(config)
    # It logs each refused connection as an error; we say it once, in our words.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        asyncio.run(_follow(settings, Filter(source, quarantined), collector, limit, as_json=as_json))
    except TailError as error:
        raise CommandError(str(error), Exit.NOT_READY) from error
    except BROKER_ERRORS as error:
        raise CommandError(away(settings.kafka.bootstrap_servers, error), Exit.NOT_READY) from error


async def _follow(
    settings: Settings, wanted: Filter, collector: str | None, limit: int | None, *, as_json: bool
) -> None:
    import asyncio
    import signal

    from deploy.tail import tail

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    write, left = _writer(as_json=as_json), limit

    def tell(seen: Seen) -> None:
        nonlocal left
        if stop.is_set():
            return
        write(seen)
        left = None if left is None else left - 1
        if left == 0:
            stop.set()

    scheme = "https" if settings.collector.tls_cert else "http"
    address = collector or f"{scheme}://{settings.collector.host}:{settings.collector.port}"

    def following(collector_answers: bool) -> None:
        say("touchpath: following touchpath.collected and touchpath.quarantine; Ctrl-C stops")
        if not collector_answers and not wanted.quarantined:
            say(f"touchpath: no collector answers at {address}, so what it knows as duplicates is not shown")

    await tail(settings.kafka, wanted, tell, collector=address, following=following, stop=stop)


def _writer(*, as_json: bool) -> Callable[[Seen], None]:
    import json

    if as_json:
        return lambda seen: _line(json.dumps(seen.as_json(), ensure_ascii=False))
    if not sys.stdout.isatty():
        return lambda seen: _line("\t".join(_cells(seen)))
    from rich.console import Console
    from rich.text import Text

    console = Console()

    def coloured(seen: Seen) -> None:
        time, outcome, *rest = _cells(seen)
        text = Text(f"{time[11:23]}  ").append(f"{outcome:<11}", COLOURS[seen.outcome])
        text.append("  " + "  ".join(cell for cell in rest if cell), "red" if seen.outcome == "quarantined" else "")
        console.print(text, soft_wrap=True)

    return coloured


def _cells(seen: Seen) -> tuple[str, ...]:
    outcome = seen.outcome if seen.count == 1 else f"{seen.outcome} ×{seen.count}"
    cells = (
        seen.at.isoformat(timespec="milliseconds"),
        outcome,
        seen.source,
        seen.touchpoint,
        seen.channel,
        seen.identifier,
        seen.amount,
        seen.door,
        seen.reason,
    )
    return tuple((cell or "").replace("\t", " ").replace("\n", " ") for cell in cells)


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()  # whoever reads this wants it now
