from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from streams.worker.clients import client_options, reader_options
from streams.worker.settings import WorkerSettings
from streams.worker.topics import changelog_topics

BASE: dict[str, Any] = {"app_id": "app", "kafka": {"bootstrap_servers": "a:1,b:2"}}
SASL = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "SCRAM-SHA-512",
    "sasl_username": "u",
    "sasl_password": "secret-word",
}


class Stage:
    def __init__(self, name: str, input_topic: str, stateful: bool) -> None:
        self.name, self.input_topic, self.stateful = name, input_topic, stateful
        self.also_reads: tuple[str, ...] = ()

    process: Any = None


def made(**settings: Any) -> WorkerSettings:
    return WorkerSettings.model_validate(BASE | settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"store": "disk"},
        {"app_id": "no spaces"},
        {"session_timeout": 50},
        {"hand_over_timeout": 30, "rebalance_timeout": 30},
        {"kafka": {"security_protocol": "SASL_SSL"}},
        {"kafka": {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "u"}},
        {"kafka": {"security_protocol": "SSL", "ssl_certfile": "/c"}},
        {"unheard_of": 1},
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(**settings)


def test_a_password_is_never_shown() -> None:
    assert "secret-word" not in repr(made(kafka=SASL))


def test_every_client_gets_tls_and_sasl() -> None:
    options = client_options(made(kafka=SASL))
    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("u", "secret-word")
    assert options["ssl_context"].check_hostname


def test_a_certificate_that_is_not_there_is_an_error_at_once() -> None:
    security = {"security_protocol": "SSL", "ssl_cafile": Path("/nowhere/ca.pem")}
    with pytest.raises(OSError, match="No such file"):
        client_options(made(kafka=security))


def test_consumers_read_only_what_is_committed_where_there_are_transactions() -> None:
    assert reader_options(made())["isolation_level"] == "read_committed"
    assert reader_options(made(guarantee="unfenced"))["isolation_level"] == "read_uncommitted"


def test_only_stages_with_state_want_a_changelog_and_it_is_compacted() -> None:
    stages = [Stage("resolve", "in", True), Stage("copy", "other", False)]
    (topic,) = changelog_topics(made(replication_factor=3), stages)
    assert (topic.name, topic.copartitioned_with, topic.replication_factor) == ("app-resolve-changelog", "in", 3)
    assert topic.config["cleanup.policy"] == "compact"
