"""Commands on what was not taken: look, understand, and replay it once its cause is gone."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.moments import moment
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
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.quarantine_doors import Doors
    from deploy.quarantine_replay import ReplayReport
    from deploy.quarantine_store import Kept, QuarantineStore, Wanted
    from deploy.settings import Settings

CONNECT_SECONDS = 10.0
SHOWN_REASONS = 20

SourceOption = Annotated[str, typer.Option("--source", help="Of this source only.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Whose reason has this text in it.")]
DoorOption = Annotated[str, typer.Option("--door", help="Whose door begins so: http:/hooks/, file:")]
SinceOption = Annotated[str | None, typer.Option("--since", help="Received since: 2026-03-01, or 2h, 3d ago.")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Received until; as --since.")]
AllOption = Annotated[bool, typer.Option("--all", help="Also what was replayed with success.")]
AdapterOption = Annotated[
    str | None, typer.Option("--adapter", help="What reads a file's or a topic's records that do not say it.")
]


def list_(
    source: SourceOption = "",
    reason: ReasonOption = "",
    door: DoorOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    rows: Annotated[bool, typer.Option("--rows", help="Each record, not counts by source and reason.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many.")] = 100,
    every: AllOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List what was not taken: how many records of which source, and why.

    touchpath quarantine list
    touchpath quarantine list --source shop --since 2d --rows
    touchpath quarantine list --reason "not a number" --json
    """
    wanted = _wanted(source, reason, door, since, until, every=every)
    with _quarantine(settings_of(config)) as quarantine:
        if rows:
            columns = ("id", "source", "door", "reason", "received at", "replay")
            cells: list[tuple[object, ...]] = [
                (str(r.quarantine_id), r.source, r.door, r.replay_reason or r.reason, _at(r.received_at), r.replayed)
                for r in quarantine.records(wanted, limit)
            ]
        else:
            columns = ("records", "source", "reason", "first", "last", "example")
            cells = [
                (g.records, g.source, g.reason, _at(g.first_received_at), _at(g.last_received_at), str(g.example_id))
                for g in quarantine.groups(wanted, limit)
            ]
    rows_out(columns, cells, chosen(as_json), "Quarantine")
    if chosen(as_json) == "table":
        say("nothing is quarantined" if not cells else "touchpath quarantine show ID says more of one")


def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Of a record, or its first characters.")],
    adapter: AdapterOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show one record: what came, why it was not taken, and what its door would say of it now.

    touchpath quarantine show 6fb58aa0
    """
    import asyncio

    settings = settings_of(config)
    with _quarantine(settings) as quarantine:
        from deploy.quarantine_store import Wanted

        found = list(quarantine.records(Wanted(id=id_.lower(), every=True), 2))
    if not found:
        raise CommandError(f"there is no quarantined record {id_}", Exit.USAGE)
    if len(found) > 1:
        raise CommandError(f"there are several records whose id begins with {id_}; give more of it", Exit.USAGE)
    kept = found[0]
    now = asyncio.run(_says_now(kept, _doors(settings, adapter, {})))
    facts = _facts(kept) | {"now": now}
    if as_json:
        json_out({**facts, "raw": kept.raw, "encoding": kept.encoding})
        return
    for label, text in facts.items():
        if text not in (None, ""):
            typer.echo(f"{label:<12} {text}")
    typer.echo("")
    typer.echo(_pretty(kept))


def replay(
    source: SourceOption = "",
    reason: ReasonOption = "",
    door: DoorOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Replay so many.")] = None,
    adapter: AdapterOption = None,
    timezone: TimezoneOption = None,
    phone_region: PhoneRegionOption = None,
    currency: CurrencyOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing: say what would become of it.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Send what was not taken through its door again, after its cause is gone.

    The door is the collector's own, with the settings that its source has now (or these options), and reads times as
    it read them when the record came. What went in meanwhile is a duplicate and not sent again; so replaying
    twice adds nothing. What is still bad stays, and says why.

      touchpath quarantine replay --dry-run
      touchpath quarantine replay --source shop --currency EUR
    """
    import asyncio

    settings = settings_of(config)
    wanted = _wanted(source, reason, door, since, until, every=False)
    options = {"timezone": timezone, "phone_region": phone_region, "default_currency": currency}
    with _quarantine(settings) as quarantine:
        doors = _doors(settings, adapter, options)
        report = asyncio.run(_replayed(settings, quarantine, doors, wanted, limit, dry_run=dry_run))
    columns = ("records", "source", "outcome", "reason")
    lines = report.lines.most_common()
    if as_json:
        counts = [dict(zip(columns, (count, *line), strict=True)) for line, count in lines]
        totals = {"records": report.records, "accepted": report.accepted, "duplicate": report.duplicate}
        json_out({**totals, "dry_run": dry_run, "outcomes": counts})
        return
    rows_out(columns, [(count, *line) for line, count in lines], chosen(), "Would become" if dry_run else "Replayed")
    if chosen() == "table":
        say(f"{report.records} records: {report.accepted} events accepted, {report.duplicate} were in already")


async def _replayed(
    settings: Settings,
    quarantine: QuarantineStore,
    doors: Doors,
    wanted: Wanted,
    limit: int | None,
    *,
    dry_run: bool,
) -> ReplayReport:
    from contextlib import nullcontext

    from rich.console import Console
    from rich.progress import Progress

    from deploy.quarantine_replay import replay
    from producers.publisher import Publisher, PublishFailed

    connection = (
        nullcontext() if dry_run else Publisher(settings.kafka, settings.publisher, client_id="touchpath-replay")
    )
    with (
        connection as publisher,
        Progress(console=Console(stderr=True), disable=chosen() != "table", transient=True) as bar,
    ):
        if publisher is not None and not publisher.wait_connected(CONNECT_SECONDS):
            raise CommandError(f"no Kafka broker answers at {settings.kafka.bootstrap_servers}", Exit.NOT_READY)
        task = bar.add_task("replayed", total=limit)
        try:
            return await replay(
                quarantine,
                doors,
                wanted,
                publisher,
                lambda: datetime.now(UTC),
                most=limit,
                on_progress=lambda done: bar.update(task, completed=done),
            )
        except PublishFailed as error:
            raise CommandError(f"{error}; replay again to go on from here", Exit.NOT_READY) from error
        finally:
            await doors.close()


async def _says_now(kept: Kept, doors: Doors) -> str:
    from deploy.quarantine_doors import CannotReplayError
    from schemas.outcome import Accepted, Quarantined

    try:
        outcomes = await doors.outcomes(kept)
    except CannotReplayError as error:
        return f"cannot be replayed: {error}"
    finally:
        await doors.close()
    said = []
    for one in outcomes:
        if isinstance(one, Accepted):
            said.append(f"accepted as {one.touchpoint.touchpoint} ({one.touchpoint.key})")
        elif isinstance(one, Quarantined):
            said.append(f"quarantined: {one.record.reason}")
    return "; ".join(said[:SHOWN_REASONS]) or "there is no event in it"


def _facts(kept: Kept) -> dict[str, Any]:
    from deploy.quarantine_doors import cut, whole

    kind = "a whole body that nothing could be read of" if whole(kept.reason) else "one event"
    return {
        "id": str(kept.quarantine_id),
        "source": kept.source,
        "door": kept.door,
        "received at": _at(kept.received_at),
        "reason": kept.reason,
        "what": kind + (", of which only the beginning is kept" if cut(kept) else ""),
        "replayed": kept.replayed,
        "since then": kept.replay_reason,
    }


def _pretty(kept: Kept) -> str:
    """Write what came: JSON indented, other text as it is, other bytes in base64."""
    import json

    if kept.encoding != "utf-8":
        return f"(base64) {kept.raw}"
    try:
        return json.dumps(json.loads(kept.raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return kept.raw


def _doors(settings: Settings, adapter: str | None, options: dict[str, Any]) -> Doors:
    from functools import partial

    from deploy.quarantine_doors import Doors
    from deploy.sources import key_of, source_of
    from producers.adapters.registry import ADAPTERS

    if adapter is not None and adapter not in ADAPTERS:
        raise CommandError(f"--adapter: there is no {adapter!r}; there are {', '.join(sorted(ADAPTERS))}", Exit.USAGE)

    source_settings(settings, "replay", **options)  # an option that cannot be used is said at once
    return Doors(
        partial(source_of, settings, **options),
        partial(key_of, settings, **options),
        settings.collector,
        checked_catalogue(settings),
        ADAPTERS[adapter] if adapter else None,
    )


@contextmanager
def _quarantine(settings: Settings) -> Iterator[QuarantineStore]:
    from deploy.quarantine_store import QuarantineStore

    with tables_of(settings) as store:
        yield QuarantineStore(store)


def _wanted(source: str, reason: str, door: str, since: str | None, until: str | None, *, every: bool) -> Wanted:
    from deploy.quarantine_store import Wanted

    now = datetime.now(UTC)
    return Wanted(
        source=source,
        reason=reason,
        door=door,
        since=moment(since, "--since", now),
        until=moment(until, "--until", now),
        every=every,
    )


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
