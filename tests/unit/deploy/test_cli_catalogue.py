"""What the commands on a changed catalogue say without Kafka: what differs, what it takes, and what was not done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.catalogue_apply import Applied, take_over
from deploy.cli.app import app
from deploy.cli.exits import Exit
from schemas.catalogue import DEFAULT, load
from sinks.client import Store
from tests.unit.deploy.commands import failed
from tests.unit.sinks.pipeline import AT, Pipeline, an_event


@pytest.fixture
def changed(store_of_the_cli: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a shorter window than the catalogue by which one purchase was booked; nobody is at Kafka."""
    monkeypatch.setenv("TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("deploy.cli.imports.CONNECT_SECONDS", 0.1)
    take_over(store_of_the_cli, load(), AT)
    order = {"touchpoint": "order_completed", "order_id": "o-1"}
    Pipeline(store_of_the_cli).seen(an_event("look", "customer:ada"), an_event("buy", "customer:ada", **order))
    file = tmp_path / "mine.toml"
    text = DEFAULT.read_text(encoding="utf-8")
    assert "look_back_days = 30" in text
    file.write_text(text.replace("look_back_days = 30", "look_back_days = 7"), encoding="utf-8")
    return file


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["catalogue", *map(str, words)])


def test_what_differs_and_what_it_takes_is_told_without_kafka(changed: Path) -> None:
    told = json.loads(run("diff", changed, "--json").stdout)
    assert [(one["place"], one["needs"]) for one in told["differences"]] == [("attribution.look_back_days", "renew")]
    assert told["since"] == AT.isoformat()
    planned = json.loads(run("apply", "--dry-run", "--catalogue", changed, "--json").stdout)
    assert planned["since"] == AT.isoformat()
    assert (planned["needs"], planned["profiles"], planned["touchpoints"], planned["reread"]) == ("renew", 1, 0, [])
    assert "1 profiles with conversions would look" in run("apply", "--dry-run", "--catalogue", changed).stderr
    everything = json.loads(run("apply", "--everything", "--dry-run", "--json").stdout)
    assert (everything["profiles"], everything["touchpoints"], everything["reread"]) == (1, 2, "every touchpoint")


def test_books_that_are_not_whole_then_are_told_with_what_helps(changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = Applied(profiles=1, touchpoints=0, violations=2, seconds=0.1)
    monkeypatch.setattr("deploy.cli.catalogue._applied", lambda *_: done)
    told = run("apply", "--catalogue", changed, "--json")
    assert json.loads(told.stdout)["violations"] == 2
    assert failed(told, Exit.FAILED).endswith("and apply it with --everything")


def test_where_no_kafka_answers_it_says_what_was_not_done_and_how_to_go_on(changed: Path) -> None:
    said = failed(run("apply", "--catalogue", changed), Exit.NOT_READY)
    assert said == (
        "not applied: no Kafka broker answers at 127.0.0.1:1; run it again, it begins anew and nothing is counted twice"
    )
    assert json.loads(run("diff", changed, "--json").stdout)["needs"] == "renew"
