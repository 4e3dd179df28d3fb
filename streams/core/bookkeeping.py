"""The conversions of one profile on their way into the records: what is new, what differs, what is taken back."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from streams.core import emit
from streams.core.attribution.book import Book
from streams.core.attribution.booking import Booking, Bookings
from streams.core.attribution.facts import Facts
from streams.core.attribution.ledger import booked, every_model, post
from streams.core.rules import Rules
from streams.core.touch import Touch


class Bookkeeper:
    """Compares what holds of a conversion with what is booked of it, and says the difference.

    `on_change` hears of conversions whose count of postings has risen. `book` may be another one from now on.
    """

    def __init__(
        self, profile_id: str, rules: Rules, book: Book, bookings: Bookings, on_change: Callable[[Touch], None]
    ) -> None:
        self.book = book
        self.bookings = bookings
        self.floor = 0
        """Postings are numbered above it; see `erasing.Erased`."""
        self._profile_id = profile_id
        self._rules = rules
        self._on_change = on_change

    def settle(
        self,
        conversion: Touch,
        journey_id: str,
        facts: Facts,
        old: Booking | None,
        revision: int,
        recorded_at: datetime,
        cause: str,
        *,
        again: bool = False,
    ) -> list[emit.Emission]:
        """Bring the books of a conversion from `old` (None: it is new) to what holds now.

        Where nothing differs nothing is said, unless it is to be said `again`.
        """
        rule = self._rules.of(conversion)
        name, closing = str(rule.conversion), rule.closing
        if old is not None and old.edition == self.book.edition and old.stands(name, closing, facts):
            return self.say(conversion, old, journey_id, revision, recorded_at, again=again)
        emissions: list[emit.Emission] = []
        before = old
        if old is not None and (old.conversion, old.currency) != (name, facts.currency):
            emissions += self._post(conversion, old, None, recorded_at, cause)
            before = None
        new = booked(name, closing, journey_id, facts, self.book, before)
        self.bookings.put(conversion, new)
        emissions += self._post(conversion, before, new, recorded_at, cause)
        if emissions or again or old is None or _said(old) != _said(new):
            emissions.insert(0, self._record(conversion, new, revision, recorded_at))
        return emissions

    def take_back(self, conversion: Touch, revision: int, recorded_at: datetime, cause: str) -> list[emit.Emission]:
        """Say that it is no conversion any more, and reverse what it earned."""
        old = self.bookings.of(conversion)
        self.bookings.drop(conversion)
        postings = self._post(conversion, old, None, recorded_at, cause)
        return [self._record(conversion, old, revision, recorded_at, withdrawn=True), *postings]

    def say(
        self,
        conversion: Touch,
        booking: Booking,
        journey_id: str,
        revision: int,
        recorded_at: datetime,
        *,
        again: bool,
    ) -> list[emit.Emission]:
        """Say the record of a conversion whose credits stand, if it is of another journey now, or `again`."""
        if booking.journey != journey_id:
            booking = booking.in_journey(journey_id)
            self.bookings.put(conversion, booking)
        elif not again:
            return []
        return [self._record(conversion, booking, revision, recorded_at)]

    def _post(
        self, conversion: Touch, old: Booking | None, new: Booking | None, recorded_at: datetime, cause: str
    ) -> list[emit.Emission]:
        sale, booking = conversion.sale, new or old
        if sale is None or booking is None:
            raise ValueError("a conversion without a sale or a booking")  # a defect of the caller, never of the input
        emissions = []
        for at, why, wanted in self._occasions(old, new, recorded_at, cause):
            number = max(sale.revision, self.floor) + 1
            if entries := post(conversion.id, number, old, new, wanted):
                sale.revision = number
                emissions.append(emit.posting(self._profile_id, conversion, booking, why, entries, at))
        if emissions:
            self._on_change(conversion)
        return emissions

    def _occasions(
        self, old: Booking | None, new: Booking | None, recorded_at: datetime, cause: str
    ) -> list[tuple[datetime, str, Callable[[str], bool]]]:
        """Give when, why and by which models a change is posted.

        What arrived before a model was put in force, and is worked off behind that, earns by it since it is in force:
        workers lagged behind, or all is derived anew.
        """
        later = self.book.not_yet(recorded_at) if new is not None else {}
        if not later:
            return [(recorded_at, cause, every_model)]
        booked_by = old.fits if old is not None else {}
        moments: dict[tuple[datetime, str], set[str]] = defaultdict(set)
        for name, since in later.items():
            known = booked_by.get(name) == self.book.fits[name]
            moments[since, cause if known else "model"].add(name)
        return [
            (recorded_at, cause, lambda name: name not in later),
            *((since, why, names.__contains__) for (since, why), names in sorted(moments.items())),
        ]

    def _record(
        self, conversion: Touch, booking: Booking, revision: int, recorded_at: datetime, *, withdrawn: bool = False
    ) -> emit.Emission:
        return emit.conversion(self._profile_id, conversion, booking, revision, recorded_at, withdrawn=withdrawn)


def _said(booking: Booking) -> tuple[object, ...]:
    """Give what the record of a conversion says."""
    return (
        *(booking.conversion, booking.closing, booking.journey, booking.net, booking.gross),
        *(booking.verified, booking.currency, booking.path, booking.fits),
    )
