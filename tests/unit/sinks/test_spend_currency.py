"""Spend in the reporting currency: SQL converts each line as the ledger converts a sale, also when rates change."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from deploy.catalogue_apply import apply, plan, take_over
from schemas import topics
from schemas.catalogue import Catalogue, load
from schemas.cost import Spend, SpendDay
from schemas.money import MOST_MINOR, Money, minor_digits
from sinks.catalogue import load_catalogue, put_in_force
from sinks.client import Store
from sinks.costs import write_costs
from sinks.rates import land_rates
from tests.integration.sink_rig import count
from tests.properties.catalogues import catalogue_with
from tests.properties.folding import START
from tests.unit.core.life import identifier, purchase, tell
from tests.unit.sinks.landing import Landing
from tests.unit.sinks.test_attribution_views import a_posting, an_entry

AT = datetime(2026, 11, 1, tzinfo=UTC)
#: The dollar is there from 2 January, the yen from the 4th; the pound never. The dinar has three decimals.
RATES = """\
date,currency,rate
2026-01-02,USD,1.25
2026-01-05,USD,1.60
2026-01-09,USD,1.0866
2026-01-04,JPY,160.13
2026-01-02,KWD,0.3312345678901234567
2026-01-06,KWD,0.35
"""
ONE, TWO, FIVE = date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 5)


def reporting(currency: str = "EUR", rates: str = RATES) -> Catalogue:
    return catalogue_with(rates, currencies={"reporting": currency, "rates": "rates.csv"})


def spend(minor: int, currency: str, channel: str = "social", campaign: str | None = None) -> Spend:
    return Spend(channel, campaign, Money.from_minor(minor, currency))


def told(store: Store, columns: str, view: str = "costs") -> list[tuple[Any, ...]]:
    return store.rows(f"SELECT {columns} FROM {store.database}.{view} ORDER BY ALL")


def as_sold(lines: Sequence[tuple[date, Money]], catalogue: Catalogue) -> list[tuple[Decimal, str]]:
    """What the core makes of sales of these days and amounts: the money that its ledger holds, in the same order."""
    sales = [
        purchase(
            number, timedelta(days=(day - START.date()).days, hours=5), f"o{number}",
            str(money.amount), currency=money.currency,
        )
        for number, (day, money) in enumerate(lines, start=1)
    ]  # fmt: skip
    records = tell(sales, catalogue).conversions
    found = [records[identifier(number)] for number in range(1, len(lines) + 1)]
    return [
        (Decimal(record["gross_minor"]).scaleb(-record["minor_digits"]), str(record["currency"])) for record in found
    ]


@pytest.mark.parametrize("currency", ["EUR", "USD", "JPY", "KWD"])
def test_each_line_is_what_a_sale_of_its_day_would_be_to_the_cent(store: Store, currency: str) -> None:
    chance, catalogue = random.Random(7), reporting(currency)
    lines = [
        (ONE + timedelta(days=chance.randint(0, 12)), Money.from_minor(minor, code))
        for code in ("EUR", "USD", "JPY", "KWD", "GBP")
        # Halves of a cent, amounts of each length, what is given back, and more than can be counted.
        for minor in (
            1,
            2,
            4,
            12,
            -2,
            0,
            MOST_MINOR,
            *(chance.randint(1, 10 ** chance.randint(1, 17)) for _ in range(9)),
        )
    ]
    days: dict[date, list[Spend]] = defaultdict(list)
    for number, (day, money) in enumerate(lines):
        days[day].append(Spend("social", f"{number:03}", money))
    write_costs(store, "ads", [SpendDay(day, tuple(spends)) for day, spends in days.items()])
    put_in_force(store, catalogue, AT)
    due = as_sold(lines, catalogue)
    assert told(store, "campaign, spend, spend_currency") == [
        (f"{number:03}", amount, code) for number, (amount, code) in enumerate(due)
    ]
    assert len({code for _, code in due}) > 1  # some have a rate, some have none
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for amount, code in due:
        sums[code] += amount
    assert dict(store.rows(f"SELECT currency, sum(spend) FROM {store.database}.spend_by_day GROUP BY 1")) == sums


def test_rates_are_told_as_the_table_has_them(store: Store) -> None:
    catalogue = reporting("USD")
    table = catalogue.currencies.table
    assert land_rates(store, catalogue)
    for currency in ("EUR", "JPY", "KWD", "GBP", "USD"):
        for day in (ONE, TWO, date(2026, 1, 4), FIVE, date(2026, 1, 20)):
            factor = table.factor(currency, "USD", day)
            found = store.rows(
                f"SELECT numerator * intExp10({minor_digits('USD')}), denominator * intExp10({minor_digits(currency)})"
                f" FROM {store.database}.exchange_rates WHERE currency = '{currency}' AND day <= '{day}'"
                " ORDER BY day DESC LIMIT 1"
            )
            if factor is None or currency == "USD":
                assert found == []
            else:
                assert found[0][0] * factor.denominator == found[0][1] * factor.numerator
    assert told(store, "DISTINCT reporting", "exchange_rates") == [("USD",)]
    assert told(store, "max(abs(rate - toFloat64(numerator) / toFloat64(denominator)))", "exchange_rates") == [(0.0,)]


def test_a_channel_that_is_billed_in_dollars_has_one_line_of_return_on_spend(store: Store) -> None:
    put_in_force(store, reporting(), AT)
    write_costs(store, "ads", [SpendDay(TWO, (spend(500, "USD"), spend(100, "EUR")))])
    Landing(store)(
        topics.CREDITS,
        a_posting("a", an_entry("last", "1", 1000, "social", touched_at=datetime(2026, 1, 2, 12, tzinfo=UTC))),
        a_posting(
            "n", an_entry("last", "1", 0, "social", touched_at=datetime(2026, 1, 2, 12, tzinfo=UTC)),
            conversion="newsletter", currency=None, minor_digits=0,
        ),
    )  # fmt: skip
    columns = "conversion, channel, currency, revenue, spend, roas, cost_per_conversion"
    due = [("newsletter", "social", "EUR", 0, 5, 0.0, 5.0), ("purchase", "social", "EUR", 10, 5, 2.0, 5.0)]
    assert [told(store, columns, f"roas_by_{each}") for each in ("day", "campaign", "channel")] == [due] * 3
    assert told(store, "currency, cost, spend, spend_currency") == [("EUR", 1, 1, "EUR"), ("USD", 5, 4, "EUR")]


def test_another_table_of_rates_holds_at_once_also_for_what_was_imported_before(store: Store) -> None:
    class Nobody:
        """In place of Kafka: nothing was sold."""

        def publish(self, records: object) -> None:
            raise AssertionError(records)

    def applied(catalogue: Catalogue) -> list[tuple[Any, ...]]:
        found = plan(store, catalogue)
        apply(store, Nobody(), lambda: None, lambda: next(times), found)  # type: ignore[arg-type] # it has what is needed
        return told(store, "day, spend, spend_currency")

    times = (AT + timedelta(seconds=number) for number in range(1, 1000))
    load_catalogue(store, load())
    assert take_over(store, load(), AT)
    write_costs(store, "ads", [SpendDay(day, (spend(1000, "USD"),)) for day in (ONE, TWO, FIVE)])
    billed = [(day, 10, "USD") for day in (ONE, TWO, FIVE)]
    assert told(store, "day, spend, spend_currency") == billed
    # Not in force yet: sales are not converted either.
    assert not take_over(store, reporting(), AT)
    assert told(store, "day, spend, spend_currency") == billed
    assert applied(reporting()) == [(ONE, 10, "USD"), (TWO, 8, "EUR"), (FIVE, Decimal("6.25"), "EUR")]
    assert applied(reporting("JPY")) == [(ONE, 10, "USD"), (TWO, 10, "USD"), (FIVE, 1001, "JPY")]
    # Fewer rates: what is gone holds no longer.
    later = reporting(rates="date,currency,rate\n2026-01-05,USD,2\n")
    assert applied(later) == [(ONE, 10, "USD"), (TWO, 10, "USD"), (FIVE, 5, "EUR")]
    assert told(store, "currency, day", "exchange_rates") == [("USD", FIVE)]
    assert applied(load()) == billed
    assert count(store, "exchange_rates") == 0


def test_the_same_rates_are_written_once_and_come_back_where_they_are_missing(store: Store) -> None:
    assert land_rates(store, reporting())
    assert not land_rates(store, reporting())
    assert land_rates(store, reporting("USD"))
    put_in_force(store, reporting(), AT)
    rates = told(store, "*", "exchange_rates")
    store.command(f"TRUNCATE TABLE {store.database}.rates_log")
    assert take_over(store, reporting(), AT)
    assert told(store, "*", "exchange_rates") == rates
    assert len(rates) == 6


def test_rates_of_any_length_and_age_are_good_for_any_amount(store: Store) -> None:
    digits = "123456789" * 12
    rates = f"date,currency,rate\n0001-01-01,USD,1.{digits}\n1980-05-05,USD,9.{digits}\n1980-05-05,JPY,0.{digits}7\n"
    catalogue = reporting("JPY", rates)
    put_in_force(store, catalogue, AT)
    lines = [(TWO, Money.from_minor(minor, "USD")) for minor in (1, 99, 10**9 + 1, 10**17 + 1)]
    days = [SpendDay(TWO, tuple(Spend("social", str(number), money) for number, (_, money) in enumerate(lines)))]
    write_costs(store, "ads", days)
    assert told(store, "campaign, spend, spend_currency") == [
        (str(number), *due) for number, due in enumerate(as_sold(lines, catalogue))
    ]


def test_nothing_is_returned_on_no_spend_and_nothing_costs_nothing(store: Store) -> None:
    days = [SpendDay(TWO, (spend(-100, "EUR"),)), SpendDay(FIVE, (spend(0, "EUR", "search"),))]
    write_costs(store, "ads", days)
    noon = {day: datetime(2026, 1, day, 12, tzinfo=UTC) for day in (2, 5)}
    Landing(store)(
        topics.CREDITS,
        a_posting("a", an_entry("last", "1", 1000, "social", touched_at=noon[2])),
        a_posting("b", an_entry("last", "1", 1000, "search", touched_at=noon[5])),
        a_posting("c", an_entry("last", "1", 1000, "email", touched_at=noon[5])),
    )
    due = [("email", 0, None, None), ("search", 0, None, None), ("social", -1, None, None)]
    for each in ("day", "campaign", "channel"):
        assert told(store, "channel, spend, roas, cost_per_conversion", f"roas_by_{each}") == due
