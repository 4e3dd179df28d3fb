"""How a command asks all profiles to look again: ClickHouse, Kafka, waiting for the workers, and a bar meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.imports import connected_publisher
from deploy.cli.output import chosen
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from deploy.delivery import Told
    from deploy.settings import Settings
    from deploy.settle import Behind
    from producers.publisher import Publisher
    from sinks.client import Store

TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=1, help="Seconds in which workers get no further, then waiting for them ends.")
]


class Asking(NamedTuple):
    """What it takes: where it is known who is asked, the way to them, waiting until they have answered, and who hears.

    `settle` waits until workers have read all that was written, and ClickHouse has what they made of it.
    """

    store: Store
    publisher: Publisher
    settle: Callable[[], None]
    told: Told


@contextmanager
def asking(settings: Settings, timeout: float, failed: str, later: str) -> Iterator[Asking]:
    """Give what it takes to ask; who is not there, or gets no further for `timeout` seconds, ends the command.

    `failed` and `later` stand before and behind the reason: what was not done, and how to go on.
    """
    import logging

    from deploy.no_broker import away
    from deploy.settle import SettleTimeout
    from deploy.settle_patiently import settling
    from producers.publisher import PublishFailed
    from streams.worker.clients import KafkaError

    # It logs each refused connection as an error; we say it once, in our words.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        with tables_of(settings) as store, connected_publisher(settings) as publisher, _bar() as (told, waiting):
            yield Asking(store, publisher, settling(settings, timeout, waiting), told)
    except (SettleTimeout, PublishFailed) as error:
        raise CommandError(f"{failed}: {error}{later}", Exit.NOT_READY) from error
    except (KafkaError, OSError) as error:
        message = away(settings.kafka.bootstrap_servers, error)
        raise CommandError(f"{failed}: {message}{later}", Exit.NOT_READY) from error
    except CommandError as error:
        raise CommandError(f"{failed}: {error}{later}", error.code) from error


@contextmanager
def _bar() -> Iterator[tuple[Told, Callable[[Sequence[Behind]], None]]]:
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
