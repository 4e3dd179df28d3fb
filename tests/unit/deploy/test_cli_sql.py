"""`touchpath sql`, and what it refuses before anybody is asked."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.app import app
from deploy.cli.exits import Exit
from deploy.cli.look import OWN_FORMAT
from tests.unit.deploy.commands import failed


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["sql", *words, "--clickhouse-port", "1"])


@pytest.mark.parametrize("clause", ["FORMAT Vertical", "format JSONEachRow;", "FORMAT\nTSV ;\n"])
def test_a_format_in_the_query_is_refused_with_what_says_it_instead(clause: str) -> None:
    said = failed(run(f"SELECT 1 {clause}"), Exit.USAGE)
    assert said.startswith("leave ")
    assert said.endswith("--format table, tsv or json")


@pytest.mark.parametrize("query", ["SELECT format FROM t", "SELECT 'FORMAT x'", "SELECT formatDateTime(now(), '%Y')"])
def test_a_name_is_no_clause(query: str) -> None:
    assert OWN_FORMAT.search(query) is None


def test_an_empty_query_is_refused() -> None:
    assert failed(run(" "), Exit.USAGE) == "there is no question to ask"


def test_a_clickhouse_that_is_not_there_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    said = failed(run("SELECT 1"), Exit.NOT_READY)
    assert said == "ClickHouse at 127.0.0.1:1 does not answer: [Errno 111] Connection refused"
    assert not [record for record in caplog.records if record.name.startswith("clickhouse_connect")]
