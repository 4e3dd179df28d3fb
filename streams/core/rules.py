"""The catalogue as the fold asks it: one look-up per touchpoint name, windows in microseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.catalogue import Catalogue
from schemas.catalogue_digest import digest_of
from streams.core.attribution.book import booked_models
from streams.core.attribution.direct import VISIT_CHANNELS
from streams.core.attribution.models import Model
from streams.core.clock import DAY, MINUTE
from streams.core.conditions import Candidate, Consent, Seen, candidate, reached, worth_in
from streams.core.touch import DECIDES_NO, DECIDES_YES, MACHINE, Sale, Touch
from streams.core.wire import ReadTouchpoint

#: Senders invent names: the memory for them is bounded.
_MOST_NAMES = 100_000


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
    fixed: tuple[int, str] | None
    """What the conversion is worth each time, in minor units and currency."""
    candidates: tuple[Candidate, ...]
    """The conversions that an event of this name may reach, in the catalogue's order, where conditions decide."""
    decision: bool
    """An event of this name may be a person's decision on consent."""


class Reading(NamedTuple):
    """What is kept of a touchpoint by the catalogue's questions. `flags` are those of `touch`.

    `conversion` is there only where conditions have said so, and `worth` (minor units and currency, None where the
    field has no value) where a field says what the conversion is worth.
    """

    rule: TouchRule
    flags: int
    conversion: str | None = None
    worth: tuple[int | None, str | None] | None = None


class Rules:
    """The catalogue, compiled. Names that it does not hold get the rule of their whole or of their channel."""

    def __init__(self, catalogue: Catalogue, user_models: Mapping[str, Model] | None = None) -> None:
        """Compile a catalogue. `user_models` None: users' own models are loaded by their entry points.

        Raises:
            UserModelError: one cannot be loaded.
        """
        self._catalogue = catalogue
        self.digest = digest_of(catalogue)
        """Of all that profiles are told by; see `renewal`."""
        self._rules: dict[tuple[str, str, int, str | None], TouchRule] = {}
        self._readings: dict[tuple[str, str, int, int], Reading] = {}
        self._consent = Consent(catalogue.attribution.consent)
        self.troubles: dict[str, int] = {}
        """What went wrong since the batch began, counted: names for the metrics. Whoever reports it clears it."""
        journey, attribution = catalogue.journey, catalogue.attribution
        self.visit_gap = journey.visit_gap_minutes * MINUTE
        self.inactivity = journey.inactivity_days * DAY
        self.after_sales = journey.after_sales_days * DAY
        self.max_touchpoints = journey.max_touchpoints
        self.look_back = attribution.look_back_days * DAY
        self.stop_at_conversion = attribution.stop_at_conversion
        self.max_path = attribution.max_path
        self.currencies = catalogue.currencies
        self.models = booked_models(attribution, self.complain, user_models)

    def of(self, touch: Touch) -> TouchRule:
        """Give the rule of an event."""
        sale = touch.sale
        return self.rule(touch.name, touch.channel, touch.flags & MACHINE, sale.conversion if sale else None)

    def rule(self, touchpoint: str, channel: str, machine: int = 0, conversion: str | None = None) -> TouchRule:
        """Give the rule of a touchpoint in a channel. What a machine did (`MACHINE`) earns nothing and is no visit.

        `conversion` is the one that conditions have found; None: the one of the name, without conditions.
        """
        key = touchpoint, channel, machine, conversion
        found = self._rules.get(key)
        if found is None:
            found = self._compile(touchpoint, channel, machine, conversion)
            if len(self._rules) < _MOST_NAMES:
                self._rules[key] = found
        return found

    def see_to_sale(self, touch: Touch, postings: int = 0) -> None:
        """See that a touch can be booked whose name reaches a conversion today, and reached none when it was read.

        Its postings count on from the number given. Its source was not kept.
        """
        if touch.sale is None and self.of(touch).conversion is not None:
            touch.sale = Sale(None, None, None, "", postings)

    def read(self, touchpoint: ReadTouchpoint, machine: int = 0) -> Reading:
        """Ask a touchpoint what the catalogue wants to know beyond its name."""
        key = touchpoint.touchpoint, touchpoint.channel, machine, self._consent.flags_of(touchpoint.properties)
        plain = self._readings.get(key)
        if plain is None:
            plain = Reading(self.rule(*key[:3]), key[3])
            if len(self._readings) < _MOST_NAMES:
                self._readings[key] = plain
        rule = plain.rule
        if rule.decision:
            plain = plain._replace(flags=plain.flags | self._decision(touchpoint))
        return self._ask(touchpoint, machine, plain) if rule.candidates else plain

    def _decision(self, touchpoint: ReadTouchpoint) -> int:
        word = self._consent.decided(touchpoint.properties)
        if word == "unreadable":
            self.complain(f"unreadable_decision.{touchpoint.touchpoint.partition('.')[0]}")
        return DECIDES_YES if word == "yes" else DECIDES_NO if word == "no" else 0

    def _ask(self, touchpoint: ReadTouchpoint, machine: int, plain: Reading) -> Reading:
        rule, flags = plain.rule, plain.flags
        seen = Seen(touchpoint)
        found = reached(seen, rule.candidates)
        if found is None:
            return plain
        worth: tuple[int | None, str | None] | None = None
        if found.entry.value == "field":
            worth = worth_in(seen, found.entry) or (None, None)
            if worth[0] is None:
                self.complain(f"no_value.{found.name}")
        if found.name == rule.conversion:
            return Reading(rule, flags, None, worth)
        rule = self.rule(touchpoint.touchpoint, touchpoint.channel, machine, found.name)
        return Reading(rule, flags, found.name, worth)

    def complain(self, trouble: str) -> None:
        """Count a trouble by its name for the metrics: `no_rate.GBP`."""
        self.troubles[trouble] = self.troubles.get(trouble, 0) + 1

    def _compile(self, touchpoint: str, channel: str, machine: int, found: str | None) -> TouchRule:
        catalogue = self._catalogue
        entry, refund = catalogue.entry(touchpoint), catalogue.takes_back(touchpoint)
        candidates = () if refund else self._candidates(catalogue.known(touchpoint))
        # Another catalogue may have found it, under conditions that nobody asks any more.
        name = found if any(one.name == found for one in candidates) else None
        if name is None and candidates and not candidates[-1].tests:
            name = candidates[-1].name
        conversion = catalogue.conversions.get(name) if name else None
        return TouchRule(
            credit=bool(entry and entry.credit and not machine),
            visit=not machine and (entry.visit if entry else channel in VISIT_CHANNELS),
            retention=bool(entry and entry.phase == catalogue.retention_phase),
            conversion=name if conversion else None,
            closing=bool(conversion and conversion.closing),
            valued=bool(conversion and conversion.value != "none"),
            refund=refund,
            fixed=conversion.fixed if conversion and conversion.value == "fixed" else None,
            candidates=candidates if any(one.tests or one.entry.value == "field" for one in candidates) else (),
            decision=self._consent.is_decision(touchpoint),
        )

    def _candidates(self, known: str | None) -> tuple[Candidate, ...]:
        """Give the conversions that what is known by this name may reach, up to the first that asks for nothing."""
        found = []
        for name, entry in self._catalogue.conversions.items():
            if not entry.touchpoints or known in entry.touchpoints:
                found.append(candidate(name, entry))
                if not entry.where:
                    break
        return tuple(found)
