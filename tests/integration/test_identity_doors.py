"""Decisions on a real broker: what the door and the command line write is what the contract says, where it must be."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.local.broker import BrokerProcess
from schemas.base import event_id
from schemas.identity import Command, IdentityMessage
from schemas.topics import COLLECTED, IDENTITY
from streams.worker.partitioning import partition_of
from tests.integration.collector_rig import CollectorProcess, make_topics, partitions_of, read_all

ADMIN = {"key": "admin-key", "name": "Service desk"}
AS_ADMIN = ("admin-key", "")


async def decisions(broker: BrokerProcess, *keys: str) -> list[ConsumerRecord[bytes, bytes]]:
    """What is on the topic for these identifiers; tests share brokers."""
    return [one for one in await read_all(broker.bootstrap, IDENTITY.name) if (one.key or b"").decode() in keys]


def as_command(record: ConsumerRecord[bytes, bytes], partitions: int) -> Command:
    message = IdentityMessage.model_validate_json(record.value or b"").message
    assert isinstance(message, Command)
    assert (record.key or b"").decode() == message.to
    assert record.partition == partition_of(message.to.encode(), partitions)
    assert record.timestamp == int(message.requested_at.timestamp() * 1000)
    return message


async def test_what_the_door_has_accepted_is_on_kafka_once_for_its_node(
    broker: BrokerProcess, free_port: Callable[[], int], tmp_path: Path
) -> None:
    await make_topics(broker.bootstrap, IDENTITY.name)
    name = uuid.uuid4().hex
    card, customer = f"loyalty:{name}", f"customer:{name}"
    began = datetime.now(UTC)
    with CollectorProcess(broker.bootstrap, free_port(), "shop", tmp_path / "log", admin_keys=[ADMIN]) as collector:
        merge = {"identifier": card, "other": customer, "reason": "she called"}
        for status in ("accepted", "duplicate"):
            answer = collector.client.post(
                "/v1/identity/merge", json=merge, headers={"Idempotency-Key": name}, auth=AS_ADMIN
            )
            assert (answer.status_code, answer.json()["status"]) == (202, status)
        for action in ("unmerge", "block", "unblock"):
            answer = collector.client.post(f"/v1/identity/{action}", json={"identifier": card}, auth=AS_ADMIN)
            assert answer.status_code == 202
        refused = collector.client.post("/v1/identity/block", json={"identifier": card})  # with the write key
        assert refused.status_code == 403
    partitions = await partitions_of(broker.bootstrap, IDENTITY.name)
    found = [as_command(record, partitions) for record in await decisions(broker, card, customer)]
    assert [one.action for one in found] == ["merge", "unmerge", "block", "unblock"]
    first = found[0]
    assert (first.to, first.other, first.reason, first.requested_by) == (card, customer, "she called", "Service desk")
    assert first.command_id == event_id("identity:Service desk", name)
    assert began <= first.requested_at <= datetime.now(UTC)
    assert [one.requested_at for one in found] == sorted(one.requested_at for one in found)
    assert not [one for one in await read_all(broker.bootstrap, COLLECTED.name) if name.encode() in (one.value or b"")]


async def test_the_command_line_writes_the_same_record(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_topics(broker.bootstrap, IDENTITY.name)
    name = uuid.uuid4().hex
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS", broker.bootstrap)
    words = ["identity", "merge", f"loyalty:{name}", f"customer:{name}", "--new", "--no-wait", "--id", name]
    done = CliRunner().invoke(app, [*words, "--by", "Service desk", "--reason", "she called"])
    assert done.exception is None, done.exception
    partitions = await partitions_of(broker.bootstrap, IDENTITY.name)
    found = await decisions(broker, f"loyalty:{name}", f"customer:{name}")
    [command] = [as_command(record, partitions) for record in found]
    assert command == Command(
        to=f"loyalty:{name}",
        action="merge",
        other=f"customer:{name}",
        command_id=event_id("identity:Service desk", name),
        requested_at=command.requested_at,
        requested_by="Service desk",
        reason="she called",
    )
