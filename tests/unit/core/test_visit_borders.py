"""Visits: gaps, campaigns and devices, at their borders. A visit is on the path by the event that opens it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from schemas.touchpoint import Touchpoint
from tests.unit.core.life import DAY, HOUR, MINUTE, TICK, call, event, identifier, journeys, path, purchase, tell

GAP = 30 * MINUTE


def openers(*events: Touchpoint) -> list[int]:
    """The events that open visits; the same whichever way round they arrive."""
    found = path(tell([*events, purchase(99, 5 * DAY)]), 99)
    assert path(tell([purchase(99, 5 * DAY), *reversed(events)]), 99) == found
    return found


def test_a_gap_of_exactly_thirty_minutes_opens_a_new_visit() -> None:
    assert openers(event(1, 0 * DAY), event(2, GAP)) == [1, 2]


def test_a_gap_of_one_microsecond_less_continues_the_visit() -> None:
    assert openers(event(1, 0 * DAY), event(2, GAP - TICK)) == [1]


def test_the_gap_runs_from_the_last_page_not_from_the_first() -> None:
    assert openers(*(event(n, n * 20 * MINUTE) for n in range(1, 8))) == [1]


def test_another_campaign_opens_a_new_visit() -> None:
    assert openers(event(1, 0 * DAY, campaign="spring"), event(2, MINUTE, campaign="summer")) == [1, 2]


def test_a_campaign_in_a_visit_that_had_none_opens_a_new_visit() -> None:
    assert openers(event(1, 0 * DAY), event(2, MINUTE, campaign="spring")) == [1, 2]


def test_the_same_campaign_again_continues_the_visit() -> None:
    assert openers(event(1, 0 * DAY, campaign="spring"), event(2, MINUTE, campaign="spring")) == [1]


def test_no_campaign_continues_the_visit_of_a_campaign() -> None:
    events = [event(1, 0 * DAY, campaign="spring"), event(2, MINUTE), event(3, 2 * MINUTE, campaign="spring")]
    assert openers(*events) == [1]


def test_another_device_is_another_visit() -> None:
    assert openers(event(1, 0 * DAY, device="a1"), event(2, MINUTE, device="a2")) == [1, 2]


def test_two_devices_interleaved_are_two_visits() -> None:
    events = [event(n, n * 10 * MINUTE, device=f"a{n % 2}") for n in range(1, 9)]
    assert openers(*events) == [1, 2]


def test_the_gap_of_a_device_is_not_filled_by_another_device() -> None:
    events = [event(1, 0 * DAY, device="a1"), event(2, 20 * MINUTE, device="a2"), event(3, 40 * MINUTE, device="a1")]
    assert openers(*events) == [1, 2, 3]


def test_a_call_in_between_does_not_part_a_visit() -> None:
    state = tell([event(1, 0 * DAY), event(2, MINUTE, "email_opened", "email"), event(3, 2 * MINUTE)])
    assert journeys(state)[0]["visits"] == 1


@pytest.mark.parametrize(("gap", "joined"), [(GAP, False), (GAP - TICK, True)])
def test_a_late_page_between_two_visits_joins_them_only_below_the_border(gap: timedelta, joined: bool) -> None:
    state = tell([event(1, 0 * DAY), event(3, 2 * gap), purchase(9, DAY), event(2, gap)])
    assert path(state, 9) == ([1] if joined else [1, 2, 3])


def test_a_late_page_takes_the_opening_over_from_the_page_behind_it() -> None:
    state = tell([event(2, HOUR), purchase(9, DAY), event(1, HOUR - MINUTE)])
    assert path(state, 9) == [1]
    assert {touch for (_, _, touch) in state.credits} == {"00000000-0000-0000-0000-000000000001"}


def test_an_order_that_the_shops_server_sends_is_no_visit_neither_of_its_own_nor_of_the_next_order() -> None:
    first = event(1, 0 * DAY, "order_completed", order="o1", amount="10.00", device=None)
    second = event(3, 2 * DAY, "order_completed", order="o2", amount="10.00", device=None)
    state = tell([first, call(2, DAY), second])
    assert (path(state, 1), path(state, 3)) == ([], [2])
    assert state.credits[identifier(1), "last", None] == (Decimal(1), 1000)
    assert state.credits[identifier(3), "last", identifier(2)] == (Decimal(1), 1000)


def test_an_order_in_a_browser_is_a_visit_and_so_are_pages_without_a_device() -> None:
    in_a_browser = event(1, 0 * DAY, "order_completed", order="o1", amount="10.00")
    seen = event(2, DAY, "page_view", device=None)
    by_server = event(3, DAY + MINUTE, "order_completed", order="o2", amount="10.00", device=None)
    state = tell([in_a_browser, seen, by_server])
    assert (path(state, 1), path(state, 3)) == ([1], [1, 2])
