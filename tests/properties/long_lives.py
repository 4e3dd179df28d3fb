"""Lives of hundreds of events: long enough for sealed chunks, and for the bound of a profile."""

from datetime import timedelta
from uuid import UUID

from schemas.bodies import OtherBody
from schemas.identifier import Identifier
from schemas.money import Money
from schemas.touchpoint import Touchpoint
from tests.properties.folding import ARRIVAL, START

KINDS = [("page_view", "web"), ("email_clicked", "email"), ("store_purchase", "store"), ("call", "hotline")]


def long_life(kinds: list[int]) -> list[Touchpoint]:
    """One person's events, one every seven hours, in order; the numbers choose what happens."""
    events = []
    for number, kind in enumerate(kinds):
        name, channel = KINDS[kind]
        purchase = name == "store_purchase"
        events.append(
            Touchpoint(
                event_id=UUID(int=number * 7919 + 1),
                source="test",
                touchpoint=name,
                channel=channel,
                occurred_at=START + timedelta(hours=7 * number),
                received_at=ARRIVAL,
                identifiers=(Identifier(kind="customer", value="ada"),),
                order_id=f"o{number}" if purchase else None,
                amount=Money.from_minor(100 + number, "EUR") if purchase else None,
                body=OtherBody(),
            )
        )
    return events
