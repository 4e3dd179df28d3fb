"""The way to a cluster's topics; the only file here that talks to Kafka's admin interface."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped] # ships no types
from aiokafka.admin.config_resource import (  # type: ignore[import-untyped] # ships no types
    ConfigResource,
    ConfigResourceType,
)
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code  # type: ignore[import-untyped] # no types

from deploy.no_broker import away
from deploy.topics import FoundTopic, Plan, WantedTopic, plan
from streams.worker.clients import client_options

if TYPE_CHECKING:
    from streams.worker.settings import WorkerSettings

# A new topic has no leader for a moment; a client that writes then waits for its next refresh of the metadata.
_LEADER_WAIT = 0.05
_LEADER_TRIES = 200


class ClusterUnreachableError(Exception):
    """No broker answered, or it refused us. The message says which and why."""


class TopicRefusedError(Exception):
    """The cluster would not make a topic."""


async def ensure(settings: WorkerSettings, wanted: Iterable[WantedTopic], *, dry_run: bool = False) -> Plan:
    """Make the topics that are missing, unless `dry_run`, and wait until they can be written.

    Raises:
        ClusterUnreachableError: nobody answers there.
        TopicRefusedError: the cluster would not make a topic.
    """
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
    except (KafkaError, OSError) as error:
        await admin.close()
        raise ClusterUnreachableError(away(settings.kafka.bootstrap_servers, error)) from error
    try:
        made = plan(wanted, await _found(admin))
        if not dry_run and made.create:
            await _create(admin, made.create)
            await _wait_for_leaders(admin, {topic.name: topic.partitions for topic in made.create})
    except (KafkaError, OSError) as error:
        raise ClusterUnreachableError(away(settings.kafka.bootstrap_servers, error)) from error
    finally:
        await admin.close()
    return made


async def _found(admin: Any) -> dict[str, FoundTopic]:
    # Asked for all, not by name: Tansu makes a topic that somebody asks for by name.
    described = [topic for topic in await admin.describe_topics() if not topic["is_internal"]]
    configs = await _configs(admin, [topic["topic"] for topic in described])
    return {
        topic["topic"]: FoundTopic(
            topic["topic"],
            len(topic["partitions"]),
            min((len(partition["replicas"]) for partition in topic["partitions"]), default=0),
            configs.get(topic["topic"], {}),
        )
        for topic in described
    }


async def _configs(admin: Any, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for code, _, _, name, entries in answer.resources
        if not code
    }


async def _create(admin: Any, topics: Iterable[WantedTopic]) -> None:
    new = [
        NewTopic(topic.name, topic.partitions, topic.replication_factor, topic_configs=dict(topic.config))
        for topic in topics
    ]
    answer = await admin.create_topics(new)
    for name, code, *message in answer.topic_errors:
        # Another `touchpath topics` may have been quicker.
        if code and for_code(code) is not TopicAlreadyExistsError:
            reason = message[0] if message and message[0] else for_code(code).__name__
            raise TopicRefusedError(f"topic {name}: {reason}")


async def _wait_for_leaders(admin: Any, partitions: dict[str, int]) -> None:
    for _ in range(_LEADER_TRIES):
        described = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
        led = {name: sum(p["leader"] >= 0 for p in described.get(name, ())) for name in partitions}
        if led == partitions:
            return
        await asyncio.sleep(_LEADER_WAIT)
    raise TopicRefusedError(f"the new topics have no leaders after {_LEADER_WAIT * _LEADER_TRIES:g} s")
