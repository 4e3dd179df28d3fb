"""Helpers of the data-driven properties: paths to draw, and the plain definitions that the quick ways must equal."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, permutations
from math import factorial

import numpy as np
from hypothesis import strategies as st

from streams.core.attribution.data_driven.arrays import Floats
from streams.core.attribution.data_driven.paths import Paths
from streams.core.attribution.data_driven.walks import walks

Row = tuple[tuple[str, ...], int, int, int]

PATHS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=7).map(tuple)
ROWS: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(PATHS, st.integers(0, 5), st.integers(0, 9), st.integers(0, 10_000)).map(
        lambda row: (*row[:3], row[3] if row[1] else 0)
    ),
    min_size=1,
    max_size=30,
).filter(lambda rows: any(converting for _, converting, _, _ in rows))


def one_by_one(paths: Paths, order: int) -> Floats:
    """Removal effects as they are defined: the chain without each name, solved anew for each."""
    counts = walks(paths, order).count()
    states = len(counts.last)
    steps = np.zeros((states, states))
    steps[counts.source, counts.target] = counts.steps
    out = np.where(counts.into > 0, counts.into, 1.0)
    steps /= out[:, None]
    converts, start = counts.converting / out, counts.start / counts.begun

    def probability(kept: np.ndarray) -> float:
        inner = np.eye(int(kept.sum())) - steps[np.ix_(kept, kept)]
        return float(start[kept] @ np.linalg.solve(inner, converts[kept]))

    whole = probability(np.ones(states, np.bool_))
    return np.array([1 - probability(counts.last != name) / whole for name in range(counts.names)])


def plain_chain(rows: Sequence[Row]) -> tuple[float, dict[str, float]]:
    """Conversion probability and removal effects of order 1, from a table of steps that keeps those to oneself.

    Shares nothing with the product: states are the names, the start is state 0, and a path ends in a conversion or not.
    """
    names = sorted({name for path, *_ in rows for name in path})
    place = {name: number for number, name in enumerate(names, start=1)}
    steps, converted = np.zeros((len(place) + 1, len(place) + 1)), np.zeros(len(place) + 1)
    gone = np.zeros(len(place) + 1)
    for path, converting, others, _ in rows:
        walk = [0, *(place[name] for name in path)]
        for before, after in pairwise(walk):
            steps[before, after] += converting + others
        converted[walk[-1]] += converting
        gone[walk[-1]] += others
    out = steps.sum(axis=1) + converted + gone
    out[out == 0] = 1

    def probability(without: int | None = None) -> float:
        moves = steps / out[:, None]
        if without is not None:
            moves[:, without] = 0  # who would come here is lost
        reached: Floats = np.linalg.solve(np.eye(len(out)) - moves, converted / out)
        return float(reached[0])

    whole = probability()
    return whole, {name: 1 - probability(number) / whole for name, number in place.items()}


def by_definition(rows: Sequence[Row], names: Sequence[str], rate: bool) -> dict[str, Fraction]:
    """Shapley values as they are defined: the mean, over all orders of joining, of what a name adds."""
    sets = [(frozenset(path), converting, converting + others) for path, converting, others, _ in rows]

    def worth(coalition: frozenset[str]) -> Fraction:
        within = [(converting, walked) for names, converting, walked in sets if names <= coalition]
        conversions, journeys = sum(c for c, _ in within), sum(w for _, w in within)
        if not rate:
            return Fraction(conversions)
        return Fraction(conversions, journeys) if journeys else Fraction(0)

    found = dict.fromkeys(names, Fraction(0))
    for order in permutations(names):
        joined: frozenset[str] = frozenset()
        for name in order:
            found[name] += worth(joined | {name}) - worth(joined)
            joined |= {name}
    return {name: value / factorial(len(names)) for name, value in found.items()}
