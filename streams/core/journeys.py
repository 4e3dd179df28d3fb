"""Journeys: a fold over a profile's events in order of time. First contact, conversion, after-sales part, next journey.

| the event | goes to |
|---|---|
| names the order of a converted journey | that journey, whenever it comes |
| belongs to the Retention phase, within the after-sales days of the last closing conversion | that journey |
| comes after a pause longer than the inactivity border | a new journey; the open one is idle |
| anything else | the open journey, or a new one where none is open |

A closing conversion ends the open journey as converted.
"""

import msgspec

from streams.core.ids import derived, id_text
from streams.core.rules import Rules, TouchRule
from streams.core.touch import OF_OLDER_ORDER, Touch


class Journey(msgspec.Struct, array_like=True, gc=False):
    """One journey as the fold knows it. Times are in microseconds, ids are text: they are written far more often."""

    id: str
    opening: str
    opened_at: int
    last_at: int
    first_touchpoint: str
    last_touchpoint: str
    channels: list[str]
    touchpoints: int = 0
    touches: int = 0
    visits: int = 0
    conversions: int = 0
    converted_at: int | None = None
    closing: str | None = None
    order: str | None = None
    idle: bool = False

    def copy(self) -> "Journey":
        """Give an equal journey that can be changed alone."""
        return msgspec.structs.replace(self, channels=list(self.channels))


class Progress(msgspec.Struct, array_like=True, gc=False):
    """Where the fold stands: the open journey and the one that converted last."""

    open: Journey | None = None
    done: Journey | None = None

    def copy(self) -> "Progress":
        """Give an equal progress that can be changed alone."""
        return Progress(self.open.copy() if self.open else None, self.done.copy() if self.done else None)


def add(journey: Journey, touch: Touch, credit: bool, converts: bool) -> None:
    """Count an event into a journey."""
    journey.touchpoints += 1
    journey.last_at = max(journey.last_at, touch.at)
    journey.last_touchpoint = touch.name
    if touch.opens_visit:
        journey.visits += 1
        journey.touches += 1
    elif credit:
        journey.touches += 1
    if converts:
        journey.conversions += 1
    if touch.channel not in journey.channels:
        journey.channels.append(touch.channel)


def step(
    profile_id: str, rules: Rules, progress: Progress, touch: Touch, rule: TouchRule, orders: dict[str, Journey] | None
) -> tuple[Journey | None, Journey | None]:
    """Take the next event into `progress`; give its journey (None: it is unknown here), and the one that fell idle.

    `orders` are the converted journeys that are known, by their order; it gets those that convert here. None: no more
    than what `progress` holds is known.
    """
    order = touch.order
    closes = touch.converts and rule.closing
    fell_idle: Journey | None = None
    journey: Journey | None = None
    if not closes:
        if order is not None:
            journey = _converted(progress, order) if orders is None else orders.get(order)
            if journey is None and touch.flags & OF_OLDER_ORDER:
                return None, None
            _mark(touch, journey is not None and journey is not progress.done)
        if journey is None and rule.retention:
            done = progress.done
            if done is not None and touch.at - (done.converted_at or 0) <= rules.after_sales:
                journey = done
    if journey is None:
        journey = progress.open
        if journey is not None and touch.at - journey.last_at > rules.inactivity:
            journey.idle = True
            fell_idle, journey, progress.open = journey, None, None
        if journey is None:
            opening = id_text(touch.id)
            journey_id = derived("journey", profile_id, opening)
            journey = Journey(journey_id, opening, touch.at, touch.at, touch.name, touch.name, [])
            progress.open = journey
    add(journey, touch, rule.credit, touch.converts)
    if closes:
        journey.converted_at, journey.closing, journey.order = touch.at, id_text(touch.id), order
        progress.open, progress.done = None, journey
        if order is not None and orders is not None:
            orders[order] = journey
    return journey, fell_idle


def _converted(progress: Progress, order: str) -> Journey | None:
    for journey in (progress.open, progress.done):
        if journey is not None and journey.order == order:
            return journey
    return None


class JourneyFold:
    """The fold over many events, with its memory. `step` must be given them in order.

    It may begin anywhere: `progress` is how the journeys stood there. Of the journeys that converted before, it knows
    the last one; what belongs to an older one changes nothing behind it and is passed over.
    """

    def __init__(self, profile_id: str, rules: Rules, progress: Progress) -> None:
        self._profile_id = profile_id
        self._rules = rules
        self.progress = progress
        self.known: dict[str, Journey] = {}
        """Every journey that this fold has had in hand, by its id."""
        self._orders: dict[str, Journey] = {}
        for journey in (progress.done, progress.open):
            if journey is not None:
                self.known[journey.id] = journey
                if journey.order is not None:
                    self._orders[journey.order] = journey

    def fork(self) -> "JourneyFold":
        """Give an equal fold that goes its own way."""
        copies = {journey_id: journey.copy() for journey_id, journey in self.known.items()}
        progress = Progress(
            copies[self.progress.open.id] if self.progress.open else None,
            copies[self.progress.done.id] if self.progress.done else None,
        )
        twin = JourneyFold(self._profile_id, self._rules, progress)
        twin.known = copies
        twin._orders = {order: copies[journey.id] for order, journey in self._orders.items()}
        return twin

    def step(self, touch: Touch) -> tuple[Journey | None, Journey | None]:
        """Take the next event; give its journey (None: older than this fold), and the one that fell idle before it."""
        rule = self._rules.of(touch)
        journey, fell_idle = step(self._profile_id, self._rules, self.progress, touch, rule, self._orders)
        if journey is not None:
            self.known[journey.id] = journey
        return journey, fell_idle


def _mark(touch: Touch, older: bool) -> None:
    if older:
        touch.flags |= OF_OLDER_ORDER
    else:
        touch.flags &= ~OF_OLDER_ORDER
