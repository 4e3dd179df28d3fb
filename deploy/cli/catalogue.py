"""Commands on a changed catalogue: what differs from the one that the ledger follows, and let it follow."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.asking import TimeoutOption, asking
from deploy.cli.exits import CommandError, Exit
from deploy.cli.options import CatalogueOption, ConfigOption, JsonOption, checked_catalogue, checked_stages, settings_of
from deploy.cli.output import chosen, json_out, rows_out, say
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.catalogue_apply import Applied, Plan
    from deploy.settings import Settings
    from schemas.catalogue_change import Difference

_NEEDS = {
    "nothing": "nothing: what was said stays as it is",
    "renew": "journeys and credits are said anew where they differ",
    "reread": "touchpoints are read again",
}


def diff(
    file: Annotated[Path | None, typer.Argument(help="The file; without it the one of the settings.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say what differs between a catalogue and the one that journeys and ledger follow, and what each difference needs.

    touchpath catalogue diff my-catalogue.toml
    touchpath catalogue diff --json
    """
    settings = settings_of(config, catalogue=file)
    catalogue = checked_catalogue(settings)
    from deploy.catalogue_apply import change_to

    with tables_of(settings) as store:
        change, since = change_to(store, catalogue)
    if as_json:
        json_out({"since": _moment(since), "needs": change.needs, "differences": _as_json(change.differences)})
        return
    _tell_differences(change.differences, since)


def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be touched; change nothing.")] = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="Ask every profile, read every touchpoint again, whatever differs.")
    ] = False,
    catalogue: CatalogueOption = None,
    timeout: TimeoutOption = 60,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Let all that was said follow the catalogue: journeys, conversions and credits of then come to what it gives.

    Restart all workers with the catalogue first. What differs is reversed and written anew in the ledger, with the
    cause `catalogue`; what stays the same is not touched. Run again, it changes nothing; broken off, it is begun anew.
    What lies beyond the bound of a profile (the newest 1,000 touchpoints) stays as it was said. If workers have gone by
    a catalogue in between that was never applied, only --everything reaches what came meanwhile.

      touchpath catalogue apply --dry-run      how many profiles and touchpoints it concerns
      touchpath catalogue apply
      touchpath sql "SELECT sum(value) FROM credits WHERE cause = 'catalogue' AND model = 'linear'"
    """
    settings = settings_of(config, catalogue=catalogue)
    wanted = checked_catalogue(settings)
    checked_stages(settings, wanted)
    from deploy.catalogue_apply import plan

    with tables_of(settings) as store:
        found = plan(store, wanted, everything=everything)
    if dry_run:
        _tell_plan(found, as_json=as_json)
        return
    if not as_json:
        _tell_differences(found.change.differences, found.since)
    applied = _applied(settings, found, timeout)
    if as_json:
        json_out({"needs": found.needs, "differences": _as_json(found.change.differences), **asdict(applied)})
    else:
        _tell_applied(applied)
    if applied.violations:
        raise CommandError(
            f"the ledger of {applied.violations:,} conversions and models is not whole (view attribution_violations):"
            " see that every worker runs with this catalogue, and apply it with --everything"
        )


def _applied(settings: Settings, found: Plan, timeout: float) -> Applied:
    """Do what was planned; who is not there ends the command."""
    import asyncio

    from deploy.catalogue_apply import apply as apply_it
    from deploy.catalogue_workers import workers_by

    later = "; run it again, it begins anew and nothing is counted twice"
    with asking(settings, timeout, "not applied", later) as way:
        workers = asyncio.run(workers_by(settings.kafka, settings.worker.app_id, found.catalogue))
        if workers.others:
            raise CommandError(
                f"{workers.others} of {workers.all} workers go by another catalogue: restart every worker with this one"
                " first",
                Exit.NOT_READY,
            )
        now = partial(datetime.now, UTC)
        return apply_it(way.store, way.publisher, way.settle, now, found, way.told)


def _tell_differences(differences: Sequence[Difference], since: datetime | None) -> None:
    if since is None:
        say("no catalogue is in force yet: `touchpath migrate` puts the first one in force")
    elif not differences:
        say(f"no difference to the catalogue in force since {since:%Y-%m-%d %H:%M} UTC")
    else:
        rows = [(each.place, each.says, _NEEDS[each.needs]) for each in differences]
        title = f"Otherwise than in the catalogue in force since {since:%Y-%m-%d %H:%M} UTC"
        rows_out(("place", "what", "needs"), rows, chosen(), title)


def _tell_plan(found: Plan, *, as_json: bool) -> None:
    names = found.change.reread
    if as_json:
        json_out(
            {
                "since": _moment(found.since),
                "needs": found.needs,
                "differences": _as_json(found.change.differences),
                "profiles": found.profiles,
                "touchpoints": found.touchpoints,
                "reread": "every touchpoint" if names is None else sorted(names),
            }
        )
        return
    _tell_differences(found.change.differences, found.since)
    if found.needs == "nothing":
        say("nothing that was said depends on it: no profile is touched")
        return
    who = "profiles with conversions" if found.only_conversions else "profiles"
    say(f"{found.profiles:,} {who} would look at themselves again; only what differs is written")
    if found.touchpoints:
        which = "all" if names is None else ", ".join(sorted(names))
        say(f"{found.touchpoints:,} touchpoints would be read again: {which}")


def _tell_applied(applied: Applied) -> None:
    if not applied.profiles and not applied.touchpoints:
        say("in force; nothing that was said depends on it")
        return
    again = f", {applied.touchpoints:,} touchpoints were read again" if applied.touchpoints else ""
    say(f"in force: {applied.profiles:,} profiles looked at themselves again{again}, in {applied.seconds:.1f} s")


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _as_json(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    return [each._asdict() for each in differences]
