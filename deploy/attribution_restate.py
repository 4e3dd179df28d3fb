"""What is booked already follows a model that was published or withdrawn: profiles are asked to look again.

ClickHouse says which conversions are split by another fit than the one in force. Each of their profiles gets a revisit
on `touchpath.resolved`; the fold posts what differs. What is stale after that lies beyond the bound of its profile,
where nothing is restated. A restatement that was broken off is taken up by the next one, as the list is made anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from deploy.delivery import Told, deliver_many, untold
from producers.publisher import Publisher
from producers.records import Record, milliseconds
from schemas.resolved import Resolved
from schemas.revisit import Revisit, RevisitCause
from schemas.topics import RESOLVED
from sinks.client import Store
from sinks.sql import query

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
    told: Told = untold,
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

    What they say is recorded at the time of asking, one for all of them, as until then something else was reported.

    Raises:
        PublishFailed: Kafka does not acknowledge them.
        StoreError: ClickHouse broke off.
    """
    asked = clock()
    revisits = (
        revisit_of(profile, "model", evidence, max(asked, since.replace(tzinfo=UTC)), clock())
        for block in store.stream(query("attribution_stale_profiles", store.database))
        for profile, evidence, since, _ in block
    )
    return deliver_many(publisher, revisits, total, told, "profiles")


def revisit_of(profile: UUID, cause: RevisitCause, evidence: UUID, recorded_at: datetime, now: datetime) -> Record:
    """Give the record that asks a profile to look again, written `now`; what it says then is of `recorded_at`.

    Kafka's timestamp is the time of writing, as of every record: of one that looks old the topic may be rid at once.
    """
    revisit = Revisit(cause=cause, evidence=evidence, recorded_at=recorded_at)
    value = Resolved(profile_id=profile, revisit=revisit).model_dump_json(exclude_none=True)
    return Record(RESOLVED.name, str(profile).encode(), value.encode(), milliseconds(now))
