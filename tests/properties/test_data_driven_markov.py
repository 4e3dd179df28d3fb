"""The laws of Markov attribution: what is solved at once equals what the definition says, and nothing else matters."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.attribution.data_driven.markov import markov
from streams.core.attribution.data_driven.paths import from_sequences
from streams.core.attribution.data_driven.removal import removal
from streams.core.attribution.data_driven.walks import walks
from streams.core.attribution.data_driven.weights import UNITS, units_of
from tests.properties.data_driven_paths import ROWS, Row, one_by_one, plain_chain

ORDERS = st.integers(1, 3)
SOME = settings(max_examples=60, deadline=None)


@given(ROWS, ORDERS)
@SOME
def test_all_effects_at_once_are_those_of_a_chain_solved_anew_without_each_name(rows: list[Row], order: int) -> None:
    paths = from_sequences(rows)
    assert np.abs(markov(paths, order).effects - one_by_one(paths, order)).max() < 1e-9


@given(ROWS, ORDERS)
@SOME
def test_a_chain_too_large_to_invert_is_solved_to_the_same_effects(rows: list[Row], order: int) -> None:
    paths = from_sequences(rows)
    found = removal(walks(paths, order).count(), dense=0)
    assert np.abs(found.effects - one_by_one(paths, order)).max() < 1e-9
    assert found.bound <= 1e-12
    assert found.condition == pytest.approx(markov(paths, order).condition)


@given(ROWS)
@SOME
def test_a_chain_that_keeps_steps_to_oneself_converts_at_the_observed_rate_and_has_the_same_effects(
    rows: list[Row],
) -> None:
    paths = from_sequences(rows)
    rate, effects = plain_chain(rows)
    converting, journeys = sum(row[1] for row in rows), sum(row[1] + row[2] for row in rows)
    assert rate == pytest.approx(converting / journeys, abs=1e-12)
    found = markov(paths)
    assert found.probability == pytest.approx(rate, abs=1e-12)
    assert dict(zip(paths.names, found.effects.tolist(), strict=True)) == pytest.approx(effects, abs=1e-9)


@given(ROWS, ORDERS)
@SOME
def test_the_chain_converts_as_often_as_the_journeys_did_and_no_effect_is_more_than_all(
    rows: list[Row], order: int
) -> None:
    paths = from_sequences(rows)
    found = markov(paths, order)
    assert found.probability == paths.rate
    assert ((found.effects >= 0) & (found.effects <= 1)).all()


@given(ROWS, ORDERS)
@SOME
def test_the_weights_sum_to_one_exactly(rows: list[Row], order: int) -> None:
    units = units_of(markov(from_sequences(rows), order).effects)
    assert int(units.sum()) == UNITS
    assert (units >= 0).all()


@given(ROWS, ORDERS, st.randoms(use_true_random=False))
@SOME
def test_the_order_of_the_paths_changes_nothing(rows: list[Row], order: int, luck) -> None:  # type: ignore[no-untyped-def] # hypothesis hides the class
    shuffled = list(rows)
    luck.shuffle(shuffled)
    assert (
        markov(from_sequences(rows), order).effects.tolist() == markov(from_sequences(shuffled), order).effects.tolist()
    )


@given(ROWS, ORDERS)
@SOME
def test_a_path_that_comes_again_is_a_path_with_a_higher_count(rows: list[Row], order: int) -> None:
    once = from_sequences([(path, 3 * converting, 3 * others, 0) for path, converting, others, _ in rows])
    thrice = from_sequences(rows * 3)
    assert markov(once, order).effects.tolist() == markov(thrice, order).effects.tolist()


@given(ROWS)
@SOME
def test_touching_a_name_again_at_once_does_not_change_order_1(rows: list[Row]) -> None:
    merged = [(tuple(name for name, _ in groupby(path)), c, o, v) for path, c, o, v in rows]
    assert markov(from_sequences(rows)).effects.tolist() == markov(from_sequences(merged)).effects.tolist()


@given(ROWS, ORDERS)
@SOME
def test_a_name_on_the_path_of_every_conversion_loses_all_of_them(rows: list[Row], order: int) -> None:
    paths = from_sequences([(("z", *path), c, o, v) for path, c, o, v in rows])
    assert markov(paths, order).effects[paths.names.index("z")] == pytest.approx(1.0, abs=1e-12)


#: For each of three layers of names, how a name is followed by those of the next layer, and how it ends.
LAYERS = st.lists(st.integers(1, 4), min_size=2 + 4 + 4 + 6, max_size=2 + 4 + 4 + 6)


@given(LAYERS, st.integers(2, 3))
@SOME
def test_where_only_the_last_name_matters_every_order_says_what_order_1_says(drawn: list[int], order: int) -> None:
    begin, ab, bc, ends = drawn[:2], drawn[2:6], drawn[6:10], drawn[10:]
    rows: list[Row] = []
    first, second, third = "ab", "cd", "ef"
    for (i, one), (j, two), (k, three) in product(enumerate(first), enumerate(second), enumerate(third)):
        # Each name's steps are whole parts of one number, so that the counts of whole paths are whole, too.
        of_one, of_two, of_three = sum(ab[2 * i : 2 * i + 2]), sum(bc[2 * j : 2 * j + 2]), ends[k] + ends[k + 2]
        whole = 840**3  # every sum of two of 1 to 4 divides it
        times = begin[i] * whole * ab[2 * i + j] * bc[2 * j + k] // (of_one * of_two * of_three)
        rows.append(((one, two, three), times * ends[k], times * ends[k + 2], 0))
    paths = from_sequences(rows)
    assert np.abs(markov(paths, order).effects - markov(paths, 1).effects).max() < 1e-9
