"""Visits: consecutive web or app events of one device, with gaps under the border and one campaign.

A visit is known by the event that opens it, so one flag per event is all that is kept. An event opens a visit when it
is the device's first, when the pause before it is as long as the border or longer, or when it names a campaign that is
not the visit's.
"""

from collections.abc import Sequence

from streams.core.rules import Rules
from streams.core.touch import OPENS_VISIT, Key, Touch
from streams.core.touch_log import TouchLog


def is_of_a_visit(touch: Touch, rules: Rules) -> bool:
    """Say whether an event is part of a visit.

    A conversion that names no device was told by a server: that somebody was there then it does not say.
    """
    rule = rules.of(touch)
    return rule.visit and (rule.conversion is None or touch.device != 0)


def mark_visit(log: TouchLog, touch: Touch, rules: Rules) -> None:
    """Set the flag of `touch`, which is not in the log yet, from what the log holds before it."""
    if not is_of_a_visit(touch, rules):
        return
    previous, opener = _visit_before(log, touch, rules, touch.key)
    if _opens(previous, opener, touch, rules):
        touch.flags |= OPENS_VISIT


def flips_after(log: TouchLog, touch: Touch, rules: Rules) -> list[Touch]:
    """Give the events behind `touch`, in order, whose flag must change because of it; nothing is changed yet.

    It is enough to go on until an event opens a visit as it did before: from there on nothing differs.
    """
    flips: list[Touch] = []
    if not is_of_a_visit(touch, rules):
        return flips
    previous = touch
    opener = touch if touch.opens_visit else _visit_before(log, touch, rules, touch.key)[1]
    for later in log.after(touch.key):
        if later.at - previous.at >= rules.visit_gap:
            break  # it opened a visit without `touch` too
        if later.device != touch.device or not is_of_a_visit(later, rules):
            continue
        opens = _opens(previous, opener, later, rules)
        if opens != later.opens_visit:
            flips.append(later)
        elif opens:
            break
        previous = later
        if opens:
            opener = later
    return flips


def flips_among(log: TouchLog, place: Key, touches: Sequence[Touch], rules: Rules) -> list[Touch]:
    """Give those of `touches` whose flag must change; nothing is changed yet.

    `touches` are all events from `place` on as they are to be, in order; of `log` only what stands before it counts, as
    behind it there may be some that leave.
    """
    flips: list[Touch] = []
    visits: dict[int, tuple[Touch, Touch | None]] = {}  # by device: its last event, and what opened that visit
    for touch in touches:
        if not is_of_a_visit(touch, rules):
            continue
        previous, opener = visits.get(touch.device) or _visit_before(log, touch, rules, place)
        opens = _opens(previous, opener, touch, rules)
        if opens != touch.opens_visit:
            flips.append(touch)
        visits[touch.device] = touch, touch if opens else opener
    return flips


def flips_of_all(touches: Sequence[Touch], rules: Rules, horizon: int | None) -> list[Touch]:
    """Give those of all events of a profile, in order, whose flag must change by these rules; nothing is changed yet.

    `horizon` is the moment of the newest event ever dropped: what may go on with a visit from before it stays as it is.
    """
    flips: list[Touch] = []
    visits: dict[int, tuple[Touch, Touch | None]] = {}  # by device: its last event, and what opened that visit
    for touch in touches:
        opens = False
        if is_of_a_visit(touch, rules):
            previous, opener = visits.get(touch.device, (None, None))
            if previous is None and horizon is not None and touch.at - horizon < rules.visit_gap:
                opens = touch.opens_visit
            else:
                opens = _opens(previous, opener, touch, rules)
            visits[touch.device] = touch, touch if opens else opener
        if opens != touch.opens_visit:
            flips.append(touch)
    return flips


def _visit_before(log: TouchLog, touch: Touch, rules: Rules, place: Key) -> tuple[Touch | None, Touch | None]:
    """Give the device's event before `place` within the gap of `touch`, and the event that opened its visit."""
    last = log.last
    if last is None or touch.at - last.at >= rules.visit_gap:
        return None, None  # most often so: nothing needs to be looked through
    previous: Touch | None = None
    seen = touch
    for earlier in log.before(place):
        if seen.at - earlier.at >= rules.visit_gap:
            break
        if earlier.device != touch.device or not is_of_a_visit(earlier, rules):
            continue
        seen = earlier
        if previous is None:
            previous = earlier
        if earlier.opens_visit:
            return previous, earlier
    return previous, (seen if previous else None)


def _opens(previous: Touch | None, opener: Touch | None, touch: Touch, rules: Rules) -> bool:
    if previous is None or touch.at - previous.at >= rules.visit_gap:
        return True
    return touch.campaign is not None and opener is not None and touch.campaign != opener.campaign
