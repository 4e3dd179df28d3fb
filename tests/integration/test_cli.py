"""The command line as scripts meet it: what it prints, where, and with which exit code."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.cli import app as cli
from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.ports import free_port
from deploy.local.tansu import TansuBroker
from deploy.settings import load
from deploy.topic_admin import ensure
from deploy.wiring import catalogue_of, every_topic, stages, worker_settings
from schemas import topics
from schemas.catalogue import DEFAULT
from streams.worker.app import check_topics
from streams.worker.topics import changelog_name

Run = Callable[..., subprocess.CompletedProcess[str]]
NOBODY = {"TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "TOUCHPATH_CLICKHOUSE__PORT": "1"}


@pytest.fixture
def touchpath(tmp_path: Path) -> Run:
    """Run the command in an empty folder, with no settings but those given."""

    def run(*words: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOUCHPATH_")}
        return subprocess.run(
            [sys.executable, "-m", "deploy.cli", *words],
            cwd=tmp_path,
            env={**kept, **environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def test_help_lists_every_command_and_the_exit_codes(touchpath: Run) -> None:
    done = touchpath("--help")
    assert done.returncode == 0
    names = {cli.name_of(function) for functions in cli.COMMANDS.values() for function in functions} | set(cli.GROUPS)
    assert len(names) == 22
    for name in names:
        assert f"\n  {name} " in done.stdout
    assert "3  not ready" in done.stdout


def test_help_imports_no_client_library() -> None:
    code = (
        "import sys; from deploy.cli import app; "
        "heavy = ('pydantic', 'kafka', 'aiokafka', 'faust', 'clickhouse_connect', 'pandas', 'numpy'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "words", [["up"], ["demo"], ["topics"], ["sql"], ["import", "store"], ["settle"], ["config"], ["identity", "merge"]]
)
def test_the_help_of_a_command_teaches_with_an_example(touchpath: Run, words: list[str]) -> None:
    done = touchpath(*words, "--help")
    assert done.returncode == 0
    assert f"touchpath {' '.join(words)}" in done.stdout.partition("Usage:")[2].partition("\n")[2]


def test_a_wrong_option_is_usage(touchpath: Run) -> None:
    assert touchpath("up", "--nonsense").returncode == 2


def test_config_prints_values_and_origins_as_tsv_where_nobody_looks(touchpath: Run) -> None:
    done = touchpath("config", TOUCHPATH_PARTITIONS="9")
    assert done.returncode == 0
    assert done.stdout.startswith("setting\tvalue\tfrom\n")
    assert "partitions\t9\tTOUCHPATH_PARTITIONS\n" in done.stdout


def test_config_as_json_is_one_document(touchpath: Run) -> None:
    rows = json.loads(touchpath("config", "--json", TOUCHPATH_KAFKA__SASL_PASSWORD="hush").stdout)
    assert {"setting": "kafka.sasl_password", "value": "********", "from": "TOUCHPATH_KAFKA__SASL_PASSWORD"} in rows


def test_a_bad_setting_is_one_line_on_standard_error_and_exit_code_2(touchpath: Run) -> None:
    done = touchpath("config", TOUCHPATH_PARTITIONS="many")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("touchpath: partitions: ")
    assert done.stderr.count("\n") == 1
    assert "TOUCHPATH_PARTITIONS" in done.stderr


def test_a_bad_catalogue_is_refused_with_line_and_reason_before_anything_starts(touchpath: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(DEFAULT.read_text().replace('phase = "Awareness"', 'phase = "Dreaming"', 1))
    for words in (
        ["catalogue", "check", str(bad)],
        ["up", "--catalogue", str(bad)],
        ["worker", "--catalogue", str(bad)],
    ):
        done = touchpath(*words)
        assert done.returncode == 2
        assert "'Dreaming' is not one of the phases" in done.stderr
        assert f"{bad}:" in done.stderr


def test_the_catalogue_shows_its_source_to_copy(touchpath: Run) -> None:
    assert touchpath("catalogue", "show", "--source").stdout == DEFAULT.read_text()


def test_schemas_are_written_one_file_a_topic(touchpath: Run, tmp_path: Path) -> None:
    assert touchpath("schemas", "--out", "out").returncode == 0
    written = {path.name: json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    assert written.keys() == {f"{topic.name}.v{topic.version}.json" for topic in topics.TOPICS}
    assert "occurred_at" in written["touchpath.collected.v1.json"]["properties"]


def test_an_unknown_topic_is_usage(touchpath: Run) -> None:
    done = touchpath("schemas", "touchpath.nonsense")
    assert done.returncode == 2
    assert "touchpath.collected" in done.stderr


@pytest.mark.parametrize(
    "words", [["topics"], ["migrate"], ["sql", "SELECT 1"], ["settle", "--timeout", "1"], ["worker"]]
)
def test_nobody_at_the_address_is_not_ready_said_without_a_traceback(touchpath: Run, words: list[str]) -> None:
    done = touchpath(*words, **NOBODY)
    assert done.returncode == 3, done.stderr
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dry_run_lists_topics_and_rights_without_a_cluster(touchpath: Run) -> None:
    done = touchpath("topics", "--dry-run", "--json", **NOBODY)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert {topic["status"] for topic in report["topics"]} == {"missing"}
    assert changelog_name("touchpath", "fold") in {topic["name"] for topic in report["topics"]}
    assert {acl["part"] for acl in report["acls"]} >= {"collector", "importer", "worker", "sink", "settle"}


def test_two_workers_on_tansu_are_refused_with_the_reason(touchpath: Run) -> None:
    done = touchpath("up", "--workers", "2")
    assert done.returncode == 2
    assert "--workers" in done.stderr
    assert "--broker kafka" in done.stderr


def test_importing_a_file_that_is_not_there_is_usage(touchpath: Run) -> None:
    done = touchpath("import", "store", "nowhere.csv")
    assert (done.returncode, "nowhere.csv" in done.stderr) == (2, True)


@pytest.fixture(params=["tansu_broker", "kafka_broker"])
def broker(request: pytest.FixtureRequest) -> TansuBroker | ApacheKafkaBroker:
    found: TansuBroker | ApacheKafkaBroker = request.getfixturevalue(request.param)
    return found


def test_topics_are_created_once_then_present(
    touchpath: Run, broker: TansuBroker | ApacheKafkaBroker, tmp_path: Path
) -> None:
    # A group of its own: the brokers are shared with other tests, and so are the declared topics.
    environ = {
        "TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap,
        "TOUCHPATH_WORKER__APP_ID": f"cli-{tmp_path.name}",
        "TOUCHPATH_PARTITIONS": "3",
    }
    changelog = changelog_name(environ["TOUCHPATH_WORKER__APP_ID"], "fold")

    def status(*words: str) -> str:
        done = touchpath("topics", "--json", *words, **environ)
        assert done.returncode == 0, done.stderr
        found = {topic["name"]: topic["status"] for topic in json.loads(done.stdout)["topics"]}
        return str(found[changelog])

    assert status("--dry-run") == "missing"
    assert status("--dry-run") == "missing", "a dry run creates nothing"
    assert status() == "created"
    assert status() == "present"


def test_created_topics_have_the_wanted_settings_and_differences_are_left_and_said(
    touchpath: Run, kafka_broker: ApacheKafkaBroker, tmp_path: Path
) -> None:
    environ = {
        "TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "TOUCHPATH_WORKER__APP_ID": f"differs-{tmp_path.name}",
    }
    settings = load(environ={**environ, "TOUCHPATH_PARTITIONS": "2"}).settings
    name = f"differs-{tmp_path.name}-fold-changelog"
    # The broker is shared: beside a topic of `resolved` that is there, it would be made with as many partitions.
    changelog = [replace(topic, like=None) for topic in every_topic(settings) if topic.name == name]
    made = asyncio.run(ensure(worker_settings(settings), changelog))
    assert [topic.name for topic in made.create] == [name]
    again = asyncio.run(ensure(worker_settings(settings), changelog))
    assert again.differences == ()

    done = touchpath("topics", TOUCHPATH_PARTITIONS="5", **environ)
    assert done.returncode == 0
    assert re.search(rf"{name}: partitions is 2, should be [3-9]; left as it is", done.stderr)


def test_the_project_says_its_version(touchpath: Run) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert touchpath("version").stdout.strip() == project["version"]


async def test_a_worker_finds_the_topics_that_the_command_made(tmp_path: Path) -> None:
    broker = TansuBroker(free_port(), tmp_path / "tansu.log")
    broker.start()
    try:
        broker.wait_ready()
        settings = load(environ={"TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap}).settings
        await ensure(worker_settings(settings), every_topic(settings))
        assert await check_topics(worker_settings(settings), stages(catalogue_of(settings))) == broker.cluster_id
    finally:
        broker.stop()
