"""A profile under another catalogue than the one that it stands under: told anew, and only where something differs.

Two folds go over all its events: one by the rules of then, over flags as they were, and one by those of today, over
flags that are decided anew. Journeys that differ are said again or withdrawn, conversions are compared with what is
booked of them. What the state does not keep (what conditions, values in fields and consent looked at) is read again
from the touchpoints themselves, as they landed.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from schemas import topics
from schemas.catalogue import Catalogue
from streams.core import emit
from streams.core.forgetting import ForgettingProfile
from streams.core.ids import id_text
from streams.core.remake import Change, carry_out, flips_of_orders
from streams.core.rules import Rules
from streams.core.touch import CONVERTS, DECIDES, FINAL, OF_OLDER_ORDER, OPENS_VISIT, TENANT_SHIFT, Sale, Touch
from streams.core.visits import flips_of_all

CAUSE = "catalogue"
#: What a profile knows better than the touchpoint: its own flags, and whose the event is.
_OWN_FLAGS = FINAL | OF_OLDER_ORDER | (-1 << TENANT_SHIFT)
_DERIVED_FLAGS = OPENS_VISIT | CONVERTS | _OWN_FLAGS


def rules_of_then(catalogue: Catalogue) -> Rules:
    """Compile a catalogue that profiles stood under. Its models are not asked: what they gave is booked."""
    attribution = catalogue.attribution.model_copy(update={"models": {}})
    return Rules(catalogue.model_copy(update={"attribution": attribution}))


class RenewingProfile(ForgettingProfile):
    """A profile while a batch is folded, that can be brought under the rules of today."""

    @property
    def is_renewed(self) -> bool:
        """Does all that it has said follow the rules of today?"""
        return self.digest == self._rules.digest

    def renew(self, old_rules: Rules, recorded_at: datetime) -> list[emit.Emission]:
        """Come under the rules of today; give what that changes. It must be done before anything else."""
        self.digest = self._rules.digest
        self.changed = True
        emissions = self._retold(old_rules, recorded_at) if len(self._log) else []
        while len(self._log) > self._rules.max_touchpoints:
            self._drop_oldest()
        return emissions

    def _retold(self, old_rules: Rules, recorded_at: datetime) -> list[emit.Emission]:
        log, rules = self._log, self._rules
        touches = list(log)
        for touch in touches:
            rules.see_to_sale(touch)
        was = {touch.id: touch for touch in touches if touch.converts and not self._is_sealed(touch)}
        opens = flips_of_all(touches, rules, self._horizon[0] if self._horizon is not None else None)
        converts = _conversions_that_flip(touches, rules, self._is_sealed)
        new = {touch.id: touch for touch in converts if not touch.converts}
        change = Change(0, touches, touches, opens, converts, [], set(), set(), rules.look_back)
        restated = carry_out(self.profile_id, log, rules, change, old_rules)
        self._progress = restated.fold.progress if restated.fold is not None else self._progress
        for touch in list(new.values()):
            if touch.id not in restated.converted_after:  # its order's journey lies behind all that is kept
                touch.flags &= ~CONVERTS
                log.changed(touch)
                del new[touch.id]
        # What has not converted before has not been said, so it is said with what is known, sealed or not.
        now = {touch.id: touch for touch in touches if touch.id in new or (touch.id in was and touch.converts)}
        self._revision += 1
        emissions = self._journey_changes(restated, recorded_at)
        emissions += self._conversion_changes(restated, was, now, lambda _: CAUSE, recorded_at)
        if not emissions:
            self._revision -= 1
        return emissions

    def reread(
        self, touchpoints: Iterable[tuple[Touch, str]], recorded_at: datetime
    ) -> tuple[int, list[emit.Emission]]:
        """Take in touchpoints as the rules of today read them, each with its source.

        Gives how many of them differ, and what that changes. What is not held here is passed over, and so is a
        conversion that is sealed.
        """
        found = {touch.id: self._otherwise(touch, source) for touch, source in touchpoints}
        pairs = [pair for pair in found.values() if pair is not None]
        if not pairs:
            return 0, []
        self._revision += 1
        self.changed = True
        gone, came = [old for old, _ in pairs], [new for _, new in pairs]
        decides = any((old.flags | new.flags) & DECIDES for old, new in pairs)
        stretch = self._redecide(came, [], gone) if decides else None
        emissions = self._remake(gone, came, [], CAUSE, recorded_at)
        if stretch is not None:
            emissions = emit.last_words(emissions + self._hide_anew(stretch, recorded_at, CAUSE))
        said = {record.conversion_id for topic, _, record in emissions if topic == topics.CONVERSIONS.name}  # type: ignore[attr-defined] # a WriteConversion, by its topic
        for old, new in pairs:
            if old.sale is None or new.sale is None:
                continue
            new.sale.revision = max(old.sale.revision, new.sale.revision)
            self._log.changed(new)
            if new.converts and old.sale.source != new.sale.source and id_text(new.id) not in said:
                booking = self._books.bookings.of(new)
                emissions += self._say(new, booking.journey, recorded_at, again=True)
        return len(pairs), emissions

    def _otherwise(self, touch: Touch, source: str) -> tuple[Touch, Touch] | None:
        """Give the profile's own event and the one that takes its place; None: there is none, or it stays."""
        old = self._log.get(touch)
        if old is None or (old.converts and self._is_sealed(old)):
            return None
        touch.flags |= old.flags & _OWN_FLAGS
        if old.sale is not None:
            if touch.sale is None:  # its postings are counted on, should it convert again
                touch.sale = Sale(None, None, None, source)
            touch.sale.revision = old.sale.revision
        if _read(old) == _read(touch):
            return None
        if self._horizon is not None and old.flags & OF_OLDER_ORDER and old.sale != touch.sale:
            return None  # its order's journey lies behind all that is kept: whether it converts there stays as it was
        return old, touch


def _conversions_that_flip(touches: Sequence[Touch], rules: Rules, is_sealed: Callable[[Touch], bool]) -> list[Touch]:
    """Give the events whose flag CONVERTS turns over by these rules; one that is sealed stays a conversion."""
    flips: list[Touch] = []
    for touch in touches:
        converts = rules.of(touch).conversion is not None
        if converts and touch.order is not None:
            continue
        if converts != touch.converts and not (touch.converts and is_sealed(touch)):
            flips.append(touch)
    orders = {touch.order for touch in touches if touch.order is not None}
    return flips + flips_of_orders(touches, orders, rules, is_sealed)


def _read(touch: Touch) -> tuple[object, ...]:
    """Give what was read of a touchpoint, without what the profile has made of it."""
    return touch.campaign, touch.device, touch.flags & ~_DERIVED_FLAGS, touch.sale
