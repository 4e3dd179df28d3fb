"""What weights give to the names when each conversion is split by the weights of the names on its own path.

Names share a conversion in proportion to their weights, each name once, however often it was touched. Where none of
them has a weight they share it equally. `published.weights_on` does the same to the touches of one path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.core.attribution.data_driven.arrays import Floats, tally
from streams.core.attribution.data_driven.paths import Paths


@dataclass(frozen=True, slots=True, eq=False)
class Within:
    """By name: conversions and value (minor units) from splitting each path, and how many have it on their path.

    `equally` are the conversions that were shared equally for want of a weight.
    """

    conversions: Floats
    value: Floats
    having: Floats
    journeys: Floats
    equally: float


def split(paths: Paths, weights: Floats) -> Within:
    """Split every conversion by the weights on its path; nothing of it is lost."""
    names = len(paths.names)
    conversions, value, having, journeys = (np.zeros(names) for _ in range(4))
    equally = 0.0
    distinct, walked = paths.distinct(), paths.journeys
    for some, touches in paths.blocks():
        begins = paths.offsets[some] - touches.start
        marks = distinct[touches]
        codes = paths.codes[touches][marks]
        each = np.add.reduceat(marks, begins, dtype=np.int64)
        journeys += tally(codes, np.repeat(walked[some], each), names)
        # Most journeys do not convert: what follows looks at the paths that did.
        converting = paths.converting[some]
        converts = converting > 0
        codes, each, converting = codes[np.repeat(converts, each)], each[converts], converting[converts]
        if not len(each):
            continue
        weight = weights[codes]
        whole = np.add.reduceat(weight, np.cumsum(each) - each)
        without = whole <= 0
        if without.any():
            equally += float(converting[without].sum())
            weight = np.where(np.repeat(without, each), 1.0, weight)
            whole = np.where(without, each, whole)
        conversions += tally(codes, weight * np.repeat(converting / whole, each), names)
        value += tally(codes, weight * np.repeat(paths.value[some][converts] / whole, each), names)
        having += tally(codes, np.repeat(converting, each), names)
    return Within(conversions, value, having, journeys, equally)
