"""What an event that was put into its place changes: journeys before and after, from the segment where it stands.

Two folds go over the events behind it side by side, one as if it had not come. Where a segment begins with both
standing alike, nothing differs from there on, and the rest is not looked at.
"""

from typing import NamedTuple

from streams.core.journeys import Journey, JourneyFold, add
from streams.core.rules import Rules
from streams.core.touch import Touch
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
    met: set[bytes] = set()
    same = False
    for index in range(begin, log.segments):
        if now is not None and index > begin:
            events = log.segment(index)
            if was.progress == now.progress and events and events[0].at > until:
                same = True
                break
            log.restart(index, now.progress.copy())
        for touch in log.segment(index):
            met.add(touch.id)
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
    if same:
        for fold in (was, now):
            _add_later(fold, log, met, rules)
    return Restated(was.known, now.known, before, after, None if same else now)


def _step(fold: JourneyFold, touch: Touch, converted: dict[bytes, str]) -> None:
    journey, _ = fold.step(touch)
    if touch.converts and journey is not None:
        converted[touch.id] = journey.id


def _add_later(fold: JourneyFold, log: TouchLog, met: set[bytes], rules: Rules) -> None:
    """Count what names the order of a journey and lies behind the place where the folds ended."""
    for journey in fold.known.values():
        if journey.order is None or journey is fold.progress.done:
            continue
        for touch in log.naming(journey.order):
            rule = rules.of(touch)
            if touch.id not in met and not (touch.converts and rule.closing):
                add(journey, touch, rule.credit, touch.converts)
