"""Commands on fits that were kept: list them, put one in force, take one out, and let what is booked follow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.asking import TimeoutOption
from deploy.cli.attribution_restate import RestateOption, say_restated, then_restate
from deploy.cli.exits import CommandError, Exit
from deploy.cli.imports import connected_publisher
from deploy.cli.options import ConfigOption, JsonOption, checked_catalogue, settings_of
from deploy.cli.output import chosen, json_out, rows_out, say
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deploy.cli.output import Format
    from deploy.settings import Settings
    from producers.publisher import Publisher
    from schemas.attribution_model import AttributionModel
    from sinks.client import Store


#: What scripts are told of a fit, by the names of the view model_fits.
OF_A_FIT = (
    *("model", "fitted_at", "published_at", "in_force", "since", "until", "journeys", "conversions", "coverage"),
    *("names", "smallest_name", "smallest_conversions", "exact", "fit_id"),
)


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
    form = chosen(as_json)
    if form == "table":
        columns, shown = _for_people(rows)
    else:
        columns = OF_A_FIT
        shown = [tuple(_cell(cell) for cell in (*row[:3], bool(row[3]), *row[4:])) for row in rows]
    rows_out(columns, shown, form, "Fits")
    if not rows:
        say(f"there is no fit{f' of {name}' if name else ''}: `touchpath attribution fit` learns one")


def publish(
    fit: Annotated[
        str | None,
        typer.Argument(metavar="FIT", help="Its id, or the first characters: see `fits`.", show_default=False),
    ] = None,
    no_restate: RestateOption = False,
    timeout: TimeoutOption = 60,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Publish a fit that was kept: go back to an earlier one, or tell a broker that has forgotten.

    Conversions from now on are split by it, and those that are booked already are restated, with the cause `model`.
    Without an id, every model that is in force is published once more.

      touchpath attribution publish 5f0d2c0e     this fit is in force from now on
      touchpath attribution publish              after the topics were made anew
    """
    from deploy.attribution_publish import NameTakenError, kept, refuse_taken

    if fit is not None and not fit.strip():
        # An empty variable of a script is no wish to publish all of them.
        raise CommandError("FIT: blank; leave it away to publish every model that is in force once more", Exit.USAGE)
    settings = settings_of(config)
    taken = checked_catalogue(settings).attribution.models
    with tables_of(settings) as store:
        models = kept(store, (fit or "").strip().lower())
        if fit and len(models) != 1:
            many = "there are several fits whose id begins with" if models else "there is no fit"
            raise CommandError(f"{many} {fit}: see `touchpath attribution fits`", Exit.USAGE)
        try:
            for model in models:
                refuse_taken(model.name, taken)
        except NameTakenError as error:
            raise CommandError(str(error), Exit.USAGE) from error
        if models:
            send(settings, store, models)
    form = chosen(as_json)
    columns = ("model", "fitted_at", "fit_id", "names")
    rows = [(model.name, _cell(model.fitted_at), str(model.fit_id), len(model.weights)) for model in models]
    if form != "json":
        heads = [name.replace("_", " ") for name in columns] if form == "table" else columns
        rows_out(heads, rows, form, "Published")
    if not models:
        say("no model is in force: nothing to publish")
    restate = bool(models) and not no_restate
    published = [dict(zip(columns, row, strict=True)) for row in rows]
    _then_restate(settings, timeout, {"published": published}, "already in force", form, restate=restate)


def withdraw(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model: see `fits`.")],
    no_restate: RestateOption = False,
    timeout: TimeoutOption = 60,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Take a published model out of force: nothing is split by it any more, and what it gave is taken back.

    Its fits are kept, and `touchpath attribution publish FIT` puts one of them in force again. The ledger keeps what
    the model once said: its entries are reversed, with the cause `model`.

      touchpath attribution withdraw markov
    """
    from deploy.attribution_publish import NotPublishedError, last_published
    from deploy.attribution_publish import withdraw as take_out

    settings = settings_of(config)

    def act(publisher: Publisher, store: Store) -> Any:
        return take_out(publisher, store, name, lambda: datetime.now(UTC))

    with tables_of(settings) as store:
        try:
            last_published(store, name)  # before Kafka is asked for
            gone = _through(settings, store, act, f"{name} is not withdrawn", f"touchpath attribution withdraw {name}")
        except NotPublishedError as error:
            raise CommandError(f"{error} (touchpath attribution fits)", Exit.USAGE) from error
    form = chosen(as_json)
    if form != "json":
        say(f"withdrawn: {name}, which was fit {str(gone.fit_id)[:8]} since {gone.since:%Y-%m-%d %H:%M} UTC")
    told = {"model": name, "fit_id": str(gone.fit_id)}
    _then_restate(settings, timeout, told, "already withdrawn", form, restate=not no_restate)


def _then_restate(
    settings: Settings, timeout: float, told: dict[str, Any], done: str, form: Format, *, restate: bool
) -> None:
    """Let what is booked follow, and tell of it; JSON is one document with what was done before, whatever becomes."""
    restated = None
    try:
        if restate:
            restated = then_restate(settings, timeout, done)
    finally:
        if form == "json":
            from dataclasses import asdict

            json_out({**told, "restated": asdict(restated) if restated else None})
    if restated is not None and form != "json":
        say_restated(restated)


# ---- what they share with `fit`


def send(settings: Settings, store: Store, models: list[AttributionModel]) -> None:
    """Publish kept models; where Kafka does not take one, the command ends and says how to go on."""
    from deploy.attribution_publish import publish

    for model in models:

        def act(publisher: Publisher, store: Store, model: AttributionModel = model) -> None:
            publish(publisher, store, model, lambda: datetime.now(UTC))

        _through(
            settings,
            store,
            act,
            f"{model.name} is kept, but was not published",
            f"touchpath attribution publish {model.fit_id}",
        )


def _through(settings: Settings, store: Store, act: Callable[[Publisher, Store], Any], failed: str, later: str) -> Any:
    from producers.publisher import PublishFailed

    try:
        with connected_publisher(settings) as publisher:
            return act(publisher, store)
    except PublishFailed as error:
        raise CommandError(f"{failed}: {error} (later: {later})", Exit.NOT_READY) from error
    except CommandError as error:  # nobody answers there
        raise CommandError(f"{failed}: {error} (later: {later})", error.code) from error


def _for_people(rows: Sequence[tuple[Any, ...]]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Give fits in as many columns as a terminal holds; an id in as many characters as `publish` wants."""
    columns = ("model", "fit", "fitted at", "in force", "data of", "journeys", "converted", "with path", "names")
    shown: list[tuple[object, ...]] = []
    for model, fitted, _, in_force, since, until, journeys, converted, coverage, names, *_, fit_id in rows:
        data = f"{since:%Y-%m-%d}–{until:%Y-%m-%d}" if since else f"–{until:%Y-%m-%d}"
        when = f"{fitted:%Y-%m-%d %H:%M}", "yes" if in_force else "", data
        shown.append((model, fit_id[:8], *when, journeys, converted, f"{coverage:.1%}", names))
    return columns, shown


def _cell(cell: Any) -> object:
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=UTC)).isoformat(timespec="seconds")
    return round(cell, 4) if isinstance(cell, float) else cell
