"""How help texts come out."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from deploy.cli.app import app

SENDERS = "touchpath adapters postmark        its address, its signature, an example to copy"


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("catalogue diff", ["touchpath catalogue diff my-catalogue.toml", "touchpath catalogue diff --json"]),
        ("catalogue apply", ["touchpath catalogue apply"]),
        ("adapters", ["touchpath adapters", SENDERS]),
        ("migrate", ["touchpath migrate"]),
        ("sink", ["TOUCHPATH_CLICKHOUSE__HOST=ch.example.org touchpath sink"]),
    ],
)
def test_each_example_stands_on_a_line_of_its_own(words: str, lines: list[str]) -> None:
    told = CliRunner().invoke(app, [*words.split(), "--help"]).stdout.splitlines()
    assert {f"    {line}" for line in lines} <= set(told)
