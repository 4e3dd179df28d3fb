"""The command that brings what is booked to the models in force, and what `fit`, `publish` and `withdraw` do of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.asking import TimeoutOption, asking
from deploy.cli.options import ConfigOption, JsonOption, settings_of
from deploy.cli.output import chosen, json_out, rows_out, say
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from deploy.attribution_restate import Restated, StaleConversions
    from deploy.settings import Settings

RestateOption = Annotated[
    bool,
    typer.Option("--no-restate", help="Leave what is booked already; `touchpath attribution restate` does it later."),
]


def restate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is stale; change nothing.")] = False,
    timeout: TimeoutOption = 60,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Bring conversions that are booked already to the data-driven models that are in force now.

    `fit`, `publish` and `withdraw` do this themselves, unless told --no-restate or broken off: then this goes on where
    they stood. What differs is reversed and written anew in the ledger, dated at the restatement: until then the old
    shares were reported. Nothing is lost or doubled however often it runs. A conversion beyond the bound of its profile
    (the newest 1,000 touchpoints) stays.

      touchpath attribution restate --dry-run      how many conversions are split by another fit than the one in force
      touchpath attribution restate                restate them
      touchpath sql "SELECT * FROM attribution_stale LIMIT 10"
    """
    settings = settings_of(config)
    if dry_run:
        from deploy.attribution_restate import stale

        with tables_of(settings) as store:
            _tell_stale(stale(store), as_json=as_json)
        return
    restated = then_restate(settings, timeout)
    if as_json:
        from dataclasses import asdict

        json_out(asdict(restated))
    else:
        say_restated(restated)


def then_restate(settings: Settings, timeout: float, done: str = "") -> Restated:
    """Restate and wait; who is not there ends the command. `done` says what holds all the same: `already in force`."""
    from deploy.attribution_restate import restate

    later = f" ({done}; `touchpath attribution restate` lets what is booked follow later)" if done else ""
    with asking(settings, timeout, "not restated", later) as way:
        return restate(way.store, way.publisher, way.settle, lambda: datetime.now(UTC), way.told)


def say_restated(restated: Restated) -> None:
    """Tell people how many conversions follow, and how many never will."""
    if not restated.profiles:
        say("every conversion is split by the models in force: nothing to restate")
        return
    say(f"restated: {restated.conversions:,} conversions in {restated.seconds:.1f} s")
    if restated.left:
        say(
            f"left as they were: {restated.left:,} conversions beyond the bound of their profiles, where nothing is"
            " restated (view attribution_stale)"
        )


def _tell_stale(found: StaleConversions, *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        lines = [asdict(line) for line in found.lines]
        json_out({"conversions": found.conversions, "profiles": found.profiles, "lines": lines})
        return
    form = chosen()
    columns = ("model", "split by fit", "fit in force", "conversions", "profiles")
    rows = [(s.model, _fit(s.booked_fit), _fit(s.fit_in_force), s.conversions, s.profiles) for s in found.lines]
    if rows or form != "table":
        rows_out(columns, rows, form, "Not split by what is in force")
    if not rows:
        say("every conversion is split by the models in force: nothing to restate")


def _fit(fit_id: object) -> str:
    return "" if fit_id is None else str(fit_id)
