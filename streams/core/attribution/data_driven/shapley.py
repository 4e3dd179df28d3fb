"""Shapley attribution: what each name adds to the conversion rate, on average over all orders of joining.

The game: a coalition of names is worth the conversion rate of the journeys whose names all lie within it; one that no
journey lies within is worth 0. Such a game is not monotone: a name that mostly stands on journeys that fail lowers the
rate of the coalitions it joins, and its value is negative. It is given as it is; see `weights` for what is made of it.

Up to `MOST_EXACT` names every coalition is looked at: sums over subsets are made in place, a name at a time (Yates'
method; the zeta transform of the subset lattice). Beyond that, orders of joining are drawn (Castro, Gómez, Tejada,
Computers & Operations Research 36 (2009) 1726-1730, https://doi.org/10.1016/j.cor.2008.04.004), each together with its
reverse, and the standard error is told.

The game that sums conversions instead of taking their rate is a check, not a model: its Shapley value is what linear
credit per distinct name gives (Zhao, Mahboobi, Bagheri 2018, https://arxiv.org/abs/1804.05327).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Literal

import numpy as np

from streams.core.attribution.data_driven.arrays import AnyArray, Floats, Ints, tally
from streams.core.attribution.data_driven.coalitions import Sets, sets_of
from streams.core.attribution.data_driven.paths import Paths

MOST_EXACT = 20
#: Orders of joining that are drawn, half of them the reverse of another.
PERMUTATIONS = 2000
Game = Literal["rate", "sum"]


@dataclass(frozen=True, slots=True, eq=False)
class Shapley:
    """The value of the coalition of all names, and by name its part; `errors` are standard errors, 0 where exact."""

    total: float
    effects: Floats
    errors: Floats
    exact: bool
    permutations: int = 0


def shapley(paths: Paths, seed: int = 0, permutations: int = PERMUTATIONS, game: Game = "rate") -> Shapley:
    """Give the Shapley values of all names of the paths; they sum to the value of the whole."""
    return solve(sets_of(paths), seed, permutations, game)


def solve(sets: Sets, seed: int = 0, permutations: int = PERMUTATIONS, game: Game = "rate") -> Shapley:
    """Give the Shapley values: exactly for up to 20 names that a journey has, else estimated from the seed."""
    present = np.unique(sets.members)
    if len(present) <= MOST_EXACT:
        return _exact(sets, present, game)
    return _sampled(sets, present, seed, permutations, game)


def _worth(converting: Floats, journeys: Floats, game: Game) -> Floats:
    if game == "sum":
        return converting
    return np.divide(converting, journeys, out=np.zeros_like(converting), where=journeys > 0)


def _exact(sets: Sets, present: Ints, game: Game) -> Shapley:
    players = len(present)
    effects, errors = np.zeros(sets.names), np.zeros(sets.names)
    if not players:
        return Shapley(0.0, effects, errors, exact=True)
    bits = np.left_shift(1, np.searchsorted(present, sets.members))
    coalition = np.add.reduceat(bits, sets.offsets[:-1])
    worth = _worth(
        _over_subsets(tally(coalition, sets.converting, 1 << players), players),
        _over_subsets(tally(coalition, sets.journeys, 1 << players), players),
        game,
    )
    size = np.bitwise_count(np.arange(1 << players))
    weight = np.array([1 / (players * comb(players - 1, others)) for others in range(players)] + [0.0])
    for player in range(players):
        without, along = _halves(worth, player)
        chance = weight[_halves(size, player)[0]]
        effects[present[player]] = float(((along - without) * chance).sum())
    return Shapley(float(worth[-1]), effects, errors, exact=True)


def _over_subsets(of: Floats, players: int) -> Floats:
    for player in range(players):
        without, along = _halves(of, player)
        along += without
    return of


def _halves(of: AnyArray, player: int) -> tuple[AnyArray, AnyArray]:
    """Give views of the coalitions without and with a player, in the same order."""
    pairs = of.reshape(-1, 2, 1 << player)
    return pairs[:, 0, :], pairs[:, 1, :]


def _sampled(sets: Sets, present: Ints, seed: int, permutations: int, game: Game) -> Shapley:
    random = np.random.Generator(np.random.PCG64(seed))
    players, pairs = len(present), max(permutations // 2, 2)
    members = np.searchsorted(present, sets.members)
    begins = sets.offsets[:-1]
    total = squares = np.zeros(players)
    for _ in range(pairs):
        place = random.permutation(players)
        added = np.zeros(players)
        for places in (place, players - 1 - place):
            # A set is within the coalition as soon as its last member has joined.
            joined = np.maximum.reduceat(places[members], begins)
            worth = _worth(
                np.cumsum(tally(joined, sets.converting, players)),
                np.cumsum(tally(joined, sets.journeys, players)),
                game,
            )
            added += np.diff(worth, prepend=0.0)[places] / 2
        total = total + added
        squares = squares + added * added
    mean = total / pairs
    spread = np.maximum(squares / pairs - mean * mean, 0.0) / (pairs - 1)
    effects, errors = np.zeros(sets.names), np.zeros(sets.names)
    effects[present], errors[present] = mean, np.sqrt(spread)
    return Shapley(
        float(_worth(sets.converting.sum(keepdims=True), sets.journeys.sum(keepdims=True), game)[0]),
        effects,
        errors,
        exact=False,
        permutations=2 * pairs,
    )


def linear_per_name(paths: Paths) -> Floats:
    """Give the conversions of each name where each path's are shared equally by the names that it has."""
    sets = sets_of(paths)
    share = np.repeat(sets.converting / np.diff(sets.offsets), np.diff(sets.offsets))
    return tally(sets.members, share, sets.names)
