"""What must be shown in the end, calculated plainly from the accepted touchpoints and decisions alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from schemas import topics
from schemas.base import derived_id
from schemas.catalogue import Catalogue, IdentitySettings
from schemas.identifier import order_key
from schemas.identity import Command, IdentityMessage
from schemas.touchpoint import Touchpoint
from sinks.client import Store
from streams.core.loopback import Loopback, LoopRecord
from tests.e2e.kill_rig_scratch import written
from tests.properties.folding import end_state
from tests.properties.identity_reference import IdentityResult, resolve_all
from tests.properties.identity_running import profiles
from tests.properties.reference import calculate

Journey = tuple[str, str, int, int]  # opening event, status, touchpoints, conversions
Line = tuple[str, str, str | None]  # conversion, model, touchpoint


@dataclass
class Shown:
    """Profiles by event, journeys by id, conversions with net value and path, credit and value of ledger lines."""

    profiles: dict[str, str | None] = field(default_factory=dict)
    journeys: dict[str, Journey] = field(default_factory=dict)
    conversions: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    ledger: dict[Line, tuple[Decimal, int]] = field(default_factory=dict)


def touchpoints_in(collected: Iterable[LoopRecord], leave_out: Collection[bytes] = ()) -> dict[str, Touchpoint]:
    """Give what the door accepted, by event id; of an event that came twice the first."""
    found: dict[str, Touchpoint] = {}
    for record in collected:
        if record.value is not None and record.value not in leave_out:
            touchpoint = Touchpoint.model_validate_json(record.value)
            found.setdefault(str(touchpoint.event_id), touchpoint)
    return found


def commands_in(identity: Iterable[LoopRecord]) -> list[Command]:
    """Give what people decided."""
    said = [IdentityMessage.model_validate_json(record.value or b"").message for record in identity]
    return [message for message in said if isinstance(message, Command)]


def whose(
    accepted: Iterable[Touchpoint], commands: Sequence[Command], settings: IdentitySettings
) -> list[IdentityResult]:
    """Resolve each set of identifiers that have to do with each other by itself, as the reference takes its time."""
    first: dict[str, str] = {}

    def leader(key: str) -> str:
        while (above := first.setdefault(key, key)) != key:
            first[key] = key = first.setdefault(above, above)
        return key

    def meet(keys: Sequence[str]) -> str:
        for key in keys[1:]:
            first[leader(key)] = leader(keys[0])
        return keys[0] if keys else ""

    def keys_of(event: Touchpoint) -> list[str]:
        """Its identifiers and its order, which says whose what goes back without a name is."""
        return [*(i.key for i in event.identifiers), *([order] if (order := order_key(event.order_id)) else [])]

    named = [(meet(keys_of(event)), event) for event in accepted]
    decided = [(meet([key for key in (one.to, one.other) if key is not None]), one) for one in commands]
    parts: dict[str, tuple[list[Touchpoint], list[Command]]] = defaultdict(lambda: ([], []))
    for key, event in named:
        parts[leader(key)][0].append(event)
    for key, command in decided:
        parts[leader(key)][1].append(command)
    return [resolve_all(*part, settings) for part in parts.values()]


def expected(accepted: dict[str, Touchpoint], commands: Sequence[Command], catalogue: Catalogue) -> Shown:
    """Calculate each profile's life from scratch."""
    shown = Shown()
    lives: dict[str, list[Touchpoint]] = defaultdict(list)
    for result in whose(accepted.values(), commands, catalogue.identity):
        for event_id, profile in result.profiles.items():
            shown.profiles[str(event_id)] = None if profile is None else str(profile)
            if profile is not None:
                lives[str(profile)].append(accepted[str(event_id)])
    for profile_id, life in lives.items():
        calculated = calculate(life, catalogue)
        for journey in calculated.journeys:
            shown.journeys[str(derived_id("journey", profile_id, journey.opening))] = (
                journey.opening,
                "converted" if journey.closing else "idle" if journey.idle else "open",
                len(journey.events),
                sum(str(event.event_id) in calculated.conversions for event in journey.events),
            )
        for conversion in calculated.conversions:
            shown.conversions[conversion] = (calculated.net[conversion], calculated.paths[conversion])
        shown.ledger |= calculated.credits
    return shown


def shown_by(store: Store) -> Shown:
    """Read the public views."""
    whose_event = "SELECT toString(event_id), toString(profile_id) FROM touchpoints"
    journeys = "SELECT toString(journey_id), toString(opening_event), status, touchpoints, conversions FROM journeys"
    conversions = (
        "SELECT toString(conversion_id), net_minor, arrayMap(x -> toString(x), path.touchpoint_id) FROM conversions"
    )
    ledger = (
        "SELECT toString(conversion_id), model, toString(touchpoint_id), sum(credit) AS c, sum(value_minor) AS v "
        "FROM credits GROUP BY conversion_id, model, touchpoint_id HAVING c != 0 OR v != 0"
    )
    return Shown(
        {row[0]: row[1] for row in store.table(whose_event)[1]},
        {row[0]: (row[1], row[2], row[3], row[4]) for row in store.table(journeys)[1]},
        {row[0]: (row[1], list(row[2])) for row in store.table(conversions)[1]},
        {(row[0], row[1], row[2]): (row[3], row[4]) for row in store.table(ledger)[1]},
    )


def shown_in(held: Loopback) -> Shown:
    """Read what Kafka holds as the views do: the last that was said of a thing, and the sums of the ledger."""
    names = [topic.name for topic in (topics.JOURNEYS, topics.CONVERSIONS, topics.CREDITS)]
    state = end_state(written(held, *names))
    return Shown(
        {str(event): None if profile is None else str(profile) for event, profile in profiles(held).items()},
        {
            journey_id: (one["opening_event"], one["status"], one["touchpoints"], one["conversions"])
            for journey_id, one in state.journeys.items()
        },
        {
            conversion_id: (one["net_minor"], [touch["touchpoint_id"] for touch in one["path"]])
            for conversion_id, one in state.conversions.items()
        },
        state.credits,
    )
