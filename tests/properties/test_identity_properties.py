"""The laws of identity, on drawn histories: first of the plain reference itself, then of the stages held to it.

Hypothesis draws seeds: of the history, and of the interleaving of the stages. Where a law fails, the history is made
small before it is shown.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from schemas.base import profile_id
from schemas.touchpoint import Touchpoint
from streams.core import touch_log
from streams.core.loopback import Loopback
from tests.properties.folding import essence
from tests.properties.identity_histories import History, drawn, smallest
from tests.properties.identity_reference import DEFAULT, IdentityResult, kind_of, owner_of, resolve_all
from tests.properties.identity_running import (
    assert_as_from_scratch,
    catalogue_of,
    choose_by,
    end_of,
    holders,
    labels,
    logged,
    newest,
    plain,
    plans,
    profiles,
    run,
)
from tests.properties.storing import bounded

LONG_AGO = datetime(1991, 1, 1, tzinfo=UTC)
PARTITIONS = st.sampled_from([1, 2, 7])
SEEDS = st.integers(0, 2**40)
#: A seed that is less gives no smaller history.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


def hold(law: Callable[[History], None], history: History) -> None:
    """Hold a law on a history; if it does not hold, say so of the smallest one like it."""

    def fails(shorter: History) -> bool:
        try:
            law(shorter)
        except (AssertionError, LookupError):
            return True
        return False

    if fails(history):
        small = smallest(history, fails)
        try:
            law(small)
        except (AssertionError, LookupError) as error:
            error.add_note(repr(small))
            raise


# --- the reference (that its two ways of finding labels agree is asserted in it)


@given(SEEDS, SEEDS)
@settings(max_examples=100, deadline=None, phases=PHASES)
def test_by_the_reference_neither_order_nor_repetition_matters(seed: int, other: int) -> None:
    def law(history: History) -> None:
        shuffled = list(history.arrivals)
        random.Random(other).shuffle(shuffled)
        again = History(history.settings, tuple(shuffled))
        assert resolve_all(history.events, history.commands, history.settings) == resolve_all(
            again.events, again.commands, again.settings
        )

    hold(law, drawn(seed))


@given(SEEDS)
@settings(max_examples=100, deadline=None, phases=PHASES)
def test_by_the_reference_two_customers_never_end_in_one_profile_unless_a_person_says_so(seed: int) -> None:
    def law(history: History) -> None:
        for identifier, label in resolve_all(history.events, [], history.settings).labels.items():
            if kind_of(identifier) in history.settings.unique:
                assert label.named == identifier

    hold(law, drawn(seed))


@given(SEEDS)
@settings(max_examples=100, deadline=None, phases=PHASES)
def test_by_the_reference_every_event_that_names_somebody_or_takes_an_order_back_has_one_profile(seed: int) -> None:
    def law(history: History) -> None:
        found = resolve_all(history.events, history.commands, history.settings).profiles
        for event in history.events:
            assert (found[event.event_id] is None) == (owner_of(event, DEFAULT) is None)

    hold(law, drawn(seed))


# --- the stages, over partitions and in any interleaving


def lives(history: History, result: IdentityResult) -> dict[str, list[Touchpoint]]:
    """The events of each profile, as the rule has it."""
    found: dict[str, list[Touchpoint]] = defaultdict(list)
    for event in history.events:
        if (profile := result.profiles[event.event_id]) is not None:
            found[str(profile)].append(event)
    return found


@given(SEEDS, PARTITIONS, SEEDS)
@settings(max_examples=500, deadline=None, phases=PHASES)
def test_nodes_that_know_nothing_but_their_neighbours_end_where_the_rule_ends(
    seed: int, partitions: int, interleaving: int
) -> None:
    def law(history: History) -> None:
        expected = resolve_all(history.events, history.commands, history.settings)
        loop = run(history, partitions, choose_by(interleaving), fold=False)
        told = labels(loop)
        for identifier, label in expected.labels.items():
            if identifier not in told:  # it stood beside another customer, and nobody else was told of it
                assert label.path == (identifier,)
            elif identifier not in expected.blocked:  # what those stand for they tell nobody
                assert told[identifier] == label.path
        for place, routes in plans(loop).items():
            assert routes == plain(expected.plans[place])
        check_log(loop, history, expected)

    hold(law, drawn(seed))


def check_log(loop: Loopback, history: History, expected: IdentityResult) -> None:
    """The newest rows say where each identifier's events belong; under a policy that is seldom used, what changed."""
    rows = logged(loop)
    for place in plans(loop):
        for route in plain(expected.plans[place]):
            row = newest(rows[place], route.since or LONG_AGO)
            if place[1] == history.settings.policy:
                assert row is not None
            if row is not None:
                assert (row.profile_id, row.named_by) == (profile_id(route.named), route.named)


@given(SEEDS, PARTITIONS, SEEDS)
@settings(max_examples=150, deadline=None, phases=PHASES)
def test_every_event_comes_to_the_profile_that_the_rule_names_and_to_no_other(
    seed: int, partitions: int, interleaving: int
) -> None:
    def law(history: History) -> None:
        expected = resolve_all(history.events, history.commands, history.settings).profiles
        loop = run(history, partitions, choose_by(interleaving))
        assert profiles(loop) == expected
        assert holders(loop, catalogue_of(history)) == {
            event: [str(profile)] for event, profile in expected.items() if profile is not None
        }

    hold(law, drawn(seed))


@pytest.mark.parametrize(("tail", "sealed"), [(5, 3), (touch_log.TAIL, touch_log.SEALED)])
@given(seed=SEEDS, partitions=PARTITIONS, interleaving=SEEDS)
@example(seed=6097040, partitions=2, interleaving=6097040)  # what opens no visit any more names an older order
@settings(max_examples=120, deadline=None, phases=PHASES)
def test_journeys_conversions_and_ledger_end_where_a_calculation_from_scratch_ends(
    tail: int, sealed: int, seed: int, partitions: int, interleaving: int
) -> None:
    def law(history: History) -> None:
        result = resolve_all(history.events, history.commands, history.settings)
        loop = run(history, partitions, choose_by(interleaving))
        assert_as_from_scratch(end_of(loop), lives(history, result), catalogue_of(history))

    with pytest.MonkeyPatch.context() as patch:  # short chunks make a few events as rich in chunks as hundreds are
        patch.setattr(touch_log, "TAIL", tail)
        patch.setattr(touch_log, "SEALED", sealed)
        hold(law, drawn(seed, journeys=True))


@given(SEEDS, PARTITIONS, SEEDS, SEEDS)
@settings(max_examples=100, deadline=None, phases=PHASES)
def test_any_order_of_the_same_events_and_decisions_ends_the_same(
    seed: int, partitions: int, interleaving: int, other: int
) -> None:
    def law(history: History) -> None:
        shuffled = list(history.arrivals)
        random.Random(other).shuffle(shuffled)
        one = run(history, 1, choose_by(interleaving))
        two = run(replace(history, arrivals=tuple(shuffled)), partitions, choose_by(other))
        assert profiles(one) == profiles(two)
        assert essence(end_of(one)) == essence(end_of(two))

    hold(law, drawn(seed, journeys=True))


@given(SEEDS, PARTITIONS, SEEDS)
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_the_ledger_stays_whole_and_nobody_is_in_two_profiles_where_lives_outgrow_their_bound(
    seed: int, partitions: int, interleaving: int
) -> None:
    def law(history: History) -> None:
        catalogue = bounded(catalogue_of(history), 10)
        loop = run(sent_once(history), partitions, choose_by(interleaving), catalogue=catalogue)
        held = holders(loop, catalogue)
        assert max(map(len, held.values()), default=0) <= 1
        assert max(Counter(profile for profiles in held.values() for profile in profiles).values(), default=0) <= 10
        state = end_of(loop)
        sums: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, 0])
        for (conversion, model, _), (credit, value) in state.credits.items():
            sums[conversion, model][0] += credit
            sums[conversion, model][1] += value
        assert sums == {
            (conversion, model): [1, record["net_minor"]]
            for conversion, record in state.conversions.items()
            for model in catalogue.attribution.models
        }

    hold(law, drawn(seed, journeys=True))


def sent_once(history: History) -> History:
    """The history without what comes again: what a profile has sealed it cannot know as a duplicate elsewhere."""
    arrivals = [a for n, a in enumerate(history.arrivals) if a not in history.arrivals[:n]]
    return replace(history, arrivals=tuple(arrivals))
