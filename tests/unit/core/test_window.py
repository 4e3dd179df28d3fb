"""The look-back window, at its borders."""

from tests.unit.core.life import (
    DAY,
    DEFAULT,
    HOUR,
    MINUTE,
    TICK,
    attributing,
    call,
    event,
    identifier,
    path,
    purchase,
    tell,
)

WINDOW = 30 * DAY


def test_a_touch_exactly_thirty_days_before_counts() -> None:
    assert path(tell([call(1, 0 * DAY), purchase(2, WINDOW)]), 2) == [1]


def test_a_touch_one_microsecond_earlier_does_not() -> None:
    assert path(tell([call(1, 0 * DAY), purchase(2, WINDOW + TICK)]), 2) == []


def test_a_touch_at_the_very_moment_of_the_conversion_counts() -> None:
    assert path(tell([call(1, DAY), purchase(2, DAY)]), 2) == [1]


def test_a_touch_at_the_very_moment_counts_even_where_its_id_is_the_greater_one() -> None:
    assert path(tell([call(3, DAY), purchase(2, DAY)]), 2) == [3]
    assert path(tell([purchase(2, DAY), call(3, DAY)]), 2) == [3]


def test_a_touch_one_microsecond_after_the_conversion_does_not() -> None:
    assert path(tell([call(1, DAY + TICK), purchase(2, DAY)]), 2) == []


def test_the_window_does_not_end_with_the_journey() -> None:
    state = tell([call(1, DAY), purchase(2, 2 * DAY), purchase(3, 3 * DAY)])
    assert path(state, 2) == [1]
    assert path(state, 3) == [1]


def test_stop_at_conversion_ends_the_window_at_the_last_closing_conversion() -> None:
    events = [call(1, DAY), purchase(2, 2 * DAY), call(3, 2 * DAY + HOUR), purchase(4, 3 * DAY)]
    state = tell(events, attributing(stop_at_conversion=True))
    assert path(state, 2) == [1]
    assert path(state, 4) == [3]


def test_a_micro_conversion_stops_nothing() -> None:
    events = [call(1, DAY), event(2, 2 * DAY, "account_created"), purchase(3, 3 * DAY)]
    assert path(tell(events, attributing(stop_at_conversion=True)), 3) == [1, 2]


def test_the_conversions_own_event_earns_nothing_and_is_unattributed_alone() -> None:
    state = tell([purchase(1, DAY)])
    assert path(state, 1) == []
    assert {touch for (_, _, touch) in state.credits} == {None}


def test_the_visit_in_which_it_converts_does_earn() -> None:
    events = [event(1, DAY), event(2, DAY + MINUTE, "order_completed", amount="10.00", order="o1")]
    assert path(tell(events), 2) == [1]


def test_a_visit_that_opens_with_the_conversion_earns_by_its_opening() -> None:
    assert path(tell([event(1, DAY, "order_completed", amount="10.00", order="o1")]), 1) == [1]


def test_of_a_long_path_the_first_and_the_newest_touches_are_kept() -> None:
    calls = [call(n, n * HOUR) for n in range(1, 8)]
    assert path(tell([*calls, purchase(9, DAY)], attributing(max_path=3)), 9) == [1, 6, 7]


def test_of_a_path_of_one_only_the_first_touch_is_kept() -> None:
    calls = [call(n, n * HOUR) for n in range(1, 4)]
    assert path(tell([*calls, purchase(9, DAY)], attributing(max_path=1)), 9) == [1]


def test_what_may_earn_nothing_is_on_no_path() -> None:
    never = ["email_sent", "email_opened", "email_bounced", "survey", "complaint", "delivery", "counter"]
    events = [event(n, n * HOUR, name, "email") for n, name in enumerate(never, start=1)]
    assert path(tell([*events, purchase(50, DAY)]), 50) == []


def test_what_may_earn_by_default_is_on_the_path() -> None:
    earning = ["email_clicked", "call", "chat", "branch_visit", "sales_talk", "direct_mail", "advertisement_clicked"]
    events = [event(n, n * HOUR, name, "email") for n, name in enumerate(earning, start=1)]
    assert path(tell([*events, purchase(50, DAY)]), 50) == list(range(1, 8))


def test_a_touchpoint_that_the_catalogue_does_not_know_is_a_visit_on_the_web_and_nothing_elsewhere() -> None:
    events = [event(1, HOUR, "watched_trailer"), event(2, 2 * HOUR, "waved_a_flag", "store")]
    assert path(tell([*events, purchase(9, DAY)]), 9) == [1]


def test_a_part_takes_the_entry_of_its_whole() -> None:
    entry = DEFAULT.entry("branch_visit.window.left")
    assert entry is not None
    assert entry.label == "Visit to a branch"
    assert path(tell([event(1, HOUR, "branch_visit.window", "store"), purchase(9, DAY)]), 9) == [1]


def test_the_path_says_of_each_touch_what_it_was() -> None:
    state = tell([event(1, HOUR, campaign="spring"), purchase(2, DAY)])
    assert state.conversions[identifier(2)]["path"] == [
        {
            "touchpoint_id": identifier(1),
            "touched_at": "2026-01-01T01:00:00Z",
            "touchpoint": "page_view",
            "channel": "web",
            "campaign": "spring",
        }
    ]
