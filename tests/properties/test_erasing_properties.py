"""The laws of erasure: nobody has what a life had come to, the rest is as if it had not been, no total changes."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import topics
from schemas.catalogue import Catalogue
from schemas.erasure import NOBODY, Erasure
from schemas.resolved import Resolved
from schemas.touchpoint import Touchpoint
from streams.core import touch_log
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback, Waiting
from streams.core.resolve import ResolveStage
from streams.core.stage import Output, Stage
from tests.properties.catalogues import CATALOGUES, DEFAULT
from tests.properties.erasing import Demand, Step, from_scratch, run, seen, stories, totals
from tests.properties.folding import ARRIVAL, EndState, end_state
from tests.properties.identity_histories import History, drawn
from tests.properties.identity_reference import resolve_all
from tests.properties.identity_running import (
    TOO_MANY_STEPS,
    assert_as_from_scratch,
    catalogue_of,
    choose_by,
    end_of,
    holders,
    incoming,
)
from tests.properties.storing import bounded, profiles_in
from tests.properties.test_identity_properties import hold, sent_once
from tests.properties.test_ledger_of_everything import rich

NAMES = st.sampled_from(sorted(CATALOGUES))
BORDERS = st.lists(st.integers(0, 100), max_size=6)
SEEDS = st.integers(0, 2**40)


@pytest.fixture(params=["short chunks", "long chunks"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short chunks make a history of a few events as rich in chunks as a life of hundreds."""
    if request.param == "short chunks":
        monkeypatch.setattr(touch_log, "TAIL", 5)
        monkeypatch.setattr(touch_log, "SEALED", 3)


@pytest.mark.usefixtures("chunks")
@given(stories(), BORDERS, NAMES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_said_of_nobody_stays_and_the_rest_is_as_if_the_events_before_had_never_been(
    steps: list[Step], borders: list[int], name: str
) -> None:
    outputs, _ = run(steps, borders, CATALOGUES[name])
    assert seen(end_state(outputs)) == from_scratch(steps, CATALOGUES[name])


@given(stories(), NAMES)
@settings(max_examples=50, deadline=None)
def test_no_total_changes_by_an_erasure(steps: list[Step], name: str) -> None:
    for place, step in enumerate(steps):
        if isinstance(step, Demand):
            before, _ = run(steps[:place], [], CATALOGUES[name])
            after, _ = run(steps[: place + 1], [], CATALOGUES[name])
            assert totals(end_state(after), after) == totals(end_state(before), before)


@given(stories(), BORDERS, BORDERS)
@settings(max_examples=50, deadline=None)
def test_batch_borders_change_no_byte_of_what_is_said_and_kept(
    steps: list[Step], borders: list[int], others: list[int]
) -> None:
    assert run(steps, borders, DEFAULT) == run(steps, others, DEFAULT)


def test_where_lives_outgrow_their_bound_the_books_stay_whole_and_no_total_changes() -> None:
    """Nothing is sent twice here: see `MovingProfile.erase` for what was dropped and comes again after an erasure."""
    nobodys = left = 0
    for seed in range(25):
        chance = random.Random(seed)
        catalogue = bounded(CATALOGUES["everything"], 10)
        steps: list[Step] = [rich(number, chance) for number in range(chance.randrange(12, 40))]
        chance.shuffle(steps)
        for place in sorted(chance.sample(range(5, len(steps) + 1), 2), reverse=True):
            steps.insert(place, Demand(UUID(int=chance.getrandbits(128), version=4)))
        for place, step in enumerate(steps):
            if isinstance(step, Demand):
                before, _ = run(steps[:place], [], catalogue)
                after, _ = run(steps[: place + 1], [], catalogue)
                assert totals(end_state(after), after) == totals(end_state(before), before), f"seed {seed}"
        outputs, _ = run(steps, [chance.randrange(100) for _ in range(4)], catalogue)
        state = end_state(outputs)
        assert_books_are_whole(state, catalogue)
        nobodys += sum(one["profile_id"] == str(NOBODY) for one in state.conversions.values())
        left += sum(one["profile_id"] != str(NOBODY) for one in state.conversions.values())
    assert nobodys > 100
    assert left > 50


def assert_books_are_whole(state: EndState, catalogue: Catalogue) -> None:
    """Of each conversion and model, credit is 1 and value is net; of what was withdrawn nothing is left."""
    sums: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, 0])
    for (conversion, model, _), (credit, value) in state.credits.items():
        sums[conversion, model][0] += credit
        sums[conversion, model][1] += value
    assert sums == {
        (conversion, model): [1, record["net_minor"]]
        for conversion, record in state.conversions.items()
        for model in catalogue.attribution.models
    }


# --- through the real stages, over partitions, with merges and partings in between


class Erasing:
    """A run of a history in which profiles are erased while the stages work."""

    def __init__(self, history: History, partitions: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.catalogue = catalogue_of(history)
        self._choose, self._steps = choose_by(seed), 0
        self.share = self.chance.choice([0.01, 0.05, 0.2])
        stages: list[Stage] = [ResolveStage(self.catalogue), FoldStage(self.catalogue)]
        self.loop = Loopback(stages, partitions, self._chosen)
        for number, arrival in enumerate(history.arrivals):
            self.loop.put(incoming(arrival, 1_790_000_000_000 + number))
        self.loop.run()

    def _chosen(self, waiting: Sequence[Waiting]) -> tuple[int, int]:
        self._steps += 1
        assert self._steps < TOO_MANY_STEPS, "it does not come to an end"
        if self.chance.random() < self.share and (there := self.profiles()):
            self.erase(self.chance.choice(there))
        return self._choose(waiting)

    def profiles(self) -> list[str]:
        """Those that the fold knows."""
        tables = [table for (stage, _), table in sorted(self.loop.states.items()) if stage == "fold"]
        return sorted(profile for table in tables for profile in profiles_in(table))

    def erase(self, profile: str) -> None:
        erasure = Erasure(evidence=UUID(int=self.chance.getrandbits(128), version=4), recorded_at=ARRIVAL)
        value = Resolved(profile_id=UUID(profile), erasure=erasure).model_dump_json().encode()
        self.loop.put(Output(topics.RESOLVED.name, profile.encode(), value, 1_795_000_000_000))

    def state(self) -> EndState:
        assert not self.loop.records(topics.QUARANTINE.name)
        return end_of(self.loop)

    def totals(self) -> dict[tuple[Any, ...], Any]:
        credits_ = self.loop.records(topics.CREDITS.name)
        return totals(self.state(), [Output(r.topic, b"", r.value or b"", 0) for r in credits_])


def without_nobody(state: EndState) -> EndState:
    """What is left of customers."""
    nobodys = {id_ for id_, one in state.conversions.items() if one["profile_id"] == str(NOBODY)}
    return EndState(
        {id_: one for id_, one in state.journeys.items() if one["profile_id"] != str(NOBODY)},
        {id_: one for id_, one in state.conversions.items() if id_ not in nobodys},
        {by: sums for by, sums in state.credits.items() if by[0] not in nobodys},
    )


@given(SEEDS, st.sampled_from([1, 2, 7]), SEEDS)
@settings(max_examples=60, deadline=None)
def test_whatever_moves_meanwhile_customers_have_what_came_since_and_the_books_of_nobody_are_whole(
    seed: int, partitions: int, interleaving: int
) -> None:
    def law(history: History) -> None:
        ran = Erasing(history, partitions, interleaving)
        homes = resolve_all(history.events, history.commands, history.settings).profiles
        held = holders(ran.loop, ran.catalogue)
        by_id = {event.event_id: event for event in history.events}
        lives: dict[str, list[Touchpoint]] = defaultdict(list)
        for event, where in held.items():
            assert where == [str(homes[event])]
            lives[where[0]].append(by_id[event])
        state = ran.state()
        assert_as_from_scratch(without_nobody(state), lives, ran.catalogue)
        assert_books_are_whole(state, ran.catalogue)
        for record in ran.loop.records(topics.CREDITS.name):
            posting = json.loads(record.value or b"")
            assert posting["profile_id"] != str(NOBODY) or posting["cause"] == "erasure"

    hold(law, sent_once(drawn(seed, journeys=True)))


@given(SEEDS, st.sampled_from([1, 2, 7]), SEEDS)
@settings(max_examples=60, deadline=None)
def test_when_everybody_is_erased_all_is_nobodys_and_no_total_has_changed(
    seed: int, partitions: int, interleaving: int
) -> None:
    def law(history: History) -> None:
        ran = Erasing(history, partitions, interleaving)
        before, ran.share = ran.totals(), 0.0
        for profile in ran.profiles():
            ran.erase(profile)
        ran.loop.run()
        assert ran.totals() == before
        assert holders(ran.loop, ran.catalogue) == {}
        state = ran.state()
        told = [*state.journeys.values(), *state.conversions.values()]
        assert {one["profile_id"] for one in told} <= {str(NOBODY)}

    hold(law, sent_once(drawn(seed, journeys=True)))
