"""What is booked already follows a model that was published or withdrawn: profiles are asked to look again.

ClickHouse says which conversions are split by another fit than the one in force. Each of their profiles gets a revisit
on `touchpath.resolved`; the fold posts what differs. What is stale after that lies beyond the bound of its profile,
where nothing is restated. A restatement that was broken off is taken up by the next one, as the list is made anew.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from deploy.attribution_publish import PATIENCE, acknowledged
from producers.publisher import Publisher
from producers.records import Record, milliseconds
from schemas.resolved import Resolved
from schemas.revisit import Revisit, RevisitCause
from schemas.topics import RESOLVED
from sinks.client import Store
from sinks.sql import query

#: So many profiles are asked before Kafka's acknowledgement is waited for.
CHUNK = 2_000
#: Under traffic and with models that go on being published something may always be stale: so often it is looked.
MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Stale:
    """Conversions that are split by one fit and should be by another; None: by none."""

    model: str
    booked_fit: UUID | None
    fit_in_force: UUID | None
    conversions: int
    profiles: int


@dataclass(frozen=True, slots=True)
class StaleConversions:
    """All of them by model, how many conversions and profiles that is, and a mark that tells two such sets apart."""

    lines: tuple[Stale, ...]
    conversions: int
    profiles: int
    mark: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Restated:
    """How many conversions follow what is in force now, how many stay as they were, how many profiles were asked."""

    conversions: int
    left: int
    profiles: int
    seconds: float


Told = Callable[[int, int], None]
"""Hears how many profiles were asked to look again, of how many."""


def stale(store: Store) -> StaleConversions:
    """Ask which conversions are split by another fit than the one in force.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such views.
    """
    rows = store.rows(query("attribution_stale", store.database))
    if not rows:
        return StaleConversions((), 0, 0, ())
    conversions, profiles = store.rows(query("attribution_stale_count", store.database))[0]
    return StaleConversions(
        tuple(Stale(*row[:5]) for row in rows), conversions, profiles, tuple(row[5] for row in rows)
    )


def restate(
    store: Store,
    publisher: Publisher,
    settle: Callable[[], None],
    clock: Callable[[], datetime],
    told: Told = lambda _done, _of: None,
) -> Restated:
    """Bring what is booked to the models in force, and wait until it can be queried.

    `settle` waits until workers have read all that was published, and ClickHouse has what they made of it.

    Raises:
        PublishFailed: Kafka does not acknowledge the revisits.
        StoreError: ClickHouse cannot be reached, or has no such views.
        Whatever `settle` raises.
    """
    began = time.monotonic()
    settle()
    first = found = stale(store)
    asked = 0
    for _ in range(MOST_ROUNDS):
        if not found.conversions:
            break
        asked += ask(store, publisher, found.profiles, clock, told)
        settle()
        before, found = found, stale(store)
        if found.mark == before.mark:
            break
    done = max(0, first.conversions - found.conversions)
    return Restated(done, found.conversions, asked, time.monotonic() - began)


def ask(store: Store, publisher: Publisher, total: int, clock: Callable[[], datetime], told: Told) -> int:
    """Write a revisit to each profile that has a stale conversion; give how many there were.

    Raises:
        PublishFailed: Kafka does not acknowledge them.
        StoreError: ClickHouse broke off.
    """
    done = 0
    told(0, total)
    for chunk in _chunks(store):
        records = [
            revisit_of(profile, "model", evidence, since.replace(tzinfo=UTC), clock())
            for profile, evidence, since, _ in chunk
        ]
        with acknowledged():
            publisher.publish(records).result(PATIENCE)
        done += len(chunk)
        told(done, total)
    return done


def revisit_of(profile: UUID, cause: RevisitCause, evidence: UUID, since: datetime, now: datetime) -> Record:
    """Give the record that asks a profile to look again, written `now`; `since`: when what caused it came into force.

    Kafka's timestamp is the time of writing, as of every record: of one that looks old the topic may be rid at once.
    """
    revisit = Revisit(cause=cause, evidence=evidence, recorded_at=since)
    value = Resolved(profile_id=profile, revisit=revisit).model_dump_json(exclude_none=True)
    return Record(RESOLVED.name, str(profile).encode(), value.encode(), milliseconds(now))


def _chunks(store: Store) -> Iterator[list[tuple[Any, ...]]]:
    for block in store.stream(query("attribution_stale_profiles", store.database)):
        rows = iter(block)
        while chunk := [tuple(row) for row in itertools.islice(rows, CHUNK)]:
            yield chunk
