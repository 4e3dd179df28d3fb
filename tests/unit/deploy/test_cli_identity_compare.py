"""`touchpath identity compare` on what ClickHouse has recorded. The numbers are those of `test_identity_compare`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.app import app
from deploy.cli.exits import CommandError, Exit
from deploy.identity_compare import recorded
from deploy.local.door_process import ClickHouseDoor
from schemas import topics
from schemas.connection import ClickHouseConnection
from schemas.policy import POLICIES
from sinks.client import Store
from tests.integration.sink_rig import migrated
from tests.unit.deploy.test_identity_compare import EVENTS, START, TABLET, decision
from tests.unit.sinks.landing import Landing

Compare = Callable[..., Result]


@pytest.fixture(scope="module")
def store(clickhouse_door: ClickHouseDoor) -> Iterator[Store]:
    """The seven events, and a decision about somebody else; nobody here writes."""
    name = f"test_{uuid4().hex}"
    with closing(Store(ClickHouseConnection(port=clickhouse_door.port))) as server:
        server.command(f"CREATE DATABASE {name} ENGINE = Atomic")
        with closing(migrated(clickhouse_door.port, name)) as store:
            Landing(store)(topics.COLLECTED, *(one.value for one in EVENTS))
            Landing(store)(topics.IDENTITY, decision(9, "block", "email:cy@example.org").value)
            yield store
        server.command(f"DROP DATABASE {name} SYNC")


@pytest.fixture
def compare(store: Store, tmp_path: Path) -> Compare:
    config = tmp_path / "touchpath.toml"
    connection = store.connection
    config.write_text(
        f'[clickhouse]\nhost = "{connection.host}"\nport = {connection.port}\ndatabase = "{connection.database}"\n'
    )

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["identity", "compare", "--config", str(config), *words])

    return run


def test_the_policies_stand_side_by_side_with_what_moves(compare: Compare) -> None:
    done = compare()
    assert done.exit_code == 0, done.exception
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert ["", "last_known *", "split_at_login", "device_only"] in rows
    assert ["profiles", "2", "3 (+1)", "3 (+1)"] in rows
    assert ["journeys", "2", "3 (+1)", "3 (+1)"] in rows
    assert ["conversions", "2", "2", "2"] in rows
    assert ["revenue EUR", "160.00", "160.00", "160.00"] in rows
    assert ["first", "search", "EUR", "60.00", "0.00 (-60.00)", "0.00 (-60.00)"] in rows
    assert ["linear", "web", "EUR", "70.00", "80.00 (+10.00)", "160.00 (+90.00)"] in rows
    whose = ["customer:ada 2, customer:bo 1", "alone 1, customer:ada 1, customer:bo 1", "alone 3"]
    assert [TABLET, "3", "3", *whose] in rows


def test_json_has_the_same_with_differences_to_the_policy_in_force(compare: Compare) -> None:
    found: dict[str, Any] = json.loads(compare("--json").stdout)
    assert (found["events"], found["events_there"], found["decisions"]) == (7, 7, 1)
    assert found["in_force"] == "last_known"
    assert tuple(found["policies"]) == POLICIES
    other = found["policies"]["device_only"]
    assert other["profiles"] == 3
    assert other["difference"] == {"profiles": 1, "journeys": 1, "conversions": 0, "shared": 0}
    web = {"model": "first", "channel": "web", "currency": "EUR"}
    [line] = [one for one in other["credited"] if web.items() <= one.items()]
    assert (Decimal(line["value"]), Decimal(line["difference"])) == (160, 60)
    [tablet] = found["identifiers"]
    assert (tablet["identifier"], tablet["moved"]) == (TABLET, 3)


def test_a_stretch_of_time_and_the_newest_events_of_it_can_be_asked_for(compare: Compare) -> None:
    between = ("--since", "2026-03-01T01:00", "--until", "2026-03-01T04:00", "--json")
    assert json.loads(compare(*between).stdout)["events"] == 3
    few = compare(*between, "--limit", "2")
    assert (json.loads(few.stdout)["events"], json.loads(few.stdout)["events_there"]) == (2, 3)
    assert "the newest 2 of 3 events" in few.stderr


def test_no_events_are_said_to_be_none(compare: Compare) -> None:
    done = compare("--since", "2027-01-01")
    assert done.exit_code == 0
    assert "there are no events of that time" in done.stderr


def test_decisions_of_people_come_along_whatever_the_time_and_in_the_order_of_their_arrival(store: Store) -> None:
    found, there = recorded(store, START.replace(hour=4), None, 10)
    assert there == 3
    assert [one.topic for one in found] == [topics.COLLECTED.name] * 3 + [topics.IDENTITY.name]
    assert [one.value for one in found[:3]] == [one.value for one in EVENTS[4:]]


def test_without_clickhouse_the_command_says_so(tmp_path: Path) -> None:
    config = tmp_path / "touchpath.toml"
    config.write_text("[clickhouse]\nport = 1\n")
    done = CliRunner().invoke(app, ["identity", "compare", "--config", str(config)])
    assert isinstance(done.exception, CommandError)
    assert done.exception.code == Exit.NOT_READY
