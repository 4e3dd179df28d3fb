"""Where an INSERT's data begins, which format is asked for, and what changes a session."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.door import sql_text


@pytest.mark.parametrize(
    ("sql", "head", "form", "data"),
    [
        (b"INSERT INTO t FORMAT Native\n\x01\x02", b"INSERT INTO t ", "Native", b"\x01\x02"),
        (b"insert into t (`format`, a) format CSV\r\n1,2", b"insert into t (`format`, a) ", "CSV", b"1,2"),
        (b"INSERT INTO t FORMAT TSV \n\n", b"INSERT INTO t ", "TSV", b"\n"),
        (b"INSERT INTO t SETTINGS x='FORMAT Y' FORMAT TSV\n", b"INSERT INTO t SETTINGS x='FORMAT Y' ", "TSV", b""),
        (b"/* x */ INSERT INTO t -- VALUES\n VALUES 1", b"/* x */ INSERT INTO t -- VALUES\n ", "Values", b" 1"),
    ],
)  # fmt: skip
def test_the_data_begins_behind_the_format_and_one_line_end(sql: bytes, head: bytes, form: str, data: bytes) -> None:
    found = sql_text.insert_with_data(sql)
    assert found is not None
    assert (found.head, found.format, sql[found.data_at :]) == (head, form, data)


@pytest.mark.parametrize(
    "sql", [b"INSERT INTO t SELECT 1 FORMAT Null", b"SELECT 'INSERT INTO t VALUES'", b"", b"INSERT INTO t", b"'open"]
)
def test_what_carries_no_data_is_no_insert_with_data(sql: bytes) -> None:
    assert sql_text.insert_with_data(sql) is None


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 1 format\n Native settings max_threads=1;", "Native"),
        (b"SELECT 1 FORMAT Native -- FORMAT CSV", "Native"),
        (b"SELECT 'FORMAT CSV'", None),
        (b"SELECT (SELECT 1 AS x) AS format", None),
        (b"SELECT 1", None),
    ],
)
def test_the_format_clause_is_found_outside_of_text(sql: bytes, expected: str | None) -> None:
    assert sql_text.result_format(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (b"SET a = 1", True),
        (b"use x", True),
        (b"CREATE TEMPORARY TABLE t (a Int8)", True),
        (b"CREATE OR REPLACE TEMPORARY TABLE t (a Int8)", True),
        (b"CREATE TABLE temporary (a Int8)", False),
        (b"INSERT INTO temporary VALUES (1)", False),
        (b"SELECT 1", False),
    ],
)
def test_only_some_statements_change_a_session(sql: bytes, expected: bool) -> None:
    assert sql_text.changes_session(sql) is expected


def test_a_semicolon_at_the_end_is_not_a_second_statement() -> None:
    assert not sql_text.is_several(b"SELECT ';' ; -- that was all\n ;")
    assert sql_text.is_several(b"SELECT 1; DROP TABLE t")


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail(sql: bytes) -> None:
    sql_text.insert_with_data(b"INSERT INTO t " + sql)
    sql_text.result_format(sql)
    sql_text.is_several(sql)
    sql_text.changes_session(sql)
