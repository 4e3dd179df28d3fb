"""What the documents say is there, and is all there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from deploy.cli.app import COMMANDS, GROUPS, name_of
from deploy.cli.exits import EXPLAINED
from deploy.settings import load
from schemas.catalogue import load as load_catalogue

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))


def test_the_readme_lists_every_command_and_no_other() -> None:
    told = set(re.findall(r"^\| `touchpath ([a-z]+)", README, re.MULTILINE))
    assert told == {name_of(function) for functions in COMMANDS.values() for function in functions} | GROUPS.keys()


def test_the_readme_explains_every_exit_code_as_the_help_does() -> None:
    told = dict(re.findall(r"^\| (\d) \| (.+) \|$", README, re.MULTILINE))
    assert told == {str(int(code)): meaning for code, meaning in EXPLAINED.items()}


def test_the_two_commands_stand_at_the_top_of_the_readme() -> None:
    top = README[:800]
    assert "make demo" in top
    assert "make test" in top


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_a_document_names_exists(name: str) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", (ROOT / name).read_text(), re.MULTILINE))
    assert named
    assert named <= TARGETS


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_file_that_a_document_names_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(r"`((?:schemas|producers|streams|sinks|deploy|tests)/[\w./-]*)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_readmes_settings_file_is_good(tmp_path: Path) -> None:
    text = re.search(r"```toml\n(.*?)```", README, re.DOTALL)
    assert text is not None
    path = tmp_path / "touchpath.toml"
    path.write_text(text[1])
    settings = load(path, environ={"TOUCHPATH_KAFKA__SASL_PASSWORD": "hush"}).settings
    assert settings.kafka.security_protocol == "SASL_SSL"
    assert settings.worker.store == "disk"


def test_the_bounds_that_the_readme_names_are_the_catalogues() -> None:
    catalogue = load_catalogue()
    assert f"newest {catalogue.journey.max_touchpoints:,} touchpoints" in README
    assert f"at most {catalogue.attribution.max_path} touches" in README


def test_the_models_that_the_readme_says_are_on_by_default_are_the_catalogues() -> None:
    told = re.search(r"^On by default: (.*?)\.", README, re.MULTILINE | re.DOTALL)
    assert told is not None
    assert re.findall(r"`(\w+)`", told[1]) == list(load_catalogue().attribution.models)


def test_no_lock_names_a_registry() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert re.search(r"https?://|index-url|find-links", lock.read_text()) is None, lock.name


def test_every_target_of_the_help_is_phony_and_described() -> None:
    phony = set(re.findall(r"^\.PHONY:(.*)$", MAKEFILE, re.MULTILINE)[0].split())
    described = set(re.findall(r"^([a-z][a-z-]*):.*## ", MAKEFILE, re.MULTILINE))
    assert described <= phony
    assert phony <= TARGETS


def test_the_changelog_knows_the_version_or_what_comes_after_it() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changelog or f"## [{version}]" in changelog
