"""Conversions by rules: conditions at their borders, fixed values, values in fields, and what takes money back."""

from decimal import Decimal
from typing import Any

import pytest

from schemas.catalogue import Catalogue
from tests.properties.catalogues import catalogue_with
from tests.unit.core.counting import counted
from tests.unit.core.life import DAY, HOUR, call, event, identifier, journeys, net, path, purchase, refund, tell


def reaching(**conversion: Any) -> Catalogue:
    """One conversion, `goal`, in front of those that ship."""
    return catalogue_with(conversions={"goal": conversion, "purchase": PURCHASE})


PURCHASE = {"touchpoints": ["order_completed", "store_purchase"], "closing": True, "value": "amount"}
ORDER = event(1, DAY, "order_completed", campaign="spring", order="o1", amount="100.00", properties={"a": {"b.c": 7}})

#: A condition, and whether it holds for the order above.
CONDITIONS: list[tuple[dict[str, Any], bool]] = [
    ({"field": "amount", "at_least": "100.00"}, True),
    ({"field": "amount", "at_least": 100.01}, False),
    ({"field": "amount", "at_most": 100}, True),
    ({"field": "amount", "at_most": 99.99}, False),
    ({"field": "amount", "at_least": 50, "at_most": 150}, True),
    ({"field": "amount", "is": 100}, True),
    ({"field": "currency", "is": "EUR"}, True),
    ({"field": "currency", "is": ["USD", "GBP"]}, False),
    ({"field": "currency", "is_not": ["USD", "GBP"]}, True),
    ({"field": "campaign", "matches": "SPR.*"}, True),
    ({"field": "campaign", "matches": "pri"}, False),
    ({"field": "channel", "is": "web"}, True),
    ({"field": "source", "is": "test"}, True),
    ({"field": "touchpoint", "is_not": "order_completed"}, False),
    ({"field": "order_id", "present": True}, True),
    ({"field": "order_id", "present": False}, False),
    ({"field": "properties.a.b.c", "is": 7}, True),
    ({"field": "properties.a.b.c", "is": "7"}, False),
    ({"field": "properties.a.b.c", "is": True}, False),
    ({"field": "properties.a.b.c", "at_least": 7}, True),
    ({"field": "properties.a.x", "present": False}, True),
    ({"field": "properties.a.x", "is_not": "y"}, True),
    ({"field": "properties.a.x", "is": "y"}, False),
    ({"field": "properties.a.x", "at_least": 0}, False),
    ({"field": "properties.a.x", "matches": ".*"}, False),
]


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS, ids=[str(condition) for condition, _ in CONDITIONS])
def test_a_condition_holds_or_leaves_the_event_to_the_next_conversion(condition: dict[str, Any], holds: bool) -> None:
    state = tell([ORDER], reaching(touchpoints=["order_completed"], where=[condition]))
    assert state.conversions[identifier(1)]["conversion"] == ("goal" if holds else "purchase")


def test_all_conditions_must_hold() -> None:
    where = [{"field": "campaign", "is": "spring"}, {"field": "amount", "at_least": 500}]
    state = tell([ORDER], reaching(touchpoints=["order_completed"], where=where))
    assert state.conversions[identifier(1)]["conversion"] == "purchase"


def test_any_event_reaches_a_conversion_that_names_no_touchpoint() -> None:
    catalogue = reaching(where=[{"field": "properties.score", "at_least": 80}])
    events = [
        event(1, DAY, "watched_trailer", properties={"score": 81}),
        event(2, 2 * DAY, "call", "hotline", properties={"score": "80"}),
        event(3, 3 * DAY, "call", "hotline", properties={"score": 79}),
    ]
    assert set(tell(events, catalogue).conversions) == {identifier(1), identifier(2)}


def test_what_takes_money_back_reaches_no_conversion() -> None:
    catalogue = reaching(where=[{"field": "order_id", "present": True}])
    assert set(tell([purchase(1, DAY, "o1"), refund(2, 2 * DAY, "o1")], catalogue).conversions) == {identifier(1)}


def test_a_micro_conversion_by_a_condition_leaves_the_journey_open_and_a_closing_one_ends_it() -> None:
    where = [{"field": "properties.plan", "is": "pro"}]
    signed_up = event(1, DAY, "account_created", properties={"plan": "pro"})
    for closing, status in ((False, "open"), (True, "converted")):
        state = tell([signed_up], reaching(touchpoints=["account_created"], where=where, closing=closing))
        assert [journey["status"] for journey in journeys(state)] == [status]


def test_a_fixed_value_is_shared_by_the_touches_and_counts_without_an_amount() -> None:
    catalogue = reaching(touchpoints=["account_created"], value="fixed", amount="5.00", currency="EUR")
    state = tell([call(1, DAY), call(2, DAY + HOUR), event(3, 2 * DAY, "account_created")], catalogue)
    record = state.conversions[identifier(3)]
    assert (record["currency"], record["gross_minor"], record["net_minor"]) == ("EUR", 500, 500)
    values = [state.credits[identifier(3), "linear", identifier(n)][1] for n in (1, 2, 3)]
    assert values == [167, 167, 166]  # the third is the visit that it happens in


@pytest.mark.parametrize(
    ("worth", "minor"),
    [(12, 1200), ("12.5", 1250), (" 0.125 ", 12), (0.135, 14), (0, 0)],
    ids=["whole", "text", "half to even, down", "half to even, up", "nothing"],
)
def test_a_value_stands_in_a_field_as_a_number_or_as_text(worth: object, minor: int) -> None:
    catalogue = reaching(touchpoints=["account_created"], value="field", field="properties.worth", currency="EUR")
    state = tell([event(1, DAY, "account_created", properties={"worth": worth})], catalogue)
    assert (state.conversions[identifier(1)]["net_minor"], state.conversions[identifier(1)]["currency"]) == (
        minor,
        "EUR",
    )


@pytest.mark.parametrize("worth", [None, "much", -1, "NaN", 1e30, True, {"a": 1}, [3], "1e999999999"])
def test_a_field_that_holds_no_value_leaves_a_conversion_without_one_and_is_counted(worth: object) -> None:
    catalogue = reaching(touchpoints=["account_created"], value="field", field="properties.worth", currency="EUR")
    signed_up = event(1, DAY, "account_created", properties={"worth": worth})
    record = tell([signed_up], catalogue).conversions[identifier(1)]
    assert (record["net_minor"], record["currency"]) == (0, None)
    assert counted([signed_up], catalogue) == {"applied": 1, "no_value.goal": 1}


def test_the_currency_of_a_field_may_stand_in_another_field() -> None:
    catalogue = reaching(
        touchpoints=["account_created"], value="field", field="properties.worth", currency_field="properties.money"
    )
    yen = event(1, DAY, "account_created", properties={"worth": 7, "money": "jpy"})
    none = event(2, 2 * DAY, "account_created", properties={"worth": 7, "money": "XXQ"})
    state = tell([yen, none], catalogue)
    found = [
        (state.conversions[identifier(n)]["net_minor"], state.conversions[identifier(n)]["currency"]) for n in (1, 2)
    ]
    assert found == [(7, "JPY"), (0, None)]


def test_a_conversion_found_by_a_condition_takes_late_touches_and_refunds_as_any_other() -> None:
    catalogue = reaching(
        touchpoints=["order_completed"], where=[{"field": "amount", "at_least": 50}], closing=True, value="amount"
    )
    bought = event(9, 2 * DAY, "order_completed", order="o1", amount="80.00")
    state = tell([bought, refund(10, 3 * DAY, "o1", "30.00"), call(1, DAY)], catalogue)
    assert state.conversions[identifier(9)]["conversion"] == "goal"
    assert state.conversions[identifier(9)]["net_minor"] == 5000
    assert path(state, 9) == [1, 9]  # the visit that opens with the order earns too
    assert state.credits[identifier(9), "first", identifier(1)] == (Decimal(1), 5000)


@pytest.mark.parametrize(
    ("name", "channel", "conversion", "closing"),
    [
        ("order_completed", "web", "purchase", True),
        ("store_purchase", "store", "purchase", True),
        ("account_created", "web", "account", False),
        ("newsletter_subscribed", "web", "newsletter", False),
        ("email_subscribed", "email", "newsletter", False),
    ],
)
def test_the_catalogue_that_ships_counts_purchases_and_on_the_way_accounts_and_newsletters(
    name: str, channel: str, conversion: str, closing: bool
) -> None:
    state = tell([call(1, DAY), event(2, 2 * DAY, name, channel, device=None, amount="10.00")])
    record = state.conversions[identifier(2)]
    assert (record["conversion"], record["closing"]) == (conversion, closing)
    assert net(state, 2) == (1000 if closing else 0)
    assert state.credits[identifier(2), "first", identifier(1)] == (Decimal(1), 1000 if closing else 0)
    assert [journey["status"] for journey in journeys(state)] == ["converted" if closing else "open"]


# --- what takes money back


@pytest.mark.parametrize("name", ["order_refunded", "order_cancelled", "store_return"])
def test_refund_cancellation_and_return_take_back_the_whole_order_where_they_say_no_amount(name: str) -> None:
    assert net(tell([purchase(1, DAY, "o1", "10.00"), event(2, 2 * DAY, name, "store", order="o1")]), 1) == 0


@pytest.mark.parametrize("events", [(1, 2, 3), (3, 2, 1), (2, 1, 3)])
def test_two_refunds_that_name_each_others_orders_take_back_each_orders_own(events: tuple[int, ...]) -> None:
    """A circle leads nowhere: a refund takes back from an order, never from a refund."""
    told = {
        1: [purchase(1, DAY, "o1", "10.00"), purchase(2, DAY + HOUR, "o2", "20.00")],
        2: [refund(3, 2 * DAY, "o1", "4.00")],
        3: [refund(4, 2 * DAY, "o2", "5.00")],
    }
    state = tell([one for n in events for one in told[n]])
    assert (net(state, 1), net(state, 2)) == (600, 1500)


def test_a_refund_that_nothing_was_sold_for_makes_no_conversion_and_no_entry() -> None:
    state = tell([refund(1, DAY, "o1", "4.00"), refund(2, 2 * DAY, "o1", "4.00")])
    assert (state.conversions, state.credits) == ({}, {})


def test_a_refund_dated_before_its_sale_takes_back_as_one_behind_it() -> None:
    assert net(tell([purchase(2, 2 * DAY, "o1", "10.00"), refund(1, DAY, "o1", "4.00")]), 2) == 600
