"""The kinds of arrays that the modules here hand each other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
AnyInts = NDArray[np.integer]
AnyArray = NDArray[Any]


def tally(places: AnyInts, weights: AnyArray, most: int) -> Floats:
    """Add up the weights that belong to each place below `most`."""
    return np.bincount(places, weights, most).astype(np.float64, copy=False)
