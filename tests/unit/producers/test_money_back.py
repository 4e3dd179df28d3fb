"""What each door that can send it says of refunds, cancellations and returns takes credit back, in every model.

From the bytes that a sender writes to the sums of the ledger, through the real stages; only Kafka is left out.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from producers.adapters.adapter import Context
from producers.adapters.finish import outcome_of
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Sender
from producers.adapters.web import segment
from schemas.base import derived_id
from schemas.bodies import OtherBody
from schemas.catalogue import load
from schemas.identifier import Identifier
from schemas.outcome import Accepted
from schemas.touchpoint import Touchpoint
from tests.unit.core.life import tell
from tests.unit.producers.store import test_poslog as till
from tests.unit.producers.test_snowplow import SHOP, described
from tests.unit.producers.test_snowplow import taken as tracked
from tests.unit.producers.test_snowplow_shop import action

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SENDER = Sender("shop", "file:rows", "EUR", zone=ZoneInfo("UTC"))
CONTEXT = Context(SENDER, NOW, load())


def of_file(adapter: str, content: str) -> list[Touchpoint]:
    files = ADAPTERS[adapter].file
    assert files is not None
    found = [outcome_of(ADAPTERS[adapter], piece, CONTEXT) for piece in files(io.BytesIO(content.encode()), CONTEXT)]
    assert all(isinstance(one, Accepted) for one in found), found
    return [one.touchpoint for one in found if isinstance(one, Accepted)]


def by_segment(event: str, day: int, **properties: Any) -> Touchpoint:
    said = {
        "userId": "ada",
        "event": event,
        "timestamp": f"2026-10-{day:02}T12:00:00Z",
        "messageId": event,
        "properties": {"order_id": "50314b8e9bcf000000000000", "currency": "EUR", **properties},
    }
    outcome = segment.outcome_of(orjson.dumps(said), "track", SENDER, NOW, CONTEXT.catalogue)
    assert isinstance(outcome, Accepted), outcome
    return outcome.touchpoint


def by_snowplow(kind: str, entity: str, day: int, **data: Any) -> Touchpoint:
    told = action(kind, described(SHOP(entity), {"transaction_id": "1002", "currency": "EUR", **data}))
    at = int(datetime(2024, 4, day, tzinfo=UTC).timestamp() * 1000)
    touchpoint = tracked({**told, "uid": "ada", "ttm": str(at), "eid": str(derived_id(kind))})
    assert touchpoint.amount is not None
    return touchpoint


RECEIPTS = "store_id,till,receipt,timestamp,loyalty_id,product,quantity,value,original_receipt\n"
BOUGHT_AT_THE_TILL = "12,1,88,2026-10-05 10:00:00,L7,tea,1,20.00,\n"
BACK_AT_THE_TILL = "12,2,9,2026-10-06 10:00:00,L7,tea,-1,-5.00,12/1/2026-10-05/88\n"
HEAD = {"store_id": "12", "till": "1", "loyalty_id": "L7"}
CARD = "<Customer><CustomerID>L7</CustomerID></Customer>"
VOIDS = till.LINK.replace("<TransactionLink>", '<TransactionLink ReasonCode="Voided">')


def bought_on_the_first(inside: str) -> str:
    return (
        till.transaction(inside, number="88")
        .replace("<WorkstationID>1<", "<WorkstationID>2<")
        .replace("2026-10-05", "2026-10-01")
        .replace("2026-10-06T00", "2026-10-01T12")
    )


SHOP_ORDER = '{"touchpoint":"order_completed","occurred_at":"2026-10-05T10:00:00Z","order_id":"W-1","event_id":"1",'
SHOP_ORDER += '"amount":{"amount":"20.00","currency":"EUR"},"identifiers":[{"kind":"customer","value":"ada"}]}\n'
TAKEN_BACK = '{"touchpoint":"%s","occurred_at":"2026-10-06T10:00:00Z","order_id":"W-1","event_id":"2",'
TAKEN_BACK += '"identifiers":[{"kind":"customer","value":"ada"}]%s}\n'
ACTIVITIES = "activity_id,type,occurred_at,customer_id,order_id,amount,currency\n"

#: A door, what it says of a sale of 20 euros and of what goes back, and the cents that are left.
DOORS: dict[str, tuple[Callable[[], list[Touchpoint]], int]] = {
    "Segment, refund of a part": (
        lambda: [by_segment("Order Completed", 5, revenue=20), by_segment("Order Refunded", 6, total=5)],
        1500,
    ),
    "Segment, refund of a product": (
        lambda: [
            by_segment("Order Completed", 5, revenue=20),
            by_segment("Order Refunded", 6, products=[{"product_id": "a", "price": 2.5, "quantity": 2}]),
        ],
        1500,
    ),
    "Segment, refund of all": (
        lambda: [by_segment("Order Completed", 5, revenue=20), by_segment("Order Refunded", 6)],
        0,
    ),
    "Segment, cancellation": (
        lambda: [by_segment("Order Completed", 5, revenue=20, total=22), by_segment("Order Cancelled", 6, total=22)],
        0,
    ),
    "Snowplow, refund of a part": (
        lambda: [
            by_snowplow("transaction", "transaction", 5, revenue=20, payment_method="card", total_quantity=1),
            by_snowplow("refund", "refund", 6, refund_amount=5),
        ],
        1500,
    ),
    "tills as CSV, return": (lambda: of_file("pos_csv", RECEIPTS + BOUGHT_AT_THE_TILL + BACK_AT_THE_TILL), 1500),
    "tills as JSON, return by its parts": (
        lambda: of_file(
            "pos_json",
            orjson.dumps(
                {**HEAD, "receipt": "88", "timestamp": "2026-10-05 10:00", "items": [{"product": "tea", "value": 20}]}
            ).decode()
            + "\n"
            + orjson.dumps(
                {
                    **HEAD,
                    "receipt": "9",
                    "timestamp": "2026-10-06 10:00",
                    "original_receipt": "88",
                    "original_date": "2026-10-05",
                    "items": [{"product": "tea", "value": -5}],
                }
            ).decode(),
        ),
        1500,
    ),
    "POSLog, return": (
        lambda: of_file(
            "poslog",
            till.log(
                bought_on_the_first(till.sale("20.00") + CARD),
                till.transaction(till.returned("5.00", till.LINK) + CARD),
            ),
        ),
        1500,
    ),
    "POSLog, a receipt that is voided afterwards": (
        lambda: of_file(
            "poslog",
            till.log(
                bought_on_the_first(till.sale("20.00") + CARD),
                till.transaction(
                    till.sale("-20.00", flags='VoidFlag="true"') + VOIDS + CARD,
                    retail='TransactionStatus="PostVoided"',
                ),
            ),
        ),
        0,
    ),
    "our envelope, refund of a part": (
        lambda: of_file(
            "touchpoints",
            SHOP_ORDER + TAKEN_BACK % ("order_refunded", ',"amount":{"amount":"5.00","currency":"EUR"}'),
        ),
        1500,
    ),
    "our envelope, cancellation": (
        lambda: of_file("touchpoints", SHOP_ORDER + TAKEN_BACK % ("order_cancelled", "")),
        0,
    ),
    "CRM, cancellation of an order of the shop": (
        lambda: (
            of_file("touchpoints", SHOP_ORDER)
            + of_file("crm_activities", ACTIVITIES + "a1,Order Cancelled,2026-10-06T10:00:00Z,ada,W-1,,\n")
        ),
        0,
    ),
    "CRM, a refund written below zero": (
        lambda: (
            of_file("touchpoints", SHOP_ORDER)
            + of_file("crm_activities", ACTIVITIES + "a1,Order Refunded,2026-10-06T10:00:00Z,ada,W-1,-5.00,EUR\n")
        ),
        1500,
    ),
}


def a_call(who: tuple[Identifier, ...], before: datetime) -> Touchpoint:
    """A touch that earns, two days before."""
    return Touchpoint(
        event_id=derived_id("call"),
        source="hotline",
        touchpoint="call",
        channel="hotline",
        occurred_at=before - timedelta(days=2),
        received_at=NOW,
        identifiers=who,
        body=OtherBody(),
    )


@pytest.mark.parametrize(("events", "left"), DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("late_sale", [False, True], ids=["", "the sale arrives last"])
def test_what_goes_back_at_a_door_is_taken_from_the_touch_that_earned_it(
    events: Callable[[], list[Touchpoint]], left: int, late_sale: bool
) -> None:
    sold, back = events()
    catalogue = CONTEXT.catalogue
    assert back.touchpoint in catalogue.refunds
    assert sold.order_id == back.order_id is not None
    called = a_call(sold.identifiers, sold.occurred_at)
    state = tell([called, back, sold] if late_sale else [called, sold, back])
    [(conversion, record)] = state.conversions.items()
    assert (record["conversion"], record["gross_minor"]) == ("purchase", 2000)
    assert conversion == str(sold.event_id)
    assert record["net_minor"] == left
    for model in catalogue.attribution.models:
        assert sum(value for (_, name, _), (_, value) in state.credits.items() if name == model) == left
    assert state.credits[conversion, "first", str(called.event_id)] == (Decimal(1), left)


def test_a_return_that_names_its_receipt_and_no_customer_is_taken_from_the_touch_that_earned_it() -> None:
    [sold, back] = of_file("pos_csv", RECEIPTS + BOUGHT_AT_THE_TILL + BACK_AT_THE_TILL.replace("L7", ""))
    assert sold.order_id == back.order_id
    state = tell([a_call(sold.identifiers, sold.occurred_at), sold, back])
    assert state.conversions[str(sold.event_id)]["net_minor"] == 1500
