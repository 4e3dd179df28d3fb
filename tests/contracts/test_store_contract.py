"""What the project asks of its store, held against the engine in this process and through the HTTP door."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from deploy.local.door.engine import EngineConnection
from deploy.local.door.errors import EngineError
from deploy.local.door_process import ClickHouseDoor

Row = Sequence[Any]
EVENT_ID = uuid.UUID("5f1b6a0e-9c5e-5d3c-8f0a-2b1d3c4e5f60")


class StoreError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


class Store(Protocol):
    """The little that these tests need, so that both ways in look the same."""

    def execute(self, sql: str) -> None: ...

    def rows(self, sql: str, **parameters: Any) -> list[Row]: ...

    def insert(self, table: str, names: list[str], columns: list[list[Any]]) -> None: ...


class InProcessStore:
    def __init__(self, session: EngineConnection) -> None:
        self._session = session

    def execute(self, sql: str) -> None:
        try:
            self._session.query(sql)
        except EngineError as error:
            raise StoreError(error.code) from error

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        params = {name: escaped(value) for name, value in parameters.items()}
        try:
            body = self._session.query(sql, "JSONCompactEachRow", params).body
        except EngineError as error:
            raise StoreError(error.code) from error
        return [json.loads(line) for line in body.splitlines()]

    def insert(self, table: str, names: list[str], columns: list[list[Any]]) -> None:
        lines = (json.dumps(row, default=str) for row in zip(*columns, strict=True))
        try:
            sink = self._session.insert(f"INSERT INTO {table} ({', '.join(names)})".encode(), "JSONCompactEachRow")
            try:
                sink.append("\n".join(lines).encode())
                sink.finish()
            finally:
                sink.cancel()
        except EngineError as error:
            raise StoreError(error.code) from error


class DoorStore:
    def __init__(self, client: Client) -> None:
        self._client = client

    def execute(self, sql: str) -> None:
        try:
            self._client.command(sql)
        except DatabaseError as error:
            raise StoreError(error.code or 0) from error

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        try:
            return list(self._client.query(sql, parameters=parameters).result_rows)
        except DatabaseError as error:
            raise StoreError(error.code or 0) from error

    def insert(self, table: str, names: list[str], columns: list[list[Any]]) -> None:
        try:
            self._client.insert(table, columns, column_names=names, column_oriented=True)
        except DatabaseError as error:
            raise StoreError(error.code or 0) from error
        except (TypeError, ValueError, clickhouse_connect.driver.exceptions.Error) as error:
            raise StoreError(0) from error


def escaped(value: Any) -> str:
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


@pytest.fixture(params=["in-process chDB", "HTTP door"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "in-process chDB":
        yield InProcessStore(request.getfixturevalue("chdb_session"))
        return
    door: ClickHouseDoor = request.getfixturevalue("clickhouse_door")
    database = request.getfixturevalue("door_database")
    client = clickhouse_connect.get_client(host=door.host, port=door.port, database=database)
    yield DoorStore(client)
    client.close()


@pytest.mark.parametrize(
    ("column_type", "value", "shown"),
    [
        ("UUID", EVENT_ID, str(EVENT_ID)),
        ("DateTime64(3, 'UTC')", datetime(2017, 3, 1, 12, 30, 0, 123000, tzinfo=UTC), "2017-03-01 12:30:00.123"),
        ("DateTime64(6, 'UTC')", datetime(1990, 1, 1, 0, 0, 0, 1, tzinfo=UTC), "1990-01-01 00:00:00.000001"),
        ("Decimal(18, 9)", Decimal("0.333333333"), "0.333333333"),
        ("Decimal(18, 9)", Decimal("-999999999.999999999"), "-999999999.999999999"),
        ("LowCardinality(String)", "web", "web"),
        ("Array(String)", ["a", "", "ß"], "['a','','ß']"),
        ("Map(String, String)", {"source": "mail", "": "x"}, "{'source':'mail','':'x'}"),
        ("Nullable(Int64)", None, "\\N"),
        ("Nullable(Int64)", -(2**63), str(-(2**63))),
        ("String", '{"a": [1, "\\u00fc"], "b": null}', '{"a": [1, "\\u00fc"], "b": null}'),
        ("String", "naïve 日本 🎬 'quoted' \"twice\"", "naïve 日本 🎬 'quoted' \"twice\""),
        ("String", "x" * 3_000_000, "x" * 3_000_000),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_value_comes_back_as_it_went_in(store: Store, column_type: str, value: Any, shown: str) -> None:
    store.execute(f"CREATE TABLE kept (id UInt8, value {column_type}) ENGINE = MergeTree ORDER BY id")
    # Integers beyond 53 bits and decimals are no JSON numbers for everybody, so the text is compared.
    store.insert("kept", ["id", "value"], [[1], [str(value) if column_type.startswith("Dec") else plain(value, store)]])
    found = store.rows("SELECT ifNull(toString(value), '\\\\N') FROM kept")
    assert [list(row) for row in found] == [[shown]]


def plain(value: Any, store: Store) -> Any:
    if isinstance(value, datetime) and isinstance(store, InProcessStore):
        return value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    return value


def replacing_table(store: Store) -> None:
    store.execute(
        "CREATE TABLE facts (id UInt32, version UInt64, value String) ENGINE = ReplacingMergeTree(version) ORDER BY id"
    )


def test_a_batch_inserted_twice_is_read_once_over_final(store: Store) -> None:
    replacing_table(store)
    for _ in range(2):
        store.insert("facts", ["id", "version", "value"], [[1, 2], [1, 1], ["one", "two"]])
    assert store.rows("SELECT toInt32(count()) FROM facts FINAL")[0][0] == 2


@pytest.mark.parametrize("versions", [(1, 2), (2, 1)], ids=["in order", "late"])
def test_the_highest_version_of_a_row_is_read_over_final(store: Store, versions: tuple[int, int]) -> None:
    replacing_table(store)
    for version in versions:
        store.insert("facts", ["id", "version", "value"], [[7], [version], [f"version {version}"]])
    assert [list(row) for row in store.rows("SELECT value FROM facts FINAL")] == [["version 2"]]


@pytest.mark.parametrize(
    ("sql", "code"), [("SELEC 1", 62), ("SELECT * FROM no_such_table", 60), ("SELECT no_such_column", 47)]
)
def test_bad_sql_is_an_error_with_the_code_of_its_kind(store: Store, sql: str, code: int) -> None:
    with pytest.raises(StoreError) as caught:
        store.rows(sql)
    assert caught.value.code == code


def test_an_insert_of_a_wrong_type_loses_nothing_else(store: Store) -> None:
    store.execute("CREATE TABLE numbers_only (id Int32) ENGINE = MergeTree ORDER BY id")
    store.insert("numbers_only", ["id"], [[1, 2]])
    with pytest.raises(StoreError):
        store.insert("numbers_only", ["id"], [[3, "not a number"]])
    store.insert("numbers_only", ["id"], [[4]])
    assert [row[0] for row in store.rows("SELECT id FROM numbers_only ORDER BY id")] == [1, 2, 4]


@pytest.mark.parametrize("nasty", ["'; DROP TABLE kept; --", "back\\slash", "tab\tline\nend", "{x:String}", "日本"])
def test_a_parameter_is_a_value_and_never_sql(store: Store, nasty: str) -> None:
    store.execute("CREATE TABLE kept (value String) ENGINE = MergeTree ORDER BY value")
    store.insert("kept", ["value"], [[nasty, "other"]])
    found = store.rows("SELECT value FROM kept WHERE value = {wanted:String}", wanted=nasty)
    assert [list(row) for row in found] == [[nasty]]
