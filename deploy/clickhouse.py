"""What the commands ask of ClickHouse: the newest tables, the catalogue beside them, and answers to a user's SQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sinks.client import Store, StoreRefusedError, StoreUnreachableError

if TYPE_CHECKING:
    from deploy.settings import Settings
    from schemas.catalogue import Catalogue
    from schemas.connection import ClickHouseConnection


def ask(connection: ClickHouseConnection, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a user's query, names being those of our database; give column names and rows.

    Raises:
        StoreUnreachableError: nobody answers there.
        StoreRefusedError: ClickHouse said no, with its own words.
    """
    store = Store(connection, retries=())
    try:
        return store.table(query)
    finally:
        store.close()


def migrate_all(settings: Settings) -> list[str]:
    """Apply the migrations that are missing; give their names.

    Raises:
        StoreError: ClickHouse does not answer, or said no.
        MigrationError: the database is newer than this version, or a file was changed.
    """
    from sinks import migrations  # noqa: PLC0415

    store = Store(settings.clickhouse)
    try:
        return migrations.apply(store, settings.database)
    finally:
        store.close()


def land_catalogue(settings: Settings, catalogue: Catalogue) -> int:
    """Write the catalogue's touchpoints beside the data, for SQL to join; give how many there are.

    Where no other one was in force, or nothing that was said depends on the difference, it is in force from now on.

    Raises:
        StoreError: ClickHouse does not answer, or has no tables.
    """
    from deploy.catalogue_apply import take_over  # noqa: PLC0415
    from sinks.catalogue import load_catalogue  # noqa: PLC0415

    store = Store(settings.clickhouse)
    try:
        take_over(store, catalogue, datetime.now(UTC))
        return load_catalogue(store, catalogue)
    finally:
        store.close()


__all__ = ["StoreRefusedError", "StoreUnreachableError", "ask", "land_catalogue", "migrate_all"]
