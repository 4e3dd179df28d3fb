"""The database's shape, step by step: `migrations/NNNN_name.sql`, applied in order, each once.

ClickHouse has no transaction around DDL. So every statement can be run again (`IF NOT EXISTS`, `CREATE OR REPLACE`),
and a migration is written down after its last statement: one that broke off in the middle is run again as a whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sinks.client import Store
from sinks.settings import DatabaseSettings
from sinks.sql import fill, query, statements

FOLDER = Path(__file__).with_name("migrations")
_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+$")


class MigrationError(Exception):
    """The migrations in the folder and those of the database do not go together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the folder."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def available(folder: Path = FOLDER) -> list[Migration]:
    """Read all migrations in order.

    Raises:
        MigrationError: a file's name is not `NNNN_name.sql`, or two have one number.
    """
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        name = _NAME.match(path.stem)
        if name is None:
            raise MigrationError(f"{path.name}: a migration is named NNNN_name.sql, in lower case")
        if name[1] in found:
            raise MigrationError(f"{path.name}: {found[name[1]].name} has the same number")
        found[name[1]] = Migration(path.stem, path.read_text(encoding="utf-8"))
    return list(found.values())


def applied(store: Store) -> dict[str, str]:
    """Give the migrations that the database has, name → checksum; empty where there is no such database."""
    exists = store.rows("EXISTS TABLE {database:Identifier}.migrations_log", {"database": store.database})
    if not exists[0][0]:
        return {}
    return dict(store.rows(query("applied_migrations", store.database)))


def pending(store: Store, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Give the migrations that `apply` would run, in order.

    Raises:
        MigrationError: a file was changed after it was applied, or is gone, or comes before one that was applied.
    """
    migrations = available() if migrations is None else migrations
    done = applied(store)
    known = {migration.name for migration in migrations}
    if missing := sorted(set(done) - known):
        raise MigrationError(
            f"database {store.database} has migration {missing[0]}, which this version does not know:"
            " it was made by a newer version"
        )
    for migration in migrations:
        if done.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"migration {migration.name} was changed after it was applied to database {store.database}:"
                " put the file back as it was and write a new migration"
            )
    todo = [migration for migration in migrations if migration.name not in done]
    if todo and done and todo[0].name < max(done):
        raise MigrationError(
            f"migration {todo[0].name} comes before {max(done)}, which is applied: give it a new number"
        )
    return todo


def apply(
    store: Store, settings: DatabaseSettings | None = None, migrations: Sequence[Migration] | None = None
) -> list[str]:
    """Bring the database up to date; give the names of what was run. Every statement bears to be run twice."""
    migrations = available() if migrations is None else migrations
    todo = pending(store, migrations)
    _run(store, query("migrations_table", store.database), settings)
    for migration in todo:
        _run(store, migration.text, settings)
        store.insert("migrations_log", ("name", "checksum"), [(migration.name, migration.checksum)])
    return [migration.name for migration in todo]


def _run(store: Store, text: str, settings: DatabaseSettings | None) -> None:
    for statement in statements(fill(text, store.database, settings)):
        store.command(statement)
