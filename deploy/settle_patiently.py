"""Settle for as long as it takes: what ends the wait is not the time, but that nobody gets any further."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from deploy.settle import NO_ANSWER, Behind, Progress, SettleReport, SettleTimeout, settle
from schemas.connection import ClickHouseConnection, KafkaConnection

if TYPE_CHECKING:
    from deploy.settings import Settings

#: So many seconds may it take in all: a month, which is as good as no limit.
_LONG = 30 * 86_400.0


async def settle_patiently(
    kafka: KafkaConnection,
    clickhouse: ClickHouseConnection,
    *,
    worker_groups: Sequence[str],
    patience: float,
    on_progress: Progress | None = None,
) -> SettleReport:
    """Wait until all that was accepted before the call is queryable, while those that are waited for get further.

    Raises:
        SettleTimeout: for `patience` seconds those that were waited for have read nothing.
        KafkaError, OSError: no broker answers.
        StoreError: ClickHouse does not answer, or has no tables.
    """
    stall = Stall(patience, on_progress, time.monotonic)
    work = asyncio.ensure_future(
        settle(kafka, clickhouse, worker_groups=worker_groups, timeout=_LONG, on_progress=stall.heard)
    )
    try:
        while not (await asyncio.wait({work}, timeout=min(1.0, patience)))[0]:
            if stall.silent:
                raise SettleTimeout(patience, stall.behind)
        return work.result()
    finally:
        work.cancel()
        await asyncio.wait({work})


def settling(settings: Settings, patience: float, on_progress: Progress | None = None) -> Callable[[], None]:
    """Give what settles, each time it is called, from a thread in which no event loop runs: see `settle_patiently`."""

    def settle_now() -> None:
        groups, connections = [settings.worker.app_id], (settings.kafka, settings.clickhouse)
        asyncio.run(settle_patiently(*connections, worker_groups=groups, patience=patience, on_progress=on_progress))

    return settle_now


class Stall:
    """Notices that who is behind stays as far behind. `now` gives seconds."""

    def __init__(self, patience: float, on_progress: Progress | None, now: Callable[[], float]) -> None:
        self.behind: tuple[Behind, ...] = ()
        self._patience = patience
        self._tell = on_progress or (lambda _behind: None)
        self._now = now
        self._heard = self._moved = now()

    def heard(self, behind: Sequence[Behind]) -> None:
        """Take in who is behind at one look: the ends that are waited for do not move, so whoever reads is nearer.

        Raises:
            SettleTimeout: it has been the same for as long as there is patience.
        """
        self._tell(behind)
        self._heard = self._now()
        if tuple(behind) != self.behind or not behind:
            self.behind, self._moved = tuple(behind), self._heard
        elif self._heard - self._moved >= self._patience:
            raise SettleTimeout(self._patience, behind)

    @property
    def silent(self) -> bool:
        """Has no look come to an end for longer than there is patience?"""
        return self._now() - self._heard > self._patience + NO_ANSWER
