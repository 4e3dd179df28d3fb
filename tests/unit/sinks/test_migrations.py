"""Migrations on the real engine: each once, in order, and never a changed one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.door_process import ClickHouseDoor
from schemas.connection import ClickHouseConnection
from sinks.client import Store, StoreRefusedError
from sinks.migrations import Migration, MigrationError, applied, apply, available, pending

ONE = Migration("0001_one", "CREATE TABLE IF NOT EXISTS $database.one (n Int32) ENGINE = MergeTree ORDER BY n;")
TWO = Migration("0002_two", "CREATE OR REPLACE VIEW $database.two AS SELECT n + 1 AS n FROM $database.one")


@pytest.fixture
def store(clickhouse_door: ClickHouseDoor, door_database: str) -> Iterator[Store]:
    store = Store(ClickHouseConnection(port=clickhouse_door.port, database=door_database))
    yield store
    store.close()


def test_what_is_pending_is_applied_once_and_in_order(store: Store) -> None:
    assert pending(store, [ONE, TWO]) == [ONE, TWO]
    assert apply(store, migrations=[ONE]) == ["0001_one"]
    assert pending(store, [ONE, TWO]) == [TWO]
    assert apply(store, migrations=[ONE, TWO]) == ["0002_two"]
    assert apply(store, migrations=[ONE, TWO]) == []
    assert applied(store) == {"0001_one": ONE.checksum, "0002_two": TWO.checksum}


def test_a_migration_that_broke_off_in_the_middle_is_run_again_as_a_whole(store: Store) -> None:
    broken = Migration("0001_one", ONE.text + "CREATE TABLE $database.nonsense")
    with pytest.raises(StoreRefusedError):
        apply(store, migrations=[broken])
    assert applied(store) == {}
    assert apply(store, migrations=[ONE]) == ["0001_one"]


def test_a_migration_that_was_changed_after_it_was_applied_is_an_error(store: Store) -> None:
    apply(store, migrations=[ONE])
    with pytest.raises(MigrationError, match="0001_one was changed after it was applied"):
        pending(store, [Migration("0001_one", ONE.text + " ")])


def test_a_database_of_a_newer_version_is_an_error(store: Store) -> None:
    apply(store, migrations=[ONE, TWO])
    with pytest.raises(MigrationError, match="0002_two, which this version does not know"):
        pending(store, [ONE])


def test_a_migration_slipped_in_before_an_applied_one_is_an_error(store: Store) -> None:
    apply(store, migrations=[Migration(TWO.name, ONE.text)])
    with pytest.raises(MigrationError, match="0001_one comes before 0002_two"):
        pending(store, [ONE, Migration(TWO.name, ONE.text)])


def test_a_file_that_is_named_otherwise_or_numbered_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "0001_one.sql").write_text("SELECT 1")
    assert [migration.name for migration in available(tmp_path)] == ["0001_one"]
    (tmp_path / "0001_two.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="0001_one has the same number"):
        available(tmp_path)
    (tmp_path / "0001_two.sql").rename(tmp_path / "later.sql")
    with pytest.raises(MigrationError, match=r"later\.sql: a migration is named"):
        available(tmp_path)


def _comments(store: Store) -> set[tuple[str, str, str]]:
    of_tables = "SELECT name, '', comment FROM system.tables WHERE database = {database:String}"
    of_columns = "SELECT table, name, comment FROM system.columns WHERE database = {database:String}"
    return set(store.rows(f"{of_tables} UNION ALL {of_columns}", {"database": store.database}))


def test_our_own_migrations_make_an_atomic_database_and_may_be_run_twice(store: Store, door_database: str) -> None:
    fresh = f"{door_database}_fresh"
    there = Store(store.connection.model_copy(update={"database": fresh}))
    try:
        assert apply(there) == [migration.name for migration in available()]
        engine = there.rows("SELECT engine FROM system.databases WHERE name = {name:String}", {"name": fresh})
        assert engine == [("Atomic",)]
        said = _comments(there)
        assert apply(there) == []
        # As after a crash between the last statement and the note that it was applied.
        there.command(f"TRUNCATE TABLE {fresh}.migrations_log")
        assert apply(there) == [migration.name for migration in available()]
        assert _comments(there) == said
    finally:
        there.command(f"DROP DATABASE {fresh} SYNC")
        there.close()
