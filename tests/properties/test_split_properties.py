"""The laws of splitting: nothing is lost, nobody is off by a whole unit, and order decides ties."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.attribution.split import split

TOTALS = st.integers(-(10**12), 10**12) | st.integers(-20, 20)
WEIGHTS = st.lists(st.integers(0, 7) | st.integers(0, 10**9), min_size=1, max_size=40).filter(any)


@given(TOTALS, WEIGHTS)
@settings(max_examples=150, deadline=None)
def test_the_parts_add_up_exactly(total: int, weights: list[int]) -> None:
    assert sum(split(total, weights)) == total


@given(TOTALS, WEIGHTS)
@settings(max_examples=150, deadline=None)
def test_each_part_lies_within_one_unit_of_its_exact_share(total: int, weights: list[int]) -> None:
    for part, weight in zip(split(total, weights), weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


@given(st.integers(0, 10**6), WEIGHTS)
@settings(max_examples=80, deadline=None)
def test_who_weighs_more_never_gets_less(total: int, weights: list[int]) -> None:
    pairs = sorted(zip(weights, split(total, weights), strict=True))
    for (lighter, less), (heavier, more) in pairwise(pairs):
        if lighter < heavier:
            assert less <= more


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 40))
@settings(max_examples=80, deadline=None)
def test_among_equal_weights_the_earlier_get_what_is_left_over(total: int, weight: int, count: int) -> None:
    each, left = divmod(total, count)
    assert split(total, [weight] * count) == [each + 1] * left + [each] * (count - left)


@given(TOTALS, WEIGHTS)
@settings(max_examples=80, deadline=None)
def test_a_negative_total_mirrors_the_positive_one(total: int, weights: list[int]) -> None:
    assert split(-total, weights) == [-part for part in split(total, weights)]


@given(TOTALS, WEIGHTS, st.integers(1, 1000))
@settings(max_examples=80, deadline=None)
def test_only_the_proportions_of_the_weights_matter(total: int, weights: list[int], factor: int) -> None:
    assert split(total, [weight * factor for weight in weights]) == split(total, weights)


@given(TOTALS, WEIGHTS)
@settings(max_examples=80, deadline=None)
def test_no_weight_gets_nothing(total: int, weights: list[int]) -> None:
    assert all(part == 0 for part, weight in zip(split(total, weights), weights, strict=True) if weight == 0)


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [-1, 3]])
def test_weights_that_cannot_be_meant_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(10, weights)
