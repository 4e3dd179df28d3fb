"""What an event that was put into its place changes: journeys before and after, from the segment where it stands.

Two folds go over the events behind it side by side, one as if it had not come. Where a segment begins with both
standing alike, nothing differs from there on, and the rest is not looked at.
"""

from typing import NamedTuple

from streams.core.ids import id_text
from streams.core.journeys import Journey, JourneyFold, add
from streams.core.rules import Rules
from streams.core.touch import Key, Touch
from streams.core.touch_log import TouchLog


class Restated(NamedTuple):
    """Journeys by id, and the journey of each conversion by event id, as they were and as they are.

    Only what the folds have had in hand is there. `fold` is the one that goes on, None where the end of the log stands
    as it stood.
    """

    before: dict[str, Journey]
    after: dict[str, Journey]
    converted_before: dict[bytes, str]
    converted_after: dict[bytes, str]
    fold: JourneyFold | None


def restate(
    profile_id: str,
    log: TouchLog,
    cause: Touch,
    rules: Rules,
    *,
    old_flags: dict[bytes, int],
    begin: int,
    until: int,
) -> Restated:
    """Compare the journeys with and without `cause`, which is in the log.

    The comparison goes from segment `begin` on, at least to the moment `until`.

    `old_flags` are the flags, as they were, of the events behind it whose flags have changed.
    """
    was = JourneyFold(profile_id, rules, log.start(begin).copy())
    now: JourneyFold | None = None
    before: dict[bytes, str] = {}
    after: dict[bytes, str] = {}
    rest: Key | None = None  # from here on nothing differs
    for index in range(begin, log.segments):
        if now is not None and index > begin:
            events = log.segment(index)
            if was.progress == now.progress and events and events[0].at > until:
                rest = events[0].key
                break
            log.restart(index, now.progress.copy())
        for touch in log.segment(index):
            if touch.id == cause.id:
                now = was.fork()
                _step(now, touch, after)
                continue
            flags = touch.flags
            touch.flags = old_flags.get(touch.id, flags)
            _step(was, touch, before)
            touch.flags = flags
            if now is not None:
                _step(now, touch, after)
                if touch.flags != flags:
                    log.changed(touch)
            elif touch.converts and touch.id in before:  # not there: it is of an order older than the fold
                after[touch.id] = before[touch.id]
    if now is None:
        raise LookupError("the event is not in the log")  # a defect of the caller
    if rest is not None:
        for fold in (was, now):
            _add_later(fold, log, rest, rules)
    return Restated(was.known, now.known, before, after, None if rest is not None else now)


def _step(fold: JourneyFold, touch: Touch, converted: dict[bytes, str]) -> None:
    journey, _ = fold.step(touch)
    if touch.converts and journey is not None:
        converted[touch.id] = journey.id


def _add_later(fold: JourneyFold, log: TouchLog, rest: Key, rules: Rules) -> None:
    """Count what names the order of a journey and lies at `rest`, where the folds ended, or behind it.

    Several conversions may close a journey with one order: what names it belongs to the last of them before it.
    """
    closed = {journey.closing: journey for journey in fold.known.values() if journey.order is not None}
    for order in {journey.order for journey in closed.values()}:
        journey: Journey | None = None
        for touch in log.naming(order) if order is not None else ():
            rule = rules.of(touch)
            if touch.converts and rule.closing:
                journey = closed.get(id_text(touch.id))
            elif journey is not None and journey is not fold.progress.done and touch.key >= rest:
                add(journey, touch, rule.credit, touch.converts)
