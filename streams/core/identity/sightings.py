"""When a customer was seen with an identifier: the first moment of each stretch of minutes, of the newest stretches."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping

Sightings = dict[str, list[int]]
"""By customer: moments in microseconds, in order, at most one of each stretch."""


def add_moment(moments: list[int], at: int, stretch: int) -> bool:
    """Put a moment into its place, unless its stretch has an earlier one; say whether anything has changed."""
    index = bisect_left(moments, at)
    number = at // stretch
    if index and moments[index - 1] // stretch == number:
        return False
    if index < len(moments) and moments[index] // stretch == number:
        if moments[index] == at:
            return False
        moments[index] = at
        return True
    moments.insert(index, at)
    return True


def add_own_moment(moments: list[int], at: int, stretch: int, most: int) -> bool:
    """Do the same, and keep the newest `most`; say whether anything has changed."""
    if not add_moment(moments, at, stretch):
        return False
    if len(moments) > most:
        return moments.pop(0) != at
    return True


def add_sighting(sightings: Sightings, who: str, at: int, stretch: int, most: int) -> bool:
    """Take in that `who` was seen at `at`; say whether anything has changed.

    What is kept is a function of the set of sightings: of each stretch and customer the first, and of those the newest
    `most` by (stretch, customer).
    """
    moments = sightings.get(who)
    if moments is None:
        moments = sightings[who] = []
    before = len(moments)
    if not add_moment(moments, at, stretch):
        return False
    if len(moments) == before or sum(map(len, sightings.values())) <= most:
        return True
    oldest = min((kept[0] // stretch, other) for other, kept in sightings.items() if kept)[1]
    dropped = sightings[oldest].pop(0)
    if not sightings[oldest]:
        del sightings[oldest]
    return not (oldest == who and dropped == at)


def homes_by_time(sightings: Sightings, named: Mapping[str, str], own: str | None) -> list[tuple[int | None, str]]:
    """Give who has the identifier from which moment on, from the sightings of those whom `named` holds.

    `named` gives for each customer who names its profile. `own` has what came before the first sighting; None: the one
    who is sighted first has it. Empty where there is no sighting.
    """
    seen: Iterable[tuple[int, str]] = sorted(
        (at, who) for who, moments in sightings.items() if who in named for at in moments
    )
    homes: list[tuple[int | None, str]] = [] if own is None else [(None, own)]
    found = False
    for at, who in seen:
        found = True
        name = named[who]
        if not homes:
            homes.append((None, name))
        elif homes[-1][0] == at:
            homes[-1] = (at, name)
            if len(homes) > 1 and homes[-2][1] == name:
                homes.pop()
        elif homes[-1][1] != name:
            homes.append((at, name))
    return homes if found else []
