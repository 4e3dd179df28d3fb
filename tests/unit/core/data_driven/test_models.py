"""Markov and Shapley on paths that can be worked out by hand, and on such as make the arithmetic hard."""

from __future__ import annotations

import numpy as np
import pytest

from streams.core.attribution.data_driven.markov import markov
from streams.core.attribution.data_driven.paths import PathError, Paths, from_sequences, paths_of
from streams.core.attribution.data_driven.removal import DENSE, ChainError, removal
from streams.core.attribution.data_driven.shapley import linear_per_name, shapley
from streams.core.attribution.data_driven.walks import walks
from tests.properties.data_driven_paths import one_by_one

SMALL = from_sequences([(("a", "b"), 1, 0, 0), (("a",), 0, 1, 0), (("b",), 0, 1, 0)])


def drawn(seed: int, paths: int, names: int, longest: float) -> Paths:
    luck = np.random.default_rng(seed)
    lengths = luck.geometric(1 / longest, paths)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    chance = np.arange(1, names + 1) / np.arange(1, names + 1).sum()
    codes = luck.choice(names, int(offsets[-1]), p=chance)
    counts = luck.integers(0, 3, paths), luck.integers(0, 20, paths)
    return paths_of([f"c{code:03}" for code in range(names)], codes, offsets, *counts)


def test_order_1_by_hand() -> None:
    # start → a 2/3, b 1/3; a → b 1/2, null 1/2; b → conversion 1/2. Through a: 1/6, without a: 1/6.
    found = markov(SMALL)
    assert found.probability == 1 / 3
    assert found.effects.tolist() == pytest.approx([1 / 2, 1])


def test_order_2_by_hand_knows_that_b_alone_never_converts() -> None:
    # The state (a, b) always converts, the state (b) never does: all conversions go through both names.
    assert markov(SMALL, 2).effects.tolist() == pytest.approx([1, 1])
    assert markov(SMALL, 2).states == 3


def test_shapley_by_hand() -> None:
    # v(a) = v(b) = 0, v(ab) = 1/3.
    assert shapley(SMALL).effects.tolist() == pytest.approx([1 / 6, 1 / 6])


def test_a_name_that_spoils_what_it_joins_has_a_negative_value() -> None:
    paths = from_sequences([(("a",), 9, 1, 0), (("a", "b"), 1, 99, 0)])
    a, b = shapley(paths).effects
    assert b < 0 < a
    assert a + b == pytest.approx(10 / 110)


def test_a_name_that_no_journey_has_gets_nothing() -> None:
    paths = paths_of(["a", "b", "z"], np.array([0, 1]), np.array([0, 1, 2]), np.array([1, 1]), np.array([1, 3]))
    assert markov(paths).effects[2] == 0
    assert shapley(paths).effects[2] == 0
    assert linear_per_name(paths).tolist() == [1, 1, 0]


def test_a_name_without_a_state_does_not_make_up_for_one_with_two() -> None:
    # Order 2 has the states (a), (a, b) and (b): as many as there are names, of which z has none.
    paths = paths_of(
        ["a", "b", "z"], np.array([0, 1, 0, 1]), np.array([0, 2, 3, 4]), np.array([1, 0, 1]), np.array([0, 1, 1])
    )
    assert walks(paths, 2).states == 3
    assert markov(paths, 2).effects.tolist() == pytest.approx([1 / 2, 1, 0])


@pytest.mark.parametrize("order", [0, 4])
def test_another_order_is_refused(order: int) -> None:
    with pytest.raises(PathError, match="order 1, 2 or 3"):
        markov(SMALL, order)


def test_without_conversions_no_name_has_an_effect() -> None:
    paths = from_sequences([(("a", "b"), 0, 5, 0)])
    found = markov(paths)
    assert (found.probability, found.effects.tolist()) == (0.0, [0, 0])
    assert shapley(paths).effects.tolist() == [0, 0]
    nothing = from_sequences([])
    assert markov(nothing).effects.tolist() == shapley(nothing).effects.tolist() == []


@pytest.mark.parametrize(("names", "order", "longest"), [(30, 1, 60), (6, 3, 6), (12, 2, 40)])
def test_long_paths_and_many_states_are_solved_as_closely_as_few(names: int, order: int, longest: float) -> None:
    paths = drawn(5, 400, names, longest)
    expected = one_by_one(paths, order)
    counts = walks(paths, order).count()
    for found in (removal(counts), removal(counts, dense=0)):
        assert np.abs(found.effects - expected).max() < 1e-9
        assert found.bound < 1e-9
        assert found.condition >= longest / 2


@pytest.mark.parametrize("order", [1, 2])
def test_names_too_many_for_a_table_are_counted_all_the_same(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = drawn(8, 300, 40, 5)
    expected = markov(paths, order).effects
    monkeypatch.setattr("streams.core.attribution.data_driven.walks._TABLE", 10)
    assert np.abs(markov(paths, order).effects - expected).max() < 1e-12


def test_a_chain_of_many_names_is_inverted_where_that_is_less_work() -> None:
    counts = walks(drawn(8, 1000, 520, 8), 1).count()
    found, iterated = removal(counts), removal(counts, dense=0)
    assert found.states > DENSE
    assert np.abs(found.effects - iterated.effects).max() < 1e-9
    assert found.bound != iterated.bound


def test_a_chain_that_almost_never_ends_is_solved_all_the_same() -> None:
    # Two names after each other ten thousand times, and a third that hardly ever comes.
    paths = from_sequences([(("a", "b") * 5000, 1, 1, 0), (("c", "a"), 1, 3, 0)])
    expected = one_by_one(paths, 1)
    for dense in (500, 0):
        assert np.abs(removal(walks(paths, 1).count(), dense).effects - expected).max() < 1e-9


def test_equations_that_do_not_come_close_are_an_error_and_no_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.core.attribution.data_driven.removal.BOUND", -1.0)
    monkeypatch.setattr("streams.core.attribution.data_driven.removal._MOST_ROUNDS", 3)
    with pytest.raises(ChainError, match="after 3 rounds"):
        removal(walks(SMALL, 1).count(), dense=0)


def test_where_the_quick_iteration_breaks_down_the_slow_one_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_steps: object, _stays: object, right: np.ndarray, *_: object) -> np.ndarray:
        return np.full_like(right, np.nan)

    monkeypatch.setattr("streams.core.attribution.data_driven.removal._bicgstab", broken)
    paths = drawn(6, 100, 6, 5)
    assert np.abs(removal(walks(paths, 2).count(), dense=0).effects - one_by_one(paths, 2)).max() < 1e-9


def test_beyond_20_names_the_estimate_lies_where_its_error_says() -> None:
    # 24 names, of which each journey has one: the value of a name is then known from the names alone.
    paths = from_sequences([((f"n{number:02}",), 1 + number % 3, 10, 0) for number in range(24)])
    found = shapley(paths, seed=1)
    assert not found.exact
    assert found.permutations == 2000
    assert found.effects.sum() == pytest.approx(paths.rate)
    for kind in range(3):
        same = found.effects[kind::3]
        assert np.abs(same - same.mean()).max() < 5 * found.errors.max()
    assert (found.errors > 0).all()
    more = shapley(paths, seed=1, permutations=8000)
    assert more.errors.mean() == pytest.approx(found.errors.mean() / 2, rel=0.1)


def test_with_20_names_the_estimate_agrees_with_the_exact_value(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = drawn(9, 300, 12, 3)
    exact = shapley(paths)
    monkeypatch.setattr("streams.core.attribution.data_driven.shapley.MOST_EXACT", 11)
    estimate = shapley(paths, seed=4)
    assert exact.exact
    assert not estimate.exact
    assert (np.abs(estimate.effects - exact.effects) < 4 * estimate.errors).all()


def test_more_than_64_names_make_the_same_sets() -> None:
    paths = drawn(2, 500, 130, 4)
    sets: dict[frozenset[int], int] = {}
    for begin, end, converting in zip(paths.offsets[:-1], paths.offsets[1:], paths.converting, strict=True):
        key = frozenset(paths.codes[begin:end].tolist())
        sets[key] = sets.get(key, 0) + int(converting)
    expected = np.zeros(130)
    for key, converting in sets.items():
        for code in key:
            expected[code] += converting / len(key)
    assert linear_per_name(paths).tolist() == pytest.approx(expected.tolist())
