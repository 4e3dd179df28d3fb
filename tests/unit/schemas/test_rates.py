"""Tables of rates: the two forms, the newest rate on or before a day, exact factors, and what is refused."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from schemas.rates import NO_RATES, RatesError, RateTable, read_rates

LIST = """\
date,currency,rate
2026-01-02,USD,1.25
2026-01-05,usd,1.60

2026-01-02,JPY,160
"""
#: As the European Central Bank writes it: newest first, a comma at the end of each line.
BANK = """\
Date,USD,JPY,
2026-01-05,1.60,N/A,
2026-01-02,1.25,160,
"""


def table(text: str, base: str = "EUR") -> RateTable:
    return read_rates(text.splitlines(), base)


@pytest.mark.parametrize("text", [LIST, BANK], ids=["a list", "as the central bank writes it"])
def test_a_day_has_the_newest_rate_on_or_before_it(text: str) -> None:
    days = [date(2026, 1, day) for day in (1, 2, 4, 5)] + [date(2030, 1, 1)]
    assert [table(text).rate("USD", day) for day in days] == [None, *map(Decimal, ("1.25", "1.25", "1.60", "1.60"))]
    assert [table(text).rate("JPY", day) for day in days[1:]] == [Decimal(160)] * 4
    assert table(text).rate("GBP", days[1]) is None
    assert table(text).currencies == {"EUR", "USD", "JPY"}


def test_the_base_is_one_of_itself_and_every_currency_is_itself_without_a_rate() -> None:
    day = date(2026, 1, 2)
    assert table(LIST).rate("EUR", day) == 1
    assert NO_RATES.factor("GBP", "GBP", day) == 1
    assert table(LIST).factor("GBP", "EUR", day) is None
    assert table(LIST).factor("EUR", "GBP", day) is None


def test_a_factor_is_exact_between_minor_units_also_across_the_base() -> None:
    day = date(2026, 1, 2)
    assert table(LIST).factor("USD", "EUR", day) == Fraction(4, 5)
    assert table(LIST).factor("JPY", "EUR", day) == Fraction(100, 160)  # a yen has no parts, a euro has cents
    assert table(LIST).factor("USD", "JPY", day) == Fraction(160, 125)
    assert table(LIST).factor("USD", "EUR", date(2026, 1, 1)) is None


def test_worths_say_since_when_a_currency_is_worth_how_much_of_another_and_only_where_that_changes() -> None:
    first, second, third = (date(2026, 1, day) for day in (2, 5, 9))
    rates = table(LIST + "2026-01-09,USD,1.6\n2026-01-09,JPY,200\n")
    assert dict(rates.worths("EUR")) == {
        "JPY": [(first, Fraction(1, 160)), (third, Fraction(1, 200))],
        "USD": [(first, Fraction(4, 5)), (second, Fraction(5, 8))],
    }
    # Either rate may change, and before the later of their first days there is none.
    late = table("date,currency,rate\n2026-01-02,USD,2\n2026-01-05,JPY,160\n2026-01-09,USD,1.6\n")
    assert dict(late.worths("USD")) == {
        "EUR": [(first, Fraction(2)), (third, Fraction(8, 5))],
        "JPY": [(second, Fraction(1, 80)), (third, Fraction(1, 100))],
    }
    assert dict(late.worths("GBP")) == {}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "the heading must be"),
        ("day,currency,rate\n", 1, "the heading must be"),
        ("Date\n", 1, "the heading must be"),
        ("date,currency,rate\n", 1, "no rate at all"),
        ("date,currency,rate\n01.02.2026,USD,1\n", 2, "'01.02.2026' is no date"),
        ("date,currency,rate\n2026-01-02,USD,1\n2026-01-03,XXQ,1\n", 3, "'XXQ' is not an ISO 4217"),
        ("date,currency,rate\n2026-01-02,USD\n", 2, "2 columns, expected 3"),
        ("date,currency,rate\n2026-01-02,USD,0\n", 2, "'0' is no rate"),
        ("date,currency,rate\n2026-01-02,USD,-1\n", 2, "'-1' is no rate"),
        ("date,currency,rate\n2026-01-02,USD,NaN\n", 2, "'NaN' is no rate"),
        ("date,currency,rate\n2026-01-02,USD,1e99\n", 2, "'1e99' is no rate"),
        ('date,currency,rate\n2026-01-02,USD,"1,25"\n', 2, "'1,25' is no rate"),
        ("date,currency,rate\n2026-01-02,USD,1\n2026-01-02,USD,2\n", 3, "a second rate for USD on 2026-01-02"),
        ("date,currency,rate\n2026-01-02,EUR,2\n", 2, "a rate of 2 for the base EUR itself"),
        ("Date,USD,Euros\n2026-01-02,1,1\n", 1, "'EUROS' is not an ISO 4217"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(RatesError, match=reason) as refused:
        table(text)
    assert refused.value.line == line
