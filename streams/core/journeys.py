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
from streams.core.rules import Rules
from streams.core.touch import Touch


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


class JourneyFold:
    """The fold. `step` must be given events in order; `orders` are the converted journeys that it has met itself."""

    def __init__(self, profile_id: str, rules: Rules, progress: Progress) -> None:
        self._profile_id = profile_id
        self._rules = rules
        self.progress = progress
        self.orders: dict[str, Journey] = {}
        if progress.done and progress.done.order:
            self.orders[progress.done.order] = progress.done

    def step(self, touch: Touch) -> tuple[Journey, Journey | None]:
        """Take the next event; give its journey, and the journey that fell idle before it."""
        progress, rule, order = self.progress, self._rules.rule(touch.name, touch.channel), touch.order
        converts = touch.converts
        closes = converts and rule.closing
        fell_idle: Journey | None = None
        journey = self._after_sales(touch, closes, rule.retention)
        if journey is None:
            journey = progress.open
            if journey is not None and touch.at - journey.last_at > self._rules.inactivity:
                journey.idle = True
                fell_idle, journey, progress.open = journey, None, None
            if journey is None:
                opening = id_text(touch.id)
                journey_id = derived("journey", self._profile_id, opening)
                journey = Journey(journey_id, opening, touch.at, touch.at, touch.name, touch.name, [])
                progress.open = journey
        add(journey, touch, rule.credit, converts)
        if closes:
            journey.converted_at, journey.closing, journey.order = touch.at, id_text(touch.id), order
            progress.open, progress.done = None, journey
            if order is not None:
                self.orders[order] = journey
        return journey, fell_idle

    def _after_sales(self, touch: Touch, closes: bool, retention: bool) -> Journey | None:
        if closes:
            return None
        if touch.order is not None and (named := self.orders.get(touch.order)) is not None:
            return named
        done = self.progress.done
        if retention and done is not None and touch.at - (done.converted_at or 0) <= self._rules.after_sales:
            return done
        return None
