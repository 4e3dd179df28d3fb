"""Histories of identity to draw: who was seen with whom, what people decided, and in which order it arrives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st

from schemas.bodies import OtherBody
from schemas.catalogue import Cap, IdentitySettings
from schemas.identifier import Identifier
from schemas.identity import Action, Command
from schemas.money import Money
from schemas.touchpoint import Campaign, Touchpoint
from tests.properties.folding import ARRIVAL, BODIES, NAMES, START

#: Who and what there is. A history has a few of them, or they would never meet.
PEOPLE = ("customer:ada", "customer:bo", "customer:cy")
OTHERS = (
    "anonymous:a1", "anonymous:a2", "device:d1", "email:e1", "email:e2", "device:d2", "phone:p1", "phone:p2",
    "loyalty:l1", "loyalty:l2", "order:o1", "crm:n1", "crm2:n1",
)  # fmt: skip
SOURCES = ("web", "web", "tablet", "kiosk")


@dataclass(frozen=True)
class History:
    """What happened, under which rules, and in which order it comes: an arrival may come more than once."""

    settings: IdentitySettings
    arrivals: tuple[Touchpoint | Command, ...]

    @property
    def events(self) -> list[Touchpoint]:
        return [arrival for arrival in self.arrivals if isinstance(arrival, Touchpoint)]

    @property
    def commands(self) -> list[Command]:
        return [arrival for arrival in self.arrivals if isinstance(arrival, Command)]

    def __repr__(self) -> str:
        """Short enough to be read where a property fails."""
        changed = self.settings.model_dump(exclude_defaults=True)
        lines = [f"{n:3} {told(arrival)}" for n, arrival in enumerate(self.arrivals)]
        return "\n".join([f"History({changed}", *lines, ")"])


def told(arrival: Touchpoint | Command) -> str:
    if isinstance(arrival, Command):
        return f"{arrival.requested_at:%d.%m. %H:%M} {arrival.action} {arrival.to} {arrival.other or ''}"
    who = " + ".join(i.key for i in arrival.identifiers)
    public = "" if arrival.verified else " (public)"
    return (
        f"{arrival.occurred_at:%d.%m. %H:%M} {arrival.touchpoint} {arrival.source}{public}: {who} [{arrival.event_id}]"
    )


def identifier(key: str) -> Identifier:
    kind, _, value = key.partition(":")
    return Identifier(kind=kind, value=value)


# --- events


#: On a grid of minutes and one of days: equal times, one stretch and the borders of two are all drawn often.
TIMES = st.one_of(
    st.integers(0, 12).map(lambda n: START + timedelta(minutes=3 * n)),
    st.integers(0, 40).map(lambda n: START + timedelta(days=n)),
)


@st.composite
def meetings(draw: st.DrawFn, people: Sequence[str] = PEOPLE, others: Sequence[str] = OTHERS) -> Touchpoint:
    """An event that says little but who was seen with whom: a person logs in, or a device is seen, or some of all."""
    one = st.sampled_from(others)
    keys = draw(
        st.one_of(
            st.tuples(one),
            st.tuples(one, one),
            st.tuples(st.sampled_from(people), one),
            st.tuples(st.sampled_from(people), one),
            st.lists(st.sampled_from([*people, *others]), max_size=4).map(tuple),
        )
    )
    return Touchpoint(
        event_id=UUID(int=draw(st.integers(0, 2**32)), version=4),
        source=draw(st.sampled_from(SOURCES)),
        touchpoint="page_view",
        channel="web",
        occurred_at=draw(TIMES),
        received_at=ARRIVAL + timedelta(seconds=draw(st.integers(0, 100))),
        identifiers=tuple(identifier(key) for key in keys),
        body=OtherBody(),
        verified=draw(st.integers(0, 3)) > 0,
    )


@st.composite
def touchpoints(draw: st.DrawFn, people: Sequence[str] = PEOPLE, others: Sequence[str] = OTHERS) -> Touchpoint:
    """The same with all that makes journeys: visits, orders, refunds, conversions."""
    meeting = draw(meetings(people, others))
    name, channel = draw(NAMES)
    has_amount = name in {"order_completed", "store_purchase", "order_refunded"} and draw(st.integers(0, 9)) > 0
    campaign = draw(st.sampled_from([None, None, "spring", "summer"]))
    return meeting.model_copy(
        update={
            "touchpoint": name,
            "channel": channel,
            "campaign": Campaign(name=campaign) if campaign else None,
            "order_id": draw(st.sampled_from([None, None, "o1", "o2"])),
            "amount": Money.from_minor(draw(st.integers(0, 10_000)), "EUR") if has_amount else None,
            "body": draw(BODIES.get(channel, st.just(OtherBody()))),
        }
    )


# --- decisions


@st.composite
def commands(draw: st.DrawFn, keys: Sequence[str] = (*PEOPLE, *OTHERS)) -> Command:
    action: Action = draw(st.sampled_from(("merge", "merge", "unmerge", "unmerge", "block", "unblock")))
    to = draw(st.sampled_from(keys))
    other = draw(st.sampled_from([key for key in keys if key != to])) if action == "merge" else None
    return Command(
        to=to,
        action=action,
        other=other,
        command_id=UUID(int=draw(st.integers(0, 2**32)), version=4),
        requested_at=START + timedelta(days=draw(st.integers(0, 5))),
        requested_by="an admin",
    )


def was_ever_over(key: str, events: Sequence[Touchpoint], settings: IdentitySettings) -> bool:
    """Was it seen with more others than its kind may be? What comes after that is not remembered."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for event in events:
        keys = {i.key for i in event.identifiers}
        for one in keys:
            neighbours[one] |= keys - {one}
    cap = settings.cap_of(key.partition(":")[0])
    customers = sum(other.partition(":")[0] in settings.unique for other in neighbours[key])
    return len(neighbours[key]) > cap.links or customers > cap.customers


# --- rules


CAPS = st.sampled_from([Cap(), Cap(), Cap(), Cap(), Cap(links=3), Cap(customers=1), Cap(links=4, customers=2)])


@st.composite
def identity_settings(draw: st.DrawFn) -> IdentitySettings:
    return IdentitySettings(
        unique=draw(
            st.sampled_from([("customer",), ("customer",), ("customer",), ("customer", "loyalty"), ("email",)])
        ),
        policies={"tablet": "split_at_login", "kiosk": "device_only"},
        sighting_minutes=draw(st.sampled_from([5, 5, 60, 24 * 60])),
        max_sightings=draw(st.sampled_from([256, 256, 2, 3])),
        max_hops=draw(st.sampled_from([8, 8, 8, 1, 2, 3])),
        public_links=draw(st.sampled_from(["weak", "weak", "weak", "none", "full"])),
        cap=draw(CAPS),
        caps=draw(st.sampled_from([{}, {}, {}, {"customer": Cap(links=2)}, {"device": Cap(customers=1)}])),
        block=draw(st.sampled_from([(), (), (), ("email:e1",), ("device:d1", "customer:cy")])),
    )


# --- histories


@st.composite
def histories(draw: st.DrawFn, *, journeys: bool = False, max_events: int = 16, max_commands: int = 4) -> History:
    """Events and decisions in the order in which they were drawn; some arrive twice. `journeys`: with all of a life."""
    settings = draw(identity_settings())
    people = PEOPLE[: draw(st.integers(2, len(PEOPLE)))]
    others = draw(st.lists(st.sampled_from(OTHERS), min_size=2, max_size=5, unique=True))
    an_event = touchpoints(people, others) if journeys else meetings(people, others)
    happened = draw(st.lists(an_event, min_size=6, max_size=max_events, unique_by=lambda e: e.event_id))
    a_command = commands([*people, *others])
    decided = draw(st.lists(a_command, max_size=max_commands, unique_by=lambda c: c.command_id))
    decided = [c for c in decided if c.action != "unblock" or not was_ever_over(c.to, happened, settings)]
    arrivals: list[Touchpoint | Command] = [*happened]
    for command in decided:
        arrivals.insert(draw(st.integers(0, len(arrivals))), command)
    for place in draw(st.lists(st.integers(0, len(arrivals) - 1), max_size=3)):
        arrivals.insert(draw(st.integers(0, len(arrivals))), arrivals[place])
    return History(settings, tuple(arrivals))
