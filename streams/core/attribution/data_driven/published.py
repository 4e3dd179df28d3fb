"""Published weights on one conversion: whole weights for its touches, as every attribution model gives them.

No numpy here: workers load this. The credit of a name is shared equally by its touches, so touching it more often gives
it no more. Names that the model does not know have no weight; where no name of a path has one they all share equally.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm

from schemas.attribution_model import AttributionModel, Level
from streams.core.attribution.models import Model
from streams.core.touch import Touch


@dataclass(frozen=True, slots=True)
class PublishedWeights:
    """What a worker keeps of a published model: weights in billionths, by name, at one level."""

    level: Level
    units: Mapping[str, int]


def weights_of(model: AttributionModel) -> PublishedWeights:
    """Give what is needed of a record of `touchpath.models`."""
    return PublishedWeights(model.level, {line.name: line.weight for line in model.weights})


def name_at(level: Level, channel: str, campaign: str | None, touchpoint: str) -> str:
    """Give the name that a touch has at a level.

    A campaign is named with its channel, `email/spring`: two channels may run one of the same name. A touch without a
    campaign is its channel's. A channel never has a stroke in it.
    """
    if level == "touchpoint":
        return touchpoint
    return f"{channel}/{campaign}" if level == "campaign" and campaign else channel


def weights_on(path: Sequence[Touch], model: PublishedWeights) -> list[int]:
    """Give the touches of a conversion (at least one) a non-negative weight each, not all 0."""
    names = [name_at(model.level, touch.channel, touch.campaign, touch.name) for touch in path]
    times: dict[str, int] = {}
    for name in names:
        times[name] = times.get(name, 0) + 1
    units = {name: model.units.get(name, 0) for name in times}
    if not any(units.values()):
        units = dict.fromkeys(times, 1)
    # A multiple of all the counts, so that each share of a name is a whole number.
    whole = lcm(*times.values())
    return [units[name] * (whole // times[name]) for name in names]


def as_model(published: PublishedWeights) -> Model:
    """Give the weights as a model beside `first` and `linear`."""
    return lambda path: weights_on(path, published)
