"""What was said already follows a changed catalogue: profiles are asked to look again, and touchpoints are read again.

The workers must run with the new catalogue before. A profile that gets an event follows by itself; the others get a
revisit on `touchpath.resolved`. What profiles do not keep (conditions, values in fields, consent) is read again from
the touchpoints as they were accepted. All of it is harmless as often as it runs, so what was broken off is begun anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from deploy.attribution_restate import MOST_ROUNDS, revisit_of
from deploy.delivery import Told, deliver_many, untold
from producers.publisher import Publisher
from producers.records import Record, milliseconds
from schemas.base import derived_id
from schemas.catalogue import Catalogue
from schemas.catalogue_change import CatalogueChange, Difference, Need, compare
from schemas.catalogue_digest import digest_of
from schemas.topics import RESOLVED
from sinks.catalogue import catalogue_in_force, load_catalogue, put_in_force
from sinks.client import Store
from sinks.rates import land_rates
from sinks.sql import query

#: These sections decide about conversions only: a profile without one has nothing to say anew.
_OF_CONVERSIONS = ("attribution", "currencies")
_UNREADABLE = Difference(
    "catalogue", "another version of Touchpath has written the catalogue in force: all is read again", "reread"
)
_EVERYTHING = Difference("everything", "as demanded, every touchpoint is read again", "reread")


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes until all follows a catalogue. `since`: when the one in force was applied; None: there is none.

    How many `profiles` and `touchpoints` that concerns is as of the plan; more may come until it is applied.
    """

    catalogue: Catalogue
    change: CatalogueChange
    since: datetime | None
    profiles: int
    touchpoints: int

    @property
    def needs(self) -> Need:
        """The most that one of the differences needs."""
        return self.change.needs

    @property
    def only_conversions(self) -> bool:
        """Have only profiles with conversions something to say anew?"""
        return _only_conversions(self.change)


@dataclass(frozen=True, slots=True)
class Applied:
    """How many profiles looked again, how many touchpoints were sent to be read again, and what the books say then.

    `violations` are conversions and models whose ledger is not whole: then some worker has another catalogue.
    """

    profiles: int
    touchpoints: int
    violations: int
    seconds: float


def change_to(store: Store, catalogue: Catalogue) -> tuple[CatalogueChange, datetime | None]:
    """Say what differs between the catalogue in force and this one, and since when that one is; None: there is none.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such table.
    """
    known = catalogue_in_force(store)
    if known is None:
        return CatalogueChange(()), None
    if known.catalogue is None:
        same = known.digest == digest_of(catalogue).hex()
        return CatalogueChange(()) if same else CatalogueChange((_UNREADABLE,), None), known.since
    rates_differ = known.rates != catalogue.currencies.table.digest
    return compare(known.catalogue, catalogue, rates_differ=rates_differ), known.since


def plan(store: Store, catalogue: Catalogue, *, everything: bool = False) -> Plan:
    """Say what it takes until all that was said follows a catalogue.

    `everything`: whatever differs, as workers may have gone by a catalogue that was never applied.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such tables.
    """
    change, since = change_to(store, catalogue)
    if everything:
        change = CatalogueChange((*change.differences, _EVERYTHING), None)
    if change.needs == "nothing":
        return Plan(catalogue, change, since, 0, 0)
    parameters = {"only_conversions": _only_conversions(change), **_which(change)}
    profiles, touchpoints = store.rows(query("catalogue_profiles_size", store.database), parameters)[0]
    return Plan(catalogue, change, since, profiles, touchpoints)


def take_over(store: Store, catalogue: Catalogue, now: datetime) -> bool:
    """Put a catalogue in force if nothing that was said depends on it; give whether it is in force.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such tables.
    """
    change, since = change_to(store, catalogue)
    if change.needs != "nothing":
        return False
    if since is None or change.differences:
        put_in_force(store, catalogue, now)
    else:
        land_rates(store, catalogue)
    return True


def apply(
    store: Store,
    publisher: Publisher,
    settle: Callable[[], None],
    clock: Callable[[], datetime],
    found: Plan,
    told: Told = untold,
) -> Applied:
    """Let all that was said follow the catalogue of a plan, wait until it can be queried, and put it in force.

    `settle` waits until workers have read all that was written, and ClickHouse has what they made of it. What moves
    between profiles meanwhile is sent after them.

    Raises:
        PublishFailed: Kafka does not acknowledge what is sent.
        StoreError: ClickHouse cannot be reached, or has no such tables.
        Whatever `settle` raises.
    """
    began, since = time.monotonic(), clock()
    load_catalogue(store, found.catalogue)
    profiles = touchpoints = violations = 0
    if found.needs != "nothing":
        # What lands meanwhile needs no other plan: who is asked and what is read again is looked up now. The plan's
        # sizes may be too small by then, and only tell how far it is.
        settle()
        evidence = derived_id("catalogue", digest_of(found.catalogue).hex())
        asked = (
            revisit_of(profile, "catalogue", evidence, since, clock())
            for (profile,) in _rows(store, "catalogue_profiles", {"only_conversions": found.only_conversions})
        )
        profiles = deliver_many(publisher, asked, found.profiles, told, "profiles")
        touchpoints = _read_again(store, publisher, settle, clock, found, told)
        violations = int(store.rows(query("catalogue_violations", store.database))[0][0])
    if found.since is None or found.change.differences:
        put_in_force(store, found.catalogue, since)
    return Applied(profiles, touchpoints, violations, time.monotonic() - began)


def _read_again(
    store: Store,
    publisher: Publisher,
    settle: Callable[[], None],
    clock: Callable[[], datetime],
    found: Plan,
    told: Told,
) -> int:
    """Send touchpoints that must be read again to whose they are, until none has moved meanwhile; and settle."""
    which = _which(found.change)
    if not which["every"] and not which["names"]:
        settle()
        return 0
    sent, only_moved = 0, False
    places: list[tuple[int, int]] = []
    for _ in range(MOST_ROUNDS):
        parameters = {
            **which,
            "only_moved": only_moved,
            "partitions": [partition for partition, _ in places],
            "places": [place for _, place in places],
        }
        places = [(int(row[0]), int(row[1])) for row in store.rows(query("catalogue_placed", store.database))]
        again = (
            _reread_of(profile, value, clock()) for profile, value in _rows(store, "catalogue_rereads", parameters)
        )
        count = deliver_many(publisher, again, 0 if only_moved else found.touchpoints, told, "touchpoints")
        settle()
        if only_moved and not count:
            break
        sent, only_moved = sent + count, True
    return sent


def _reread_of(profile: UUID, value: str | bytes, now: datetime) -> Record:
    """Give the record that lets a profile read a touchpoint again: the JSON that was accepted, byte by byte."""
    body = value.encode() if isinstance(value, str) else value
    record = b'{"profile_id":"%s","reread":true,"touchpoint":%s}' % (str(profile).encode(), body)
    return Record(RESOLVED.name, str(profile).encode(), record, milliseconds(now))


def _rows(store: Store, name: str, parameters: dict[str, Any]) -> Iterator[Sequence[Any]]:
    for block in store.stream(query(name, store.database), parameters):
        yield from block


def _which(change: CatalogueChange) -> dict[str, Any]:
    return {"every": change.reread is None, "names": sorted(change.reread or ())}


def _only_conversions(change: CatalogueChange) -> bool:
    needing = [each.place.partition(".")[0] for each in change.differences if each.needs != "nothing"]
    return all(section in _OF_CONVERSIONS for section in needing)
