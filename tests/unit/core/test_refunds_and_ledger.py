"""Refunds, late touches and the ledger's entries."""

import json
from decimal import Decimal
from typing import Any

import pytest

from schemas.base import derived_id
from schemas.touchpoint import Touchpoint
from tests.properties.catalogues import catalogue_with
from tests.properties.folding import run
from tests.unit.core.life import DAY, DEFAULT, HOUR, call, event, identifier, net, path, purchase, refund, tell

THREE_MODELS = catalogue_with(attribution={"models": ["first", "last", "linear"]})


def postings(*events: Touchpoint) -> list[dict[str, Any]]:
    outputs = run(events, range(len(events)), THREE_MODELS)
    return [json.loads(output.value) for output in outputs if output.topic == "touchpath.credits"]


def test_a_refund_in_part_leaves_the_rest() -> None:
    assert net(tell([purchase(1, DAY, "o1", "10.00"), refund(2, 2 * DAY, "o1", "2.50")]), 1) == 750


def test_two_refunds_add_up() -> None:
    events = [purchase(1, DAY, "o1", "10.00"), refund(2, 2 * DAY, "o1", "2.50"), refund(3, 3 * DAY, "o1", "2.50")]
    assert net(tell(events), 1) == 500


@pytest.mark.parametrize("amount", [None, "10.00", "7.00"])
def test_an_order_that_two_systems_take_back_is_taken_back_once(amount: str | None) -> None:
    twice = [event(2, 2 * DAY, "order_refunded", order="o1", amount=amount), refund(3, 3 * DAY, "o1", amount)]
    assert net(tell([call(4, HOUR), purchase(1, DAY, "o1", "10.00"), *twice]), 1) == 0


def test_a_refund_that_comes_twice_counts_once_and_writes_one_posting() -> None:
    back = refund(2, 2 * DAY, "o1", "4.00")
    events = [call(3, HOUR), purchase(1, DAY, "o1", "10.00"), back, back]
    assert net(tell(events), 1) == 600
    assert [posting["cause"] for posting in postings(*events)] == ["conversion", "refund"]


@pytest.mark.parametrize("back", [[2, 3, 4], [4, 3, 2]])
def test_a_refund_that_names_a_refund_or_itself_takes_back_nothing(back: list[int]) -> None:
    """A chain and a circle: 2 takes back from the sale, 3 names 2, and 4 names itself."""
    named = {2: "o1", 3: identifier(2), 4: identifier(4)}
    refunds = [refund(n, 2 * DAY + n * HOUR, named[n], "4.00") for n in back]
    state = tell([call(5, HOUR), purchase(1, DAY, "o1", "10.00"), *refunds])
    assert set(state.conversions) == {identifier(1)}
    assert net(state, 1) == 600


def test_an_order_that_has_the_number_of_its_own_event_is_an_order_like_any_other() -> None:
    sold = purchase(1, DAY, identifier(1), "10.00")
    assert net(tell([call(5, HOUR), sold, refund(2, 2 * DAY, identifier(1), "4.00")]), 1) == 600


def test_a_refund_at_the_moment_of_its_sale_counts_whichever_has_the_smaller_id() -> None:
    for sold, back in ((1, 2), (2, 1)):
        assert net(tell([purchase(sold, DAY, "o1", "10.00"), refund(back, DAY, "o1", "4.00")]), sold) == 600


def test_a_refund_of_a_sale_below_zero_adds_no_debt_and_a_cancellation_ends_it() -> None:
    sold = [call(3, HOUR), purchase(1, DAY, "o1", "-10.00")]
    assert net(tell([*sold, refund(2, 2 * DAY, "o1", "4.00")]), 1) == -1000
    assert net(tell([*sold, refund(2, 2 * DAY, "o1")]), 1) == 0


def test_a_refund_that_names_no_order_takes_back_from_none() -> None:
    back = event(2, 2 * DAY, "store_return", "store", amount="4.00")
    assert net(tell([purchase(1, DAY, None, "10.00"), back, purchase(3, 3 * DAY, "o1", "10.00")]), 1) == 1000


def test_a_refund_without_an_amount_takes_back_all() -> None:
    assert net(tell([purchase(1, DAY, "o1", "10.00"), refund(2, 2 * DAY, "o1")]), 1) == 0


def test_a_refund_larger_than_the_sale_leaves_nothing_and_no_debt() -> None:
    assert net(tell([purchase(1, DAY, "o1", "10.00"), refund(2, 2 * DAY, "o1", "12.00")]), 1) == 0


def test_a_refund_written_as_a_negative_amount_takes_back_the_same() -> None:
    assert net(tell([purchase(1, DAY, "o1", "10.00"), refund(2, 2 * DAY, "o1", "-2.50")]), 1) == 750


def test_a_refund_that_arrives_before_its_sale_counts() -> None:
    assert net(tell([refund(2, 2 * DAY, "o1", "2.50"), purchase(1, DAY, "o1", "10.00")]), 1) == 750


def test_a_refund_in_another_currency_is_left_out() -> None:
    events = [purchase(1, DAY, "o1", "10.00"), refund(2, 2 * DAY, "o1", "2.50", currency="USD")]
    assert net(tell(events), 1) == 1000


def test_a_refund_of_another_order_changes_nothing() -> None:
    assert net(tell([purchase(1, DAY, "o1", "10.00"), refund(2, 2 * DAY, "o2", "2.50")]), 1) == 1000


@pytest.mark.parametrize(("amount", "currency", "minor"), [("1000", "JPY", 1000), ("1.234", "KWD", 1234)])
def test_a_sale_is_counted_in_its_currencys_minor_unit(amount: str, currency: str, minor: int) -> None:
    assert net(tell([purchase(1, DAY, "o1", amount, currency=currency)]), 1) == minor


def test_a_purchase_without_an_amount_has_credit_and_no_value() -> None:
    state = tell([call(1, 0 * DAY), purchase(2, DAY, "o1", None)])
    assert state.credits[identifier(2), "linear", identifier(1)] == (Decimal(1), 0)


def test_a_refund_reverses_each_model_and_says_so() -> None:
    first, second = postings(call(3, 0 * DAY), purchase(1, DAY, "o1", "10.00"), refund(2, 2 * DAY, "o1", "4.00"))
    assert (first["cause"], second["cause"]) == ("conversion", "refund")
    assert [(e["model"], e["sign"], e["credit"], e["value_minor"]) for e in second["entries"]] == [
        (model, sign, credit, value)
        for model in ("first", "last", "linear")
        for sign, credit, value in ((-1, "-1.000000000", -1000), (1, "1.000000000", 600))
    ]


def test_a_late_touch_rewrites_only_the_models_that_it_changes() -> None:
    """It comes between two others: first and last stay as they were, linear is shared by three now."""
    late = postings(call(1, 0 * DAY), call(3, 2 * HOUR), purchase(9, DAY, "o1", "10.00"), call(2, HOUR))[-1]
    assert late["cause"] == "late_touchpoint"
    assert {entry["model"] for entry in late["entries"]} == {"linear"}
    assert [(e["sign"], e["touchpoint_id"], e["value_minor"]) for e in late["entries"]] == [
        (-1, identifier(1), -500),
        (-1, identifier(3), -500),
        (1, identifier(1), 334),
        (1, identifier(2), 333),
        (1, identifier(3), 333),
    ]


def test_a_late_touch_at_the_end_rewrites_last_and_linear() -> None:
    late = postings(call(1, 0 * DAY), purchase(9, DAY, "o1", "10.00"), call(2, HOUR))[-1]
    assert {entry["model"] for entry in late["entries"]} == {"last", "linear"}


def test_a_late_event_that_may_earn_nothing_writes_no_entry() -> None:
    written = postings(call(1, 0 * DAY), purchase(9, DAY, "o1", "10.00"), refund(2, HOUR, "o7"))
    assert [posting["cause"] for posting in written] == ["conversion"]


def test_entry_ids_follow_from_conversion_model_revision_touch_and_sign() -> None:
    seen = []
    for posting in postings(purchase(1, DAY, "o1", "10.00"), call(2, HOUR)):
        for entry in posting["entries"]:
            touch = entry["touchpoint_id"] or "unattributed"
            parts = (posting["conversion_id"], entry["model"], str(entry["revision"]), touch, str(entry["sign"]))
            assert entry["entry_id"] == str(derived_id("entry", *parts))
            seen.append(entry["entry_id"])
    assert len(seen) == len(set(seen)) == 9  # 3 unattributed, their 3 reversals, 3 for the call


def test_the_same_history_writes_the_same_bytes() -> None:
    events = [call(1, 0 * DAY), purchase(9, DAY, "o1", "10.00"), call(2, HOUR), refund(3, 2 * DAY, "o1", "1.00")]
    assert run(events, [2], DEFAULT) == run(events, [2], DEFAULT)


def test_a_conversion_taken_over_is_reversed_to_nothing() -> None:
    reversal, taken = postings(call(5, 0 * DAY), purchase(2, 2 * DAY, "o1"), purchase(1, DAY, "o1"))[1:]
    assert reversal["conversion_id"] == identifier(2)
    assert {entry["sign"] for entry in reversal["entries"]} == {-1}
    assert sum(Decimal(entry["credit"]) for entry in reversal["entries"]) == -3
    assert taken["conversion_id"] == identifier(1)


def test_a_late_touch_reaches_every_conversion_whose_window_holds_it_and_no_other() -> None:
    state = tell(
        [purchase(1, 10 * DAY, "o1"), purchase(2, 30 * DAY, "o2"), purchase(3, 50 * DAY, "o3"), call(4, 5 * DAY)]
    )
    assert [path(state, n) for n in (1, 2, 3)] == [[4], [4], []]
