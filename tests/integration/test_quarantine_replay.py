"""The quarantine as a place to work: bad events in, seen, their cause gone, replayed, in once. On real parts."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.local.door_process import ClickHouseDoor
from deploy.local.ports import free_port
from deploy.local.tansu import TansuBroker
from deploy.settings import load
from deploy.topic_admin import ensure
from deploy.wiring import every_topic, worker_settings
from sinks.client import Store
from tests.integration.collector_rig import CollectorProcess
from tests.integration.sink_rig import SinkProcess, count, eventually, migrated

Touchpath = Callable[..., Awaitable[Any]]


@pytest.fixture
async def environ(tansu_broker: TansuBroker, clickhouse_door: ClickHouseDoor, door_database: str) -> dict[str, str]:
    environ = {
        "TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": tansu_broker.bootstrap,
        "TOUCHPATH_CLICKHOUSE__PORT": str(clickhouse_door.port),
        "TOUCHPATH_CLICKHOUSE__DATABASE": door_database,
    }
    settings = load(environ=environ).settings
    await ensure(worker_settings(settings), every_topic(settings))
    return environ


@pytest.fixture
def store(environ: dict[str, str]) -> Iterator[Store]:
    store = migrated(int(environ["TOUCHPATH_CLICKHOUSE__PORT"]), environ["TOUCHPATH_CLICKHOUSE__DATABASE"])
    yield store
    store.close()


@pytest.fixture
def touchpath(environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Touchpath:
    """Run a command with --json, in this process and a thread of its own, and give what it prints."""
    for name in [name for name in os.environ if name.startswith("TOUCHPATH_")]:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    async def run(*words: str) -> Any:
        done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
        assert done.exit_code == 0, (done.stderr, done.exception)
        return json.loads(done.stdout)

    return run


@pytest.fixture
def collector(environ: dict[str, str], tmp_path: Path) -> Iterator[CollectorProcess]:
    source = f"shop-{uuid4().hex[:8]}"
    keys = [{"key": "good", "source": source}]
    bootstrap = environ["TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS"]
    with CollectorProcess(bootstrap, free_port(), source, tmp_path / "collector.log", write_keys=keys) as running:
        yield running


@pytest.fixture
def sink(environ: dict[str, str], store: Store, tmp_path: Path) -> Iterator[SinkProcess]:
    bootstrap = environ["TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS"]
    with SinkProcess(tmp_path, bootstrap, store.connection, flush_interval=0.05) as running:
        yield running


def order(number: int, **more: Any) -> dict[str, Any]:
    """An order without a currency, from a source that declares none."""
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"m{number}",
        "userId": "ada",
        "timestamp": "2026-03-01T10:00:00Z",
        "properties": {"order_id": f"o{number}", "revenue": 10 + number} | more,
    }


@pytest.mark.usefixtures("sink")
async def test_what_was_bad_goes_in_once_when_its_cause_is_gone(
    touchpath: Touchpath, collector: CollectorProcess, store: Store
) -> None:
    source, mine = collector.source, f"source = '{collector.source}'"
    batch = {"batch": [order(1), order(2), order(3, currency="EUR"), order(4, revenue="many", currency="EUR")]}
    assert collector.post("/v1/batch", batch).json()["quarantined"] == 3
    assert collector.post("/v1/track", order(5)).status_code == 400
    assert collector.post("/v1/batch", b'{"batch"').status_code == 400
    await eventually(lambda: count(store, "quarantine", mine) == 5)

    groups = await touchpath("quarantine", "list", "--source", source)
    assert {(g["reason"].partition(":")[0], g["records"]) for g in groups} == {
        ("$.batch[*].properties.currency", 2),
        ("$.batch[*].properties.revenue", 1),
        ("$.properties.currency", 1),
        ("$", 1),
    }
    [row] = await touchpath("quarantine", "list", "--source", source, "--reason", "$.properties.currency", "--rows")
    shown = await touchpath("quarantine", "show", row["id"][:13])
    assert (shown["door"], shown["what"]) == ("http:/v1/track", "one event")
    assert json.loads(shown["raw"]) == order(5)
    assert shown["now"].startswith("quarantined: $.properties.currency")

    replay = ("quarantine", "replay", "--source", source, "--currency", "EUR")
    tried = await touchpath(*replay, "--dry-run")
    assert (tried["records"], tried["accepted"], tried["dry_run"]) == (5, 3, True)
    assert count(store, "quarantine_open", mine) == 5, "a trial marks nothing"

    done = await touchpath(*replay)
    assert {(o["outcome"], o["records"]) for o in done["outcomes"]} == {("accepted", 3), ("quarantined", 1)}
    assert done["accepted"] == 3
    await eventually(lambda: count(store, "collected_log FINAL", f"value LIKE '%{source}%'") == 4)
    amounts = f"SELECT DISTINCT JSONExtractString(value, 'amount', 'currency') FROM {store.database}.collected_log"
    assert store.rows(f"{amounts} WHERE value LIKE '%{source}%'") == [("EUR",)]

    again = await touchpath(*replay)
    assert (again["accepted"], again["duplicate"]) == (0, 0)
    left = await touchpath("quarantine", "list", "--source", source)
    assert sum(group["records"] for group in left) == 2
    assert len(await touchpath("quarantine", "list", "--source", source, "--all", "--rows")) == 5


@pytest.mark.usefixtures("sink")
async def test_what_its_sender_sent_again_in_the_meantime_is_a_duplicate(
    touchpath: Touchpath, collector: CollectorProcess, store: Store
) -> None:
    source = collector.source
    collector.post("/v1/track", order(1))
    collector.post("/v1/track", order(1, currency="EUR"))
    await eventually(lambda: count(store, "quarantine", f"source = '{source}'") == 1)
    await eventually(lambda: count(store, "collected_log", f"value LIKE '%{source}%'") == 1)
    done = await touchpath("quarantine", "replay", "--source", source, "--currency", "EUR")
    assert (done["accepted"], done["duplicate"]) == (0, 1)
    assert await touchpath("quarantine", "list", "--source", source) == []
    assert count(store, "collected_log", f"value LIKE '%{source}%'") == 1
