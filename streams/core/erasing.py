"""What an erased profile leaves: its totals, said again of nobody.

Every conversion that was booked, and every journey that stood, is said once more with `NOBODY` for its profile, so that
each sum by model, channel, campaign, conversion and day stays what it was. What may live here: how they are told. What
the profile forgets is in `moving`.

**What of it could lead back, and what is said instead**

| field | what it would give away | what is said |
|---|---|---|
| ids of conversions, journeys, touchpoints, entries | whoever has the event or the order finds its row | the hash of
 the demand's random id, the profile and a number: without the demand nobody can make them |
| `order_id` | the order, and so the buyer | nothing |
| times, also `recorded_at` | the log of a web server, or that of demands, has the same moment | the day (UTC) |
| `revision` | how many touchpoints the profile had | 1 |
| source, touchpoint, channel, campaign, currency | what many have in common | as they are: totals are by these |
| amounts, credit, fit | see below | as they are: the ledger is exact to the cent |
| counts of a journey, order of a path | how busy a life was | as they are: lengths are totals too |

**What is left** is day, amount and names. Who has the shop's own books, which the law makes it keep, may find there an
order of that day and amount, and if it is the only one, knows then which channels stood before it. That is the price of
totals that stay equal by the day and to the cent. It takes the other books, and tells no identifier, no device and no
time of day. A campaign that is named after one person leads back, too: do not name campaigns so. What was erased on one
day can be told from what was erased on another; where that was one person only, all of it hangs together.

What whoever sends an erasure must see to:

- The id of the demand stands nowhere where the person is named (a receipt), and the demand's record in
  `touchpath.resolved`, which has both, goes with the person's other records.
- Touchpoints leave the archive before the demand is sent: a replay makes of them again what it finds there, and what is
  said of nobody stays.
- The rows of the profile leave ClickHouse behind it. What was taken back sums up to nothing; what the profile had
  dropped for its bound still counts there, and has to be said of nobody from these rows. A copy of an erased event that
  comes to another profile may have a lower revision than the withdrawal here, which hides it as long as it is there.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from schemas.erasure import NOBODY
from streams.core import emit
from streams.core.attribution.booking import Booking
from streams.core.attribution.ledger import post
from streams.core.clock import moment
from streams.core.ids import derived, id_text
from streams.core.journeys import Journey
from streams.core.touch import Sale, Touch

DAY = 24 * 60 * 60 * 1_000_000
_NOBODY = str(NOBODY)


class Erased(msgspec.Struct, array_like=True, gc=False):
    """What a profile remembers of having been erased.

    A copy of what was erased may come later, and is new then. What is posted of it must not have the numbers of what
    was posted before: they go on above `postings`. `demands` are hashes of the ids of those that were met, so that the
    copy of one changes nothing.
    """

    postings: int
    demands: list[bytes]


def demand_of(evidence: UUID) -> bytes:
    """Give by what a demand is known again, though its id is not kept: who had that could find what is nobody's."""
    return bytes.fromhex(derived("erased", str(evidence))[:8])


def day_of(at: int) -> int:
    """Give the begin of the day (UTC) of a moment, both in microseconds."""
    return at - at % DAY


def said_of_nobody(
    profile_id: str,
    evidence: UUID,
    journeys: Sequence[Journey],
    conversions: Sequence[tuple[Touch, Booking]],
    recorded_at: datetime,
) -> list[emit.Emission]:
    """Give journeys, conversions and postings once more, as nobody's. `conversions` are in order of time."""
    names = _Names(profile_id, evidence, journeys, conversions)
    emissions = [
        emit.journey(_NOBODY, names.journey(one), 1, recorded_at, withdrawn=False)
        for one in sorted(journeys, key=_opening)
    ]
    for conversion, booking in conversions:
        touch, own = names.touch(conversion), names.booking(booking)
        emissions.append(emit.conversion(_NOBODY, touch, own, 1, recorded_at, withdrawn=False))
        if entries := post(touch.id, 1, None, own):
            emissions.append(emit.posting(_NOBODY, touch, own, "erasure", entries, recorded_at))
    return emissions


class _Names:
    """New ids for old ones, and all that has them written anew."""

    def __init__(
        self,
        profile_id: str,
        evidence: UUID,
        journeys: Iterable[Journey],
        conversions: Iterable[tuple[Touch, Booking]],
    ) -> None:
        events: dict[str, int] = {}
        # Of an old conversion's journey nothing may be known any more but its id: those stand behind the others.
        known = [one.id for one in sorted(journeys, key=_opening)]
        for journey in journeys:
            events[journey.opening] = journey.opened_at
            if journey.closing is not None and journey.converted_at is not None:
                events[journey.closing] = journey.converted_at
        for touch, booking in conversions:
            known.append(booking.journey)
            events[id_text(touch.id)] = touch.at
            events.update((id_text(step.id), step.at) for step in booking.path)
        begin = "nobody", str(evidence), profile_id
        self._journeys = {old: derived(*begin, "journey", str(n)) for n, old in enumerate(dict.fromkeys(known))}
        in_order = sorted(events, key=lambda event: (events[event], event))
        self._events = {old: derived(*begin, "event", str(n)) for n, old in enumerate(in_order)}

    def _event(self, event_id: bytes) -> bytes:
        return UUID(self._events[id_text(event_id)]).bytes

    def journey(self, old: Journey) -> Journey:
        """Give a journey as nobody's."""
        return msgspec.structs.replace(
            old,
            id=self._journeys[old.id],
            opening=self._events[old.opening],
            opened_at=day_of(old.opened_at),
            last_at=day_of(old.last_at),
            converted_at=None if old.converted_at is None else day_of(old.converted_at),
            closing=None if old.closing is None else self._events[old.closing],
            order=None,
        )

    def touch(self, old: Touch) -> Touch:
        """Give the event of a conversion as nobody's."""
        sale = Sale(None, None, None, old.sale.source if old.sale is not None else "")
        return Touch(day_of(old.at), self._event(old.id), old.name, old.channel, None, 0, 0, sale)

    def booking(self, old: Booking) -> Booking:
        """Give what was booked of a conversion as nobody's: what each touch got stays."""
        return msgspec.structs.replace(
            old,
            journey=self._journeys[old.journey],
            path=[msgspec.structs.replace(step, id=self._event(step.id), at=day_of(step.at)) for step in old.path],
        )


def _opening(journey: Journey) -> tuple[int, str]:
    return journey.opened_at, journey.opening


def recorded_on(recorded_at: int) -> datetime:
    """Give the time of recording of an erasure, also of what it takes back, as both must balance at every moment."""
    return moment(day_of(recorded_at))
