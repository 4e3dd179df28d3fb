"""Sales talks and offers of a CRM: each step is a touchpoint of its own, with its amount."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from producers.adapters.crm.activities import ADAPTER
from schemas.bodies import OtherBody
from schemas.money import Money
from tests.unit.producers.survey.rig import keys, refused, taken

ROW: dict[str, Any] = {
    "id": "a1",
    "type": "offer_sent",
    "date": "2026-03-03T10:00:00Z",
    "customer": "c1",
    "offer": "O-1",
}


def test_an_offer_is_taken_with_its_amount_and_number() -> None:
    offer = taken(
        ADAPTER, ROW | {"amount": "4900,50", "currency": "eur", "subject": "Kitchen", "owner": "o7", "floor": 2}
    )
    assert (offer.touchpoint, offer.channel, offer.name) == ("offer_sent", "email", "offer_sent")
    assert (keys(offer), offer.amount) == (["customer:c1"], Money(amount=Decimal("4900.50"), currency="EUR"))
    assert offer.body == OtherBody(text="Kitchen")
    assert offer.properties == {"offer": "O-1", "owner": "o7", "floor": 2}


def test_an_offer_that_is_accepted_under_the_same_number_is_another_event() -> None:
    sent, accepted = taken(ADAPTER, ROW), taken(ADAPTER, ROW | {"type": "Quote Accepted"})
    assert (accepted.touchpoint, accepted.properties["offer"]) == ("offer_accepted", sent.properties["offer"])
    assert sent.event_id != accepted.event_id


@pytest.mark.parametrize(
    ("kind", "channel", "told"),
    [
        ("Sales Meeting", None, ("sales_talk", "store")),
        ("sales_talk", "Direct Mail", ("sales_talk", "direct_mail")),
        ("Trade fair 2026", None, ("trade_fair_2026", "crm")),
        ("Trade fair", "store", ("trade_fair", "store")),
    ],
)
def test_the_type_names_the_touchpoint_and_the_row_may_name_the_channel(
    kind: str, channel: str | None, told: tuple[str, str]
) -> None:
    touchpoint = taken(ADAPTER, ROW | {"type": kind, "channel": channel})
    assert (touchpoint.touchpoint, touchpoint.channel, touchpoint.name) == (*told, kind)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"type": None}, "$.type: required, but missing or blank"),
        ({"date": None}, "$.occurred_at: required, but missing or blank"),
        ({"amount": "much"}, "$.amount: not a number"),
        ({"amount": 5, "currency": "EURO"}, "$.currency: 'EURO' is not an ISO 4217 currency code"),
        ({"channel": "pigeon"}, "$.channel: 'pigeon' is none of the catalogue's channels"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(row: dict[str, Any], reason: str) -> None:
    assert refused(ADAPTER, ROW | row).startswith(reason)
