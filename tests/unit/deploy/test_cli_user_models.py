"""A user's own model that cannot be loaded ends the command before anything starts, with its line and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.cli.exits import Exit
from schemas.catalogue import DEFAULT
from tests.unit.deploy.commands import failed

LISTED = 'models = ["first", "last", "last_non_direct", "linear", "position_based", "time_decay"]\n'
NOT_INSTALLED = ": no entry point 'ours' in the group touchpath.attribution_models"


@pytest.mark.parametrize("words", [["catalogue", "check"], ["worker", "--catalogue"]], ids=["check", "worker"])
@pytest.mark.parametrize(
    ("table", "line", "place"),
    [
        ('[attribution.models.theirs]\nentry_point = "ours"\n', 2, "attribution.models.theirs.entry_point"),
        ('[attribution.models]\nours = { entry_point = "ours" }\n', 2, "attribution.models.ours.entry_point"),
    ],
    ids=["a table", "a line"],
)
def test_a_model_that_nobody_has_installed_is_refused_with_its_line(
    words: list[str], table: str, line: int, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = DEFAULT.read_text(encoding="utf-8")
    assert LISTED in text
    before, consent, after = text.replace(LISTED, "").partition("[attribution.consent]\n")
    bad = tmp_path / "own.toml"
    bad.write_text(f"{before}{table}\n{consent}{after}", encoding="utf-8")
    said = failed(CliRunner().invoke(app, [*words, str(bad)]), Exit.USAGE)
    assert said.startswith(f"{bad}:{before.count(chr(10)) + line}: {place}{NOT_INSTALLED}")
