"""What ClickHouse must show in the end, calculated plainly from the accepted touchpoints alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal

from schemas.base import derived_id
from schemas.catalogue import Catalogue
from schemas.touchpoint import Touchpoint, profile_of
from sinks.client import Store
from tests.e2e.kill_rig_scratch import Partitions
from tests.properties.reference import calculate

Journey = tuple[str, str, int, int]  # opening event, status, touchpoints, conversions
Line = tuple[str, str, str | None]  # conversion, model, touchpoint


@dataclass
class Shown:
    """Journeys by id, conversions with net value and path, credit and value of each line of the ledger."""

    journeys: dict[str, Journey] = field(default_factory=dict)
    conversions: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    ledger: dict[Line, tuple[Decimal, int]] = field(default_factory=dict)


def touchpoints_in(collected: Partitions, leave_out: Collection[bytes]) -> dict[str, Touchpoint]:
    """Give what the door accepted, by event id; of an event that came twice the first."""
    found: dict[str, Touchpoint] = {}
    for records in collected.values():
        for record in (one for one in records if one.value not in leave_out):
            touchpoint = Touchpoint.model_validate_json(record.value)
            found.setdefault(str(touchpoint.event_id), touchpoint)
    return found


def expected(accepted: dict[str, Touchpoint], catalogue: Catalogue) -> Shown:
    """Calculate each profile's life from scratch."""
    lives: dict[str, list[Touchpoint]] = defaultdict(list)
    for touchpoint in accepted.values():
        if (profile := profile_of(touchpoint)) is not None:
            lives[str(profile)].append(touchpoint)
    shown = Shown()
    for profile_id, life in lives.items():
        result = calculate(life, catalogue)
        for journey in result.journeys:
            shown.journeys[str(derived_id("journey", profile_id, journey.opening))] = (
                journey.opening,
                "converted" if journey.closing else "idle" if journey.idle else "open",
                len(journey.events),
                sum(str(event.event_id) in result.conversions for event in journey.events),
            )
        for conversion in result.conversions:
            shown.conversions[conversion] = (result.net[conversion], result.paths[conversion])
        shown.ledger |= result.credits
    return shown


def shown_by(store: Store) -> Shown:
    """Read the public views."""
    journeys = "SELECT toString(journey_id), toString(opening_event), status, touchpoints, conversions FROM journeys"
    conversions = (
        "SELECT toString(conversion_id), net_minor, arrayMap(x -> toString(x), path.touchpoint_id) FROM conversions"
    )
    ledger = (
        "SELECT toString(conversion_id), model, toString(touchpoint_id), sum(credit) AS c, sum(value_minor) AS v "
        "FROM credits GROUP BY conversion_id, model, touchpoint_id HAVING c != 0 OR v != 0"
    )
    return Shown(
        {row[0]: (row[1], row[2], row[3], row[4]) for row in store.table(journeys)[1]},
        {row[0]: (row[1], list(row[2])) for row in store.table(conversions)[1]},
        {(row[0], row[1], row[2]): (row[3], row[4]) for row in store.table(ledger)[1]},
    )
