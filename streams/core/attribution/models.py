"""Rule-based attribution models: a path's length in, whole weights out. A user's own model has the same signature."""

from collections.abc import Callable, Sequence

from streams.core.touch import Touch

Model = Callable[[Sequence[Touch]], list[int]]
"""The touches of a conversion in order of time (at least one) to one non-negative weight each, not all 0."""


def first(path: Sequence[Touch]) -> list[int]:
    """Give everything to the touch that came first."""
    return [1] + [0] * (len(path) - 1)


def last(path: Sequence[Touch]) -> list[int]:
    """Give everything to the touch that came last."""
    return [0] * (len(path) - 1) + [1]


def linear(path: Sequence[Touch]) -> list[int]:
    """Give the same to each touch."""
    return [1] * len(path)


MODELS: dict[str, Model] = {"first": first, "last": last, "linear": linear}
