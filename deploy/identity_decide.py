"""A decision on whose an identifier is, from its first byte on Kafka to the last row that follows from it."""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING

from producers.identity_commands import record_of_command

if TYPE_CHECKING:
    from deploy.settings import Settings
    from producers.publisher import Publisher
    from schemas.identity import Command


class NotWrittenError(Exception):
    """Kafka has not acknowledged the decision. It may have it all the same; sending the same one again is harmless."""


@dataclass(frozen=True, slots=True)
class Through:
    """How far a decision has come: through everything, or `behind` says who has not read it yet."""

    seconds: float
    behind: str = ""


def send(publisher: Publisher, command: Command, timeout: float) -> None:
    """Write the decision to Kafka and wait until it is acknowledged.

    Raises:
        NotWrittenError: it was not, within `timeout` seconds.
    """
    from producers.publisher import PublishFailed  # noqa: PLC0415 it needs its client

    try:
        publisher.publish([record_of_command(command)]).result(timeout)
    except (PublishFailed, FutureTimeoutError) as error:
        raise NotWrittenError(str(error) or f"no answer in {timeout:g} s") from error


async def wait_through(settings: Settings, timeout: float) -> Through:
    """Wait until all that is on Kafka now has come through workers and sink, at most `timeout` seconds.

    Raises:
        KafkaError, OSError: no broker answers.
        StoreError: ClickHouse does not answer, or has no tables.
    """
    from deploy.settle import SettleTimeout, settle  # noqa: PLC0415 they need their clients

    try:
        report = await settle(
            settings.kafka, settings.clickhouse, worker_groups=[settings.worker.app_id], timeout=timeout
        )
    except SettleTimeout as error:
        return Through(timeout, str(error))
    return Through(report.seconds)
