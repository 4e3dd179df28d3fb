from __future__ import annotations

import pytest

from sinks.settings import DatabaseSettings
from sinks.sql import fill, statements


def test_a_script_is_cut_at_semicolons_but_not_inside_strings_names_and_comments() -> None:
    script = "SELECT ';', `a;b` -- one; two\n; /* three; */ SELECT 'it''s; \\'so'; \n-- the end\n"
    assert [" ".join(one.split()) for one in statements(script)] == ["SELECT ';', `a;b`", "SELECT 'it''s; \\'so'"]


def test_a_last_statement_needs_no_semicolon() -> None:
    assert list(statements("SELECT 1;\nSELECT 2")) == ["SELECT 1", "SELECT 2"]


def test_names_are_put_in_as_the_settings_say() -> None:
    text = "CREATE TABLE $database.t $on_cluster ENGINE = ${replicated}MergeTree"
    assert fill(text, "db") == "CREATE TABLE db.t  ENGINE = MergeTree"
    there = DatabaseSettings(cluster="main", replicated=True)
    assert fill(text, "db", there) == "CREATE TABLE db.t ON CLUSTER `main` ENGINE = ReplicatedMergeTree"


def test_a_name_that_nobody_gives_is_an_error() -> None:
    with pytest.raises(KeyError, match="nobody"):
        fill("SELECT $nobody", "db")
