"""Where an identifier's events belong, under one policy, and what changes when that changes."""

from bisect import bisect_right
from typing import NamedTuple

from streams.core.identity.node import Plan

Homes = list[tuple[int | None, str]]
"""From which moment on (microseconds; None: always) the events belong to whom the identifier names; in order."""


class Move(NamedTuple):
    """Events with `since <= occurred_at < until` go from `old` to `new` (identifiers that name profiles)."""

    since: int | None
    until: int | None
    old: str
    new: str


def home_at(homes: Homes, at: int) -> str:
    """Give who names the profile of an event at that time."""
    if len(homes) == 1:
        return homes[0][1]
    return homes[bisect_right(homes, at, lo=1, key=_since) - 1][1]


def _since(home: tuple[int | None, str]) -> int:
    return home[0] or 0  # never asked of the first, which is the only one without a beginning


def moves_between(old: Homes, new: Homes) -> list[Move]:
    """Give what moves from the old plan to the new one, in order of time, neighbours with the same ends in one."""
    borders = sorted({since for since, _ in (*old[1:], *new[1:]) if since is not None})
    moves: list[Move] = []
    for begin, end in zip([None, *borders], [*borders, None], strict=True):
        before, after = (_home_from(homes, begin) for homes in (old, new))
        if before == after:
            continue
        last = moves[-1] if moves else None
        if last is not None and last.until == begin and (last.old, last.new) == (before, after):
            moves[-1] = last._replace(until=end)
        else:
            moves.append(Move(begin, end, before, after))
    return moves


def _home_from(homes: Homes, begin: int | None) -> str:
    return homes[0][1] if begin is None else home_at(homes, begin)


def take_over(plan: Plan, homes: Homes) -> list[Move]:
    """Put new homes into a plan and give what moves; the version rises with each change."""
    moves = moves_between(plan.homes, homes)
    if moves:
        plan.homes = homes
        plan.version += 1
    return moves
