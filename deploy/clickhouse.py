"""What the commands ask of ClickHouse: the newest tables, the catalogue beside them, and answers to a user's SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sinks.client import Store, StoreRefusedError, StoreUnreachableError

if TYPE_CHECKING:
    from deploy.settings import Settings
    from schemas.catalogue import Catalogue
    from schemas.connection import ClickHouseConnection

CATALOGUE_COLUMNS = (
    "name",
    "label",
    "phase",
    "phase_position",
    "channel",
    "department",
    "credit",
    "inactivity_days",
)


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


def land_catalogue(settings: Settings, catalogue: Catalogue) -> bool:
    """Write the catalogue's touchpoints beside the data, for SQL to join; False where they stand there already."""
    rows = [
        (
            name,
            entry.label,
            entry.phase,
            catalogue.phases.index(entry.phase),
            entry.channel,
            entry.department,
            entry.credit or entry.visit,
            catalogue.journey.inactivity_days,
        )
        for name, entry in sorted(catalogue.touchpoints.items())
    ]
    store = Store(settings.clickhouse)
    try:
        table = f"{store.database}.catalogue_log"
        newest = store.rows(f"SELECT max(version) FROM {table}")[0][0]  # noqa: S608 our own names
        columns = ", ".join(CATALOGUE_COLUMNS)
        there = store.rows(
            f"SELECT {columns} FROM {table} FINAL WHERE version = {newest} ORDER BY name"  # noqa: S608
        )
        if [tuple(row) for row in there] == rows:
            return False
        store.insert("catalogue_log", (*CATALOGUE_COLUMNS, "version"), [(*row, newest + 1) for row in rows])
    finally:
        store.close()
    return True


__all__ = ["StoreRefusedError", "StoreUnreachableError", "ask", "land_catalogue", "migrate_all"]
