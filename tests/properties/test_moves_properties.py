"""The laws of moves: whatever the plans, the interleaving and the partitions, the end is that of the final profiles."""

import json
import random
from collections import defaultdict
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.base import profile_id
from schemas.catalogue import Catalogue, load
from schemas.policy import Policy
from schemas.touchpoint import Touchpoint
from streams.core import touch_log
from streams.core.ids import derived
from streams.core.stage import Output
from tests.properties.folding import TIMES, end_state, touchpoints
from tests.properties.moving import Plan, Step, Tell, World, homes, play
from tests.properties.reference import calculate
from tests.properties.storing import bounded, kept, live_keys, profiles_in
from tests.properties.test_horizon_properties import assert_ledger_is_whole

DEFAULT = load()
STOPPING = DEFAULT.model_copy(
    update={"attribution": DEFAULT.attribution.model_copy(update={"stop_at_conversion": True, "max_path": 3})}
)
CATALOGUES = {"default": DEFAULT, "stopping": STOPPING}
OWNERS = ("customer:ada", "customer:bo", "anonymous:a1", "email:ada@example.org")
HOMES = tuple(profile_id(owner) for owner in OWNERS)
#: A story of several owners is long to draw where the machine has much else to do; that is no fault of the fold's.
CHECKS = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
POLICIES: tuple[Policy, ...] = ("last_known", "last_known", "device_only")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    borders = tuple(sorted(draw(st.sets(TIMES, max_size=2)))) if draw(st.booleans()) else ()
    return Plan(
        tuple(draw(st.sampled_from(HOMES)) for _ in range(len(borders) + 1)),
        borders,
        draw(st.sampled_from(POLICIES)),
        draw(st.sampled_from(("merge", "unmerge"))),
        draw(st.booleans()),
    )


@st.composite
def stories(draw: st.DrawFn, steps_of: str = "eeeeeppar", most: int = 12) -> dict[str, list[Step]]:
    """What becomes of some owners: events, some of them sent again, and plans in between."""
    scripts: dict[str, list[Step]] = {}
    number = draw(st.integers(1, 1000))
    for owner in OWNERS[: draw(st.integers(1, len(OWNERS)))]:
        steps: list[Step] = []
        told: list[Tell] = []
        for kind in draw(st.lists(st.sampled_from(steps_of), max_size=most)):
            if kind == "p":
                steps.append(draw(plans()))
            elif kind == "r" and told:  # a copy races to the new home with the arrival that brings the first one
                home = draw(st.sampled_from(HOMES))
                steps += [told[-1], Plan((home,), policy=told[-1].policy), told[-1]]
            elif kind == "e" or not told:
                number = number * 7919 % 1_000_003  # ids in no order
                event = draw(touchpoints()).model_copy(update={"event_id": UUID(int=number)})
                told.append(Tell(event, draw(st.sampled_from(POLICIES))))
                steps.append(told[-1])
            else:
                steps.append(draw(st.sampled_from(told)))
        scripts[owner] = steps
    return scripts


def assert_as_from_scratch(world: World, expected_homes: dict[str, list[Touchpoint]], catalogue: Catalogue) -> None:
    """Journeys, conversions and ledger are those of a calculation over the events that each profile has in the end."""
    state = end_state(world.outputs)
    journeys: set[str] = set()
    shares: dict[tuple[str, str, str | None], tuple[Decimal, int]] = {}
    for profile, history in expected_homes.items():
        expected = calculate(history, catalogue)
        for journey in expected.journeys:
            journey_id = derived("journey", profile, journey.opening)
            journeys.add(journey_id)
            snapshot = state.journeys[journey_id]
            assert snapshot["profile_id"] == profile
            assert snapshot["touchpoints"] == len(journey.events)
            assert snapshot["closing_conversion"] == journey.closing
            status = "converted" if journey.closing else "idle" if journey.idle else "open"
            assert snapshot["status"] == status
            assert snapshot["visits"] == sum(str(e.event_id) in expected.openers for e in journey.events)
            assert snapshot["conversions"] == sum(str(e.event_id) in expected.conversions for e in journey.events)
            assert snapshot["channels"] == list(dict.fromkeys(e.channel for e in journey.events))
        for conversion, journey in expected.conversions.items():
            record = state.conversions.pop(conversion)
            assert record["profile_id"] == profile
            assert record["journey_id"] == derived("journey", profile, journey.opening)
            assert [step["touchpoint_id"] for step in record["path"]] == expected.paths[conversion]
            assert record["net_minor"] == expected.net[conversion]
            assert record.get("verified", True) is expected.verified[conversion]
        shares |= expected.credits
    assert set(state.journeys) == journeys
    assert not state.conversions
    assert state.credits == shares
    assert_one_says_the_last_word(world.outputs)


def assert_one_says_the_last_word(outputs: list[Output]) -> None:
    """No two profiles say something of one conversion under the same, highest revision; but both may withdraw it."""
    said: dict[str, list[tuple[int, str | None]]] = defaultdict(list)
    for output in outputs:
        if output.topic == "touchpath.conversions":
            record = json.loads(output.value)
            profile = None if record["withdrawn"] else record["profile_id"]
            said[record["conversion_id"]].append((record["revision"], profile))
    for conversion, revisions in said.items():
        highest = max(revision for revision, _ in revisions)
        assert len({profile for revision, profile in revisions if revision == highest}) == 1, conversion


def assert_all_are_at_home(world: World, expected_homes: dict[str, list[Touchpoint]], catalogue: Catalogue) -> None:
    found: dict[str, set[UUID]] = {}
    for store in world.stores:
        assert set(store) == live_keys(store)
        for profile in profiles_in(store):
            if touches := kept(store, profile, catalogue):
                assert [t.key for t in touches] == sorted({t.key for t in touches})
                found[profile] = {UUID(bytes=touch.id) for touch in touches}
    assert found == {profile: {e.event_id for e in events} for profile, events in expected_homes.items()}


@pytest.fixture(params=["short chunks", "long chunks"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short chunks make a history of a few events as rich in chunks as a life of hundreds."""
    if request.param == "short chunks":
        monkeypatch.setattr(touch_log, "TAIL", 4)
        monkeypatch.setattr(touch_log, "SEALED", 2)


@pytest.mark.usefixtures("chunks")
@given(st.sampled_from([1, 2, 7]), stories(), st.randoms(use_true_random=False), st.sampled_from(sorted(CATALOGUES)))
@settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
def test_the_end_is_that_of_the_final_profiles(
    partitions: int, scripts: dict[str, list[Step]], chance: random.Random, name: str
) -> None:
    catalogue = CATALOGUES[name]
    world, nodes = play(scripts, partitions, catalogue, chance)
    expected = homes(scripts, nodes)
    assert_all_are_at_home(world, expected, catalogue)
    assert_as_from_scratch(world, expected, catalogue)


FEW = bounded(DEFAULT, 10)


@pytest.mark.usefixtures("chunks")
@given(st.sampled_from([1, 2]), stories("eeeeeeepp", 30), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
def test_where_profiles_are_full_the_ledger_stays_whole_and_nothing_is_in_two_profiles(
    partitions: int, scripts: dict[str, list[Step]], chance: random.Random
) -> None:
    """Nothing is sent twice here: see the copy of a sealed conversion in `tests/unit/core/test_moves.py`."""
    world, _ = play(scripts, partitions, FEW, chance)
    assert_ledger_is_whole(world.outputs, "moved")
    held: list[bytes] = []
    for store in world.stores:
        for profile in profiles_in(store):
            touches = kept(store, profile, FEW)
            assert len(touches) <= FEW.journey.max_touchpoints
            held += [touch.id for touch in touches]
    assert len(held) == len(set(held))


@given(stories(), st.randoms(use_true_random=False), st.lists(st.integers(1, 9), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
def test_batch_borders_change_no_byte_of_what_is_written(
    scripts: dict[str, list[Step]], chance: random.Random, sizes: list[int]
) -> None:
    world, _ = play(scripts, 1, DEFAULT, chance)
    again = World(1, DEFAULT)
    again.logs[0] = list(world.logs[0])
    for number in range(len(world.logs[0])):
        if again.read[0] < len(world.logs[0]):
            again.batch(0, min(sizes[number % len(sizes)], len(world.logs[0]) - again.read[0]))
    assert again.outputs == world.outputs
    assert again.logs[0][len(world.logs[0]) :] == [o for o in world.logs[0] if b'"arrival":' in o.value]
    assert lives(again) == lives(world)


def lives(world: World) -> dict[str, list[bytes]]:
    """The events of each profile."""
    (store,) = world.stores
    return {profile: [t.id for t in kept(store, profile, DEFAULT)] for profile in profiles_in(store)}
