"""The demo from outside: a few households of the retail year, through every door, held to the cent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.demo.check import MODELS
from deploy.demo.retail_year import load

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
HOUSEHOLDS = 25


def demo(*options: str) -> tuple[int, Mapping[str, Any], str]:
    argv = [sys.executable, "-m", "deploy.cli", "demo", "--json", *options]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=500, check=False)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_the_year_comes_out_as_an_independent_calculation_says_and_again_adds_nothing(tmp_path: Path) -> None:
    year = load(HOUSEHOLDS)
    events = len(year.mailings) + len(year.redemptions) + year.baskets

    code, first, said = demo("--households", str(HOUSEHOLDS), "--data-dir", str(tmp_path / "data"))
    assert code == 0, said
    assert first["check"] == {"agrees": True, "differences": []}
    assert first["sent"] == {"received": events, "accepted": events}
    assert first["figures"]["conversions"] == year.baskets
    assert Decimal(first["figures"]["revenue"]) == Decimal(str(round(float(year.lines["sales_value"].sum()), 2)))
    totals = dict.fromkeys(MODELS, Decimal(0))
    for line in first["revenue_by_campaign_and_model"]:
        totals[line["model"]] += Decimal(line["revenue"])
    assert set(totals.values()) == {Decimal(first["figures"]["revenue"])}

    # The same data into the same folder: Tansu is new, ClickHouse is not, and nothing is counted twice.
    code, again, said = demo("--households", str(HOUSEHOLDS), "--data-dir", str(tmp_path / "data"))
    assert code == 0, said
    assert again["figures"] == first["figures"]
    assert again["revenue_by_campaign_and_model"] == first["revenue_by_campaign_and_model"]


def test_a_demo_that_is_stopped_leaves_no_process_behind(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "deploy.cli", "demo", "--households", "5", "--data-dir", str(tmp_path)]
    process = psutil.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "start the stack" in process.stderr.readline()
        parts = process.children(recursive=True)
        assert len(parts) >= 5
        process.terminate()
        assert process.wait(150) != 0  # a table that is being read is read to its end, beside whatever else runs
        assert psutil.wait_procs(parts, timeout=20)[1] == []
    finally:
        if process.is_running():
            process.kill()
