"""The command that brings what is booked to the models in force, and what `fit`, `publish` and `withdraw` do of it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.imports import connected_publisher
from deploy.cli.options import ConfigOption, JsonOption, settings_of
from deploy.cli.output import chosen, json_out, rows_out, say
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from deploy.attribution_restate import Restated, StaleConversions
    from deploy.delivery import Told
    from deploy.settings import Settings
    from deploy.settle import Behind

RestateOption = Annotated[
    bool,
    typer.Option("--no-restate", help="Leave what is booked already; `touchpath attribution restate` does it later."),
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=1, help="Seconds in which workers get no further, then waiting for them ends.")
]


def restate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is stale; change nothing.")] = False,
    timeout: TimeoutOption = 60,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Bring conversions that are booked already to the data-driven models that are in force now.

    `fit`, `publish` and `withdraw` do this themselves, unless told --no-restate or broken off: then this goes on where
    they stood. What differs is reversed and written anew in the ledger, dated at the publication. Nothing is lost or
    doubled however often it runs. A conversion beyond the bound of its profile (the newest 1,000 touchpoints) stays.

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
    restated = then_restate(settings, timeout, begun=False)
    if as_json:
        from dataclasses import asdict

        json_out(asdict(restated))
    else:
        say_restated(restated)


def then_restate(settings: Settings, timeout: float, *, begun: bool = True) -> Restated:
    """Restate and wait; who is not there ends the command. `begun`: a model was published or withdrawn just before."""
    import asyncio
    import logging
    from functools import partial

    from deploy.attribution_restate import restate
    from deploy.settle import SettleTimeout
    from deploy.settle_patiently import settle_patiently
    from producers.publisher import PublishFailed
    from streams.worker.clients import KafkaError

    # It logs each refused connection as an error; we say it once, in our words.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    later = " (it is in force; `touchpath attribution restate` brings what is booked to it later)" if begun else ""
    try:
        with tables_of(settings) as store, connected_publisher(settings) as publisher, asking_bar() as (told, waiting):

            def settle() -> None:
                wait = partial(settle_patiently, worker_groups=[settings.worker.app_id], on_progress=waiting)
                asyncio.run(wait(settings.kafka, settings.clickhouse, patience=timeout))

            return restate(store, publisher, settle, lambda: datetime.now(UTC), told)
    except (SettleTimeout, PublishFailed) as error:
        raise CommandError(f"not restated: {error}{later}", Exit.NOT_READY) from error
    except (KafkaError, OSError) as error:
        message = f"no Kafka at {settings.kafka.bootstrap_servers}: {error}"
        raise CommandError(f"not restated: {message}{later}", Exit.NOT_READY) from error
    except CommandError as error:
        raise CommandError(f"not restated: {error}{later}", error.code) from error


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


@contextmanager
def asking_bar() -> Iterator[tuple[Told, Callable[[Sequence[Behind]], None]]]:
    """Draw, for people and on standard error, how many profiles were asked, and then how far workers are."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=chosen() != "table",
        transient=True,
    ) as bar:
        task = bar.add_task("waiting for the workers", total=None, said="")
        most = 0

        def told(done: int, total: int, what: str) -> None:
            nonlocal most
            most = 0
            said = f"{done:,} of {total:,} {what}"
            doing = "asking profiles" if what == "profiles" else f"sending {what}"
            bar.update(task, description=doing, completed=done, total=total, said=said)

        def waiting(behind: Sequence[Behind]) -> None:
            nonlocal most
            left = sum(one.offsets for one in behind)
            most = max(most, left)
            who = behind[0].who if behind else "the workers"
            said = f"{left:,} records to go" if left else ""
            bar.update(task, description=f"waiting for {who}", completed=most - left, total=most or None, said=said)

        yield told, waiting


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
