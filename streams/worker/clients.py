"""The worker's way to aiokafka: what it uses of it, and the options that every client shares.

aiokafka has no types, so it is imported here and nowhere else.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

import aiokafka  # type: ignore[import-untyped]  # it ships none
from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.worker.settings import Security, WorkerSettings

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
    "ssl_context",
]

AIOKafkaConsumer: Any = aiokafka.AIOKafkaConsumer
AIOKafkaProducer: Any = aiokafka.AIOKafkaProducer


def ssl_context(security: Security) -> ssl.SSLContext | None:
    """Build the TLS context, or `None` where the protocol has no TLS.

    Raises:
        OSError: a certificate or key file cannot be read.
    """
    if not security.protocol.endswith("SSL"):
        return None
    context = ssl.create_default_context(cafile=security.ssl_ca_file and str(security.ssl_ca_file))
    if security.ssl_cert_file is not None:
        context.load_cert_chain(security.ssl_cert_file, security.ssl_key_file)
    return context


def client_options(settings: WorkerSettings) -> dict[str, Any]:
    """Keyword arguments for any aiokafka client."""
    security = settings.security
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": settings.app_id,
        "security_protocol": security.protocol,
        "request_timeout_ms": int(settings.request_timeout * 1000),
    }
    if (context := ssl_context(security)) is not None:
        options["ssl_context"] = context
    if security.protocol.startswith("SASL_"):
        assert security.password is not None  # noqa: S101 - the settings' validator has seen to it
        options["sasl_mechanism"] = security.sasl_mechanism
        options["sasl_plain_username"] = security.username
        options["sasl_plain_password"] = security.password.get_secret_value()
    return options


def reader_options(settings: WorkerSettings) -> dict[str, Any]:
    """Keyword arguments for any aiokafka consumer: nothing uncommitted is ever seen."""
    return client_options(settings) | {
        "isolation_level": "read_committed" if settings.transactional else "read_uncommitted",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_min_bytes": 1,  # the broker answers as soon as there is anything
    }
