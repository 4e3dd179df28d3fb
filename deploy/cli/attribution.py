"""Commands on attribution: fit the data-driven models, once or again and again, and list the fits that there were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.moments import AGES, moment
from deploy.cli.options import ConfigOption, JsonOption, checked_catalogue, settings_of
from deploy.cli.output import chosen, json_out, rows_out, say
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from deploy.attribution_fit import Fitted
    from deploy.attribution_paths import Window
    from deploy.settings import Settings
    from schemas.attribution_model import AttributionModel, Level
    from schemas.catalogue import Catalogue
    from sinks.client import Store
    from streams.core.attribution.data_driven.fit import Diagnosis, Line, Request

BAR = 24
#: After a fit that found nobody there, the next of `--every` is tried this soon, in seconds.
RETRY = 60.0
#: With fewer conversions on its paths than this, a name's weight says little: the diagnosis warns.
FEW = 30


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
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Learn what each channel is worth from the journeys, and publish it.

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

    Each fit is kept, with its window and diagnosis, in the views model_fits and model_weights. Weights go to the topic
    touchpath.models, which keeps the last of each name. Instead of --every, cron does as well: the exit code is
    0 only when Kafka has the model.
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

    def once() -> None:
        from deploy.attribution_fit import model_name
        from deploy.attribution_paths import Window

        now = datetime.now(UTC)
        window = Window(
            moment(until, "--until", now) or now, moment(since, "--since", now), wanted, with_open=with_open
        )
        if window.since is not None and window.since >= window.until:
            raise CommandError("--since is not before --until", Exit.USAGE)
        found = _fitted(
            settings,
            catalogue,
            window,
            wanted_level,
            request,
            name or model_name(request.kind, request.order, wanted_level),
            now,
            dry_run=dry_run,
        )
        _tell(found, published=not dry_run, as_json=as_json)

    if pause is None:
        once()
    else:
        again_and_again(once, pause.total_seconds(), time.sleep)


def fits(
    name: Annotated[str, typer.Option("--name", help="Of this model only.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many, the newest first.")] = 20,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the fits that there were: when, on what, and how far each can be believed.

    The weights of each are in the view model_weights.

      touchpath attribution fits
      touchpath attribution fits --name markov --json
    """
    from sinks.sql import query

    settings = settings_of(config)
    with tables_of(settings) as store:
        rows = store.rows(query("attribution_fits", store.database), {"model": name, "limit": limit})
    columns = (
        *("model", "fitted at", "published at", "in force", "since", "until", "journeys", "conversions", "coverage"),
        *("names", "smallest cell", "conversions of it", "exact", "fit id"),
    )
    rows_out(columns, [tuple(_cell(cell) for cell in row) for row in rows], chosen(as_json), "Fits")


def publish(
    fit: Annotated[str, typer.Argument(metavar="FIT", help="Its id, or the first characters: see `fits`.")] = "",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Publish a fit that was kept: go back to an earlier one, or tell a broker that has forgotten.

    Without an id, every model that is in force is published once more.

      touchpath attribution publish 5f0d2c0e     this fit is in force from now on
      touchpath attribution publish              after the topics were made anew
    """
    from deploy.attribution_publish import kept

    settings = settings_of(config)
    with tables_of(settings) as store:
        models = kept(store, fit.lower())
        if fit and len(models) != 1:
            many = "there are several fits whose id begins with" if models else "there is no fit"
            raise CommandError(f"{many} {fit}: see `touchpath attribution fits`", Exit.USAGE)
        if models:
            _publish(settings, store, models)
    columns = ("model", "fitted at", "fit id", "names")
    rows = [(model.name, _cell(model.fitted_at), str(model.fit_id), len(model.weights)) for model in models]
    rows_out(columns, rows, chosen(as_json), "Published")


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
        _publish(settings, store, [found.model])
    return found


def _waiting(what: str) -> AbstractContextManager[object]:
    """Tell people, on standard error, that something is under way."""
    from contextlib import nullcontext

    if chosen() != "table":
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(f"{what} …")


def _publish(settings: Settings, store: Store, models: list[AttributionModel]) -> None:
    from deploy.attribution_publish import publish
    from deploy.cli.imports import connected_publisher
    from producers.publisher import PublishFailed

    with connected_publisher(settings) as publisher:
        for model in models:
            try:
                publish(publisher, store, model, lambda: datetime.now(UTC))
            except (PublishFailed, TimeoutError) as error:
                raise CommandError(
                    f"{model.name} is kept, but was not published: {error}"
                    f" (later: touchpath attribution publish {model.fit_id})",
                    Exit.NOT_READY,
                ) from error


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
    if not text[:-1].isdigit() or text[-1:] not in AGES or not int(text[:-1]):
        raise CommandError(f"--every: {text!r} is no time span (90m, 24h, 7d)", Exit.USAGE)
    return timedelta(**{AGES[text[-1]]: int(text[:-1])})


def _tell(found: Fitted, *, published: bool, as_json: bool) -> None:
    form = chosen(as_json)
    if form == "json":
        from dataclasses import asdict

        json_out(
            {
                "model": found.model.model_dump(mode="json"),
                "published": published,
                "currency": found.currency,
                "lines": [asdict(line) for line in found.fit.lines],
                "diagnosis": asdict(found.fit.diagnosis),
                "warnings": warnings(found),
            }
        )
        return
    columns, rows = _for_people(found) if form == "table" else _for_programs(found)
    rows_out(columns, rows, form, _title(found))
    if form == "table":
        for line in _diagnosis(found):
            say(line)
        model = found.model
        say(f"published as {model.name}" if published else "nothing was kept or published (--dry-run)")
    for warning in warnings(found):
        say(f"touchpath: {warning}")


def _title(found: Fitted) -> str:
    model = found.model
    kind = f"Markov of order {model.order}" if model.kind == "markov" else "Shapley"
    return f"{kind} by {model.level}: {model.converted:,} of {model.journeys:,} journeys converted, {model.rate:.2%}"


def _for_people(found: Fitted) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    lines = found.fit.lines
    most = max((line.high or line.weight / 1e9 for line in lines), default=1.0) or 1.0
    value = f"value {found.currency}" if found.currency else "value"
    effect = "removal effect" if found.model.kind == "markov" else "Shapley value"
    columns = (found.model.level, "weight", "95 %", "", effect, "own", "split", value, "touched", "journeys")
    rows = [
        [
            line.name,
            f"{line.weight / 1e9:.1%}",
            "" if line.low is None or line.high is None else f"{line.low:.1%}–{line.high:.1%}",
            bar(line, most),
            f"{line.effect:.4f}" + (f" ±{line.error:.4f}" if line.error is not None else ""),
            f"{line.own:,.1f}",
            f"{line.conversions:,.1f}",
            f"{line.value * 10.0**-found.minor_digits:,.0f}",
            f"{line.touched:,}",
            f"{line.journeys:,}",
        ]
        for line in lines
    ]
    # Texts stand on the left of a column: figures are moved to its right by hand.
    width = [max(len(row[place]) for row in rows) for place in range(len(columns))]
    return columns, [
        tuple(cell if place in (0, 3) else cell.rjust(width[place]) for place, cell in enumerate(row)) for row in rows
    ]


def _for_programs(found: Fitted) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    columns = ("name", "weight", "low", "high", "effect", "error", "own", "split", "value_minor", "touched", "journeys")
    return columns, [
        (
            *(line.name, line.weight / 1e9, line.low, line.high, line.effect, line.error),
            *(line.own, line.conversions, line.value, line.touched, line.journeys),
        )
        for line in found.fit.lines
    ]


def bar(line: Line, most: float) -> str:
    """Draw a weight; with an interval, what is sure is full and what may be is light."""

    def cells(part: float) -> int:
        return round(part / most * BAR)

    weight = line.weight / 1e9
    sure, may = (line.low, line.high) if line.low is not None and line.high is not None else (weight, weight)
    return "█" * cells(sure) + "▒" * (cells(max(may, sure)) - cells(sure))


def _diagnosis(found: Fitted) -> list[str]:
    figures: Diagnosis = found.fit.diagnosis
    lines = [
        f"{figures.paths:,} distinct paths; {figures.coverage:.1%} of conversions have one;"
        f" {figures.one_touch:.1%} of journeys have a single touch",
        f"smallest cell: {figures.smallest_name}, on the paths of {figures.smallest_conversions:,} conversions"
        f" and {figures.smallest_journeys:,} journeys",
    ]
    if found.model.kind == "markov":
        lines.append(
            f"{figures.states:,} states, condition {figures.condition:,.0f}: effects are exact to {figures.bound:.0e}"
        )
    elif figures.exact:
        lines.append("every coalition was looked at: the values are exact")
    return lines


def warnings(found: Fitted) -> list[str]:
    """Say what somebody should know before believing a fit."""
    figures, lines = found.fit.diagnosis, found.fit.lines
    said = []
    few = [line.name for line in lines if line.touched < FEW]
    if few:
        more = f" and {len(few) - 3} more" if len(few) > 3 else ""
        said.append(
            f"fewer than {FEW} conversions on the paths of {', '.join(few[:3])}{more}: their weights say little"
        )
    if figures.journeys == figures.conversions:
        said.append("no journey without a conversion: nothing tells a channel that converts from one that does not")
    if figures.pathless:
        said.append(f"{figures.pathless:,} conversions have no path; nothing is learned from them")
    if figures.below_zero:
        negative = [line.name for line in lines if line.effect < 0]
        said.append(
            f"fewer journeys convert with {_some(negative)} than without: weight 0"
            f" ({figures.below_zero:.1%} of the others' values was cut off)"
        )
    if figures.equally:
        said.append(f"{figures.equally:,} conversions have no name with a weight on their path: shared equally")
    if not figures.exact:
        said.append(f"more than 20 names: estimated from {figures.permutations:,} orders of joining, ± standard error")
    if figures.draws < found.fit.request.bootstrap:
        said.append(f"only {figures.draws} of {found.fit.request.bootstrap} draws had a conversion")
    if found.elsewhere:
        said.append(f"{found.elsewhere:,} conversions in other currencies count, but their value is left out")
    return said


def _some(names: list[str]) -> str:
    """Name the first three, and say how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _cell(cell: Any) -> object:
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=UTC)).isoformat(timespec="seconds")
    return round(cell, 4) if isinstance(cell, float) else cell
