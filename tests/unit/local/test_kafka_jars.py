"""What a person reads when Java or Maven is missing, and where downloads go."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import kafka_jars
from deploy.local.errors import LocalStackError


def executable(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_without_java_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalStackError, match="openjdk-17-jre-headless"):
        kafka_jars.java_command()


def test_an_old_java_is_refused_with_what_it_says_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalStackError, match=r"Java 17 or newer; .* says: openjdk version \"11\.0\.2\""):
        kafka_jars.java_command()


def test_without_maven_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalStackError, match="install Maven"):
        kafka_jars.kafka_jars(tmp_path / "cache")


def test_jars_that_are_there_need_no_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    there = tmp_path / "kafka-4.1.0"
    there.mkdir()
    assert kafka_jars.kafka_jars(tmp_path) == there


def test_a_download_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "mvn", "echo 'no route'; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalStackError, match="no route"):
        kafka_jars.kafka_jars(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_cache_directory_can_be_chosen() -> None:
    assert kafka_jars.cache_dir({"TOUCHPATH_CACHE_DIR": "/somewhere"}) == Path("/somewhere")
    assert kafka_jars.cache_dir({}) == Path.home() / ".cache" / "touchpath"
