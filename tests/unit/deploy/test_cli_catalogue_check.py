"""`touchpath catalogue check`: a verdict for people and for scripts, on everything that a worker would refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.app import app
from deploy.cli.exits import Exit
from schemas.catalogue import DEFAULT, load
from tests.unit.deploy.commands import failed


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The catalogue that ships, to be changed."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.toml"
    file.write_text(DEFAULT.read_text(encoding="utf-8"), encoding="utf-8")
    return file


def check(*words: object) -> Result:
    return CliRunner().invoke(app, ["catalogue", "check", *map(str, words)])


def test_a_good_one_is_told_with_what_it_has(mine: Path) -> None:
    good = load()
    assert check(mine).stdout.startswith(f"{mine}: good: {len(good.touchpoints)} touchpoints, ")
    assert json.loads(check(mine, "--json").stdout) == {
        "file": str(mine),
        "good": True,
        "touchpoints": len(good.touchpoints),
        "conversions": list(good.conversions),
        "models": list(good.attribution.models),
    }


@pytest.mark.parametrize(
    ("was", "wrong", "reason"),
    [
        ("look_back_days = 30", "look_back_days = -1", "attribution.look_back_days: "),
        ("block = []", 'block = ["nobody"]', "identity.block: "),
    ],
)
def test_a_bad_one_is_told_scripts_as_people(mine: Path, was: str, wrong: str, reason: str) -> None:
    text = mine.read_text(encoding="utf-8")
    line = text[: text.index(was)].count("\n") + 1
    mine.write_text(text.replace(was, wrong, 1), encoding="utf-8")
    said = failed(check(mine), Exit.USAGE)
    assert said.startswith(f"{mine}:{line}: {reason}")
    done = check(mine, "--json")
    assert failed(done, Exit.USAGE) == said
    assert json.loads(done.stdout) == {"file": str(mine), "good": False, "reason": said}


def test_a_file_that_is_not_there_is_named(mine: Path) -> None:
    gone = mine.with_name("gone.toml")
    assert failed(check(gone), Exit.USAGE) == f"{gone}: cannot be read: No such file or directory"
