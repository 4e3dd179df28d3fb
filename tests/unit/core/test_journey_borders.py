"""Journeys: inactivity, after sales and orders, at their borders."""

from decimal import Decimal

import pytest

from tests.unit.core.life import DAY, HOUR, TICK, call, event, identifier, journeys, opening, purchase, refund, tell

SALES = 14 * DAY


def test_a_pause_of_exactly_thirty_days_keeps_the_journey() -> None:
    state = tell([call(1, 0 * DAY), call(2, 30 * DAY)])
    assert [(opening(j), j["touchpoints"], j["status"]) for j in journeys(state)] == [(1, 2, "open")]


def test_one_microsecond_more_opens_a_new_journey_and_the_old_one_is_idle() -> None:
    state = tell([call(1, 0 * DAY), call(2, 30 * DAY + TICK)])
    assert [(opening(j), j["status"]) for j in journeys(state)] == [(1, "idle"), (2, "open")]


def test_a_late_event_in_the_pause_makes_one_journey_of_two_and_withdraws_the_second() -> None:
    state = tell([call(1, 0 * DAY), call(3, 40 * DAY), call(2, 20 * DAY)])
    assert [(opening(j), j["touchpoints"], j["status"]) for j in journeys(state)] == [(1, 3, "open")]


def test_a_late_first_event_gives_the_journey_another_opening_and_withdraws_the_old_one() -> None:
    state = tell([call(2, DAY), call(1, 0 * DAY)])
    assert [(opening(j), j["touchpoints"]) for j in journeys(state)] == [(1, 2)]


def test_after_the_closing_conversion_the_next_contact_opens_a_new_journey() -> None:
    state = tell([call(1, 0 * DAY), purchase(2, DAY), call(3, DAY + HOUR)])
    assert [(opening(j), j["status"]) for j in journeys(state)] == [(1, "converted"), (3, "open")]
    assert journeys(state)[0]["closing_conversion"] == identifier(2)


def test_an_after_sales_touchpoint_exactly_fourteen_days_after_the_purchase_stays() -> None:
    state = tell([purchase(1, DAY), event(2, DAY + SALES, "complaint", "hotline")])
    assert [j["touchpoints"] for j in journeys(state)] == [2]


def test_one_microsecond_later_it_opens_a_new_journey() -> None:
    state = tell([purchase(1, DAY), event(2, DAY + SALES + TICK, "complaint", "hotline")])
    assert [opening(j) for j in journeys(state)] == [1, 2]


@pytest.mark.parametrize("days", [15, 200])
def test_what_names_the_order_stays_however_late(days: int) -> None:
    state = tell([purchase(1, DAY, "o1"), event(2, days * DAY, "call", "hotline", order="o1")])
    assert [j["touchpoints"] for j in journeys(state)] == [2]


def test_what_names_the_order_stays_even_after_another_purchase() -> None:
    events = [purchase(1, DAY, "o1"), purchase(2, 2 * DAY, "o2"), event(3, 3 * DAY, "delivery", "store", order="o1")]
    assert [j["touchpoints"] for j in journeys(tell(events))] == [2, 1]


def test_another_order_does_not_stay_because_of_its_number() -> None:
    state = tell([purchase(1, DAY, "o1"), event(2, 2 * DAY, "call", "hotline", order="o7")])
    assert [opening(j) for j in journeys(state)] == [1, 2]


def test_an_order_named_twice_converts_once() -> None:
    events = [purchase(1, DAY, "o1"), event(2, DAY + HOUR, "order_completed", order="o1", amount="10.00")]
    state = tell(events)
    assert set(state.conversions) == {identifier(1)}
    assert [(j["conversions"], j["touchpoints"]) for j in journeys(state)] == [(1, 2)]


def test_the_same_purchase_without_an_order_converts_twice() -> None:
    assert len(tell([purchase(1, DAY), purchase(2, DAY + HOUR)]).conversions) == 2


def test_an_earlier_naming_that_comes_later_takes_the_conversion_over() -> None:
    events = [call(5, 0 * DAY), purchase(2, 2 * DAY, "o1"), purchase(1, DAY, "o1", "7.00")]
    state = tell(events)
    assert set(state.conversions) == {identifier(1)}
    assert {conversion for conversion, _, _ in state.credits} == {identifier(1)}  # the other's credits sum to 0
    assert state.credits[identifier(1), "first", identifier(5)] == (Decimal(1), 700)


def test_a_micro_conversion_counts_and_does_not_close() -> None:
    state = tell([event(1, DAY, "account_created"), call(2, DAY + HOUR)])
    assert [(j["status"], j["conversions"], j["touchpoints"]) for j in journeys(state)] == [("open", 1, 2)]


def test_a_refund_before_the_purchase_in_time_and_arrival_opens_no_second_conversion() -> None:
    state = tell([refund(1, DAY, "o1", "2.00"), purchase(2, 2 * DAY, "o1")])
    assert set(state.conversions) == {identifier(2)}


def test_channels_stand_in_order_of_first_use_whatever_arrived_first() -> None:
    state = tell([purchase(3, DAY), event(1, 0 * DAY), call(2, HOUR)])
    assert [j["channels"] for j in journeys(state)] == [["web", "hotline", "store"]]


def test_a_converted_journey_never_falls_idle() -> None:
    state = tell([purchase(1, DAY), call(2, 300 * DAY)])
    assert [j["status"] for j in journeys(state)] == ["converted", "open"]
