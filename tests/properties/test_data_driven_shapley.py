"""The axioms of Shapley, on the game of rates and on the game of sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.attribution.data_driven import shapley as module
from streams.core.attribution.data_driven.paths import from_sequences
from streams.core.attribution.data_driven.shapley import linear_per_name, shapley
from tests.properties.data_driven_paths import ROWS, Row, by_definition

SOME = settings(max_examples=60, deadline=None)


@given(ROWS, st.booleans())
@SOME
def test_the_values_are_those_of_the_definition(rows: list[Row], rate: bool) -> None:
    paths = from_sequences(rows)
    found = shapley(paths, game="rate" if rate else "sum").effects
    expected = by_definition(rows, paths.names, rate)
    assert np.abs(found - [float(expected[name]) for name in paths.names]).max() < 1e-9


@given(ROWS)
@SOME
def test_the_values_of_all_names_are_together_the_observed_rate(rows: list[Row]) -> None:
    paths = from_sequences(rows)
    found = shapley(paths)
    assert found.total == paths.rate
    assert float(found.effects.sum()) == pytest.approx(paths.rate, abs=1e-12)


@given(ROWS)
@SOME
def test_names_that_can_be_exchanged_get_the_same(rows: list[Row]) -> None:
    other = {"a": "b", "b": "a"}
    exchanged = [(tuple(other.get(name, name) for name in path), c, o, v) for path, c, o, v in rows]
    both = [*rows, *exchanged, (("a", "b"), 1, 1, 0)]
    paths = from_sequences(both)
    found = dict(zip(paths.names, shapley(paths).effects.tolist(), strict=True))
    assert found["a"] == pytest.approx(found["b"], abs=1e-12)


@given(ROWS, st.integers(1, 3))
@SOME
def test_a_name_that_changes_no_rate_gets_nothing(rows: list[Row], times: int) -> None:
    along = [((*path, "z"), times * converting, times * others, 0) for path, converting, others, _ in rows]
    paths = from_sequences([*rows, *along])
    assert shapley(paths).effects[paths.names.index("z")] == pytest.approx(0.0, abs=1e-12)


@given(ROWS)
@SOME
def test_the_game_of_sums_is_linear_per_distinct_name(rows: list[Row]) -> None:
    paths = from_sequences(rows)
    assert np.abs(shapley(paths, game="sum").effects - linear_per_name(paths)).max() < 1e-9
    assert float(linear_per_name(paths).sum()) == pytest.approx(paths.conversions)


@given(ROWS, st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_an_estimate_shares_out_the_whole_and_is_the_same_for_the_same_seed(rows: list[Row], seed: int) -> None:
    paths = from_sequences([*rows, (tuple("abcde"), 1, 1, 0)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_EXACT", 2)
        found, again = (shapley(paths, seed, permutations=20) for _ in range(2))
    assert not found.exact
    assert float(found.effects.sum()) == pytest.approx(paths.rate, abs=1e-12)
    assert found.effects.tolist() == again.effects.tolist()
    assert found.errors.tolist() == again.errors.tolist()
