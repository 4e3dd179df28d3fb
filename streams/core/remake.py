"""What a set of touches that come or go at once changes: the log anew from the segment of the first of them.

Two folds go over it, one over the events as they were and one as they are to be. What is derived of single events (who
opens a visit, who converts, who names an older order) is decided anew for the events behind the first change.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import is_

from streams.core import touch_log
from streams.core.journeys import Journey, JourneyFold
from streams.core.restate import Restated
from streams.core.rules import Rules
from streams.core.tail import by_key
from streams.core.touch import CONVERTS, OF_OLDER_ORDER, OPENS_VISIT, Touch
from streams.core.touch_log import Chunk, TouchLog
from streams.core.visits import flips_among


@dataclass(slots=True)
class Change:
    """A change that is worked out and not carried out yet.

    `old` and `new` are the events from segment `begin` on, in order. `opens` and `converts` are the events whose flag
    turns over. A conversion is concerned if one of `moments` lies in its window, by its order, or as one of `again`.
    """

    begin: int
    old: list[Touch]
    new: list[Touch]
    opens: list[Touch]
    converts: list[Touch]
    moments: list[int]
    orders: set[str]
    again: set[bytes]
    look_back: int

    def concerns(self, conversion: Touch) -> bool:
        """Can the change have a part in what the conversion's credits are?"""
        if conversion.order in self.orders or conversion.id in self.again:
            return True
        place = bisect_left(self.moments, conversion.at - self.look_back)
        return place < len(self.moments) and self.moments[place] <= conversion.at


def work_out(
    log: TouchLog,
    rules: Rules,
    gone: Sequence[Touch],
    came: Sequence[Touch],
    again: Sequence[Touch],
    is_sealed: Callable[[Touch], bool],
) -> Change:
    """Find what changes if `gone` leave and `came` come; one of the three is not empty. Nothing is changed yet.

    `again` are events of the log whose conversions and journeys are to be looked at although they stay.
    """
    orders = {touch.order for touch in chain(gone, came, again) if touch.order is not None}
    at = min(touch.at for touch in chain(gone, came, again))
    place = at, b""  # both borders of a window are in: conversions of that very moment are concerned
    begin = 0 if orders else log.segment_of(place)
    old, new = _with_and_without(log, begin, gone, came)
    opens = flips_among(log, place, new[bisect_left(new, at, key=_at) :], rules) if gone or came else []
    if begin and any(touch.order is not None for touch in opens):
        begin = 0  # it counts in its order's journey, which may lie in front of all this
        old, new = _with_and_without(log, begin, gone, came)
    converts = [touch for touch in came if touch.order is None and rules.of(touch).conversion is not None]
    converts += flips_of_orders(new, orders, rules, is_sealed)
    moments = sorted(touch.at for touch in chain(gone, came, opens))
    return Change(begin, old, new, opens, converts, moments, orders, {touch.id for touch in again}, rules.look_back)


def _with_and_without(
    log: TouchLog, begin: int, gone: Sequence[Touch], came: Sequence[Touch]
) -> tuple[list[Touch], list[Touch]]:
    """Give the events from segment `begin` on as they are, and as they will be."""
    old = log.since_segment(begin)
    leaving = {touch.id for touch in gone}
    return old, sorted([*(touch for touch in old if touch.id not in leaving), *came], key=by_key)


def carry_out(profile_id: str, log: TouchLog, rules: Rules, change: Change, old_rules: Rules | None = None) -> Restated:
    """Put the log into its new shape; give the journeys as they were, by the old rules if given, and as they are."""
    flags = [touch.flags for touch in change.old]
    start = log.start(change.begin)
    was = JourneyFold(profile_id, old_rules or rules, start.copy())
    before: dict[bytes, str] = {}
    older: set[bytes] = set()  # of an order whose journey lies behind all that the fold can see
    for touch in change.old:
        journey = _step(was, touch, before)
        if journey is None:
            older.add(touch.id)
    for touch in change.opens:
        touch.flags ^= OPENS_VISIT
    for touch in change.converts:
        touch.flags ^= CONVERTS
    for touch in change.new:
        if touch.flags & OF_OLDER_ORDER and touch.id not in older:
            touch.flags &= ~OF_OLDER_ORDER  # the fold that follows says it again where it still holds
    now = JourneyFold(profile_id, rules, start.copy())
    after: dict[bytes, str] = {}
    chunks: list[Chunk] = []
    kept = _as_they_are(log, change, flags, now, after)
    rest = change.new[sum(len(log.segment(index)) for index in range(change.begin, kept)) :]
    while len(rest) > touch_log.TAIL:
        sealed, rest = rest[: touch_log.SEALED], rest[touch_log.SEALED :]
        chunks.append(Chunk(now.progress.copy(), sealed))
        _step_all(now, sealed, after)
    tail_start = now.progress.copy()
    _step_all(now, rest, after)
    log.replace(kept, chunks, tail_start, rest)
    return Restated(was.known, now.known, before, after, now)


def _as_they_are(
    log: TouchLog, change: Change, flags: list[int], fold: JourneyFold, converted: dict[bytes, str]
) -> int:
    """Let the fold go over sealed chunks as long as they stay as they are; give the first segment that does not."""
    place = 0
    for index in range(change.begin, log.segments - 1):
        touches = log.segment(index)
        end = place + len(touches)
        same = len(change.new) >= end and all(map(is_, touches, change.new[place:end]))
        if not same or (index > change.begin and fold.progress != log.start(index)):
            return index
        _step_all(fold, touches, converted)
        if [touch.flags for touch in touches] != flags[place:end]:
            for touch in touches:
                log.changed(touch)
        place = end
    return log.segments - 1


def _at(touch: Touch) -> int:
    return touch.at


def _step_all(fold: JourneyFold, touches: Iterable[Touch], converted: dict[bytes, str]) -> None:
    for touch in touches:
        _step(fold, touch, converted)


def _step(fold: JourneyFold, touch: Touch, converted: dict[bytes, str]) -> Journey | None:
    journey, _ = fold.step(touch)
    if journey is not None and touch.converts:
        converted[touch.id] = journey.id
    return journey


def flips_of_orders(
    touches: Iterable[Touch], orders: set[str], rules: Rules, is_sealed: Callable[[Touch], bool]
) -> list[Touch]:
    """Give the events whose flag CONVERTS turns over: of those that reach one conversion with one order, one counts.

    That is the earliest, but one that is sealed stays what it is. `touches` are in order, all that name the orders
    among them.
    """
    if not orders:
        return []
    rivals: dict[tuple[str, str], list[Touch]] = {}
    for touch in touches:
        if touch.order in orders and touch.order is not None:
            name = rules.of(touch).conversion
            if name is not None:
                rivals.setdefault((name, touch.order), []).append(touch)
    flips: list[Touch] = []
    for group in rivals.values():
        counts = next((touch for touch in group if touch.converts and is_sealed(touch)), group[0])
        flips += [
            touch
            for touch in group
            if touch.converts != (touch is counts) and not (touch.converts and is_sealed(touch))
        ]
    return flips
