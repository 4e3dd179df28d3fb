"""One profile's life: takes an event, gives what changes. A fold; it knows no clock, no topic and no batch.

Most events come in order: they go to the end, and only the open journey and a new conversion are looked at. One that
comes late, is a refund, or names an order that is known changes what was said before: then journeys and credits are
derived with and without it, and the difference is what is emitted.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from streams.core import emit
from streams.core.attribution.ledger import Facts, post
from streams.core.attribution.path import net_of, path_of
from streams.core.journeys import Journey, JourneyFold, Progress
from streams.core.rules import Rules
from streams.core.tail import Tail
from streams.core.touch import CONVERTS, OPENS_VISIT, Touch
from streams.core.touch_log import ChunkReader, ChunkRef, TouchLog
from streams.core.visits import flips_after, mark_visit

Fate = Literal["applied", "restated", "duplicate", "beyond_horizon"]


class Head(msgspec.Struct, array_like=True, gc=False):
    """What is stored under a profile's key: the newest events, where the journeys stand, and where older chunks are.

    `horizon` is the newest event ever dropped for the bound, and `base` how the journeys stood there.
    """

    revision: int = 0
    next_chunk: int = 0
    chunks: list[ChunkRef] = []
    tail: list[msgspec.Raw] = []
    progress: Progress = msgspec.field(default_factory=Progress)
    horizon: tuple[int, bytes] | None = None
    base: Progress | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(Head).decode


class Derived(NamedTuple):
    """Journeys by their id, and conversions by their event's id with the id of their journey."""

    journeys: dict[str, Journey]
    conversions: dict[bytes, tuple[Touch, str]]
    progress: Progress


class Profile:
    """A profile while a batch is folded. `profile_id` is text; `stored` None: nobody met it before."""

    def __init__(self, profile_id: str, stored: bytes | None, rules: Rules, read_chunk: ChunkReader) -> None:
        self.profile_id = profile_id
        self._rules = rules
        head = _decode_head(stored) if stored is not None else Head()
        self._revision = head.revision
        self._log = TouchLog(head.chunks, Tail(head.tail, stored or b""), head.next_chunk, read_chunk)
        self._progress = head.progress
        self._horizon = head.horizon
        self._base = head.base
        self._derived: Derived | None = None
        self.changed = False

    def state(self) -> Iterator[tuple[str, bytes | None]]:
        """Give what is to be stored: the head under the empty name, sealed chunks under `/<number>`; None: removed."""
        log = self._log
        for number, touches in log.changes():
            yield f"/{number}", None if touches is None else _encode(touches)
        head = Head(
            self._revision, log.next_chunk, log.refs, log.tail.to_store, self._progress, self._horizon, self._base
        )
        yield "", _encode(head)

    def apply(self, touch: Touch, recorded_at: datetime) -> tuple[Fate, list[emit.Emission]]:
        """Take one event, recorded at the ingest time of its record, and give what it changes."""
        log = self._log
        if log.holds(touch.id):
            return "duplicate", []
        if self._lies_beyond(touch):
            return "beyond_horizon", [emit.beyond_horizon(self.profile_id, touch, recorded_at)]
        self._revision += 1
        self.changed = True
        fate: Fate
        if self._comes_in_order(touch):
            fate, emissions = "applied", self._append(touch, recorded_at)
        else:
            fate, emissions = "restated", self._restate(touch, recorded_at)
        while len(log) > self._rules.max_touchpoints:
            self._drop_oldest()
        return fate, emissions

    def _lies_beyond(self, touch: Touch) -> bool:
        if self._horizon is not None and touch.key <= self._horizon:
            return True
        return len(self._log) >= self._rules.max_touchpoints and touch.key < self._log.oldest().key

    def _drop_oldest(self) -> None:
        fold = JourneyFold(self.profile_id, self._rules, self._base or Progress())
        dropped = self._log.drop_oldest()
        fold.step(dropped)
        self._base, self._horizon, self._derived = fold.progress, dropped.key, None

    def _comes_in_order(self, touch: Touch) -> bool:
        """Can it be added at the end without changing anything that was said before?"""
        last = self._log.last
        if last is not None:
            if touch.key < last.key:
                return False
            if touch.at == last.at and any(other.converts for other in self._log.since(touch.at)):
                return False  # both borders of a window are in
        order = touch.order
        if order is None:
            return True
        rule = self._rules.rule(touch.name, touch.channel)
        done = self._progress.done
        if done is not None and done.order == order:
            return not rule.refund and rule.conversion is None
        return not self._log.naming(order)

    def _append(self, touch: Touch, recorded_at: datetime) -> list[emit.Emission]:
        log, rules = self._log, self._rules
        self._derived = None
        mark_visit(log, touch, rules)
        if rules.rule(touch.name, touch.channel).conversion is not None:
            touch.flags |= CONVERTS
        log.append(touch)
        journey, fell_idle = JourneyFold(self.profile_id, rules, self._progress).step(touch)
        emissions = [self._snapshot(each, recorded_at) for each in (fell_idle, journey) if each is not None]
        if touch.converts:
            facts = Facts(path_of(log, touch, rules), net_of(log, touch, rules))
            emissions += self._conversion(touch, journey.id, None, facts, recorded_at, touch)
        return emissions

    def _restate(self, touch: Touch, recorded_at: datetime) -> list[emit.Emission]:
        log, rules = self._log, self._rules
        mark_visit(log, touch, rules)
        flips = flips_after(log, touch, rules)
        loser = self._decide_conversion(touch)
        reach = max([touch.at, *(flip.at for flip in flips)]) + rules.look_back
        before = self._derived or self._derive()
        facts_before = self._facts(before, touch, reach)
        for flip in flips:
            flip.flags ^= OPENS_VISIT
            log.changed(flip)
        if loser is not None:
            loser.flags &= ~CONVERTS
            log.changed(loser)
        log.insert(touch)
        after = self._derived = self._derive()
        facts_after = self._facts(after, touch, reach)
        self._progress = after.progress
        return self._differences(before, after, facts_before, facts_after, touch, recorded_at)

    def _differences(
        self,
        before: Derived,
        after: Derived,
        facts_before: dict[bytes, Facts],
        facts_after: dict[bytes, Facts],
        cause: Touch,
        recorded_at: datetime,
    ) -> list[emit.Emission]:
        emissions: list[emit.Emission] = []
        for journey_id, journey in before.journeys.items():
            if journey_id not in after.journeys:
                emissions.append(self._snapshot(journey, recorded_at, withdrawn=True))
        for journey_id, journey in after.journeys.items():
            if before.journeys.get(journey_id) != journey:
                emissions.append(self._snapshot(journey, recorded_at))
        for event_id, (conversion, journey_id) in before.conversions.items():
            if event_id not in after.conversions:
                emissions += self._conversion(conversion, journey_id, facts_before[event_id], None, recorded_at, cause)
        for event_id, (conversion, journey_id) in after.conversions.items():
            old, new = facts_before.get(event_id), facts_after.get(event_id)
            was = before.conversions.get(event_id)
            if was is None or not _same(old, new):
                emissions += self._conversion(conversion, journey_id, old, new, recorded_at, cause)
            elif was[1] != journey_id:
                facts = new or Facts(
                    path_of(self._log, conversion, self._rules), net_of(self._log, conversion, self._rules)
                )
                emissions.append(self._record(conversion, journey_id, facts, recorded_at))
        return emissions

    def _decide_conversion(self, touch: Touch) -> Touch | None:
        """Set the flag of `touch`, not in the log yet; give the conversion that is none any more because of it.

        Of several events that reach the same conversion with the same order, the earliest counts.
        """
        name = self._rules.rule(touch.name, touch.channel).conversion
        if name is None:
            return None
        rivals = [
            other
            for other in (self._log.naming(touch.order) if touch.order is not None else ())
            if self._rules.rule(other.name, other.channel).conversion == name
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
        """Does its window reach behind the horizon? Then what it earned stays as it was said."""
        return self._horizon is not None and conversion.at - self._rules.look_back <= self._horizon[0]

    def _derive(self) -> Derived:
        base = self._base.copy() if self._base else Progress()
        fold = JourneyFold(self.profile_id, self._rules, base)
        journeys = {journey.id: journey for journey in (base.done, base.open) if journey is not None}
        conversions: dict[bytes, tuple[Touch, str]] = {}
        for touch in self._log:
            journey, _ = fold.step(touch)
            journeys[journey.id] = journey
            if touch.converts:
                conversions[touch.id] = touch, journey.id
        return Derived(journeys, conversions, fold.progress)

    def _facts(self, derived: Derived, cause: Touch, reach: int) -> dict[bytes, Facts]:
        """Give path and net value of the conversions that `cause` can change: in reach, or of the same order."""
        log, rules = self._log, self._rules
        return {
            event_id: Facts(path_of(log, conversion, rules), net_of(log, conversion, rules))
            for event_id, (conversion, _) in derived.conversions.items()
            if (cause.at <= conversion.at <= reach or (cause.order is not None and conversion.order == cause.order))
            and (event_id == cause.id or not self._is_sealed(conversion))
        }

    def _snapshot(self, journey: Journey, recorded_at: datetime, *, withdrawn: bool = False) -> emit.Emission:
        return emit.journey(self.profile_id, journey, self._revision, recorded_at, withdrawn=withdrawn)

    def _record(
        self, conversion: Touch, journey_id: str, facts: Facts, recorded_at: datetime, *, withdrawn: bool = False
    ) -> emit.Emission:
        rule = self._rules.rule(conversion.name, conversion.channel)
        return emit.conversion(
            self.profile_id, conversion, rule, journey_id, facts, self._revision, recorded_at, withdrawn=withdrawn
        )

    def _conversion(
        self,
        conversion: Touch,
        journey_id: str,
        old: Facts | None,
        new: Facts | None,
        recorded_at: datetime,
        cause: Touch,
    ) -> list[emit.Emission]:
        """Give the conversion's record and its posting. `old` None: it is new; `new` None: it is none any more."""
        current = new or old
        if current is None or conversion.sale is None:
            raise ValueError("a conversion without facts")  # a defect of this file, never of the input
        conversion.sale.revision += 1
        self._log.changed(conversion)
        rules = self._rules
        record = self._record(conversion, journey_id, current, recorded_at, withdrawn=new is None)
        entries = post(conversion, rules.models, old, new)
        if not entries:
            return [record]
        reason = "late_touchpoint"
        if conversion.id == cause.id:
            reason = "conversion"
        elif rules.rule(cause.name, cause.channel).refund:
            reason = "refund"
        name = rules.rule(conversion.name, conversion.channel).conversion
        return [record, emit.posting(self.profile_id, conversion, str(name), reason, entries, recorded_at)]


def _same(old: Facts | None, new: Facts | None) -> bool:
    if old is None or new is None:
        return old is new
    return old.net == new.net and [touch.id for touch in old.path] == [touch.id for touch in new.path]
