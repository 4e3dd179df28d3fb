"""How sure weights are: the same fit on journeys drawn anew, many times, from those that were seen.

Drawing as many journeys as there are, with replacement, is one multinomial draw of the paths' counts (Efron 1979,
https://doi.org/10.1214/aos/1176344552). The interval of a weight goes from the 2.5th to the 97.5th percentile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from streams.core.attribution.data_driven.arrays import Floats, Ints
from streams.core.attribution.data_driven.weights import normalised

PERCENT = (2.5, 97.5)

Refit = Callable[[Ints, Ints, int], Floats]
"""Fits with other counts (converting, others) and the seed of the draw; gives effects by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """By name: the lower and upper end of its weight; `draws` that had a conversion, and so count."""

    low: Floats
    high: Floats
    draws: int


def draws(converting: Ints, others: Ints, times: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """Give the counts of so many draws; the same for the same seed and the same order of paths."""
    random = np.random.Generator(np.random.PCG64(seed))
    counts = np.concatenate((converting, others))
    cells = np.flatnonzero(counts)
    total = int(counts.sum())
    chances = counts[cells] / total if total else counts[cells].astype(np.float64)
    for _ in range(times if total else 0):
        drawn = np.zeros_like(counts)
        drawn[cells] = random.multinomial(total, chances)
        yield drawn[: len(converting)], drawn[len(converting) :]


def intervals(refit: Refit, converting: Ints, others: Ints, times: int, seed: int) -> Intervals | None:
    """Fit again on so many draws; None where none of them has a conversion, or none was asked for."""
    found = [
        normalised(refit(drawn, missed, seed + 1 + number))
        for number, (drawn, missed) in enumerate(draws(converting, others, times, seed))
        if drawn.any()
    ]
    if not found:
        return None
    low, high = np.percentile(np.stack(found), PERCENT, axis=0)
    return Intervals(low, high, len(found))
