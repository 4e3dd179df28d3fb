"""What Snowplow's orders are worth, in each of the ways in which its trackers say them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from producers.adapters.adapter import Context
from producers.adapters.sender import Sender
from schemas.outcome import Accepted, Quarantined
from schemas.touchpoint import Touchpoint
from tests.unit.producers.test_snowplow import (
    ACTION,
    CONTEXT,
    NOW,
    OWN,
    SHOP,
    SNOWPLOW,
    contexts,
    described,
    outcomes,
    posted,
    refused,
    taken,
    unstruct,
    web,
)

ORDER = {"e": "tr", "tr_id": "1001", "tr_tt": "19.90", "tr_tx": "3.18", "tr_cu": "EUR", "tr_ci": "Berlin"}
LINE = {"e": "ti", "ti_id": "1001", "ti_sk": "tea-1", "ti_ca": "hot", "ti_pr": "8.50", "ti_qu": "2", "ti_cu": "EUR"}


def lines(touchpoint: Touchpoint) -> list[tuple[str, str | None, Decimal, Decimal | None]]:
    return [(item.product, item.category, item.quantity, item.value) for item in web(touchpoint).items]


def all_taken(*events: dict[str, Any]) -> list[Touchpoint]:
    found = outcomes(posted(*events))
    assert all(isinstance(one, Accepted) for one in found), found
    return [one.touchpoint for one in found if isinstance(one, Accepted)]


def action(kind: str, *entities: dict[str, Any], data: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"e": "ue", "ue_pr": unstruct(ACTION, {"type": kind, **(data or {})}), "co": contexts(*entities)}


def money(touchpoint: Touchpoint) -> tuple[str, str]:
    assert touchpoint.amount is not None
    return str(touchpoint.amount.amount), touchpoint.amount.currency


# ---- transactions of the old kind


def test_the_lines_of_one_request_are_folded_into_their_order_and_stand_nowhere_twice() -> None:
    other = {**LINE, "ti_id": "1002", "ti_sk": None, "ti_nm": "Cup", "ti_qu": None}
    order, first, second, elsewhere = all_taken(ORDER, LINE, {**LINE, "ti_sk": "tea-2", "ti_qu": "1"}, other)
    assert (order.touchpoint, order.order_id, money(order)) == ("order_completed", "1001", ("19.90", "EUR"))
    assert lines(order) == [
        ("tea-1", "hot", Decimal(2), Decimal("17.00")),
        ("tea-2", "hot", Decimal(1), Decimal("8.50")),
    ]
    assert (order.properties["tax"], order.properties["city"]) == ("3.18", "Berlin")
    assert [one.touchpoint for one in (first, second, elsewhere)] == ["order_item"] * 3
    assert [one.order_id for one in (first, second, elsewhere)] == ["1001", "1001", "1002"]
    assert [lines(one) for one in (first, second)] == [[], []]
    assert first.amount is None
    assert first.properties["sku"] == "tea-1"
    assert lines(elsewhere) == [("Cup", "hot", Decimal(1), Decimal("8.50"))]  # its order came in another request


def test_a_bad_line_says_so_by_itself_and_leaves_the_order_alone() -> None:
    order, line = outcomes(posted(ORDER, {**LINE, "ti_pr": "cheap"}))
    assert isinstance(order, Accepted)
    assert lines(order.touchpoint) == []
    assert isinstance(line, Quarantined)
    assert line.record.reason == "$.data[1].ti_pr: not a number"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({**ORDER, "tr_id": ""}, ".tr_id: required, but missing or blank"),
        ({**ORDER, "tr_tt": "a lot"}, ".tr_tt: not a number"),
        ({**ORDER, "tr_tt": "-1"}, ".tr_tt: below zero; money that goes back is sent as a refund"),
        ({**ORDER, "tr_cu": "XXQ"}, ".tr_cu: 'XXQ' is not an ISO 4217 currency code"),
        ({**ORDER, "tr_cu": None}, ".tr_cu: required beside an amount, since the source has no default currency"),
        ({**LINE, "ti_id": None}, ".ti_id: required, but missing or blank"),
        ({**LINE, "ti_sk": " "}, ".ti_sk: required, but missing or blank"),
        ({**LINE, "ti_qu": "NaN"}, ".ti_qu: not a number"),
        ({**LINE, "ti_pr": "9" * 18, "ti_qu": "9" * 18}, ".ti_pr: more than 18 digits"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(event: dict[str, Any], reason: str) -> None:
    assert refused(event).reason == f"$.data[0]{reason}"


def test_an_order_without_currency_has_that_of_its_source() -> None:
    francs = Context(Sender("shop", "d", default_currency="CHF"), NOW, CONTEXT.catalogue)
    assert money(taken({**ORDER, "tr_cu": ""}, francs)) == ("19.90", "CHF")


# ---- the shop's actions

PRODUCT = described(SHOP("product"), {"id": "tea-1", "category": "hot", "price": 8.5, "quantity": 3, "currency": "EUR"})
TRANSACTION = described(
    SHOP("transaction"), {"transaction_id": "1002", "revenue": 25.5, "currency": "EUR", "payment_method": "card"}
)


def test_a_transaction_has_its_order_its_money_and_its_products() -> None:
    order = taken(action("transaction", TRANSACTION, PRODUCT))
    assert (order.touchpoint, order.order_id, money(order)) == ("order_completed", "1002", ("25.50", "EUR"))
    assert lines(order) == [("tea-1", "hot", Decimal(3), Decimal("25.50"))]


@pytest.mark.parametrize("amount", [5, -5, "5.00"])
def test_a_refund_is_positive_money_of_its_order(amount: object) -> None:
    data = {"transaction_id": "1002", "currency": "EUR", "refund_amount": amount, "refund_reason": "broken"}
    refund = taken(action("refund", described(SHOP("refund"), data)))
    assert (refund.touchpoint, refund.order_id, money(refund)) == ("order_refunded", "1002", ("5.00", "EUR"))


def test_a_failed_payment_is_no_order() -> None:
    failed = taken(action("trns_error", TRANSACTION))
    assert (failed.touchpoint, failed.order_id, failed.amount) == ("transaction_error", None, None)


def test_a_cart_has_lines_and_no_money() -> None:
    cart = taken(action("add_to_cart", described(SHOP("cart"), {"total_value": 8.5, "currency": "EUR"}), PRODUCT))
    assert (cart.touchpoint, cart.amount) == ("product_added", None)
    assert lines(cart) == [("tea-1", "hot", Decimal(3), Decimal("25.50"))]
    assert cart.properties["contexts"]["cart"] == {"total_value": 8.5, "currency": "EUR"}


def test_bad_money_in_an_entity_is_refused_with_its_path() -> None:
    bad = described(SHOP("transaction"), {"transaction_id": "1", "revenue": "x", "currency": "EUR"})
    assert refused(action("transaction", PRODUCT, bad)).reason == "$.data[0].co.data[1].data.revenue: not a number"
    many = refused(action("list_view", *[PRODUCT] * 1001))
    assert many.reason.startswith("$.data[0]: more than 1000 products")


# ---- and the rest


def test_the_enhanced_objects_of_the_older_plugin_are_read_too() -> None:
    google = "iglu:com.google.analytics.enhanced-ecommerce/{}/jsonschema/1-0-0".format
    event = {
        "e": "ue",
        "ue_pr": unstruct(google("action"), {"action": "purchase"}),
        "co": contexts(
            described(google("actionFieldObject"), {"id": "1003", "revenue": "12.00", "currency": "EUR"}),
            described(google("productFieldObject"), {"id": "tea-1", "price": "6.00", "quantity": 2, "currency": "EUR"}),
        ),
    }
    order = taken(event)
    assert (order.touchpoint, order.order_id, money(order)) == ("order_completed", "1003", ("12.00", "EUR"))
    assert lines(order) == [("tea-1", None, Decimal(2), Decimal("12.00"))]


def test_the_old_event_of_a_cart_is_one_line() -> None:
    data = {"sku": "tea-1", "unitPrice": 8.5, "quantity": 2, "currency": "EUR"}
    assert lines(taken({"e": "ue", "ue_pr": unstruct(SNOWPLOW("add_to_cart"), data)})) == [
        ("tea-1", None, Decimal(2), Decimal("17.00"))
    ]


def test_a_senders_own_purchase_reads_like_segments_and_its_other_events_mean_what_they_like() -> None:
    data = {"order_id": "1004", "revenue": 9, "currency": "EUR", "products": [{"sku": "tea-1"}]}
    order = taken({"e": "ue", "ue_pr": unstruct(OWN("order_completed"), data)})
    assert (order.order_id, money(order), lines(order)) == (
        "1004",
        ("9.00", "EUR"),
        [("tea-1", None, Decimal(1), None)],
    )
    other = taken({"e": "ue", "ue_pr": unstruct(OWN("quiz_answered"), {"revenue": "much", "products": "tea"})})
    assert (other.amount, other.properties["products"]) == (None, "tea")


def test_the_value_of_a_structured_event_is_money_only_of_a_purchase() -> None:
    francs = Context(Sender("shop", "d", default_currency="CHF"), NOW, CONTEXT.catalogue)
    assert money(taken({"e": "se", "se_ca": "shop", "se_ac": "Order Completed", "se_va": "9.5"}, francs)) == (
        "9.50",
        "CHF",
    )
    played = taken({"e": "se", "se_ca": "video", "se_ac": "played", "se_va": "9.5"}, francs)
    assert (played.amount, played.properties["value"]) == (None, 9.5)
