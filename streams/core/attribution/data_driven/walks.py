"""From paths to the counts of a Markov chain of order k: which states there are, and how often each was gone to.

The state behind a touch is the last k names of its path up to there; a path that has fewer yet is in a state of its
own. What a path does is prepared once (`Walks`); counting it with other counts of the paths, as the bootstrap does,
is one pass over the touches.

Source: E. Anderl, I. Becker, F. v. Wangenheim, J. H. Schumann, "Mapping the customer journey: Lessons learned from
graph-based online attribution modeling", International Journal of Research in Marketing 33 (2016) 457-474,
https://doi.org/10.1016/j.ijresmar.2016.03.001
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.core.attribution.data_driven.arrays import AnyInts, Floats, Ints, tally
from streams.core.attribution.data_driven.paths import BLOCK, PathError, Paths

ORDERS = (1, 2, 3)
#: Keys up to here are found in a table; more of them are sorted.
_TABLE = 1 << 24


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How often the chain went where. State i ends with the name `last[i]`; all counts are whole numbers.

    `into` counts arrivals from another state or from the start. Steps from a state to itself are left out: they change
    neither where the chain ends nor what it would do without a name.
    """

    last: Ints
    start: Floats
    source: Ints
    target: Ints
    steps: Floats
    into: Floats
    converting: Floats
    names: int

    @property
    def begun(self) -> float:
        """Paths that began."""
        return float(self.start.sum())

    @property
    def probability(self) -> float:
        """The probability that a path ends with a conversion: the observed rate, whatever the order.

        In a chain that is counted from paths, what comes into a state also leaves it. So expected visits are the
        counted ones, and the conversions that the chain expects are those that happened.
        """
        return float(self.converting.sum()) / self.begun if self.begun else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """What paths do in the chain of one order: the edge that each touch goes along, and the state that each ends in."""

    paths: Paths
    last: Ints
    edges: AnyInts
    """By touch: the place of its edge in `source` and `target`."""
    source: Ints
    """By edge: the state that it comes from; the number of states means the start."""
    target: Ints
    ends: Ints

    @property
    def states(self) -> int:
        """How many states there are."""
        return len(self.last)

    def count(self, converting: Ints | None = None, others: Ints | None = None) -> Counts:
        """Count, with the counts of the paths or with these."""
        paths, states = self.paths, self.states
        converted = paths.converting if converting is None else converting
        walked = (converted + (paths.others if others is None else others)).astype(np.float64)
        gone = np.zeros(len(self.source))
        lengths = paths.lengths
        # A block is never small beside the array that it is counted into.
        for some, touches in paths.blocks(max(BLOCK, 2 * len(gone))):
            weights = np.repeat(walked[some], lengths[some])
            gone += tally(self.edges[touches], weights, len(gone))
        begins = self.source == states
        steps = ~begins & (self.source != self.target) & (gone > 0)
        start = tally(self.target[begins], gone[begins], states)
        inner = tally(self.target[steps], gone[steps], states)
        converted_in = tally(self.ends, converted, states)
        return Counts(
            self.last,
            start,
            self.source[steps],
            self.target[steps],
            gone[steps],
            start + inner,
            converted_in,
            len(paths.names),
        )


def walks(paths: Paths, order: int) -> Walks:
    """Prepare paths for a chain of the order, 1 to 3.

    Raises:
        PathError: another order, or more names than its states can be numbered with.
    """
    if order not in ORDERS:
        raise PathError(f"order {order}: a Markov chain is of order 1, 2 or 3")
    names = len(paths.names)
    if float(names + 1) ** (order + 1) >= 2**62:
        raise PathError(f"{names} names are too many for order {order}")
    return _first_order(paths) if order == 1 and (names + 1) * names <= _TABLE else _any_order(paths, order)


def _first_order(paths: Paths) -> Walks:
    names = len(paths.names)
    edges = np.empty(len(paths.codes), np.min_scalar_type(max((names + 1) * names, 1)))
    for some, touches in paths.blocks():
        codes = paths.codes[touches].astype(np.int64)
        before = np.empty_like(codes)
        before[1:] = codes[:-1]
        before[paths.offsets[some] - touches.start] = names
        edges[touches] = before * names + codes
    source, target = np.divmod(np.arange((names + 1) * names, dtype=np.int64), max(names, 1))
    return Walks(paths, np.arange(names), edges, source, target, _ends(paths).astype(np.int64))


def _any_order(paths: Paths, order: int) -> Walks:
    names = len(paths.names)
    first = paths.offsets[:-1]
    codes = paths.codes.astype(np.int64)
    begins = np.zeros(len(codes), np.bool_)
    begins[first] = True
    state, earlier, behind = codes.copy(), codes, begins
    for back in range(1, order):
        # Names are counted from 1 here: 0 says that the path had not begun.
        earlier = np.concatenate(([0], earlier[:-1]))
        state += np.where(behind, 0, earlier + 1) * names * (names + 1) ** (back - 1)
        behind = behind | np.concatenate(([False], behind[:-1]))
    keys, state = _numbered(state, names * (names + 1) ** (order - 1))
    source = np.empty_like(state)
    source[1:] = state[:-1]
    source[first] = len(keys)
    # The state that an edge leads to follows from where it comes from and the name.
    edge_keys, edges = _numbered(source * names + codes, (len(keys) + 1) * names)
    target = np.empty(len(edge_keys), np.int64)
    target[edges] = state
    small = np.min_scalar_type(max(len(edge_keys) - 1, 0))
    return Walks(paths, keys % names, edges.astype(small), edge_keys // names, target, state[paths.offsets[1:] - 1])


def _ends(paths: Paths) -> AnyInts:
    ends: AnyInts = paths.codes[paths.offsets[1:] - 1]
    return ends


def _numbered(keys: Ints, most: int) -> tuple[Ints, Ints]:
    """Give the keys that there are, in order, and for each key its place among them."""
    if most > _TABLE:
        found, places = np.unique(keys, return_inverse=True)
        return found, places.astype(np.int64)
    there = np.zeros(most, np.bool_)
    there[keys] = True
    found = np.flatnonzero(there)
    place = np.cumsum(there) - 1
    return found, place[keys]
