"""Path transforms: which touches of a path a model gets to see. What it does not see earns nothing in that model.

The names are those of the field (https://github.com/google/fractribution/blob/main/py/README.md, and Snowplow's
attribution package after it). On the channels D A B B C D C C:

| transform | leaves | what it does |
|---|---|---|
| `unique` | D A B B C D C C | nothing: each touch is one of its own |
| `exposure` | D A B C D C | of touches of one channel in a row, the first stays |
| `first` | D A B C | of each channel, the first touch stays |
| `remove_direct` | the path without direct visits | unless nothing else is there: then all stay |
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from schemas.attributing import Transform
from streams.core.attribution.direct import is_direct
from streams.core.attribution.models import Weigh
from streams.core.touch import Touch

Places = list[int]
"""Places of touches in the path, in order; never empty."""


def unique(_path: Sequence[Touch], places: Places) -> Places:
    """Keep every touch."""
    return places


def exposure(path: Sequence[Touch], places: Places) -> Places:
    """Keep the first touch of each run of one channel."""
    kept = places[:1]
    for before, place in pairwise(places):
        if path[place].channel != path[before].channel:
            kept.append(place)
    return kept


def first(path: Sequence[Touch], places: Places) -> Places:
    """Keep the first touch of each channel."""
    met: dict[str, int] = {}
    for place in places:
        met.setdefault(path[place].channel, place)
    return list(met.values())


def remove_direct(path: Sequence[Touch], places: Places) -> Places:
    """Keep what is no direct visit; where nothing else is there, keep all."""
    return [place for place in places if not is_direct(path[place])] or places


TRANSFORMS: dict[Transform, Callable[[Sequence[Touch], Places], Places]] = {
    "unique": unique,
    "exposure": exposure,
    "first": first,
    "remove_direct": remove_direct,
}


def behind(transforms: Sequence[Transform], model: Weigh) -> Weigh:
    """Give the model that sees what the transforms leave, and gives the rest of the path nothing."""
    steps = [TRANSFORMS[name] for name in transforms if name != "unique"]
    if not steps:
        return model

    def weigh(path: Sequence[Touch]) -> list[int] | None:
        places = list(range(len(path)))
        for step in steps:
            places = step(path, places)
        if len(places) == len(path):
            return model(path)
        found = model([path[place] for place in places])
        if found is None:
            return None
        weights = [0] * len(path)
        for place, weight in zip(places, found, strict=True):
            weights[place] = weight
        return weights

    return weigh
