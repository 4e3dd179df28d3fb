"""Settle for as long as it takes: what ends the wait is not the time, but that nobody gets any further."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.settle import Behind, Progress, SettleReport, SettleTimeout, settle
from schemas.connection import ClickHouseConnection, KafkaConnection


async def settle_patiently(
    kafka: KafkaConnection,
    clickhouse: ClickHouseConnection,
    *,
    worker_groups: Sequence[str],
    patience: float,
    on_progress: Progress | None = None,
) -> SettleReport:
    """Wait until all that was accepted before the call is queryable, while workers and sink go on working.

    Raises:
        SettleTimeout: for `patience` seconds nobody that is waited for has read anything.
        KafkaError, OSError: no broker answers.
        StoreError: ClickHouse does not answer, or has no tables.
    """
    while True:
        first: list[tuple[Behind, ...]] = []

        def heard(behind: Sequence[Behind], first: list[tuple[Behind, ...]] = first) -> None:
            first.append(tuple(behind)) if not first else None
            if on_progress is not None:
                on_progress(behind)

        try:
            return await settle(kafka, clickhouse, worker_groups=worker_groups, timeout=patience, on_progress=heard)
        except SettleTimeout as error:
            # The ends that are waited for stay the same in one wait: whoever reads is nearer to them than before.
            if error.missing or not first or first[0] == error.behind:
                raise
