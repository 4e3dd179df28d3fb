"""Commands about the ways in, as a person meets them: what is listed, what a payload becomes, which files are meant."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.app import app
from deploy.cli.exits import Exit
from deploy.cli.imports import paths_of
from deploy.doors import example_of_hook, example_of_import, ways_in
from deploy.settings import Settings
from deploy.sources import key_of, source_of
from producers.adapters.registry import ADAPTERS
from producers.settings import CollectorSettings, SourceSettings, WriteKey
from tests.unit.deploy.commands import failed

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "tests" / "examples"
ORDER = {"event": "Order Completed", "userId": "ada", "properties": {"order_id": "1", "revenue": 5}}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, list(words), input=stdin)


def test_every_adapter_is_listed_once_with_an_example() -> None:
    listed = [way["name"] for way in json.loads(run("adapters", "--json").stdout)]
    assert sorted(listed) == sorted({*ADAPTERS, "segment"})
    for way in ways_in():
        assert example_of_hook(way, "http://x") or example_of_import(way), way.name


def test_an_adapter_is_shown_with_what_to_copy() -> None:
    shown = run("adapters", "sendgrid").stdout
    assert "curl 'http://127.0.0.1:8080/hooks/sendgrid?key=KEY'" in shown
    assert "hooks.sendgrid.secrets" in shown
    assert "touchpath import asterisk_cdr FILE" in run("adapters", "asterisk_cdr").stdout
    assert "segment" in failed(run("adapters", "nonsense"), Exit.USAGE)


def test_the_readme_names_only_adapters_that_there_are() -> None:
    section = (ROOT / "README.md").read_text().partition("## Every door")[2].partition("\n## ")[0]
    cells = [row.split("|")[2] for row in section.splitlines() if row.startswith("| ")]
    named = {
        word.removeprefix("/hooks/").removeprefix("import ")
        for cell in cells
        for word in re.findall(r"`([^`]+)`", cell)
        if "/hooks/" in word or word in ADAPTERS or (word.startswith("import ") and " " not in word[7:])
    }
    assert named - {"costs"} <= ADAPTERS.keys()
    assert len(named) > 20


def test_what_a_payload_would_become_is_shown_and_nothing_is_sent() -> None:
    example = sorted((EXAMPLES / "postmark").iterdir())[0]
    done = run("try", "postmark", str(example), "--source", "mail", "--json")
    assert done.exit_code == 0
    [piece] = json.loads(done.stdout)
    assert (piece["path"], piece["outcome"], piece["touchpoint"]["source"]) == ("$", "accepted", "mail")
    assert "\taccepted\t" in run("try", "postmark", str(example)).stdout


def test_a_piece_that_would_be_quarantined_says_why_and_ends_with_1() -> None:
    done = run("try", "segment", "-", stdin=json.dumps(ORDER))
    assert failed(done, Exit.FAILED) == "1 of 1 pieces would be quarantined"
    assert "$.properties.currency: required" in done.stdout
    assert run("try", "segment", "-", "--currency", "EUR", stdin=json.dumps(ORDER)).exit_code == 0
    batch = {"batch": [ORDER | {"type": "track"}, {"type": "page", "userId": "ada"}]}
    done = run("try", "segment", "-", "--json", stdin=json.dumps(batch))
    assert [piece["outcome"] for piece in json.loads(done.stdout)] == ["quarantined", "accepted"]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_each_example_can_be_tried_as_what_it_is(adapter: str) -> None:
    for example in sorted((EXAMPLES / adapter).iterdir()):
        shape = "file" if example.name.startswith("file") else "hook"
        options = ("--timezone", "Europe/Berlin", "--currency", "EUR", "--phone-region", "DE", "--as", shape)
        done = run("try", adapter, str(example), *options, "--json")
        assert done.exit_code == 0, (example, done.exception)
        assert json.loads(done.stdout)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("try", "nonsense", "-"), "there is no adapter 'nonsense'"),
        (("try", "postmark", "-", "--as", "file"), "reads no files"),
        (("try", "pos_csv", "-", "--as", "hook"), "has no webhook"),
        (("try", "postmark", "-"), r"nothing can be read of it as a webhook of postmark: \$"),
        (("try", "postmark", "nowhere.json"), "nowhere.json: cannot be read"),
        (("try", "postmark", "-", "--timezone", "Mars"), "--timezone: 'Mars' is not a time zone"),
        (("try", "postmark", "-", "--phone-region", "germany"), "--phone-region: "),
        (("import", "nonsense", "x"), "there is no adapter 'nonsense'"),
        (("import", "postmark", "x"), "comes by webhook, not in files"),
        (("import", "asterisk_cdr", "x"), "--timezone Europe/Berlin"),
        (("import", "poslog", "nowhere*.xml"), "there is no such file"),
        (("import", "topic", "touchpath.collected", "--adapter", "zendesk"), "one of Touchpath's own"),
        (("import", "topic", "t", "--adapter", "zendesk", "--from", "noon"), "neither earliest nor an offset"),
        (("import", "costs", "nowhere.csv"), "there is no such file"),
        (("watch", ".", "--rule", "nonsense"), "PATTERN=ADAPTER"),
        (("watch", ".", "--adapter", "asterisk_cdr"), "--timezone Europe/Berlin"),
        (("quarantine", "list", "--since", "yesterday"), "neither a time"),
        (("quarantine", "replay", "--adapter", "nonsense"), "there is no 'nonsense'"),
    ],
)
def test_wrong_usage_says_what_is_wrong_and_what_there_is(words: tuple[str, ...], why: str) -> None:
    assert re.search(why, failed(run(*words), Exit.USAGE))


def test_files_are_meant_by_name_by_folder_and_by_pattern(tmp_path: Path) -> None:
    names = ("b.csv", "a.csv", ".hidden", "inner/c.csv")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in paths_of([str(tmp_path)])] == ["a.csv", "b.csv"]
    assert [path.name for path in paths_of(["b.csv", "*.csv", "**/c.csv"])] == ["b.csv", "a.csv", "c.csv"]


def test_a_source_is_looked_up_in_its_section_then_at_its_key_and_options_override() -> None:
    keys = (
        WriteKey(key="1", source="shop", default_currency="EUR", touchpoints=("page_view",)),
        WriteKey(key="2", source="shop", public=True, allow=("page",)),
        WriteKey(key="3", source="shop", allow=("track",)),
    )
    sources = (SourceSettings(source="calls", timezone="Europe/Berlin", never_keep=("recording",)),)
    settings = Settings(collector=CollectorSettings(write_keys=keys), sources=sources)
    assert source_of(settings, "calls", phone_region="DE").model_dump(exclude_defaults=True) == {
        "source": "calls",
        "timezone": "Europe/Berlin",
        "never_keep": ("recording",),
        "phone_region": "DE",
    }
    assert source_of(settings, "shop").default_currency == "EUR"
    assert source_of(settings, "unknown") == SourceSettings(source="unknown")
    server = key_of(settings, "shop", public=False)
    assert (server.touchpoints, server.allow, server.public) == (None, None, False)
    page = key_of(settings, "shop", public=True, default_currency="USD")
    assert (page.allow, page.public, page.default_currency) == (("page",), True, "USD")
    assert key_of(settings, "calls", public=False).timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    "words",
    [
        *("adapters", "try", "tail", "watch", "import topic", "import costs"),
        *("quarantine list", "quarantine show", "quarantine replay"),
    ],
)
def test_the_help_of_a_command_teaches_with_an_example(words: str) -> None:
    assert f"touchpath {words} " in run(*words.split(), "--help").stdout.partition("Options:")[0]
    assert "touchpath import genesys calls/" in run("import", "poslog", "--help").stdout
