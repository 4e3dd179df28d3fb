"""What each touch of a conversion earned in one model: credit in billionths and value in minor units."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from streams.core.attribution.book import BookedModel
from streams.core.attribution.split import split
from streams.core.touch import NO_CONSENT, Touch

#: Credit is Decimal(18,9): one conversion is this many units of credit.
CREDIT_UNITS = 1_000_000_000
#: Weights of rule models that count are small and come again; those of a decay never do.
_SMALL = 1 << 20

Line = Literal["unattributed", "withheld"]


class Share(NamedTuple):
    """One touch's part of one conversion. `touch` None is a line without a touch: `line` says which."""

    touch: Touch | None
    credit: int
    value: int
    line: Line = "unattributed"


@lru_cache(maxsize=1024)
def _credits(weights: tuple[int, ...]) -> list[int]:
    return split(CREDIT_UNITS, weights)


def allocate(model: BookedModel, path: Sequence[Touch], value: int) -> list[Share]:
    """Split one conversion of `value` minor units over its path; what earns nothing is left out.

    Credit sums to `CREDIT_UNITS` and value to `value`, always. Without a path, or an answer of the model, all of it is
    unattributed. What touches without consent earn is one line without a name, the last.
    """
    weights = model.weigh(path) if path else None
    if weights is None:
        return [Share(None, CREDIT_UNITS, value)]
    if len(path) - weights.count(0) == 1:  # as always with the first or last touch
        touch = path[next(index for index, weight in enumerate(weights) if weight)]
        return [_share(touch, CREDIT_UNITS, value)]
    credits_ = _credits(tuple(weights)) if max(weights) < _SMALL else split(CREDIT_UNITS, weights)
    values = split(value, weights)
    hidden = hidden_value = 0
    shares = []
    for touch, credit, part in zip(path, credits_, values, strict=True):
        if touch.flags & NO_CONSENT:
            hidden += credit
            hidden_value += part
        elif credit or part:
            shares.append(Share(touch, credit, part))
    if hidden or hidden_value:
        shares.append(Share(None, hidden, hidden_value, "withheld"))
    return shares


def _share(touch: Touch, credit: int, value: int) -> Share:
    if touch.flags & NO_CONSENT:
        return Share(None, credit, value, "withheld")
    return Share(touch, credit, value)
