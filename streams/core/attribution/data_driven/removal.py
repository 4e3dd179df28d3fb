"""Removal effects of a Markov chain, solved exactly: how far the conversion probability falls without each name.

Removing a name sends everything that goes to one of its states to the null state. With Q the chain's steps, r its steps
to a conversion and S the states of the name, two facts make that cheap. G = (I - Q)^-1 holds expected visits
(Kemeny and Snell, Finite Markov Chains, 1960, chapter 3). In a chain that is counted from paths, the visits v from the
start are the counted ones, nothing to solve. So with h = G r, the conversions that go through S are f h_S, where f, the
first visits to S, solves v_S = f G_SS: one inverse gives the effects of all names, each with a small system of its own
states (of order 1: v h / G_ss, no system at all).

A chain with many states is not inverted: the equations of all names are solved together by an iteration (BiCGSTAB:
van der Vorst, SIAM J. Sci. Stat. Comput. 13 (1992) 631-644, https://doi.org/10.1137/0913035) down to a bound that is
proved, not hoped for: with residual R, the probability is off by no more than v |R|.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse  # type: ignore[import-untyped] # ships no types

from streams.core.attribution.data_driven.arrays import Floats
from streams.core.attribution.data_driven.walks import Counts

#: A chain of up to so many states is inverted in any case.
DENSE = 500
#: One of up to so many is inverted where that is less work than the iteration: 200 MB and some seconds at most.
MOST_DENSE = 5000
#: So many products the iteration takes for each step of the chain and each name, about.
_ROUNDS = 50
#: The iteration ends where every probability is this close to the truth, in parts of the probability itself.
BOUND = 1e-12
_COLUMN_VALUES = 1 << 22
_MOST_ROUNDS = 100_000


class ChainError(ArithmeticError):
    """The equations could not be solved as closely as promised."""


@dataclass(frozen=True, slots=True, eq=False)
class Removal:
    """The chain's conversion probability, and by name the part of it that is lost without the name, 0 to 1.

    `condition` is the condition number of the equations in the maximum norm, (most steps out of a state, in and out)
    times (most visits still to come): digits lost are its logarithm. `bound` is how far an effect can be off.
    """

    probability: float
    effects: Floats
    states: int
    condition: float
    bound: float


def removal(counts: Counts, dense: int = DENSE) -> Removal:
    """Solve for the removal effects of all names; a chain without conversions has none: all 0.

    `dense` is for tests: 0 has every chain solved by the iteration.
    """
    states, probability = len(counts.last), counts.probability
    if not states or not probability:
        return Removal(probability, np.zeros(counts.names), states, 1.0, 0.0)
    # A state that nothing comes to (the bootstrap makes such) gets no steps, and no visits either.
    out = np.where(counts.into > 0, counts.into, 1.0)
    shares = counts.steps / out[counts.source]
    steps = sparse.csr_array((shares, (counts.source, counts.target)), shape=(states, states))
    converts = counts.converting / out
    visits = counts.into / counts.begun
    iterating = _ROUNDS * counts.names * len(counts.steps)
    if states <= dense or (dense and states <= MOST_DENSE and states**3 < iterating):
        return _inverted(counts, steps, converts, visits, probability)
    return _iterated(counts, steps, converts, visits, probability)


def _inverted(counts: Counts, steps: sparse.csr_array, converts: Floats, visits: Floats, probability: float) -> Removal:
    matrix = np.eye(len(visits)) - steps.toarray()
    fundamental = np.linalg.inv(matrix)
    reach = fundamental @ converts
    condition = float(np.abs(matrix).sum(axis=1).max() * np.abs(fundamental).sum(axis=1).max())
    lost = np.zeros(counts.names)
    if len(np.unique(counts.last)) == len(visits):  # order 1: a name has one state
        lost[counts.last] = visits * reach / np.diagonal(fundamental)
    else:
        by_name = np.argsort(counts.last, kind="stable")
        for states in np.split(by_name, np.flatnonzero(np.diff(counts.last[by_name])) + 1):
            first_visits = np.linalg.solve(fundamental[np.ix_(states, states)].T, visits[states])
            lost[counts.last[states[0]]] = first_visits @ reach[states]
    # A name on every conversion's path loses all of it; rounding must not make that more.
    effects = np.clip(lost / probability, 0.0, 1.0)
    return Removal(probability, effects, len(visits), condition, condition * float(np.finfo(np.float64).eps))


def _iterated(counts: Counts, steps: sparse.csr_array, converts: Floats, visits: Floats, probability: float) -> Removal:
    states = len(visits)
    start = counts.start / counts.begun
    kept = np.ones(counts.names)
    worst = 0.0
    seen = np.unique(counts.last)
    width = max(1, min(64, _COLUMN_VALUES // states))
    for first in range(0, len(seen), width):
        names = seen[first : first + width]
        stays = (counts.last[:, None] != names[None, :]).astype(np.float64)
        reach, off = _solve(steps, converts, stays, visits, BOUND * probability)
        kept[names] = start @ reach / probability
        worst = max(worst, float(off.max()) / probability)
    longest, _ = _solve(steps, np.ones(states), np.ones((states, 1)), visits, BOUND * max(1.0, float(visits.sum())))
    condition = float((1.0 + steps.sum(axis=1)).max() * longest.max())
    return Removal(probability, np.clip(1.0 - kept, 0.0, 1.0), states, condition, worst)


def _solve(steps: sparse.csr_array, ends: Floats, stays: Floats, visits: Floats, bound: float) -> tuple[Floats, Floats]:
    """Solve x = stays * (steps x + ends), a column for each column of `stays`; give x and the bound of start x.

    BiCGSTAB on all columns at once. Where it does not come close enough (it may break down), x = stays * (steps x +
    ends) is repeated: that comes closer with each round, since every path of the chain ends.
    """
    right = stays * ends[:, None]
    with np.errstate(all="ignore"):  # where it breaks down, the rounds below find the way
        found = _bicgstab(steps, stays, right, visits, bound)
    for _ in range(_MOST_ROUNDS):
        better = stays * (steps @ found) + right
        off = visits @ np.abs(better - found)
        found = better
        if np.all(off <= bound):
            return found, off
        if not np.all(np.isfinite(off)):
            found = np.where(np.isfinite(off)[None, :], found, 0.0)
    raise ChainError(f"the chain's equations are off by {float(off.max()):.1e} after {_MOST_ROUNDS} rounds")


def _bicgstab(steps: sparse.csr_array, stays: Floats, right: Floats, visits: Floats, bound: float) -> Floats:
    found = np.zeros_like(right)
    rest, shadow = right.copy(), right.copy()
    along = right.copy()
    product = (shadow * rest).sum(axis=0)
    for _ in range(500):
        moved = along - stays * (steps @ along)
        length = _ratio(product, (shadow * moved).sum(axis=0))
        half = rest - length * moved
        turned = half - stays * (steps @ half)
        damp = _ratio((turned * half).sum(axis=0), (turned * turned).sum(axis=0))
        found += length * along + damp * half
        rest = half - damp * turned
        if np.all(visits @ np.abs(rest) <= bound / 4):
            break
        before, product = product, (shadow * rest).sum(axis=0)
        along = rest + _ratio(product, before) * _ratio(length, damp) * (along - damp * moved)
    return found


def _ratio(over: Floats, under: Floats) -> Floats:
    """Divide; a column that is done (0 / 0) stays where it is."""
    return np.divide(over, under, out=np.zeros_like(over), where=under != 0)
