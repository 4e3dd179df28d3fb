"""The quarantine as ClickHouse has it: what is open, and what became of replays."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sinks.cells import micros
from sinks.client import Store
from sinks.sql import query

_EARLIEST, _LATEST = -(2**62), 2**62
#: Records of one page: their bytes are in memory at once, at most some 130 KB each.
PAGE = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records. `reason` is a part of it, `door` and `id` are beginnings; `every`: done ones, too."""

    source: str = ""
    reason: str = ""
    door: str = ""
    id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    every: bool = False

    def parameters(self) -> dict[str, Any]:
        """Give what the queries ask for."""
        return {
            "source": self.source,
            "reason": self.reason,
            "door": self.door,
            "since": micros(self.since) if self.since else _EARLIEST,
            "until": micros(self.until) if self.until else _LATEST,
            "every": self.every,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Records of one source that are bad for one reason."""

    source: str
    reason: str
    records: int
    first_received_at: datetime
    last_received_at: datetime
    example_door: str
    example_id: UUID


@dataclass(frozen=True, slots=True)
class Kept:
    """One quarantined record. `replayed` and `replay_reason` are what its last replay said, empty without one."""

    quarantine_id: UUID
    source: str
    door: str
    reason: str
    raw: str
    encoding: str
    received_at: datetime
    replayed: str
    replay_reason: str
    resolved: bool

    @property
    def original(self) -> bytes:
        """The bytes as they came, or as many as were kept."""
        return self.raw.encode() if self.encoding == "utf-8" else base64.b64decode(self.raw)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a replay made of a record."""

    quarantine_id: UUID
    outcome: str
    resolved: bool
    accepted: int
    duplicate: int
    quarantined: int
    reason: str


class QuarantineStore:
    """Questions about the quarantine; `store` stays the caller's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def groups(self, wanted: Wanted, most: int) -> list[Group]:
        """Count by source and reason, the largest first."""
        found = self._rows("quarantine_groups", wanted.parameters() | {"most": most})
        return [
            Group(s, reason, n, _utc(first), _utc(last), door, id_) for s, reason, n, first, last, door, id_ in found
        ]

    def records(self, wanted: Wanted, most: int | None = None) -> Iterator[Kept]:
        """Give records, the oldest first; in memory are those of one page."""
        for page in self.pages(wanted, most):
            yield from page

    def pages(self, wanted: Wanted, most: int | None = None) -> Iterator[list[Kept]]:
        """Give records, the oldest first, page by page."""
        after, after_id, given = _EARLIEST, "", 0
        while most is None or given < most:
            room = PAGE if most is None else min(PAGE, most - given)
            page = self._page(wanted, after, after_id, room)
            if page:
                yield page
            given += len(page)
            if len(page) < room:
                return
            after, after_id = micros(page[-1].received_at), str(page[-1].quarantine_id)

    def taken(self, ids: Iterable[UUID]) -> set[UUID]:
        """Give those of the events that were accepted before, as far as ClickHouse knows."""
        wanted = [str(one) for one in ids]
        return {row[0] for row in self._rows("events_taken", {"ids": wanted})} if wanted else set()

    def mark(self, marks: Sequence[Mark], replayed_at: datetime) -> None:
        """Write down what became of records."""
        columns = (
            *("quarantine_id", "outcome", "resolved", "accepted", "duplicate", "quarantined", "reason"),
            *("replayed_at", "version"),
        )
        version = micros(replayed_at)
        rows = [
            (m.quarantine_id, m.outcome, m.resolved, m.accepted, m.duplicate, m.quarantined, m.reason, version, version)
            for m in marks
        ]
        self._store.insert("quarantine_replays_log", columns, rows)

    def _page(self, wanted: Wanted, after: int, after_id: str, most: int) -> list[Kept]:
        place = {"id": wanted.id, "after": after, "after_id": after_id, "most": most}
        found = self._rows("quarantine_page", wanted.parameters() | place)
        return [
            Kept(id_, source, door, reason, raw, encoding, _utc(at), outcome or "", why or "", bool(resolved))
            for id_, source, door, reason, raw, encoding, at, outcome, why, resolved in found
        ]

    def _rows(self, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        return self._store.rows(query(name, self._store.database), parameters)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
