"""Where no broker answers, every command says it in the same words, and not in those of a client of Kafka's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError  # type: ignore[import-untyped] # no types
from typer.testing import CliRunner

from deploy.cli import asking as asking_
from deploy.cli.app import app
from deploy.cli.asking import asking
from deploy.cli.exits import CommandError, Exit
from deploy.no_broker import away
from deploy.settings import Settings
from producers.publisher import Publisher
from schemas.connection import KafkaConnection
from tests.unit.deploy.commands import failed

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize("words", [["settle"], ["topics"], ["tail"]], ids=" ".join)
def test_nobody_there_is_said_in_words(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS", NOBODY)
    assert failed(CliRunner().invoke(app, words), Exit.NOT_READY) == f"no Kafka broker answers at {NOBODY}"


def test_a_broker_that_goes_while_a_command_asks_is_said_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def connected(_settings: Settings) -> Iterator[Publisher]:
        yield cast(Any, None)

    monkeypatch.setattr(asking_, "connected_publisher", connected)
    settings = Settings(kafka=KafkaConnection(bootstrap_servers=NOBODY))
    with pytest.raises(CommandError) as ended, asking(settings, 1, "not applied", "; run it again"):
        raise KafkaConnectionError("Unable to bootstrap from [('127.0.0.1', 1, <AddressFamily.AF_INET: 2>)]")
    assert str(ended.value) == f"not applied: no Kafka broker answers at {NOBODY}; run it again"


def test_a_broker_that_answers_and_refuses_is_heard() -> None:
    said = away(NOBODY, GroupAuthorizationFailedError("who is in the group touchpath"))
    assert said.startswith(f"Kafka at {NOBODY}: ")
    assert said.endswith("who is in the group touchpath")
