"""From what a model found to weights: whole billionths that sum to exactly one.

A removal effect is never negative. A Shapley value of the rate game can be: then its weight is 0 and the others share
the whole in their proportions, because a conversion cannot be paid for with negative credit. The value itself is kept
as it is, and how much was cut off is told (`below_zero`).
"""

from __future__ import annotations

import numpy as np

from streams.core.attribution.data_driven.arrays import Floats, Ints
from streams.core.attribution.split import split

#: One whole is this many units of weight, as it is of credit.
UNITS = 1_000_000_000
#: Proportions are taken over to whole numbers with so many steps: more than a float64 tells apart.
_STEPS = 1 << 60


def units_of(effects: Floats) -> Ints:
    """Give weights in proportion to the effects above 0, in billionths that sum to `UNITS`; ties to the earlier.

    Raises:
        ValueError: no effect is above 0.
    """
    positive = np.maximum(effects, 0.0)
    most = float(positive.max(initial=0.0))
    if not most > 0:
        raise ValueError("no effect is above 0: there is nothing to make weights of")
    whole = [int(effect / most * _STEPS) for effect in positive.tolist()]
    return np.array(split(UNITS, whole), np.int64)


def normalised(effects: Floats) -> Floats:
    """Give the same as parts of 1, not rounded, row by row; a row without an effect above 0 stays 0."""
    positive = np.maximum(effects, 0.0)
    whole = positive.sum(axis=-1, keepdims=True)
    parts: Floats = np.divide(positive, whole, out=np.zeros_like(positive), where=whole > 0)
    return parts


def below_zero(effects: Floats) -> float:
    """Give what was cut off, in parts of what was kept: 0 where no effect is negative."""
    kept = float(np.maximum(effects, 0.0).sum())
    return float(np.maximum(-effects, 0.0).sum()) / kept if kept else 0.0
