"""The laws of a fit: nothing is lost in the split, and a worker gives each path what the fit says."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.attribution.data_driven import within
from streams.core.attribution.data_driven.bootstrap import draws
from streams.core.attribution.data_driven.fit import Kind, Request, fit
from streams.core.attribution.data_driven.paths import from_sequences
from streams.core.attribution.data_driven.published import PublishedWeights, as_model, weights_on
from streams.core.attribution.data_driven.weights import UNITS, below_zero, normalised, units_of
from streams.core.touch import Touch
from tests.properties.data_driven_paths import PATHS, ROWS, Row

SOME = settings(max_examples=50, deadline=None)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(["markov", "shapley"])
WEIGHTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, UNITS), max_size=6)


def touches(path: tuple[str, ...]) -> list[Touch]:
    return [Touch(at, at.to_bytes(16, "big"), "call", name, None, 0) for at, name in enumerate(path)]


@given(ROWS, KINDS)
@SOME
def test_a_fit_gives_away_every_conversion_and_all_their_value_once(rows: list[Row], kind: Kind) -> None:
    paths = from_sequences(rows)
    found = fit(paths, Request(kind))
    assert sum(line.weight for line in found.lines) == UNITS
    assert sum(line.conversions for line in found.lines) == pytest.approx(paths.conversions)
    assert sum(line.own for line in found.lines) == pytest.approx(paths.conversions)
    assert sum(line.value for line in found.lines) == pytest.approx(int(paths.value.sum()))
    assert {line.name for line in found.lines} == {
        name for path, converting, others, _ in rows if converting + others for name in path
    }


@given(ROWS, KINDS, st.randoms(use_true_random=False))
@SOME
def test_a_fit_does_not_depend_on_the_order_of_the_paths(rows: list[Row], kind: Kind, luck) -> None:  # type: ignore[no-untyped-def] # hypothesis hides the class
    shuffled = list(rows)
    luck.shuffle(shuffled)
    ours, theirs = (fit(from_sequences(each), Request(kind)) for each in (rows, shuffled))
    assert [(line.name, line.weight, line.effect) for line in ours.lines] == [
        (line.name, line.weight, line.effect) for line in theirs.lines
    ]
    assert ours.diagnosis == theirs.diagnosis


@given(ROWS, WEIGHTS)
@SOME
def test_the_split_of_all_paths_is_what_a_worker_gives_to_each_of_them(
    rows: list[Row], weights: dict[str, int]
) -> None:
    paths = from_sequences(rows)
    shares = within.split(paths, np.array([weights.get(name, 0) for name in paths.names]) / UNITS)
    expected: Counter[str] = Counter()
    model = as_model(PublishedWeights("channel", weights))
    for path, converting, _, _ in rows:
        given_ = model(touches(path))
        for name, weight in zip(path, given_, strict=True):
            expected[name] += Fraction(converting * weight, sum(given_))  # type: ignore[assignment] # a sum of parts
    assert shares.conversions.tolist() == pytest.approx([float(expected[name]) for name in paths.names])


@given(PATHS, WEIGHTS)
@SOME
def test_the_weights_of_a_path_can_be_split_by(path: tuple[str, ...], weights: dict[str, int]) -> None:
    found = weights_on(touches(path), PublishedWeights("channel", weights))
    assert len(found) == len(path)
    assert min(found) >= 0
    assert sum(found) > 0


@given(PATHS, WEIGHTS, st.data())
@SOME
def test_touching_a_name_once_more_moves_no_credit_between_names(
    path: tuple[str, ...], weights: dict[str, int], data: st.DataObject
) -> None:
    longer = (*path, data.draw(st.sampled_from(path)))

    def by_name(path: tuple[str, ...]) -> dict[str, Fraction]:
        found = weights_on(touches(path), PublishedWeights("channel", weights))
        parts = dict.fromkeys(path, Fraction(0))
        for name, weight in zip(path, found, strict=True):
            parts[name] += Fraction(weight, sum(found))
        return parts

    assert by_name(path) == by_name(longer)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=12).filter(lambda effects: max(effects) > 1e-6))
@SOME
def test_weights_are_in_proportion_to_what_is_above_zero_to_a_billionth(effects: list[float]) -> None:
    found = np.array(effects)
    units = units_of(found)
    assert int(units.sum()) == UNITS
    assert np.abs(units / UNITS - normalised(found)).max() <= 1 / UNITS
    assert all(unit == 0 for unit, effect in zip(units.tolist(), effects, strict=True) if effect <= 0)
    assert (below_zero(found) > 0) == (min(effects) < 0)


@given(ROWS, st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_a_draw_has_as_many_journeys_and_is_the_same_for_the_same_seed(rows: list[Row], seed: int) -> None:
    paths = from_sequences(rows)
    once, again = (list(draws(paths.converting, paths.others, 3, seed)) for _ in range(2))
    for (converting, others), (same, same_others) in zip(once, again, strict=True):
        assert int(converting.sum() + others.sum()) == int(paths.journeys.sum())
        assert (converting[paths.converting == 0] == 0).all()
        assert (others[paths.others == 0] == 0).all()
        assert converting.tolist() == same.tolist()
        assert others.tolist() == same_others.tolist()


@given(ROWS, KINDS, st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_the_same_request_on_the_same_paths_is_the_same_fit(rows: list[Row], kind: Kind, seed: int) -> None:
    request = Request(kind, bootstrap=5, seed=seed)
    assert fit(from_sequences(rows), request) == fit(from_sequences(rows), request)
