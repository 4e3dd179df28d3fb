"""A profile that forgets: what is left of an erased person. How totals are said of nobody is in `erasing`."""

from streams.core import emit
from streams.core.clock import micros
from streams.core.consenting import NOTHING
from streams.core.erasing import Erased, demand_of, recorded_on, said_of_nobody
from streams.core.journeys import JourneyFold, Progress
from streams.core.moving import MovingProfile
from streams.core.wire import ReadErasure


class ForgettingProfile(MovingProfile):
    """A profile while a batch is folded, that can be erased."""

    def erase(self, erasure: ReadErasure) -> list[emit.Emission]:
        """Take back all that was said, say its totals of nobody, and forget; the copy of a demand changes nothing.

        What is still under way to here begins a new life. What has moved on is another profile's: its address stays, so
        that what is under way to here finds it, and with the address the owner's name. What was dropped for the bound
        is not known any more: it stays in ClickHouse as it was said.
        """
        demand, erased = demand_of(erasure.evidence), self._erased or Erased(0, [])
        if demand in erased.demands:
            return []
        self._revision += 1
        self.changed = True
        log, books, recorded_at = self._log, self._books, recorded_on(micros(erasure.recorded_at))
        fold = JourneyFold(self.profile_id, self._rules, log.start(0).copy())
        for touch in log:
            fold.step(touch)
        journeys = list(fold.known.values())
        conversions = [(touch, books.bookings.of(touch)) for touch in log if touch.converts]
        nobodys = said_of_nobody(self.profile_id, erasure.evidence, journeys, conversions, recorded_at)
        emissions = [self._snapshot(journey, recorded_at, withdrawn=True) for journey in journeys]
        for touch, _ in conversions:
            emissions += books.take_back(touch, self._revision, recorded_at, "erasure")
        postings = [touch.sale.revision for touch, _ in conversions if touch.sale is not None]
        self._erased = Erased(max([erased.postings, *postings]), [*erased.demands, demand])
        self._forget()
        return emissions + nobodys

    def _forget(self) -> None:
        """Begin anew, under a revision and numbers of postings that go on, and with the addresses."""
        self._log.replace(0, [], Progress(), [])
        self._log.base = Progress()
        self._progress, self._horizon, self._consents = Progress(), None, NOTHING
        self._books.floor = self._erased.postings if self._erased is not None else 0
        self._tenancy.clear()
