"""A user's own model that cannot be loaded ends the command before anything starts, with its name and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.cli.exits import Exit
from schemas.catalogue import DEFAULT
from tests.unit.deploy.commands import failed

LISTED = 'models = ["first", "last", "last_non_direct", "linear", "position_based", "time_decay"]\n'


@pytest.mark.parametrize("words", [["catalogue", "check"], ["worker", "--catalogue"]], ids=["check", "worker"])
def test_a_model_that_nobody_has_installed_is_refused(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = DEFAULT.read_text(encoding="utf-8")
    assert LISTED in text
    own = '[attribution.models.ours]\nentry_point = "ours"\n\n[attribution.consent]\n'
    bad = tmp_path / "own.toml"
    bad.write_text(text.replace(LISTED, "").replace("[attribution.consent]\n", own, 1), encoding="utf-8")
    said = failed(CliRunner().invoke(app, [*words, str(bad)]), Exit.USAGE)
    assert said.startswith("attribution.models: no entry point 'ours' in the group touchpath.attribution_models")
