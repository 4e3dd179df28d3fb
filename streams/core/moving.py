"""A profile that lets touches go to other profiles and takes in what comes from them, many at once.

The bound of a profile holds here too: of what has arrived the newest stay, and what was dropped before cannot come back
when others leave. A conversion that is sealed stays where its credits were said: part of what its path or its value
was made of is dropped, so at the new home they could not be worked out. They could be taken back here, but nothing
right could be said in their place. A copy of it, or of an event that was dropped, that is sent to the new home is new
there.

The revision of a profile is a Lamport clock (Lamport 1978, Time, Clocks, and the Ordering of Events): an arrival brings
that of the profile that has let go, so what the new one says of a conversion counts as the later word.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from heapq import merge
from itertools import islice

from streams.core import emit
from streams.core.clock import micros, moment
from streams.core.consenting import Stretch, remembered, veil_of
from streams.core.ids import derived, id_text
from streams.core.moves import EPOCH, Address, enter, leave, newest, routes_of, tenant_name, without
from streams.core.profile import Profile
from streams.core.remake import carry_out, work_out
from streams.core.tail import by_key
from streams.core.touch import DECIDES, TENANT_SHIFT, Touch
from streams.core.wire import ReadForwarding, WireArrival, WireTouch


class MovingProfile(Profile):
    """A profile while a batch is folded, with all that can come to it."""

    def forward(self, forwarding: ReadForwarding) -> list[emit.Emission]:
        """Let go of what belongs elsewhere by now, and remember where, for what is still under way to here.

        A conversion that is sealed stays: of its path or its refunds some are dropped, so its credits could not be
        worked out at the new home.
        """
        routes = routes_of(self._place(tenant_name(forwarding.owner, forwarding.policy)), forwarding)
        own = bytes.fromhex(self.profile_id.replace("-", ""))
        leaving: dict[bytes, list[Touch]] = {}
        tenant, lives_here = routes[0].tenant, False
        for touch in self._log:
            if touch.tenant != tenant:
                continue
            route = newest(routes, tenant, touch.at, 0)
            if route is None or route.target == own or (touch.converts and self._is_sealed(touch)):
                lives_here = True
            else:
                leaving.setdefault(route.target, []).append(touch)
        decisions: dict[bytes, list[Touch]] = {}
        for touch in self._consents.dropped:
            if touch.tenant == tenant:
                route = newest(routes, tenant, touch.at, 0)
                if route is None or route.target == own:
                    lives_here = True
                else:
                    decisions.setdefault(route.target, []).append(touch)
        addresses = self._tenancy.addresses
        for route in routes:
            addresses = without(addresses, route)
        if not forwarding.final:
            addresses = [*addresses, *(route for route in routes if route.target != own)]
        self.changed |= addresses != self._tenancy.addresses
        emissions = self._let_go(forwarding, routes, leaving, decisions) if leaving or decisions else []
        self._tenancy.note(tenant, addresses, lives_here=lives_here)
        if self._holds_nothing():  # it is forgotten here, and not where the batch happens to end
            self._revision = 0
        return emissions

    def _let_go(
        self,
        forwarding: ReadForwarding,
        routes: list[Address],
        leaving: dict[bytes, list[Touch]],
        decisions: dict[bytes, list[Touch]],
    ) -> list[emit.Emission]:
        """Let touches go, and the decisions of events that were dropped."""
        self._revision += 1
        self.changed = self._has_let_go = True
        gone = [touch for touches in leaving.values() for touch in touches]
        recorded_at = routes[0].recorded
        past = [touch for touches in decisions.values() for touch in touches]
        stretch = self._redecide([], [], gone, past) if past or any(touch.flags & DECIDES for touch in gone) else None
        emissions = self._remake(gone, [], [], forwarding.cause, recorded_at) if gone else []
        if stretch is not None:
            emissions = emit.last_words(emissions + self._hide_anew(stretch, recorded_at, forwarding.cause))
        for target in {**leaving, **decisions}:
            route = next(route for route in routes if route.target == target)
            moved = [leave(touch, dropped=True) for touch in decisions.get(target, ())]
            moved += [leave(touch) for touch in leaving.get(target, ())]
            emissions += emit.arrivals(
                self.profile_id, forwarding.owner, forwarding.policy, route, moved, self._revision, recorded_at
            )
        return emissions

    def arrive(self, arrival: WireArrival) -> tuple[dict[str, int], list[emit.Emission]]:
        """Take in what another profile has let go; give how many came to what end, and what changes.

        What has moved on meanwhile is passed on. An event that is here already is a duplicate, but it is said again
        under a revision above that of the profile which has just withdrawn it.
        """
        name = tenant_name(arrival.owner, arrival.policy)
        version, recorded_at = arrival.version, moment(micros(arrival.recorded_at))
        log = self._log
        onward: dict[tuple[bytes, int], tuple[Address, list[WireTouch]]] = {}
        came: dict[bytes, Touch] = {}
        again: list[Touch] = []
        past: list[Touch] = []
        for moved in arrival.touches:
            touch = enter(moved, 0, version)
            known = log.get(touch)
            address = self._tenancy.address(name, touch.at, version) if known is None else None
            if address is not None:
                onward.setdefault((address.target, address.version), (address, []))[1].append(moved)
            elif known is None and moved.dropped:
                past.append(touch)
            elif known is None:
                came.setdefault(touch.id, touch)
            elif not moved.dropped:
                again.append(known)
                self._count_on(known, touch)
        fresh, beyond = self._within_bounds(sorted(came.values(), key=by_key))
        emissions = [emit.beyond_horizon(self.profile_id, touch, recorded_at) for touch in beyond]
        counts = {
            "arrived": len(fresh) + len(past),
            "duplicate": len(arrival.touches) - len(came) - len(past) - sum(len(t) for _, t in onward.values()),
            "beyond_horizon": len(beyond),
            "passed_on": sum(len(touches) for _, touches in onward.values()),
        }
        past += [touch for touch in beyond if touch.flags & DECIDES]
        if fresh or again or past:
            self._revision = max(self._revision, arrival.revision) + 1
            self.changed = True
            tenant = self._place(name) if fresh or past else 0
            for touch in past:
                touch.flags |= tenant << TENANT_SHIFT
            for touch in fresh:
                touch.flags |= tenant << TENANT_SHIFT
                self._rules.see_to_sale(touch, version * EPOCH)
            stretch = self._redecide(fresh, past) if past or any(touch.flags & DECIDES for touch in fresh) else None
            if fresh or again:
                emissions += self._remake([], fresh, again, arrival.cause, recorded_at)
            if stretch is not None:
                emissions = emit.last_words(emissions + self._hide_anew(stretch, recorded_at, arrival.cause))
            while len(log) > self._rules.max_touchpoints:
                self._drop_oldest()
        for address, touches in onward.values():
            at = max(recorded_at, address.recorded)
            revision = max(self._revision, arrival.revision)
            emissions += emit.arrivals(self.profile_id, arrival.owner, arrival.policy, address, touches, revision, at)
        return counts, emissions

    def _count_on(self, known: Touch, copy: Touch) -> None:
        """Count the postings of a conversion that is here already on from those of a copy that has come."""
        if known.sale is not None and copy.sale is not None and known.sale.revision < copy.sale.revision:
            known.sale.revision = copy.sale.revision
            self._log.changed(known)

    def _redecide(
        self,
        came: Iterable[Touch],
        past: Iterable[Touch],
        gone: Iterable[Touch] = (),
        past_gone: Collection[Touch] = (),
    ) -> Stretch | None:
        """Judge anew before events come and go, and decisions of events that were dropped."""
        dropped = tuple(touch for touch in self._consents.dropped if touch not in past_gone)
        for decision in past:
            dropped = remembered(dropped, decision)
        leaving = {touch.id for touch in gone}
        stay = (touch for touch in self._log if touch.id not in leaving)
        return self._keep_consents(veil_of([*dropped, *stay, *came]), dropped)

    def _within_bounds(self, touches: list[Touch]) -> tuple[list[Touch], list[Touch]]:
        """Part what may come in from what is older than all that is kept, now or with these; both are in order."""
        log, horizon = self._log, self._horizon
        beyond: list[Touch] = []
        if horizon is not None:
            beyond = [touch for touch in touches if touch.key <= horizon]
            touches = touches[len(beyond) :]
        surplus = len(log) + len(touches) - self._rules.max_touchpoints
        if surplus > 0:
            own = {touch.id for touch in touches}
            oldest = [touch for touch in islice(merge(log, touches, key=by_key), surplus) if touch.id in own]
            beyond += oldest
            touches = touches[len(oldest) :]
        return touches, beyond

    def _remake(
        self, gone: list[Touch], came: list[Touch], again: list[Touch], cause: str, recorded_at: datetime
    ) -> list[emit.Emission]:
        """Let touches go and come at once, and give what that changes."""
        log = self._log
        change = work_out(log, self._rules, gone, came, again, self._is_sealed)
        concerned = (touch for touch in change.old if touch.converts and change.concerns(touch))
        was = {touch.id: touch for touch in concerned if not self._is_sealed(touch)}
        restated = carry_out(self.profile_id, log, self._rules, change)
        self._progress = restated.fold.progress if restated.fold is not None else self._progress
        concerned = (touch for touch in change.new if touch.converts and change.concerns(touch))
        # What has not converted here before has not been said, so it is said with what is known, sealed or not.
        new = {touch.id for touch in (*came, *change.converts)}
        now = {touch.id: touch for touch in concerned if touch.id in new or not self._is_sealed(touch)}
        anew = {derived("journey", self.profile_id, id_text(event_id)) for event_id in change.again}
        emissions = self._journey_changes(restated, recorded_at, anew)
        emissions += self._conversion_changes(restated, was, now, lambda _: cause, recorded_at, change.again)
        for touch in again:
            journey_id = restated.converted_after.get(touch.id)
            if touch.converts and touch.id not in now and journey_id is not None:  # sealed: its credits stand
                emissions += self._say(touch, journey_id, recorded_at, again=True)
        return emissions
