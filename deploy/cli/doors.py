"""Commands about the ways in: which there are, and what a payload would become."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

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
from deploy.cli.output import chosen, json_out, rows_out, say

if TYPE_CHECKING:
    from deploy.doors import WayIn
    from deploy.settings import Settings
    from deploy.trial import Shape
    from schemas.outcome import Outcome
    from schemas.touchpoint import Touchpoint


def adapters(
    name: Annotated[str | None, typer.Argument(help="One of them, with examples; all where none is given.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the senders and formats that are understood as they are.

    touchpath adapters
    touchpath adapters postmark        its address, its signature, an example to copy
    """
    from dataclasses import asdict

    from deploy.doors import way_in, ways_in

    if name is not None:
        found = way_in(name)
        if found is None:
            there = ", ".join(way.name for way in ways_in())
            raise CommandError(f"there is no adapter {name!r}; there are {there}", Exit.USAGE)
        _details(found, settings_of(config), as_json=as_json)
    elif as_json:
        json_out([asdict(way) for way in ways_in()])
    else:
        rows_out(
            ("name", "area", "webhook", "signature", "files", "about"),
            [(way.name, way.area, way.hook, way.signature, "yes" if way.files else "", way.about) for way in ways_in()],
            chosen(),
            "Adapters",
        )


def _details(way: WayIn, settings: Settings, *, as_json: bool) -> None:
    from dataclasses import asdict

    from deploy.doors import example_of_hook, example_of_import

    collector = settings.collector
    scheme = "https" if collector.tls_cert else "http"
    send = example_of_hook(way, f"{scheme}://{collector.host}:{collector.port}")
    bring = example_of_import(way)
    if as_json:
        json_out({**asdict(way), "send": send, "import": bring})
        return
    zone = "its times have no zone: the source must declare one (timezone)" if way.zone_needed else None
    secrets = None
    if way.hook and way.signature and not way.signature.startswith("none"):
        secrets = f"set hooks.{way.name}.secrets of its write key (collector.write_keys)"
    lines = (
        ("name", way.name),
        ("area", way.area),
        ("about", way.about),
        ("webhook", way.hook),
        ("signature", way.signature),
        ("secrets", secrets),
        ("times", zone),
        ("send", send),
        ("import", bring),
        ("try", f"touchpath try {way.name} FILE"),
    )
    for label, text in lines:
        if text is not None:
            typer.echo(f"{label:<10} {text}")


def try_(
    adapter: Annotated[str, typer.Argument(help="Which one: see `touchpath adapters`.")],
    file: Annotated[str, typer.Argument(help="A payload or a file; `-` reads standard input.")],
    source: Annotated[str, typer.Option("--source", help="Whose it would be; its settings hold.")] = "try",
    timezone: TimezoneOption = None,
    phone_region: PhoneRegionOption = None,
    currency: CurrencyOption = None,
    shape: Annotated[
        str | None, typer.Option("--as", help="hook or file, where the adapter takes both; a hook by default.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many pieces.")] = 1000,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what a payload or file would become, without sending it.

    Each piece is accepted, or quarantined with the path of what is wrong. Exit code 1 when one would be quarantined.
    Signatures are not checked.

      touchpath try postmark payload.json
      touchpath try segment - --currency EUR < batch.json
    """
    from deploy.trial import TrialError, tried
    from producers.adapters.adapter import Context

    if shape not in (None, "hook", "file"):
        raise CommandError(f"--as: {shape!r} is neither hook nor file", Exit.USAGE)
    settings = settings_of(config)
    declared = source_settings(
        settings, source, timezone=timezone, phone_region=phone_region, default_currency=currency
    )
    sender = declared.sender(f"try:{file}", settings.identifiers)
    context = Context(sender, datetime.now(UTC), checked_catalogue(settings))
    wanted = cast("Shape | None", shape)
    try:
        with _opened(file) as content:
            pieces = tried(adapter, content, context, wanted)
            found = list(islice(pieces, limit))
            more = next(pieces, None) is not None
    except TrialError as error:
        raise CommandError(f"{file}: {error}", Exit.USAGE) from error
    if as_json:
        json_out([_as_json(path, outcome) for path, outcome in found])
    else:
        rows_out(
            ("piece", "outcome", "touchpoint", "channel", "occurred at", "identifiers", "amount", "order", "reason"),
            [_as_row(path, outcome) for path, outcome in found],
            chosen(),
            f"What {file} would become",
        )
    bad = sum(_reason(outcome) is not None for _, outcome in found)
    if chosen(as_json) == "table":
        say(f"{len(found)} piece{'' if len(found) == 1 else 's'}, nothing was sent")
    if more:
        say(f"touchpath: there is more; --limit {limit} ends it here")
    if bad:
        raise CommandError(f"{bad} of {len(found)} pieces would be quarantined")


def _opened(file: str) -> BinaryIO:
    import sys
    from io import BytesIO

    if file == "-":
        return BytesIO(sys.stdin.buffer.read())  # a pipe cannot be sought in
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise CommandError(f"{file}: cannot be read: {error.strerror}", Exit.USAGE) from error


def _touchpoint(outcome: Outcome) -> Touchpoint | None:
    from schemas.outcome import Accepted

    return outcome.touchpoint if isinstance(outcome, Accepted) else None


def _reason(outcome: Outcome) -> str | None:
    from schemas.outcome import Quarantined

    return outcome.record.reason if isinstance(outcome, Quarantined) else None


def _as_row(path: str, outcome: Outcome) -> tuple[object, ...]:
    reason, touchpoint = _reason(outcome), _touchpoint(outcome)
    if touchpoint is None:
        return path, "quarantined", None, None, None, None, None, None, reason
    amount = touchpoint.amount
    return (
        path,
        "accepted",
        touchpoint.touchpoint,
        touchpoint.channel,
        touchpoint.occurred_at.isoformat(),
        " ".join(identifier.key for identifier in touchpoint.identifiers),
        f"{amount.amount} {amount.currency}" if amount else None,
        touchpoint.order_id,
        None,
    )


def _as_json(path: str, outcome: Outcome) -> dict[str, Any]:
    touchpoint = _touchpoint(outcome)
    if touchpoint is None:
        return {"path": path, "outcome": "quarantined", "reason": _reason(outcome)}
    kept = touchpoint.model_dump(mode="json", exclude_none=True)
    return {"path": path, "outcome": "accepted", "key": touchpoint.key, "touchpoint": kept}
