"""Histories through the real stages, over several partitions, in any interleaving; and what they come to."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from schemas import topics
from schemas.catalogue import Catalogue, load
from schemas.identity import Command, IdentityMessage
from schemas.policy import POLICIES, Policy
from schemas.profile import ProfileChange
from schemas.resolved import Resolved
from schemas.touchpoint import Touchpoint
from streams.core.clock import moment
from streams.core.fold import FoldStage
from streams.core.identity.node import Node, decode_node
from streams.core.ids import derived
from streams.core.loopback import Choose, Loopback, Waiting
from streams.core.resolve import ResolveStage
from streams.core.stage import Output, Stage
from tests.properties.folding import EndState, end_state
from tests.properties.identity_histories import History
from tests.properties.identity_reference import RefRoute
from tests.properties.reference import calculate
from tests.properties.storing import kept, profiles_in

DEFAULT = load()
TOO_MANY_STEPS = 50_000


def catalogue_of(history: History) -> Catalogue:
    return DEFAULT.model_copy(update={"identity": history.settings})


# --- the run


def choose_by(seed: int) -> Choose:
    """Give one of many ways to interleave: fair, or somebody starves; in small batches, or large ones, or both.

    Drawn from a seed, not by hypothesis: a run asks hundreds of times.
    """
    chance = random.Random(seed)
    sizes = chance.choice([(1,), (1, 2, 3), (1000,), (1, 5, 1000)])
    topic = chance.choice([None, topics.COLLECTED.name, topics.IDENTITY.name, topics.RESOLVED.name])
    partition = chance.choice([None, None, 0, 1])
    first = chance.random() < 0.3  # some go first, others last

    def choose(waiting: Sequence[Waiting]) -> tuple[int, int]:
        named = {n for n, one in enumerate(waiting) if one.topic == topic or one.partition == partition}
        others = set(range(len(waiting))) - named
        index = chance.choice(sorted((named or others) if first else (others or named)))
        return index, chance.choice(sizes)

    return choose


def run(
    history: History, partitions: int, choose: Choose, *, fold: bool = True, catalogue: Catalogue | None = None
) -> Loopback:
    """Let the stages work on a history until nothing is under way; without a catalogue, by the default one."""
    catalogue = catalogue or catalogue_of(history)
    stages: list[Stage] = [ResolveStage(catalogue)]
    if fold:
        stages.append(FoldStage(catalogue))
    steps = 0

    def chosen(waiting: Sequence[Waiting]) -> tuple[int, int]:
        nonlocal steps
        steps += 1
        assert steps < TOO_MANY_STEPS, "it does not come to an end"
        return choose(waiting)

    loop = Loopback(stages, partitions, chosen)
    for number, arrival in enumerate(history.arrivals):
        loop.put(incoming(arrival, 1_790_000_000_000 + number))
    loop.run()
    assert not loop.records(topics.QUARANTINE.name)
    return loop


def incoming(arrival: Touchpoint | Command, timestamp: int) -> Output:
    """Write it as the doors do."""
    if isinstance(arrival, Command):
        value = IdentityMessage(message=arrival).model_dump_json().encode()
        return Output(topics.IDENTITY.name, arrival.to.encode(), value, timestamp)
    value = arrival.model_dump_json(exclude_none=True).encode()
    return Output(topics.COLLECTED.name, arrival.key.encode(), value, timestamp)


# --- what the nodes hold


def nodes(loop: Loopback) -> dict[str, Node]:
    """The nodes of all partitions."""
    tables = [table for (stage, _), table in loop.states.items() if stage == "resolve"]
    return {key.decode(): decode_node(value) for table in tables for key, value in table.items()}


def labels(loop: Loopback) -> dict[str, tuple[str, ...]]:
    """By which way each identifier belongs to whom names its profile, as its node tells its neighbours."""
    return {
        key: (key,) if node.told is None else (node.told.named, *node.told.way) for key, node in nodes(loop).items()
    }


def plans(loop: Loopback) -> dict[tuple[str, Policy], list[RefRoute]]:
    """Who names the profile of each identifier's events, as its node sees it."""
    return {
        (key, POLICIES[policy]): [RefRoute(None if at is None else moment(at), named) for at, named in plan.homes]
        for key, node in nodes(loop).items()
        for policy, plan in node.plans.items()
    }


# --- what readers see


def profiles(loop: Loopback) -> dict[UUID, UUID | None]:
    """The profile of every event by `touchpath.resolved`: the highest version counts."""
    found: dict[UUID, tuple[int, UUID | None]] = {}
    for record in loop.records(topics.RESOLVED.name):
        resolved = Resolved.model_validate_json(record.value or b"")
        ids, version = [], resolved.version
        if resolved.touchpoint is not None:
            ids = [resolved.touchpoint.event_id]
        elif resolved.arrival is not None:
            ids, version = [touch.event_id for touch in resolved.arrival.touches], resolved.arrival.version
        for event_id in ids:
            known = found.get(event_id)
            if known is None or known[0] < version:
                found[event_id] = version, resolved.profile_id
            elif known[0] == version:
                assert known[1] == resolved.profile_id, f"{event_id} is in two profiles by version {version}"
    return {event_id: profile for event_id, (_, profile) in found.items()}


def holders(loop: Loopback, catalogue: Catalogue) -> dict[UUID, list[str]]:
    """The profiles that hold each event in the fold's state; it ought to be one."""
    found: dict[UUID, list[str]] = defaultdict(list)
    tables = [table for (stage, _), table in loop.states.items() if stage == "fold"]
    for table in tables:
        for profile in profiles_in(table):
            for touch in kept(table, profile, catalogue):
                found[UUID(bytes=touch.id)].append(profile)
    return found


def end_of(loop: Loopback) -> EndState:
    """Journeys, conversions and sums of the ledger, as readers see them at the end.

    Of two records with one id and the highest revision readers keep any, so it must not matter which.
    """
    records = [
        record for topic in (topics.JOURNEYS, topics.CONVERSIONS, topics.CREDITS) for record in loop.records(topic.name)
    ]
    versions: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        if record.topic != topics.CREDITS.name:
            said = json.loads(record.value or b"")
            del said["recorded_at"]
            name = "journey_id" if record.topic == topics.JOURNEYS.name else "conversion_id"
            versions[record.topic, said[name]].append(said)
    for place, each in versions.items():
        highest = max(said["revision"] for said in each)
        last = [said for said in each if said["revision"] == highest]
        assert all(said == last[0] or (said["withdrawn"] and last[0]["withdrawn"]) for said in last), place
    return end_state([Output(r.topic, r.key or b"", r.value or b"", r.timestamp) for r in records])


def logged(loop: Loopback) -> dict[tuple[str, Policy], list[ProfileChange]]:
    """The rows of the log of profiles by identifier and policy, without those that tell of a guard."""
    found: dict[tuple[str, Policy], list[ProfileChange]] = defaultdict(list)
    for record in loop.records(topics.PROFILES.name):
        row = ProfileChange.model_validate_json(record.value or b"")
        if row.change != "stopped":
            found[row.identifier, row.policy].append(row)
    return found


def newest(rows: Sequence[ProfileChange], at: datetime) -> ProfileChange | None:
    """The row that says where events of that time belong; None: none does. Two of one version must not speak of it."""
    speaking = [row for row in rows if (row.since is None or row.since <= at) and (row.until is None or at < row.until)]
    last = max((row.version for row in speaking), default=0)
    found = [row for row in speaking if row.version == last]
    assert len(found) <= 1, f"{found} speak of {at}"
    return found[0] if found else None


def assert_as_from_scratch(state: EndState, lives: Mapping[str, list[Touchpoint]], catalogue: Catalogue) -> None:
    """Hold an end state to what `reference.calculate` makes of each profile's events."""
    conversions = dict(state.conversions)
    journeys: set[str] = set()
    ledger: dict[tuple[str, str, str | None], tuple[Decimal, int]] = {}
    for profile, events in lives.items():
        expected = calculate(events, catalogue)
        for journey in expected.journeys:
            journey_id = derived("journey", profile, journey.opening)
            journeys.add(journey_id)
            snapshot = state.journeys[journey_id]
            assert snapshot["touchpoints"] == len(journey.events)
            assert snapshot["closing_conversion"] == journey.closing
            assert snapshot["status"] == ("converted" if journey.closing else "idle" if journey.idle else "open")
            assert snapshot["visits"] == sum(str(e.event_id) in expected.openers for e in journey.events)
            assert snapshot["conversions"] == sum(str(e.event_id) in expected.conversions for e in journey.events)
            assert snapshot["channels"] == list(dict.fromkeys(e.channel for e in journey.events))
        for conversion, journey in expected.conversions.items():
            record = conversions.pop(conversion)
            assert record["profile_id"] == profile
            assert record["journey_id"] == derived("journey", profile, journey.opening)
            assert [step["touchpoint_id"] for step in record["path"]] == expected.paths[conversion]
            assert (record["gross_minor"], record["net_minor"]) == (
                expected.gross[conversion],
                expected.net[conversion],
            )
            assert record.get("verified", True) is expected.verified[conversion]
        ledger |= expected.credits
    assert set(state.journeys) == journeys
    assert not conversions
    assert state.credits == ledger


def plain(routes: Sequence[RefRoute]) -> list[RefRoute]:
    """Leave out what says the same again: a later one at the same time counts, one that changes nothing does not."""
    found: list[RefRoute] = []
    for route in routes:
        if found and found[-1].since == route.since:
            found.pop()
        if not found or found[-1].named != route.named:
            found.append(route)
    return found
