"""Rule-based attribution models: a path in, whole weights out. A user's own model has the same signature.

Only the proportions of the weights matter. Weights are whole numbers, so that every machine splits the same way.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import lcm

from schemas.attributing import ModelSettings, RuleModel
from streams.core.attribution.decay import decayed
from streams.core.attribution.direct import is_direct
from streams.core.clock import DAY
from streams.core.touch import Touch

Model = Callable[[Sequence[Touch]], list[int]]
"""The touches of a conversion in order of time (at least one) to one non-negative weight each, not all 0."""

Weigh = Callable[[Sequence[Touch]], list[int] | None]
"""A model that may have no answer: None."""


def first(path: Sequence[Touch]) -> list[int]:
    """Give everything to the touch that came first."""
    return [1] + [0] * (len(path) - 1)


def last(path: Sequence[Touch]) -> list[int]:
    """Give everything to the touch that came last."""
    return [0] * (len(path) - 1) + [1]


def last_non_direct(path: Sequence[Touch]) -> list[int]:
    """Give everything to the last touch that was no direct visit; where all were, to the last."""
    weights = [0] * len(path)
    weights[next((index for index in range(len(path) - 1, -1, -1) if not is_direct(path[index])), -1)] = 1
    return weights


def linear(path: Sequence[Touch]) -> list[int]:
    """Give the same to each touch."""
    return [1] * len(path)


def linear_channel(path: Sequence[Touch]) -> list[int]:
    """Give the same to each distinct channel, and within a channel the same to each of its touches.

    By channel that is the Shapley value of the sum of conversions (Zhao et al. 2018, arXiv:1804.05327).
    """
    touches: dict[str, int] = {}
    for touch in path:
        touches[touch.channel] = touches.get(touch.channel, 0) + 1
    if len(touches) == 1:
        return [1] * len(path)
    whole = lcm(*touches.values())
    return [whole // touches[touch.channel] for touch in path]


def position_based(weights: tuple[int, int, int], path: Sequence[Touch]) -> list[int]:
    """Give the first and the last touch their weights, and all between together the middle one.

    Two touches get a half each, whatever the weights.
    """
    between = len(path) - 2
    if between <= 0:
        return [1] * len(path)
    opening, middle, closing = weights
    if not middle or not (opening or closing):
        return [opening, *[middle] * between, closing]
    return [opening * between, *[middle] * between, closing * between]


def time_decay(half_life: int, path: Sequence[Touch]) -> list[int]:
    """Give a touch half of what one gets that came a half-life (in microseconds) later.

    Only proportions matter, so ages count from the last touch: from the conversion they would give the same.
    """
    newest = path[-1].at
    return [decayed(newest - touch.at, half_life) for touch in path]


_PLAIN: dict[RuleModel, Model] = {
    "first": first,
    "last": last,
    "last_non_direct": last_non_direct,
    "linear": linear,
    "linear_channel": linear_channel,
}


def rule_model(kind: RuleModel, settings: ModelSettings) -> Model:
    """Give a rule model as the catalogue sets it."""
    if kind == "position_based":
        return partial(position_based, settings.weights)
    if kind == "time_decay":
        return partial(time_decay, round(settings.half_life_days * DAY))
    return _PLAIN[kind]
