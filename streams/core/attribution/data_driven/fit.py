"""One fit from beginning to end: paths and a request in, weights with intervals, totals and a diagnosis out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from streams.core.attribution.data_driven import coalitions, shapley, within
from streams.core.attribution.data_driven.arrays import Floats, Ints
from streams.core.attribution.data_driven.bootstrap import Intervals, intervals
from streams.core.attribution.data_driven.paths import Paths
from streams.core.attribution.data_driven.removal import removal
from streams.core.attribution.data_driven.walks import walks
from streams.core.attribution.data_driven.weights import UNITS, below_zero, units_of

Kind = Literal["markov", "shapley"]
#: A draw of the bootstrap takes so much less orders of joining than the estimate itself; its interval holds both.
_DRAW_SHARE = 10


class FitError(ValueError):
    """Nothing can be learned from these paths. The message says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be fitted. `order` is of Markov, `permutations` of Shapley beyond 20 names; `bootstrap` draws."""

    kind: Kind = "markov"
    order: int = 1
    bootstrap: int = 0
    seed: int = 0
    permutations: int = shapley.PERMUTATIONS


@dataclass(frozen=True, slots=True)
class Line:
    """What was found of one name.

    `effect` is its removal effect (0 to 1) or its Shapley value (of the conversion rate, may be negative), `error` the
    standard error where that is an estimate. `weight` is in billionths. `low` and `high` are the interval of the
    weight, parts of 1. `own` is the model's own total, weight times all conversions; `conversions` and `value` (minor
    units) are the sums of what each conversion gives when it is split within its path. `touched` conversions and
    `journeys` have the name on their path.
    """

    name: str
    weight: int
    effect: float
    error: float | None
    low: float | None
    high: float | None
    own: float
    conversions: float
    value: float
    touched: int
    journeys: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What to know before believing a fit.

    `coverage` is the part of conversions that have a path, `one_touch` that of journeys with a single touch; the
    smallest cell is the name on the fewest conversions' paths. `condition` and `bound` (how far an effect can be off)
    are of Markov's equations, 1 and 0 where there are none. `below_zero`: what was cut off negative values, in parts of
    what was kept; `equally`: conversions none of whose names has a weight.
    """

    paths: int
    journeys: int
    conversions: int
    pathless: int
    coverage: float
    one_touch: float
    smallest_name: str
    smallest_conversions: int
    smallest_journeys: int
    states: int
    condition: float
    bound: float
    exact: bool
    permutations: int
    below_zero: float
    equally: int
    draws: int


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit: the observed conversion rate, a line for each name by falling weight, and the diagnosis."""

    request: Request
    rate: float
    lines: tuple[Line, ...]
    diagnosis: Diagnosis


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    effects: Floats
    errors: Floats | None
    interval: Intervals | None
    states: int = 0
    condition: float = 1.0
    bound: float = 0.0
    exact: bool = True
    permutations: int = 0


def fit(paths: Paths, request: Request) -> Fit:
    """Fit what was asked for. The same paths, in the same order, and the same request give the same fit.

    Raises:
        FitError: no conversion has a path.
        PathError: the order is none of 1 to 3, or there are too many names for it.
    """
    if not paths.conversions:
        raise FitError("no conversion has a path: there is nothing to learn from")
    solved = _markov(paths, request) if request.kind == "markov" else _shapley(paths, request)
    units = units_of(solved.effects)
    shares = within.split(paths, units / UNITS)
    lines = _lines(paths, solved, units, shares)
    return Fit(request, paths.rate, lines, _diagnosis(paths, solved, shares, lines))


def _markov(paths: Paths, request: Request) -> _Solved:
    chain = walks(paths, request.order)
    found = removal(chain.count())

    def again(converting: Ints, others: Ints, _seed: int) -> Floats:
        return removal(chain.count(converting, others)).effects

    return _Solved(
        found.effects,
        None,
        intervals(again, paths.converting, paths.others, request.bootstrap, request.seed),
        found.states,
        found.condition,
        found.bound,
    )


def _shapley(paths: Paths, request: Request) -> _Solved:
    sets = coalitions.sets_of(paths)
    found = shapley.solve(sets, request.seed, request.permutations)

    def again(converting: Ints, others: Ints, seed: int) -> Floats:
        drawn = sets.counted(converting.astype(np.float64), (converting + others).astype(np.float64))
        return shapley.solve(drawn, seed, request.permutations // _DRAW_SHARE).effects

    # Sets are drawn, not paths: what falls together in one set may be drawn together.
    converting = sets.converting.astype(np.int64)
    interval = intervals(
        again, converting, sets.journeys.astype(np.int64) - converting, request.bootstrap, request.seed
    )
    errors = None if found.exact else found.errors
    return _Solved(found.effects, errors, interval, exact=found.exact, permutations=found.permutations)


def _lines(paths: Paths, solved: _Solved, units: Ints, shares: within.Within) -> tuple[Line, ...]:
    interval, errors = solved.interval, solved.errors
    lines = [
        Line(
            name=name,
            weight=int(units[code]),
            effect=float(solved.effects[code]),
            error=None if errors is None else float(errors[code]),
            low=None if interval is None else float(interval.low[code]),
            high=None if interval is None else float(interval.high[code]),
            own=int(units[code]) * paths.conversions / UNITS,
            conversions=float(shares.conversions[code]),
            value=float(shares.value[code]),
            touched=int(shares.having[code]),
            journeys=int(shares.journeys[code]),
        )
        for code, name in enumerate(paths.names)
        if shares.journeys[code]
    ]
    return tuple(sorted(lines, key=lambda line: (-line.weight, line.name)))


def _diagnosis(paths: Paths, solved: _Solved, shares: within.Within, lines: tuple[Line, ...]) -> Diagnosis:
    journeys, conversions = int(paths.journeys.sum()), paths.conversions
    smallest = min(lines, key=lambda line: (line.touched, line.journeys, line.name))
    return Diagnosis(
        paths=len(paths),
        journeys=journeys,
        conversions=conversions,
        pathless=paths.pathless,
        coverage=conversions / (conversions + paths.pathless),
        one_touch=int(paths.journeys[paths.lengths == 1].sum()) / journeys,
        smallest_name=smallest.name,
        smallest_conversions=smallest.touched,
        smallest_journeys=smallest.journeys,
        states=solved.states,
        condition=solved.condition,
        bound=solved.bound,
        exact=solved.exact,
        permutations=solved.permutations,
        below_zero=below_zero(solved.effects),
        equally=int(shares.equally),
        draws=solved.interval.draws if solved.interval else 0,
    )
