"""Values in the reporting currency: rates by the day of the sale, rounded once, and what becomes of a missing rate.

A euro is 1.25 dollars from 1 January (the start) and 1.60 from 3 January; 160 yen from 2 January; no pounds.
"""

from decimal import Decimal
from typing import Any

import pytest

from schemas.catalogue import Catalogue
from tests.properties.catalogues import catalogue_with
from tests.unit.core.counting import counted
from tests.unit.core.life import DAY, HOUR, MINUTE, TICK, EndState, call, identifier, purchase, refund, tell

RATES = """\
date,currency,rate
2026-01-01,USD,1.25
2026-01-03,USD,1.60
2026-01-02,JPY,160
"""


def reporting(currency: str = "EUR") -> Catalogue:
    return catalogue_with(RATES, currencies={"reporting": currency, "rates": "rates.csv"})


def told(*events: Any, currency: str = "EUR") -> tuple[int, int, str, int]:
    """Gross, net, currency and its digits; the ledger has the same in every model."""
    state = tell(events, reporting(currency))
    record = state.conversions[identifier(1)]
    assert_ledger_agrees(state, record)
    return record["gross_minor"], record["net_minor"], record["currency"], record["minor_digits"]


def assert_ledger_agrees(state: EndState, record: dict[str, Any]) -> None:
    for model in ("first", "last", "linear"):
        lines = [line for (_, m, _), line in state.credits.items() if m == model]
        assert sum(credit for credit, _ in lines) == Decimal(1)
        assert sum(value for _, value in lines) == record["net_minor"]


@pytest.mark.parametrize(
    ("amount", "currency", "at", "minor"),
    [
        ("10.00", "EUR", HOUR, 1000),
        ("10.00", "USD", HOUR, 800),
        ("10.00", "USD", 2 * DAY - TICK, 800),  # the last moment of 2 January, in UTC
        ("10.00", "USD", 2 * DAY, 625),
        ("10.00", "USD", 80 * DAY, 625),  # the newest rate, however old
        ("320", "JPY", DAY, 200),
        ("0.05", "USD", HOUR, 4),
        ("0.04", "USD", 2 * DAY, 2),  # 2.5 cents: half to even
        ("0.12", "USD", 2 * DAY, 8),  # 7.5
    ],
)
def test_a_sale_is_converted_at_the_rate_of_its_day(amount: str, currency: str, at: Any, minor: int) -> None:
    assert told(purchase(1, at, "o1", amount, currency=currency)) == (minor, minor, "EUR", 2)


def test_the_base_and_a_third_currency_may_be_reported_in() -> None:
    assert told(purchase(1, DAY, "o1", "10.00"), currency="USD") == (1250, 1250, "USD", 2)
    assert told(purchase(1, DAY, "o1", "10.00", currency="USD"), currency="JPY") == (1280, 1280, "JPY", 0)


@pytest.mark.parametrize(("currency", "at"), [("GBP", DAY), ("JPY", HOUR)], ids=["no rate at all", "none so early"])
def test_without_a_rate_a_sale_keeps_its_own_currency_and_the_ledger_its_balance(currency: str, at: Any) -> None:
    gross, net, found, _ = told(call(5, 0 * DAY), purchase(1, at, "o1", "100", currency=currency))
    assert found == currency
    assert gross == net == {"GBP": 10_000, "JPY": 100}[currency]


def test_a_missing_rate_is_counted_for_the_metrics() -> None:
    sold = purchase(1, DAY, "o1", "10.00", currency="GBP")
    assert counted([sold], reporting()) == {"applied": 1, "no_rate.GBP": 1}
    back = refund(2, 2 * DAY, "o2", "5.00", currency="GBP")
    assert counted([purchase(1, DAY, "o2", "10.00"), back], reporting())["no_rate.GBP"] == 1
    assert counted([purchase(1, DAY, "o1", "10.00", currency="USD")], reporting()) == {"applied": 1}


def test_more_than_can_be_counted_in_the_reporting_currency_stays_in_its_own() -> None:
    most = "9" * 16
    assert told(purchase(1, DAY, "o1", most), currency="JPY")[2] == "EUR"


def test_a_refund_is_converted_at_the_rate_of_the_sale_so_that_a_whole_one_leaves_nothing() -> None:
    sold = purchase(1, HOUR, "o1", "9.99", currency="USD")
    assert told(sold, refund(2, 5 * DAY, "o1", "9.99", currency="USD"))[1] == 0
    assert told(sold, refund(2, 5 * DAY, "o1", "4.99", currency="USD"))[:2] == (799, 400)


def test_refunds_are_summed_exactly_and_rounded_once() -> None:
    """Each of the three refunds is 0.8 cents; rounded one by one they would take back 3."""
    refunds = [refund(n, 2 * DAY + n * MINUTE, "o1", "0.01", currency="USD") for n in (2, 3, 4)]
    assert told(purchase(1, HOUR, "o1", "10.00"), *refunds)[:2] == (1000, 998)


def test_a_refund_in_another_currency_counts_where_there_is_a_rate_and_is_left_out_where_there_is_none() -> None:
    sold = purchase(1, DAY, "o1", "10.00")
    assert told(sold, refund(2, 2 * DAY, "o1", "5.00", currency="USD"))[:2] == (1000, 600)
    assert told(sold, refund(2, 2 * DAY, "o1", "5.00", currency="GBP"))[:2] == (1000, 1000)
    assert told(sold, refund(2, 2 * DAY, "o1", "50.00", currency="USD"))[:2] == (1000, 0)
    assert told(sold, refund(2, 2 * DAY, "o1", None))[:2] == (1000, 0)


def test_a_sale_without_a_rate_takes_refunds_in_its_own_currency_alone() -> None:
    sold = purchase(1, DAY, "o1", "10.00", currency="GBP")
    assert told(sold, refund(2, 2 * DAY, "o1", "4.00", currency="GBP"))[:3] == (1000, 600, "GBP")
    assert told(sold, refund(2, 2 * DAY, "o1", "4.00", currency="USD"))[:3] == (1000, 1000, "GBP")


def test_a_fixed_value_is_converted_too() -> None:
    goal = {"touchpoints": ["store_purchase"], "value": "fixed", "amount": "5.00", "currency": "USD"}
    catalogue = catalogue_with(RATES, conversions={"goal": goal}, currencies={"reporting": "EUR", "rates": "rates.csv"})
    record = tell([purchase(1, HOUR)], catalogue).conversions[identifier(1)]
    assert (record["net_minor"], record["currency"]) == (400, "EUR")
