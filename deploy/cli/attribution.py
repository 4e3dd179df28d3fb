"""The command that learns a data-driven model, once or again and again, publishes it, and restates what is booked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from deploy.cli.asking import TimeoutOption
from deploy.cli.attribution_models import send
from deploy.cli.attribution_restate import RestateOption, say_restated, then_restate
from deploy.cli.attribution_text import tell
from deploy.cli.exits import CommandError, Exit
from deploy.cli.moments import AGES, moment
from deploy.cli.options import ConfigOption, JsonOption, checked_catalogue, settings_of
from deploy.cli.output import chosen, say
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from deploy.attribution_fit import Fitted
    from deploy.attribution_paths import Window
    from deploy.settings import Settings
    from schemas.attribution_model import Level
    from schemas.catalogue import Catalogue
    from streams.core.attribution.data_driven.fit import Request

#: After a fit that found nobody there, the next of `--every` is tried this soon, in seconds.
RETRY = 60.0


def fit(
    model: Annotated[str, typer.Option("--model", help="markov or shapley.")] = "markov",
    order: Annotated[int, typer.Option("--order", min=1, max=3, help="Of the Markov chain.")] = 1,
    level: Annotated[str, typer.Option("--level", help="What gets the weights: channel, campaign, touchpoint.")] = (
        "channel"
    ),
    conversion: Annotated[
        list[str] | None,
        typer.Option("--conversion", help="Learn from this one; may be repeated. All that close a journey by default."),
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="Data since: 2026-01-01, or 90d ago.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Data until; as --since. Now by default.")] = None,
    with_open: Annotated[
        bool, typer.Option("--with-open", help="Journeys that are still open count as not converted.")
    ] = False,
    bootstrap: Annotated[int, typer.Option("--bootstrap", min=0, help="Draws for the 95 % intervals; 0: none.")] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything that is drawn.")] = 0,
    permutations: Annotated[
        int,
        typer.Option("--permutations", min=20, help="Orders of joining that are drawn, for Shapley beyond 20 names."),
    ] = 2000,
    name: Annotated[
        str | None, typer.Option("--name", help="Publish under this name: markov, markov_2, shapley_campaign … else.")
    ] = None,
    every: Annotated[str | None, typer.Option("--every", metavar="AGE", help="Fit again each 24h, 7d, … .")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fit and show; keep and publish nothing.")] = False,
    no_restate: RestateOption = False,
    timeout: TimeoutOption = 60,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Learn what each channel is worth from the journeys, publish it, and split all conversions by it.

    Journeys that converted and journeys that did not are read from ClickHouse. Markov asks how far the conversion rate
    falls without a channel; Shapley, what it adds to the rate on average over all ways of joining. Both are solved
    exactly: the same data gives the same weights (Shapley beyond 20 names is estimated and tells its error).

      touchpath attribution fit --dry-run                        look first
      touchpath attribution fit                                  markov over all data, published
      touchpath attribution fit --model shapley --since 90d      the last 90 days
      touchpath attribution fit --order 2 --level campaign
      touchpath attribution fit --every 24h --since 365d         a process that fits each day on the last year

    [bold]Reading the table[/bold]: weight is what a conversion is split by, among the names on its path; own is weight
    times all conversions; split is the sum over conversions, each split within its path. Two intervals that overlap
    are no ranking.

    Each fit is kept, with its window and diagnosis, in the views model_fits and model_weights. Workers split every
    conversion by it from now on, under its name beside the catalogue's models; conversions that are booked already are
    restated, with the cause `model` in the ledger. Instead of --every, cron does as well: the exit code is 0
    only when all conversions follow.
    """
    import time

    _needs_numpy()
    settings = settings_of(config)
    request, wanted_level = _request(model, order, bootstrap, seed, permutations), _level(level)
    pause = None if every is None else _pause(every)
    catalogue = checked_catalogue(settings)
    wanted = tuple(conversion or ())
    if unknown := sorted(set(wanted) - set(catalogue.conversions)):
        raise CommandError(
            f"--conversion: the catalogue has no {unknown[0]!r}; there are {', '.join(catalogue.conversions)}",
            Exit.USAGE,
        )

    wanted_name = _name(name, request, wanted_level, catalogue)

    def once() -> None:
        from deploy.attribution_paths import Window

        now = datetime.now(UTC)
        window = Window(
            moment(until, "--until", now) or now, moment(since, "--since", now), wanted, with_open=with_open
        )
        if window.since is not None and window.since >= window.until:
            raise CommandError("--since is not before --until", Exit.USAGE)
        found = _fitted(settings, catalogue, window, wanted_level, request, wanted_name, now, dry_run=dry_run)
        if dry_run or no_restate:
            tell(found, published=not dry_run, as_json=as_json)
        else:
            _tell_and_restate(settings, found, timeout, as_json=as_json, again=pause is not None)

    if pause is None:
        once()
    else:
        again_and_again(once, pause.total_seconds(), time.sleep)


# ---- what they share


def _fitted(
    settings: Settings,
    catalogue: Catalogue,
    window: Window,
    level: Level,
    request: Request,
    name: str,
    now: datetime,
    *,
    dry_run: bool,
) -> Fitted:
    """Fit, keep and publish. It is kept before it is published, so that nothing is applied that nobody can look up."""
    from pydantic import ValidationError

    from deploy.attribution_fit import keep, learn
    from schemas.quarantine import reason_of
    from streams.core.attribution.data_driven.fit import FitError
    from streams.core.attribution.data_driven.paths import PathError

    with tables_of(settings) as store:
        try:
            with _waiting(f"fitting {name}"):
                found = learn(store, catalogue, window, level, request, name, now)
        except (FitError, PathError) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(f"--{reason_of(error).removeprefix('$.')}", Exit.USAGE) from error
        if dry_run:
            return found
        keep(store, found)
        send(settings, store, [found.model])
    return found


def _tell_and_restate(settings: Settings, found: Fitted, timeout: float, *, as_json: bool, again: bool) -> None:
    """Tell of a fit and let what is booked follow; JSON is one document, with what became of both.

    `again`: what could not be restated now is restated after the next fit: no reason to fit anew at once.
    """
    from dataclasses import asdict

    restated, trouble = None, None
    if not as_json:
        tell(found, published=True, as_json=False)
    try:
        restated = then_restate(settings, timeout, "already in force")
    except CommandError as error:
        trouble = error
    if as_json:
        tell(found, published=True, as_json=True, more={"restated": asdict(restated) if restated else None})
    elif restated is not None:
        say_restated(restated)
    if trouble is not None and not again:
        raise trouble
    if trouble is not None:
        say(f"touchpath: {trouble}")


def _name(name: str | None, request: Request, level: Level, catalogue: Catalogue) -> str:
    """Give the name to publish under; one of the catalogue's models ends the command."""
    from pydantic import TypeAdapter, ValidationError

    from deploy.attribution_fit import model_name
    from deploy.attribution_publish import NameTakenError, refuse_taken
    from schemas.base import Name

    wanted = name or model_name(request.kind, request.order, level)
    try:
        TypeAdapter(Name).validate_python(wanted)
        refuse_taken(wanted, catalogue.attribution.models)
    except NameTakenError as error:
        raise CommandError(f"--name: {error}", Exit.USAGE) from error
    except ValidationError as error:
        raise CommandError(
            f"--name: {wanted!r} is no name of a model: lower case letters, digits and underscores, a letter first;"
            " 100 at most",
            Exit.USAGE,
        ) from error
    return wanted


def _waiting(what: str) -> AbstractContextManager[object]:
    """Tell people, on standard error, that something is under way."""
    from contextlib import nullcontext

    if chosen() != "table":
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(f"{what} …")


def _needs_numpy() -> None:
    try:
        import numpy  # noqa: F401 # only whether they are there
        import scipy  # type: ignore[import-untyped] # noqa: F401 # ships no types
    except ImportError as error:
        raise CommandError(
            "learning needs numpy and scipy: install the `fit` extra (`pip install 'touchpath[fit]'`)"
        ) from error


def again_and_again(once: Callable[[], None], pause: float, sleep: Callable[[float], None]) -> None:
    """Fit until somebody ends it. What is not there, or has no conversions yet, may be there next time."""
    while True:
        try:
            once()
        except CommandError as error:
            if error.code is Exit.USAGE:
                raise
            say(f"touchpath: {error}")
            sleep(min(RETRY, pause) if error.code is Exit.NOT_READY else pause)
        else:
            sleep(pause)


def _request(model: str, order: int, bootstrap: int, seed: int, permutations: int) -> Request:
    from streams.core.attribution.data_driven.fit import Request

    if model not in ("markov", "shapley"):
        raise CommandError(f"--model: {model!r} is neither markov nor shapley", Exit.USAGE)
    if model == "shapley" and order != 1:
        raise CommandError("--order belongs to markov: Shapley does not look at the order of touches", Exit.USAGE)
    kind = cast("Literal['markov', 'shapley']", model)
    return Request(kind, order=order, bootstrap=bootstrap, seed=seed, permutations=permutations)


def _level(level: str) -> Level:
    if level not in ("channel", "campaign", "touchpoint"):
        raise CommandError(f"--level: {level!r} is none of channel, campaign, touchpoint", Exit.USAGE)
    return cast("Level", level)


def _pause(text: str) -> timedelta:
    try:
        if text[:-1].isdecimal() and text[-1:] in AGES and int(text[:-1]):
            return timedelta(**{AGES[text[-1]]: int(text[:-1])})
    except OverflowError:
        pass
    raise CommandError(f"--every: {text!r} is no time span (90m, 24h, 7d)", Exit.USAGE)
