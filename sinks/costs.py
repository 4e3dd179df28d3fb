"""Spend into ClickHouse: a day is replaced whole, in one step, by the newest import of its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from schemas.base import derived_id
from schemas.cost import SpendDay
from sinks.client import Store
from sinks.sql import query

_LINES = ("source", "day", "batch", "channel", "campaign", "currency", "cost", "impressions", "clicks")
_DAYS = ("source", "day", "batch", "version")
#: Lines that are inserted together.
CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Replaced:
    """What an import did to the days that it has: new ones, others than before, and the same as before."""

    added: tuple[date, ...] = ()
    changed: tuple[date, ...] = ()
    unchanged: tuple[date, ...] = ()
    lost: tuple[tuple[date, tuple[str, ...]], ...] = ()
    """Of the changed days: the channels that the source had on that day, and has no more."""


def write_costs(store: Store, source: str, days: Sequence[SpendDay]) -> Replaced:
    """Make these days of a source be what is given, and leave its other days as they are.

    All days change together, when the last line is written: whoever reads sees the days before or after. It may be
    broken off and run again at any moment.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such tables. The days are as they were.
    """
    known = {day: (batch, version) for day, batch, version in _known(store, source)}
    found: dict[str, list[date]] = {"added": [], "changed": [], "unchanged": []}
    lines: list[tuple[object, ...]] = []
    pointers: list[tuple[object, ...]] = []
    for spend_day in days:
        day, batch = spend_day.day, batch_of(source, spend_day)
        before, version = known.get(day, (None, 0))
        found["unchanged" if before == batch else "changed" if before else "added"].append(day)
        if before == batch:
            continue
        lines += _lines(source, spend_day, batch)
        pointers.append((source, day, batch, version + 1))
        if len(lines) >= CHUNK:
            store.insert("costs_log", _LINES, lines)
            lines = []
    store.insert("costs_log", _LINES, lines)
    lost = _lost(store, source, days, set(found["changed"])) if found["changed"] else ()
    store.insert("cost_days_log", _DAYS, pointers)
    return Replaced(tuple(found["added"]), tuple(found["changed"]), tuple(found["unchanged"]), lost)


def batch_of(source: str, spend_day: SpendDay) -> UUID:
    """Give the id of a day's content: the same content has the same id, so that what is written twice is one."""
    lines = sorted(
        "\x1e".join(
            (
                spend.channel,
                spend.campaign or "",
                spend.cost.currency,
                str(spend.cost.minor),
                "" if spend.impressions is None else str(spend.impressions),
                "" if spend.clicks is None else str(spend.clicks),
            )
        )
        for spend in spend_day.spends
    )
    return derived_id("costs", source, spend_day.day.isoformat(), *lines)


def _known(store: Store, source: str) -> list[tuple[date, UUID, int]]:
    rows = store.rows(query("cost_days", store.database), {"source": source})
    return [(day, batch, int(version)) for day, batch, version in rows]


def _lost(
    store: Store, source: str, days: Sequence[SpendDay], changed: set[date]
) -> tuple[tuple[date, tuple[str, ...]], ...]:
    before: dict[date, list[str]] = dict(store.rows(query("cost_channels", store.database), {"source": source}))
    missing = (
        (one.day, tuple(sorted(set(before.get(one.day, ())) - {spend.channel for spend in one.spends})))
        for one in days
        if one.day in changed
    )
    return tuple((day, channels) for day, channels in missing if channels)


def _lines(source: str, spend_day: SpendDay, batch: UUID) -> list[tuple[object, ...]]:
    return [
        (
            source,
            spend_day.day,
            batch,
            spend.channel,
            spend.campaign or "",
            spend.cost.currency,
            spend.cost.amount,
            spend.impressions,
            spend.clicks,
        )
        for spend in spend_day.spends
    ]
