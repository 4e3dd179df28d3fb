"""One profile's life: takes an event, gives what changes. A fold; it knows no clock, no topic and no batch.

Most events come in order: they go to the end, and only the open journey and a new conversion are looked at. One that
comes late, is a refund, or names an order that is known changes what was said before: then journeys and credits are
derived with and without it, and the difference is what is emitted. So it is where touches come from another profile or
go to one, only that they do so many at once.

A tenant is an identifier and a policy whose events live here together: they move together too.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Literal

import msgspec

from schemas.policy import Policy
from streams.core import emit
from streams.core.attribution.book import Book
from streams.core.attribution.booking import Bookings
from streams.core.attribution.facts import Facts
from streams.core.attribution.path import facts_of
from streams.core.bookkeeping import Bookkeeper
from streams.core.consenting import NOTHING, Consents, Stretch, Veil, between, remembered, veil_of, veil_with
from streams.core.head import Head, decode_head, encode_head
from streams.core.journeys import Journey, JourneyFold, Progress, step
from streams.core.moves import EPOCH, leave, tenant_name
from streams.core.restate import Restated, restate
from streams.core.rules import Rules, TouchRule
from streams.core.tail import Tail
from streams.core.tenancy import Tenancy
from streams.core.touch import CONVERTS, DECIDES, FINAL, OPENS_VISIT, TENANT_SHIFT, Touch
from streams.core.touch_log import ChunkReader, TouchLog
from streams.core.visits import flips_after, mark_visit

Fate = Literal["applied", "restated", "duplicate", "beyond_horizon", "passed_on"]


_encode = msgspec.msgpack.Encoder().encode

Reason = Callable[[Touch], str]
"""Why a conversion's credits are posted."""


class Profile:
    """A profile while a batch is folded. `profile_id` is text; `stored` None: nobody met it before."""

    def __init__(
        self,
        profile_id: str,
        stored: bytes | None,
        rules: Rules,
        book: Book,
        read_chunk: ChunkReader,
        read_booking: Callable[[bytes], bytes | None],
    ) -> None:
        self.profile_id = profile_id
        self._rules = rules
        head = decode_head(stored) if stored is not None else Head(tenant=None)
        self._revision = head.revision
        self._log = TouchLog(
            head.chunks,
            Tail(head.tail, head.tail_count),
            head.next_chunk,
            base=head.base or Progress(),
            tail_start=head.tail_start or Progress(),
            read_chunk=read_chunk,
            advance=self._advance,
        )
        self._books = Bookkeeper(profile_id, rules, book, Bookings(read_booking), self._log.changed)
        self._progress = head.progress
        self._horizon = head.horizon
        self._tenancy = Tenancy(head.tenant, head.others)
        self._erased = head.erased
        if head.erased is not None:
            self._books.floor = head.erased.postings
        self.digest = head.catalogue or rules.digest
        self._consents = head.consents or NOTHING
        self._stored = stored is not None
        self._has_let_go = False
        self.changed = False

    def state(self) -> Iterator[tuple[str, bytes | None]]:
        """Give what is to be stored; None: removed.

        The head has the empty name, sealed chunks are under `/<number>`, bookings under `/c<event id in hex>`.

        A profile that has nothing, dropped nothing, forwards nothing and was not erased is removed. Its revision may be
        forgotten: what it has withdrawn can only be said again of touches that come back, and these bring a revision
        above it.
        """
        log = self._log
        for number, touches in log.changes():
            yield f"/{number}", None if touches is None else _encode(touches)
        for event_id, booking in self._books.bookings.changes():
            yield f"/c{event_id.hex()}", booking
        if self._has_let_go and self._holds_nothing():
            if self._stored:
                yield "", None
            return
        head = Head(
            self._revision,
            log.next_chunk,
            log.refs,
            log.tail.to_store(),
            len(log.tail),
            self._progress,
            self._horizon,
            base=log.base if self._horizon is not None else None,
            tail_start=log.tail_start if log.refs else None,
            tenant=self._tenancy.first,
            others=self._tenancy.others,
            erased=self._erased,
            catalogue=self.digest,
            consents=self._consents or None,
        )
        yield "", encode_head(head)

    def apply(
        self, touch: Touch, recorded_at: datetime, owner: str = "", policy: Policy = "last_known", version: int = 0
    ) -> tuple[Fate, list[emit.Emission]]:
        """Take one event, recorded at the ingest time of its record, and give what it changes.

        It is one of `owner`'s; `version` is that of the owner's plan which sent it here.
        """
        log = self._log
        if log.holds(touch.id):
            return "duplicate", []
        name = owner if policy == "last_known" else tenant_name(owner, policy)
        if self._tenancy.others is not None:
            address = self._tenancy.address(name, touch.at, version)
            if address is not None:
                at = max(recorded_at, address.recorded)
                moved = [leave(touch)]
                return "passed_on", emit.arrivals(self.profile_id, owner, policy, address, moved, self._revision, at)
        if self._lies_beyond(touch):
            mark = emit.beyond_horizon(self.profile_id, touch, recorded_at)
            return "beyond_horizon", [mark, *self._decided_beyond(touch, name, recorded_at)]
        if self._tenancy.first != name:
            touch.flags |= self._place(name) << TENANT_SHIFT
        if version and touch.sale is not None:
            touch.sale.revision = version * EPOCH
        self._revision += 1
        self.changed = True
        rule = self._rules.of(touch)
        stretch = self._decide(touch) if touch.flags & DECIDES else None
        fate: Fate
        if self._comes_in_order(touch, rule):
            fate, emissions = "applied", self._append(touch, rule, recorded_at)
        else:
            why = "refund" if rule.refund else "late_touchpoint" if stretch is None else "consent"
            fate, emissions = "restated", self._restate(touch, recorded_at, why)
        if stretch is not None:
            emissions = emit.last_words(emissions + self._hide_anew(stretch, recorded_at, "consent"))
        while len(log) > self._rules.max_touchpoints:
            self._drop_oldest()
        return fate, emissions

    def use(self, book: Book) -> None:
        """Split by this book from now on. What is booked already stands until somebody looks at it again."""
        self._books.book = book

    def look_again(self, cause: str, recorded_at: datetime) -> list[emit.Emission]:
        """Say anew what the book of today splits otherwise, of all conversions that are not sealed."""
        self._revision += 1
        emissions = self._settle_again(self._log, recorded_at, cause)
        if not emissions:
            self._revision -= 1
        self.changed |= bool(emissions) or self._books.bookings.changed
        return emissions

    def _settle_again(self, touches: Iterable[Touch], recorded_at: datetime, cause: str) -> list[emit.Emission]:
        books = self._books
        emissions: list[emit.Emission] = []
        for conversion in touches:
            if conversion.converts and not self._is_sealed(conversion):
                old = books.bookings.of(conversion)
                facts = self._facts_of(conversion)
                emissions += books.settle(conversion, old.journey, facts, old, self._revision, recorded_at, cause)
        return emissions

    # --- what the person's decisions hide

    def _decide(self, decision: Touch) -> Stretch | None:
        """Hear a decision whose event is not in the log yet; give where touches are hidden or shown by it."""
        consents = self._consents
        later = [touch for touch in self._log.since(decision.at) if touch.key > decision.key]
        return self._keep_consents(veil_with(consents.veil, decision, [*consents.dropped, *later]), consents.dropped)

    def _decided_beyond(self, touch: Touch, name: str, recorded_at: datetime) -> list[emit.Emission]:
        """Hear a decision whose event is older than all that is kept."""
        if not touch.flags & DECIDES:
            return []
        touch.flags |= self._place(name) << TENANT_SHIFT
        self.changed = True
        dropped = remembered(self._consents.dropped, touch)
        stretch = self._keep_consents(veil_of([*dropped, *self._log]), dropped)
        if stretch is None:
            return []
        self._revision += 1
        return self._hide_anew(stretch, recorded_at, "consent")

    def _keep_consents(self, veil: Veil | None, dropped: tuple[Touch, ...]) -> Stretch | None:
        old, self._consents = self._consents.veil, Consents(veil, dropped)
        return between(old, veil)

    def _hide_anew(self, stretch: Stretch, recorded_at: datetime, cause: str) -> list[emit.Emission]:
        """Tell anew the conversions that may have touches in the stretch."""
        look_back = self._rules.look_back
        concerned = (t for t in self._log.since(stretch.since) if stretch.concerns(t, look_back))
        return self._settle_again(concerned, recorded_at, cause)

    def _place(self, name: str) -> int:
        """Give the place of a tenant; it gets one if it has none."""
        return self._tenancy.place(name, self._inhabited)

    def _inhabited(self) -> set[int]:
        """Give the places of tenants of whom something is left."""
        return {touch.tenant for touch in chain(self._log, self._consents.dropped)}

    def _holds_nothing(self) -> bool:
        rest = self._tenancy.others, self._horizon, self._erased
        return not len(self._log) and not self._consents and all(part is None for part in rest)

    def _drop_oldest(self) -> None:
        log = self._log
        dropped = log.drop_oldest()
        self._horizon = dropped.key
        if dropped.converts:
            self._books.bookings.drop(dropped)
        if dropped.flags & DECIDES:
            self._consents = Consents(self._consents.veil, remembered(self._consents.dropped, dropped))
        if dropped.order is None:
            return
        refund = self._rules.of(dropped).refund
        for other in log.naming(dropped.order):
            if other.converts and (refund or (dropped.verified and not other.verified)):
                other.flags |= FINAL
                log.changed(other)

    def _lies_beyond(self, touch: Touch) -> bool:
        if self._horizon is not None and touch.key <= self._horizon:
            return True
        return len(self._log) >= self._rules.max_touchpoints and touch.key < self._log.oldest().key

    def _advance(self, start: Progress, touches: Sequence[Touch]) -> Progress:
        """Say how the journeys stand behind the events; these stay as they are.

        What the fold marks on them would be of the life with an event that is put in just now, and what stood before
        has to be looked at without it.
        """
        fold = JourneyFold(self.profile_id, self._rules, start.copy())  # with its memory of orders
        for touch in touches:
            flags = touch.flags
            fold.step(touch)
            touch.flags = flags
        return fold.progress

    def _comes_in_order(self, touch: Touch, rule: TouchRule) -> bool:
        """Can it be added at the end without changing anything that was said before?"""
        last = self._log.last
        if last is not None and touch.at <= last.at:
            if touch.at < last.at or touch.id < last.id:
                return False
            if any(other.converts for other in self._log.since(touch.at)):
                return False  # both borders of a window are in
        return touch.order is None or self._changes_nothing(touch, touch.order, rule)

    def _changes_nothing(self, touch: Touch, order: str, rule: TouchRule) -> bool:
        """Does what names this order say nothing new of it?"""
        done = self._progress.done
        if done is None or done.order != order:
            return not self._log.naming(order)
        if rule.refund or rule.conversion is not None:
            return False
        return not touch.verified or all(other.verified for other in self._log.naming(order))

    def _append(self, touch: Touch, rule: TouchRule, recorded_at: datetime) -> list[emit.Emission]:
        log, rules = self._log, self._rules
        mark_visit(log, touch, rules)
        if rule.conversion is not None:
            touch.flags |= CONVERTS
        log.append(touch)
        journey, fell_idle = step(self.profile_id, rules, self._progress, touch, rule, None)
        emissions = [] if fell_idle is None else [self._snapshot(fell_idle, recorded_at)]
        if journey is not None:
            emissions.append(self._snapshot(journey, recorded_at))
        if touch.converts and journey is not None:
            emissions += self._books.settle(
                touch, journey.id, self._facts_of(touch), None, self._revision, recorded_at, "conversion"
            )
        return emissions

    def _restate(self, touch: Touch, recorded_at: datetime, why: str) -> list[emit.Emission]:
        log, rules = self._log, self._rules
        mark_visit(log, touch, rules)
        flips = flips_after(log, touch, rules)
        loser = self._decide_conversion(touch)
        old_flags = {changed.id: changed.flags for changed in (*flips, loser) if changed is not None}
        reach = max([touch.at, *(flip.at for flip in flips)]) + rules.look_back
        was = self._concerned(touch, reach)
        names_known_order = touch.order is not None and bool(log.naming(touch.order))
        # What opens a visit, or does so no more, counts in its order's journey, which may lie in front of all this.
        names_known_order |= any(flip.order is not None for flip in flips)
        for flip in flips:
            flip.flags ^= OPENS_VISIT
            log.changed(flip)
        if loser is not None:
            loser.flags &= ~CONVERTS
            log.changed(loser)
        log.insert(touch)
        # Both borders of a window are in: a conversion of that very moment is concerned, also where it stands before.
        begin = 0 if names_known_order else log.segment_of((touch.at, b""))
        until = max([reach, *(other.at for other in log.naming(touch.order))]) if touch.order else reach
        restated = restate(self.profile_id, log, touch, rules, old_flags=old_flags, begin=begin, until=until)
        if restated.fold is not None:
            self._progress = restated.fold.progress
        emissions = self._journey_changes(restated, recorded_at)
        now = self._concerned(touch, reach)
        return emissions + self._conversion_changes(
            restated, was, now, lambda conversion: "conversion" if conversion is touch else why, recorded_at
        )

    def _journey_changes(
        self, restated: Restated, recorded_at: datetime, again: Collection[str] = ()
    ) -> list[emit.Emission]:
        before, after = restated.before, restated.after
        gone = [journey for journey_id, journey in before.items() if journey_id not in after]
        new = [
            journey for journey_id, journey in after.items() if before.get(journey_id) != journey or journey_id in again
        ]
        return [self._snapshot(journey, recorded_at, withdrawn=True) for journey in gone] + [
            self._snapshot(journey, recorded_at) for journey in new
        ]

    def _conversion_changes(
        self,
        restated: Restated,
        was: dict[bytes, Touch],
        now: dict[bytes, Touch],
        reason: Reason,
        recorded_at: datetime,
        again: Collection[bytes] = (),
    ) -> list[emit.Emission]:
        """Give what a change makes of the conversions that it concerns: those that were, and those that are.

        Of others it can change the journey; that is found in `restated`.
        """
        books, revision = self._books, self._revision
        before, after = restated.converted_before, restated.converted_after
        emissions: list[emit.Emission] = []
        for event_id, conversion in was.items():
            if event_id not in now:
                emissions += books.take_back(conversion, revision, recorded_at, reason(conversion))
        for event_id, conversion in now.items():
            old = books.bookings.of(conversion) if event_id in was else None
            journey_id = after.get(event_id) or (old.journey if old is not None else None)
            if journey_id is None:  # it would convert now, but its order's journey lies behind all that is kept
                conversion.flags &= ~CONVERTS
                self._log.changed(conversion)
                continue
            facts, why = self._facts_of(conversion), reason(conversion)
            emissions += books.settle(
                conversion, journey_id, facts, old, revision, recorded_at, why, again=event_id in again
            )
        for event_id in after:
            if event_id in before and before[event_id] != after[event_id] and event_id not in now:
                emissions += self._say(self._log.find(event_id), after[event_id], recorded_at)
        return emissions

    def _say(
        self, conversion: Touch, journey_id: str, recorded_at: datetime, *, again: bool = False
    ) -> list[emit.Emission]:
        booking = self._books.bookings.of(conversion)
        return self._books.say(conversion, booking, journey_id, self._revision, recorded_at, again=again)

    def _decide_conversion(self, touch: Touch) -> Touch | None:
        """Set the flag of `touch`, not in the log yet; give the conversion that is none any more because of it.

        Of several events that reach the same conversion with the same order, the earliest counts.
        """
        name = self._rules.of(touch).conversion
        if name is None:
            return None
        rivals = [
            other
            for other in (self._log.naming(touch.order) if touch.order is not None else ())
            if self._rules.of(other).conversion == name
        ]
        if not rivals:
            touch.flags |= CONVERTS
            return None
        for other in rivals:
            if other.converts and touch.key < other.key and not self._is_sealed(other):
                touch.flags |= CONVERTS
                return other
        return None

    def _is_sealed(self, conversion: Touch) -> bool:
        """Does its window reach behind the horizon, or is a refund of it gone? Then all stays as it was said."""
        if conversion.flags & FINAL:
            return True
        return self._horizon is not None and conversion.at - self._rules.look_back <= self._horizon[0]

    def _concerned(self, cause: Touch, reach: int) -> dict[bytes, Touch]:
        """Give the conversions that `cause` can change, by event id: in reach, or of the same order; none is sealed."""
        log = self._log
        found = {}
        for other in log.since(cause.at):
            if other.at > reach:
                break
            if other.converts:
                found[other.id] = other
        if cause.order is not None:
            found |= {other.id: other for other in log.naming(cause.order) if other.converts}
        return {
            event_id: conversion
            for event_id, conversion in found.items()
            if event_id == cause.id or not self._is_sealed(conversion)
        }

    def _facts_of(self, conversion: Touch) -> Facts:
        return facts_of(self._log, conversion, self._rules, self._consents.veil)

    def _snapshot(self, journey: Journey, recorded_at: datetime, *, withdrawn: bool = False) -> emit.Emission:
        return emit.journey(self.profile_id, journey, self._revision, recorded_at, withdrawn=withdrawn)
