"""What the demo names to look at next are commands that there are, with options that they have."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("pandas")

from deploy.cli.app import app
from deploy.demo.run import DemoOptions, _Demo
from deploy.settings import Settings


@pytest.mark.parametrize("options", [DemoOptions(keep=True), DemoOptions(data_dir=Path("year")), DemoOptions()])
def test_each_command_that_is_named_can_be_typed(options: DemoOptions) -> None:
    steps = _Demo(Settings(), options)._next_steps(Settings())
    commands = [found[1] for line in steps if (found := re.search(r"touchpath ([a-z].*?)(?:   |$)", line))]
    assert commands
    for command in commands:
        done = CliRunner().invoke(app, [*shlex.split(command), "--help"])
        assert done.exit_code == 0, command


def test_beside_a_year_that_is_kept_the_report_by_campaign_is_named() -> None:
    steps = _Demo(Settings(), DemoOptions(data_dir=Path("year")))._next_steps(Settings())
    assert "  touchpath attribution report --by campaign" in steps
