"""The laws of identity, on drawn histories: first of the plain reference itself, then of the stages held to it."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import profile_id
from schemas.identifier import strongest
from schemas.touchpoint import Touchpoint
from streams.core import touch_log
from streams.core.loopback import Loopback
from tests.properties.folding import essence
from tests.properties.identity_histories import History, histories
from tests.properties.identity_reference import IdentityResult, kind_of, resolve_all
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

LONG_AGO = datetime(1991, 1, 1, tzinfo=UTC)
PARTITIONS = st.sampled_from([1, 2, 7])
SEEDS = st.integers(0, 2**32)

# --- the reference (that its two ways of finding labels agree is asserted in it)


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_by_the_reference_neither_order_nor_repetition_matters(history: History, random) -> None:
    shuffled = list(history.arrivals)
    random.shuffle(shuffled)
    other = History(history.settings, tuple(shuffled))
    assert resolve_all(history.events, history.commands, history.settings) == resolve_all(
        other.events, other.commands, other.settings
    )


@given(histories(max_commands=0))
@settings(max_examples=60, deadline=None)
def test_by_the_reference_two_customers_never_end_in_one_profile_unless_a_person_says_so(history: History) -> None:
    result = resolve_all(history.events, history.commands, history.settings)
    for identifier, label in result.labels.items():
        if kind_of(identifier) in history.settings.unique:
            assert label.named == identifier


@given(histories())
@settings(max_examples=60, deadline=None)
def test_by_the_reference_every_event_with_an_identifier_has_one_profile(history: History) -> None:
    result = resolve_all(history.events, history.commands, history.settings)
    for event in history.events:
        assert (result.profiles[event.event_id] is None) == (strongest(event.identifiers) is None)


# --- the stages, over partitions and in any interleaving


@given(histories(), PARTITIONS, SEEDS)
@settings(max_examples=120, deadline=None)
def test_nodes_that_know_nothing_but_their_neighbours_end_where_the_rule_ends(
    history: History, partitions: int, seed: int
) -> None:
    expected = resolve_all(history.events, history.commands, history.settings)
    loop = run(history, partitions, choose_by(seed), fold=False)
    told = labels(loop)
    for identifier, label in expected.labels.items():
        if identifier not in told:  # it stood beside another customer, and nobody else was told of it
            assert label.path == (identifier,)
        elif identifier not in expected.blocked:  # what those stand for they tell nobody
            assert told[identifier] == label.path
    for place, routes in plans(loop).items():
        assert routes == plain(expected.plans[place])
    check_log(loop, history, expected)


def check_log(loop: Loopback, history: History, expected: IdentityResult) -> None:
    """The newest rows say where each identifier's events belong; under a policy that is not the usual one, what changed."""
    rows = logged(loop)
    for place in plans(loop):
        for route in expected.plans[place]:
            row = newest(rows[place], route.since or LONG_AGO)
            if row is not None or place[1] == history.settings.policy:
                assert row is not None
                named = expected.named(*place, route.since or LONG_AGO)
                assert (row.profile_id, row.named_by) == (profile_id(named), named)


@given(histories(), PARTITIONS, SEEDS)
@settings(max_examples=80, deadline=None)
def test_every_event_comes_to_the_profile_that_the_rule_names_and_to_no_other(
    history: History, partitions: int, seed: int
) -> None:
    expected = resolve_all(history.events, history.commands, history.settings)
    loop = run(history, partitions, choose_by(seed))
    assert profiles(loop) == expected.profiles
    assert holders(loop, catalogue_of(history)) == {
        event: [str(profile)] for event, profile in expected.profiles.items() if profile is not None
    }


@pytest.mark.parametrize("chunks", ["short chunks", "long chunks"])
@given(history=histories(journeys=True), partitions=PARTITIONS, seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_journeys_conversions_and_ledger_end_where_a_calculation_from_scratch_ends(
    chunks: str, history: History, partitions: int, seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if chunks == "short chunks":
            patch.setattr(touch_log, "TAIL", 5)
            patch.setattr(touch_log, "SEALED", 3)
        loop = run(history, partitions, choose_by(seed))
        assert_as_from_scratch(end_of(loop), lives(history), catalogue_of(history))


def lives(history: History) -> dict[str, list[Touchpoint]]:
    """The events of each profile, as the rule has it."""
    found: dict[str, list[Touchpoint]] = defaultdict(list)
    for event_id, profile in resolve_all(history.events, history.commands, history.settings).profiles.items():
        if profile is not None:
            found[str(profile)] += [event for event in history.events if event.event_id == event_id]
    return found


@given(histories(journeys=True), st.randoms(use_true_random=False), PARTITIONS, SEEDS, SEEDS)
@settings(max_examples=40, deadline=None)
def test_any_order_of_the_same_events_and_decisions_ends_the_same(history, random, partitions, seed, other) -> None:
    shuffled = list(history.arrivals)
    random.shuffle(shuffled)
    one = run(history, 1, choose_by(seed))
    two = run(History(history.settings, tuple(shuffled)), partitions, choose_by(other))
    assert profiles(one) == profiles(two)
    assert essence(end_of(one)) == essence(end_of(two))
