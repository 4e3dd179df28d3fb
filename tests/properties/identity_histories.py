"""Histories of identity to draw: who was seen with whom, what people decided, and in which order it arrives.

Each is made from a seed, not drawn piece by piece: so ten times as many can be tried. A history that fails is made
small by `smallest`.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from schemas.bodies import EmailBody, OtherBody, WebBody
from schemas.catalogue import Cap, IdentitySettings
from schemas.identifier import Identifier
from schemas.identity import Action, Command
from schemas.money import Money
from schemas.touchpoint import Campaign, Touchpoint
from tests.properties.folding import ARRIVAL, START

#: Who and what there is. A history has a few of them, or they would never meet.
PEOPLE = ("customer:ada", "customer:bo", "customer:cy")
OTHERS = (
    "anonymous:a1", "anonymous:a2", "device:d1", "email:e1", "email:e2", "device:d2", "phone:p1", "phone:p2",
    "loyalty:l1", "loyalty:l2", "order:o1", "crm:n1", "crm2:n1",
)  # fmt: skip
SOURCES = ("web", "web", "tablet", "kiosk")
KINDS_OF_TOUCHPOINTS = (
    ("page_view", "web"), ("page_view", "web"), ("page_view", "web"), ("product_viewed", "web"),
    ("email_clicked", "email"), ("email_opened", "email"), ("call", "hotline"), ("direct_mail", "direct_mail"),
    ("order_completed", "web"), ("order_completed", "web"), ("store_purchase", "store"), ("account_created", "web"),
    ("order_refunded", "web"), ("delivery", "store"), ("complaint", "hotline"), ("consent_changed", "web"),
)  # fmt: skip


PARTS = {"store_purchase": "store_purchase.kiosk", "order_refunded": "order_refunded.partial"}


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


# --- drawing


def drawn(seed: int, *, journeys: bool = False) -> History:
    """Give the history of a seed; `journeys`: with orders, refunds and conversions, not just meetings."""
    chance = random.Random(seed)
    people = PEOPLE[: chance.randint(2, 3)]
    quarrel = chance.random() < 0.3  # few identifiers, on which people decide again and again
    others = chance.sample(OTHERS, chance.randint(1, 3) if quarrel else chance.randint(2, 6))
    settings = some_settings(chance)
    public = chance.choice([0, 0.2, 0.5])
    events = [meeting(chance, people, others, public) for _ in range(chance.randint(1, 6 if quarrel else 25))]
    if journeys:
        events = [with_a_life(chance, event) for event in events]
        if random.Random(f"nameless {seed}").random() < 0.4:
            events = [nameless(event) for event in events]
    decided = [
        command(chance, [*people, *others])
        for _ in range(chance.randint(2, 9) if quarrel else chance.choice([0, 0, 1, 2, 4]))
    ]
    decided = [c for c in decided if c.action != "unblock" or not was_ever_over(c.to, events, settings)]
    arrivals: list[Touchpoint | Command] = [*events, *decided]
    chance.shuffle(arrivals)
    for _ in range(chance.choice([0, 0, 1, 3])):
        arrivals.insert(chance.randint(0, len(arrivals)), chance.choice(arrivals))
    return History(settings, tuple(arrivals))


def some_settings(chance: random.Random) -> IdentitySettings:
    """Rules under which guards bite now and then."""
    return IdentitySettings(
        unique=chance.choice([("customer",)] * 3 + [("customer", "loyalty"), ("email",)]),
        policy=chance.choice(["last_known", "last_known", "split_at_login"]),
        policies={"tablet": "split_at_login", "kiosk": "device_only"},
        sighting_minutes=chance.choice([5, 5, 60, 24 * 60]),
        max_sightings=chance.choice([256, 256, 2, 3]),
        max_hops=chance.choice([8, 8, 8, 1, 2, 3]),
        public_links=chance.choice(["weak"] * 4 + ["none", "full"]),
        cap=chance.choice([Cap()] * 5 + [Cap(links=3), Cap(customers=1), Cap(links=4, customers=2)]),
        caps=chance.choice([{}, {}, {}, {"customer": Cap(links=2)}, {"device": Cap(customers=1)}]),
        block=chance.choice([()] * 4 + [("email:e1",), ("device:d1", "customer:cy")]),
    )


def meeting(chance: random.Random, people: Sequence[str], others: Sequence[str], public: float) -> Touchpoint:
    """An event that says little but who was seen with whom: a person logs in, or a device is seen, or some of all."""
    kind = chance.random()
    if kind < 0.3:
        keys = [chance.choice(others)]
    elif kind < 0.55:
        keys = [chance.choice(others), chance.choice(others)]
    elif kind < 0.85:
        keys = [chance.choice(people), chance.choice(others)]
    else:
        keys = [chance.choice([*people, *others]) for _ in range(chance.randint(0, 4))]
    # On a grid of minutes or one of days: equal times, one stretch and the borders of two come often.
    on = (
        timedelta(minutes=3 * chance.randint(0, 12)) if chance.random() < 0.5 else timedelta(days=chance.randint(0, 40))
    )
    return Touchpoint(
        event_id=UUID(int=chance.getrandbits(128), version=4),
        source=chance.choice(SOURCES),
        touchpoint="page_view",
        channel="web",
        occurred_at=START + on,
        received_at=ARRIVAL + timedelta(seconds=chance.randint(0, 99)),
        identifiers=tuple(identifier(key) for key in keys),
        body=OtherBody(),
        verified=chance.random() >= public,
    )


def with_a_life(chance: random.Random, event: Touchpoint) -> Touchpoint:
    """The same with all that makes journeys: visits, orders, refunds, conversions."""
    name, channel = chance.choice(KINDS_OF_TOUCHPOINTS)
    part = PARTS.get(name) if event.event_id.int % 3 == 0 else None  # without another draw: seeds stay what they are
    has_amount = name in {"order_completed", "store_purchase", "order_refunded"} and chance.random() < 0.9
    campaign = chance.choice([None, None, "spring", "summer"])
    changes: dict[str, object] = {
        "touchpoint": part or name,
        "channel": channel,
        "campaign": Campaign(name=campaign) if campaign else None,
        "order_id": chance.choice([None, None, "o1", "o2"]),
        "amount": Money.from_minor(chance.randint(0, 10_000), "EUR") if has_amount else None,
    }
    if name == "consent_changed":
        changes["properties"] = {"analytics": chance.choice([True, False])}
    elif chance.random() < 0.2:
        consent = {"categoryPreferences": {"analytics": chance.choice([True, False])}}
        changes["properties"] = {"context": {"consent": consent}}
    if channel == "web":
        changes["body"] = WebBody(bot=chance.random() < 0.1)
    elif channel == "email":
        changes["body"] = EmailBody(machine=chance.random() < 0.2)
    return event.model_copy(update=changes)


def nameless(event: Touchpoint) -> Touchpoint:
    """The same, and what takes an order back names just that, as a return at a till does, or that and nobody else."""
    if not event.touchpoint.startswith("order_refunded") or event.event_id.int % 4 == 0:
        return event
    return event.model_copy(update={"identifiers": (), "order_id": event.order_id or "o1"})


def command(chance: random.Random, keys: Sequence[str]) -> Command:
    """A person's decision."""
    action: Action = chance.choice(("merge", "merge", "merge", "unmerge", "unmerge", "block", "unblock"))
    to = chance.choice(keys)
    return Command(
        to=to,
        action=action,
        other=chance.choice([key for key in keys if key != to]) if action == "merge" else None,
        command_id=UUID(int=chance.getrandbits(128), version=4),
        requested_at=START + timedelta(days=chance.randint(0, 5)),
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


# --- making small


def smallest(history: History, fails: Callable[[History], bool]) -> History:
    """Leave out of a history that fails what it also fails without: arrivals, identifiers, settings."""
    for shorter in (without_an_arrival, without_an_identifier, without_a_setting):
        going = True
        while going:
            going = False
            for candidate in shorter(history):
                if fails(candidate):
                    history, going = candidate, True
                    break
    return history


def without_an_arrival(history: History) -> Iterator[History]:
    for n in range(len(history.arrivals)):
        yield replace(history, arrivals=history.arrivals[:n] + history.arrivals[n + 1 :])


def without_an_identifier(history: History) -> Iterator[History]:
    for event in history.events:
        for n in range(len(event.identifiers)):
            fewer = event.model_copy(update={"identifiers": event.identifiers[:n] + event.identifiers[n + 1 :]})
            yield replace(history, arrivals=tuple(fewer if a == event else a for a in history.arrivals))


def without_a_setting(history: History) -> Iterator[History]:
    usual = IdentitySettings()
    for name in IdentitySettings.model_fields:
        if getattr(history.settings, name) != getattr(usual, name):
            yield replace(history, settings=history.settings.model_copy(update={name: getattr(usual, name)}))
