"""Replay of the quarantine: what is open goes through its door again, and what is good now goes to Kafka, once.

A record that goes in now was not in before: its `received_at` is the time of the replay, so that the ledger says
truly from when it was known, while its own time is read as it was read then. What was accepted before (by its id) is a
duplicate and not sent. Marks are written when Kafka has acknowledged; a replay that broke off between sends
the same ids again, which the workers count once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from deploy.quarantine_doors import CannotReplayError, Doors, whole
from deploy.quarantine_store import Kept, Mark, QuarantineStore, Wanted
from producers.publisher import Publisher
from producers.recent import RecentIds
from producers.records import Record, milliseconds, record_of
from schemas.outcome import Accepted, Duplicate, Outcome, Quarantined

_REMEMBERED = 200_000


class Line(NamedTuple):
    """What became of records of a source; `reason` says why it is still bad, or cannot be replayed."""

    source: str
    outcome: str
    reason: str


@dataclass(slots=True)
class ReplayReport:
    """Counted in quarantined records, by line; `accepted` and `duplicate` count events."""

    lines: Counter[Line] = field(default_factory=Counter)
    accepted: int = 0
    duplicate: int = 0

    @property
    def records(self) -> int:
        """All records that were looked at."""
        return sum(self.lines.values())


@dataclass(frozen=True, slots=True)
class _Step:
    """One record, and what its door says of it now. `sent` goes to Kafka."""

    kept: Kept
    mark: Mark
    sent: tuple[Accepted | Quarantined, ...] = ()


async def replay(
    store: QuarantineStore,
    doors: Doors,
    wanted: Wanted,
    publisher: Publisher | None,
    now: Callable[[], datetime],
    *,
    most: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> ReplayReport:
    """Replay what is wanted, the oldest first. `publisher` None is a trial: nothing is sent and nothing marked.

    Raises:
        PublishFailed: Kafka does not acknowledge. What was marked before is done, the rest is open still.
        StoreError: ClickHouse does not answer.
    """
    report = ReplayReport()
    recent = RecentIds(_REMEMBERED)
    for page in store.pages(wanted, most):
        found: list[tuple[Kept, list[Outcome]]] = []
        for kept in page:
            try:
                found.append((kept, await doors.outcomes(kept)))
            except CannotReplayError as error:
                report.lines[Line(kept.source, "cannot be replayed", str(error))] += 1
        taken = store.taken(_ids(found))
        steps = [_step(kept, outcomes, taken, recent) for kept, outcomes in found]
        if publisher is not None:
            at = now()
            records = [_record(one, at) for step in steps for one in step.sent]
            await asyncio.wrap_future(publisher.publish(records))
            store.mark([step.mark for step in steps], at)
        for step in steps:
            report.lines[Line(step.kept.source, step.mark.outcome, step.mark.reason)] += 1
            report.accepted += step.mark.accepted
            report.duplicate += step.mark.duplicate
        if on_progress is not None:
            on_progress(report.records)
    return report


def _ids(found: Iterable[tuple[Kept, list[Outcome]]]) -> list[UUID]:
    return [one.touchpoint.event_id for _, outcomes in found for one in outcomes if isinstance(one, Accepted)]


def _step(kept: Kept, outcomes: list[Outcome], taken: set[UUID], recent: RecentIds) -> _Step:
    good: list[Accepted] = []
    duplicate = 0
    for one in outcomes:
        if isinstance(one, Accepted):
            id_ = one.touchpoint.event_id
            if id_ in taken or id_ in recent:
                duplicate += 1
                continue
            recent.remember([id_])
            good.append(one)
        elif isinstance(one, Duplicate):
            duplicate += 1
    bad = [one for one in outcomes if isinstance(one, Quarantined)]
    same = [one for one in bad if _same(kept, one, alone=len(outcomes) == 1)]
    if same or not outcomes:
        outcome, reason = "quarantined", same[0].record.reason if same else "$: there is no event in it"
    else:
        outcome, reason = "taken apart" if bad else "accepted" if good else "duplicate", ""
    sent: list[Accepted | Quarantined] = [*good, *(one for one in bad if one not in same)]
    resolved = outcome != "quarantined"
    mark = Mark(kept.quarantine_id, outcome, resolved, len(good), duplicate, len(bad), reason)
    return _Step(kept, mark, tuple(sent))


def _same(kept: Kept, bad: Quarantined, *, alone: bool) -> bool:
    """Say whether it is the record that we hold, still bad; else it is a part of it, with a record of its own."""
    if bad.record.quarantine_id == kept.quarantine_id:
        return True
    return alone and whole(kept.reason) == whole(bad.record.reason)


def _record(outcome: Accepted | Quarantined, at: datetime) -> Record:
    if isinstance(outcome, Accepted):
        outcome = Accepted(outcome.touchpoint.model_copy(update={"received_at": at}))
    # Kafka's retention acts on the record's time: an old one would be gone before anybody reads it.
    return record_of(outcome)._replace(timestamp=milliseconds(at))
