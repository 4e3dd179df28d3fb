"""By which catalogue the workers go: each says it in the name by which Kafka knows it as a member of its group."""

from __future__ import annotations

from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped] # no types

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
        KafkaError, OSError: no broker answers.
    """
    admin = AIOKafkaAdminClient(**kafka.aiokafka_options("touchpath-catalogue"))
    await admin.start()
    try:
        answers = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    names = [str(member[1]) for answer in answers for described in answer.groups for member in described[5]]
    edition = edition_of(catalogue)
    return Workers(len(names), sum(name.rpartition(".")[2] != edition for name in names))
