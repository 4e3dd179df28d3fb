"""By which catalogue the workers go: each says it in the name by which Kafka knows it as a member of its group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped] # no types
from aiokafka.errors import for_code  # type: ignore[import-untyped] # no types

from schemas.catalogue import Catalogue
from schemas.catalogue_digest import edition_of
from schemas.connection import KafkaConnection


class Workers(NamedTuple):
    """How many workers there are, and how many of them go by another catalogue."""

    all: int
    others: int


async def workers_by(kafka: KafkaConnection, group: str, catalogue: Catalogue) -> Workers:
    """Ask the members of a group by which catalogue they go.

    Raises:
        KafkaError, OSError: no broker answers, or it does not say who is in the group.
    """
    admin = AIOKafkaAdminClient(**kafka.aiokafka_options("touchpath-catalogue"))
    await admin.start()
    try:
        answers = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    names = members_in(answers)
    edition = edition_of(catalogue)
    return Workers(len(names), sum(name.rpartition(".")[2] != edition for name in names))


def members_in(answers: Iterable[Any]) -> list[str]:
    """Give the client ids in Kafka's descriptions of groups (DescribeGroups, versions 0 to 3, of its protocol guide).

    Raises:
        KafkaError: a group could not be described. Without this, a group that nobody may look into seems empty.
    """
    names: list[str] = []
    for answer in answers:
        for error, group, _state, _protocol_type, _protocol, members, *_ in answer.groups:
            if error:
                raise for_code(error)(f"who is in the group {group}")
            names += [str(client_id) for _member_id, client_id, *_ in members]
    return names
