"""The catalogue as the fold asks it: one look-up per touchpoint name, windows in microseconds."""

from dataclasses import dataclass

from schemas.catalogue import Catalogue
from streams.core.clock import DAY, MINUTE
from streams.core.touch import MACHINE, Touch

#: Events of these channels are part of a visit where the catalogue does not know the touchpoint.
VISIT_CHANNELS = frozenset({"web", "app"})


@dataclass(frozen=True, slots=True)
class TouchRule:
    """What a touchpoint's name says about it."""

    credit: bool
    visit: bool
    retention: bool
    conversion: str | None
    closing: bool
    valued: bool
    refund: bool


class Rules:
    """The catalogue, compiled. Names that it does not hold get the rule of their whole or of their channel."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._rules: dict[tuple[str, str, int], TouchRule] = {}
        journey, attribution = catalogue.journey, catalogue.attribution
        self.visit_gap = journey.visit_gap_minutes * MINUTE
        self.inactivity = journey.inactivity_days * DAY
        self.after_sales = journey.after_sales_days * DAY
        self.max_touchpoints = journey.max_touchpoints
        self.look_back = attribution.look_back_days * DAY
        self.stop_at_conversion = attribution.stop_at_conversion
        self.max_path = attribution.max_path
        self.models: tuple[str, ...] = attribution.models

    def of(self, touch: Touch) -> TouchRule:
        """Give the rule of an event."""
        return self.rule(touch.name, touch.channel, touch.flags & MACHINE)

    def rule(self, touchpoint: str, channel: str, machine: int = 0) -> TouchRule:
        """Give the rule of a touchpoint in a channel. What a machine did (`MACHINE`) earns nothing and is no visit."""
        found = self._rules.get((touchpoint, channel, machine))
        if found is None:
            found = self._compile(touchpoint, channel, machine)
            if len(self._rules) < 100_000:  # senders invent names: the memory for them is bounded
                self._rules[touchpoint, channel, machine] = found
        return found

    def _compile(self, touchpoint: str, channel: str, machine: int) -> TouchRule:
        catalogue = self._catalogue
        entry = catalogue.entry(touchpoint)
        name = catalogue.conversion_of.get(touchpoint)
        conversion = catalogue.conversions[name] if name else None
        return TouchRule(
            credit=bool(entry and entry.credit and not machine),
            visit=not machine and (entry.visit if entry else channel in VISIT_CHANNELS),
            retention=bool(entry and entry.phase == catalogue.retention_phase),
            conversion=name,
            closing=bool(conversion and conversion.closing),
            valued=bool(conversion and conversion.value == "amount"),
            refund=touchpoint in catalogue.refunds,
        )
