"""What each touch of a conversion earned in one model: credit in billionths and value in minor units."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from streams.core.attribution.models import MODELS
from streams.core.attribution.split import split
from streams.core.touch import Touch

#: Credit is Decimal(18,9): one conversion is this many units of credit.
CREDIT_UNITS = 1_000_000_000


class Share(NamedTuple):
    """One touch's part of one conversion. `touch` None is the unattributed line."""

    touch: Touch | None
    credit: int
    value: int


@lru_cache(maxsize=1024)
def _credits(weights: tuple[int, ...]) -> list[int]:
    return split(CREDIT_UNITS, weights)


def allocate(model: str, path: Sequence[Touch], value: int) -> list[Share]:
    """Split one conversion of `value` minor units over its path; what earns nothing is left out.

    Credit sums to `CREDIT_UNITS` and value to `value`, always; without a path all of it is unattributed.
    """
    if not path:
        return [Share(None, CREDIT_UNITS, value)]
    weights = MODELS[model](path)
    if len(path) - weights.count(0) == 1:  # as always with the first or last touch
        return [Share(path[next(index for index, weight in enumerate(weights) if weight)], CREDIT_UNITS, value)]
    credits_ = _credits(tuple(weights))
    values = split(value, weights)
    return [
        Share(touch, credit, part) for touch, credit, part in zip(path, credits_, values, strict=True) if credit or part
    ]
