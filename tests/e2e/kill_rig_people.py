"""Households whose members are met under many identifiers, and what people decide about these: written to Kafka."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from kafka import KafkaProducer

from schemas import topics
from schemas.base import derived_id
from schemas.bodies import OtherBody
from schemas.identifier import Identifier
from schemas.identity import Action, Command, IdentityMessage
from schemas.money import Money
from schemas.touchpoint import Campaign, Touchpoint
from tests.e2e.kill_rig_rounds import Rounds

BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=50)
KIOSK = "device:kiosk"  # of everybody: over its cap before long
_NAMES = (
    [("page_view", "web")] * 4
    + [("email_clicked", "email"), ("call", "hotline"), ("store_purchase", "store"), ("order_completed", "web")] * 2
    + [("order_refunded", "web"), ("complaint", "hotline"), ("account_created", "web")]
)


class Household:
    """Two customers, their browsers, addresses and cards, and a tablet that both use."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self._chance = chance
        self._number = number
        self.people = [f"customer:c{number}-{n}" for n in range(2)]
        self.others = [
            *(f"anonymous:a{number}-{n}" for n in range(4)),
            f"device:tablet{number}",
            *(f"email:c{number}-{n}@example.org" for n in range(2)),
            f"phone:+49301234{number:03}",
            f"loyalty:l{number}",
        ]
        self._events = 0

    def event(self) -> Touchpoint:
        """What happens next: somebody unknown comes, logs in, or shows that two of the identifiers are one person's."""
        chance = self._chance
        known, one = chance.choice(self.people), chance.choice(self.others)
        match chance.randrange(10):
            case 0 | 1 | 2 | 3:
                keys = [one]
            case 4 | 5:
                keys = [known, one]
            case 6:
                keys = [known, "device:kiosk"]
            case _:
                keys = chance.sample(self.others, 2)
        name, channel = chance.choice(_NAMES)
        self._events += 1
        has_amount = name in {"store_purchase", "order_completed", "order_refunded"}
        if name == "order_refunded" and chance.random() < 0.6:
            keys = []  # a return at the till: it names its receipt and nobody
        return Touchpoint(
            event_id=derived_id("event", str(self._number), str(self._events)),
            source=chance.choice(["web", "shop"]),
            touchpoint=name,
            channel=channel,
            occurred_at=BEGIN + timedelta(minutes=chance.randrange(40 * 24 * 60)),
            received_at=datetime.now(UTC),
            identifiers=tuple(
                Identifier(kind=kind, value=value) for kind, _, value in (k.partition(":") for k in keys)
            ),
            campaign=Campaign(name=chance.choice(["spring", "summer"])) if chance.random() < 0.2 else None,
            order_id=f"o{self._number}-{chance.randrange(24)}" if has_amount else None,
            amount=Money.from_minor(chance.randrange(100, 20_000), "EUR") if has_amount else None,
            body=OtherBody(),
            verified=chance.random() < 0.8,
        )

    def command(self) -> Command:
        """What a person decides next."""
        chance = self._chance
        action: Action = chance.choice(["merge", "merge", "unmerge", "unmerge", "block", "unblock"])
        to, other = chance.sample([*self.people, *self.others], 2)
        return Command(
            to=to,
            action=action,
            other=other if action == "merge" else None,
            command_id=uuid.UUID(int=chance.getrandbits(128), version=4),
            requested_at=datetime.now(UTC),
            requested_by="an admin",
        )


class Feed(Rounds):
    """Writes what happens to the households, one in `linking` of it again, until it is told to stop."""

    def __init__(self, bootstrap: str, seed: int, households: int, *, pause: float) -> None:
        super().__init__(pause)
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
        self._chance = random.Random(seed)
        self._households = [Household(self._chance, number) for number in range(households)]

    def round(self) -> None:
        for record in self._happening():
            topic = topics.IDENTITY if isinstance(record, Command) else topics.COLLECTED
            key = record.to if isinstance(record, Command) else record.key
            value = IdentityMessage(message=record) if isinstance(record, Command) else record
            self._producer.send(topic.name, key=key.encode(), value=value.model_dump_json(exclude_none=True).encode())
        self._producer.flush()

    def finish(self) -> None:
        """Write no more; raises what has gone wrong."""
        try:
            super().finish()
        finally:
            self._producer.close()

    def _happening(self) -> Iterator[Touchpoint | Command]:
        """A few events of some households, a decision now and then, and some events twice."""
        chance = self._chance
        for household in chance.sample(self._households, len(self._households) // 4):
            event = household.event()
            yield event
            if chance.random() < 0.05:
                yield event
            if chance.random() < 0.05:
                yield household.command()
