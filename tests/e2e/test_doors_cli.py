"""From the terminal: a webhook and a file in, asked for in SQL; what was bad is listed, mended and replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from tests.e2e.up_rig import Up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OPEN = {"RecordType": "Open", "Recipient": "ada@example.org", "ReceivedAt": "2026-03-01T10:00:00Z", "Tag": "spring"}
RECEIPTS = """store_id,till,receipt,timestamp,loyalty_id,product,category,quantity,value
7,1,101,2026-03-02 10:00:00,L7,tea,drinks,2,3.98
7,1,102,2026-03-02 11:00:00,L7,milk,dairy,many,0.99
"""
LATER = """store_id,till,receipt,timestamp,currency,product,quantity,value
7,1,103,2026-03-02T12:00:00+01:00,EUR,tea,1,1.50
"""


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path / "stack")
    up.start()
    yield up
    up.end()


Touchpath = Callable[..., Any]


@pytest.fixture
def touchpath(up: Up, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Touchpath:
    """Run a command with --json beside the stack, and give what it prints."""
    for name in [name for name in os.environ if name.startswith("TOUCHPATH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS", f"127.0.0.1:{up.kafka}")
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__PORT", str(up.clickhouse))
    monkeypatch.setenv("TOUCHPATH_COLLECTOR__PORT", str(up.collector))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Any:
        done = CliRunner().invoke(app, [*words, "--json"])
        assert done.exit_code == 0, (done.stderr, done.exception)
        return json.loads(done.stdout)

    return run


def watched(folder: Path) -> int:
    """Have a folder looked at once, by a process of its own: the command takes over signals."""
    words = ("watch", str(folder), "--once", "--quiet", "0", "--state-dir", str(folder.parent / "state"))
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run([sys.executable, "-m", "deploy.cli", *words], env=environ, timeout=60, check=False).returncode


def test_a_webhook_and_a_file_come_in_and_what_was_bad_is_mended(up: Up, touchpath: Touchpath, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{up.collector}"
    answer = httpx.post(f"{address}/hooks/postmark", params={"key": "local"}, json=OPEN).json()
    assert (answer["accepted"], answer["quarantined"]) == (1, 0)
    order = {"event": "Order Completed", "userId": "ada", "properties": {"order_id": "1", "revenue": 5}}
    assert httpx.post(f"{address}/v1/track", auth=("local", ""), json=order).status_code == 400

    path = tmp_path / "receipts.csv"
    path.write_text(RECEIPTS)
    store = ("import", "pos_csv", str(path), "--source", "store", "--timezone", "Europe/Berlin", "--currency", "EUR")
    [done] = touchpath(*store)
    assert (done["accepted"], done["quarantined"]) == (1, 1)
    assert touchpath(*store)[0]["note"] == "imported before"

    folder = tmp_path / "in"
    (folder / "pos_csv").mkdir(parents=True)
    (folder / "pos_csv" / "later.csv").write_text(LATER)
    assert watched(folder) == 0
    assert (folder / "done" / "pos_csv" / "later.csv").read_text() == LATER

    assert up.settle() | {"seconds": 0} == {"accepted": 3, "queryable": 3, "quarantined": 2, "seconds": 0}
    groups = {group["source"]: group["reason"] for group in touchpath("quarantine", "list")}
    assert groups["local"].startswith("$.properties.currency: required")
    assert groups["store"] == "$.line[*].quantity: not a number"

    report = touchpath("quarantine", "replay", "--currency", "EUR", "--timezone", "Europe/Berlin")
    assert (report["records"], report["accepted"]) == (2, 1)
    up.settle()
    landed = "SELECT source, touchpoint, toFloat64(amount) FROM touchpoints ORDER BY source, touchpoint"
    assert up.sql(landed) == [
        ("local", "email_opened", None),
        ("local", "order_completed", 5.0),
        ("pos_csv", "store_purchase", 1.5),
        ("store", "store_purchase", 3.98),
    ]
    assert [group["source"] for group in touchpath("quarantine", "list")] == ["store"]
