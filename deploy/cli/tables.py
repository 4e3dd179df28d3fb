"""The way from a command to the tables in ClickHouse, and how a command ends where it leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deploy.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from deploy.settings import Settings
    from sinks.client import Store


@contextmanager
def tables_of(settings: Settings, *, patient: bool = True) -> Iterator[Store]:
    """Give ClickHouse; where nobody answers, or no tables are, the command ends with the right code.

    `patient`: what fails is tried again for a while; without it somebody waits for an answer on a terminal.
    """
    from sinks.client import RETRIES, Store, StoreError, StoreUnreachableError

    store = Store(settings.clickhouse, retries=RETRIES if patient else ())
    try:
        yield store
    except StoreUnreachableError as error:
        raise CommandError(
            f"{error} (is it running? `touchpath up` starts one here; `touchpath config` says which one is asked)",
            Exit.NOT_READY,
        ) from error
    except StoreError as error:
        raise CommandError(f"{error} (has `touchpath migrate` been run?)") from error
    finally:
        store.close()
