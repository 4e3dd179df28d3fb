"""What is said where a client of Kafka has raised: one sentence for a broker that is away, whatever the client says."""

from __future__ import annotations

from aiokafka.errors import KafkaConnectionError  # type: ignore[import-untyped] # no types


def away(servers: str, error: Exception) -> str:
    """Say that nobody answers at `servers`, or what else is wrong there.

    The client's own words name its classes and address families, and nothing that helps.
    """
    if isinstance(error, KafkaConnectionError | ConnectionError | TimeoutError):
        return f"no Kafka broker answers at {servers}"
    return f"Kafka at {servers}: {error}"
