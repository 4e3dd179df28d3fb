"""The worker's way to aiokafka: what it uses of it, and the options that every client shares.

aiokafka has no types, so it is imported here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import aiokafka  # type: ignore[import-untyped]  # it ships none
from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.worker.settings import WorkerSettings

if TYPE_CHECKING:

    class TopicPartition(NamedTuple):
        """A partition of a topic."""

        topic: str
        partition: int

else:
    from aiokafka import TopicPartition

__all__ = [
    "AIOKafkaAdminClient",
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "KafkaError",
    "TopicPartition",
    "client_options",
    "errors",
    "reader_options",
]

AIOKafkaConsumer: Any = aiokafka.AIOKafkaConsumer
AIOKafkaProducer: Any = aiokafka.AIOKafkaProducer


def client_options(settings: WorkerSettings) -> dict[str, Any]:
    """Keyword arguments for any aiokafka client."""
    options = settings.kafka.aiokafka_options(settings.app_id)
    return options | {"request_timeout_ms": int(settings.request_timeout * 1000)}


def reader_options(settings: WorkerSettings) -> dict[str, Any]:
    """Keyword arguments for any aiokafka consumer: nothing uncommitted is ever seen."""
    return client_options(settings) | {
        "isolation_level": "read_committed" if settings.transactional else "read_uncommitted",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_min_bytes": 1,  # the broker answers as soon as there is anything
    }
