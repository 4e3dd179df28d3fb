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
    distinct = paths.distinct()
    for some, touches in paths.blocks():
        begins = paths.offsets[some] - touches.start
        marks = distinct[touches]
        codes = paths.codes[touches][marks].astype(np.int64)
        each = np.add.reduceat(marks, begins, dtype=np.int64)
        first = np.concatenate(([0], np.cumsum(each)[:-1]))
        weight = weights[codes]
        whole = np.add.reduceat(weight, first)
        without = whole <= 0
        share = np.where(np.repeat(without, each), 1.0, weight) / np.repeat(np.where(without, each, whole), each)
        converting = np.repeat(paths.converting[some], each)
        conversions += tally(codes, share * converting, names)
        value += tally(codes, share * np.repeat(paths.value[some], each), names)
        having += tally(codes, converting, names)
        journeys += tally(codes, np.repeat(paths.journeys[some], each), names)
        equally += float(paths.converting[some][without].sum())
    return Within(conversions, value, having, journeys, equally)
