"""Dated exchange rates from a CSV file, and money from one currency into another, exactly.

Two forms are read. The European Central Bank's own history (https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip,
`Date,USD,JPY,…`): a row a day, a column a currency, `N/A` or nothing where there was no rate. And a plain list,
`date,currency,rate`. A rate is the price of one unit of the base currency (1 EUR = 1.0866 USD). A day has the newest
rate on or before it: banks publish none on Sundays.
"""

import csv
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cached_property
from hashlib import sha256

from schemas.money import minor_digits

_NO_RATE = frozenset({"", "n/a", "-"})
#: So many factors are remembered: a fold asks for those of a few days over and over.
_MOST_FACTORS = 4096


class RatesError(ValueError):
    """The table of rates cannot be used. `line` counts from 1; the message is the reason."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


class RateTable:
    """Rates by currency and day, each the price of one unit of `base`."""

    def __init__(self, base: str, rates: Mapping[str, Mapping[date, Decimal]]) -> None:
        self.base = base
        self._days: dict[str, Sequence[int]] = {}
        self._rates: dict[str, Sequence[Decimal]] = {}
        for currency, by_day in rates.items():
            days = sorted(by_day)
            self._days[currency] = [day.toordinal() for day in days]
            self._rates[currency] = [by_day[day] for day in days]
        self._factors: dict[tuple[str, str, date], Fraction | None] = {}

    @property
    def currencies(self) -> frozenset[str]:
        """The currencies that have a rate on some day, and the base."""
        return frozenset(self._days) | {self.base}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the base and all rates, in hexadecimal: equal tables have equal digests."""
        said = sha256(self.base.encode())
        for currency in sorted(self._days):
            for day, rate in zip(self._days[currency], self._rates[currency], strict=True):
                said.update(f"\n{currency},{day},{rate.normalize()}".encode())
        return said.hexdigest()

    def rate(self, currency: str, day: date) -> Decimal | None:
        """Give the price of one unit of the base on a day: the newest on or before it; None: there is none."""
        if currency == self.base:
            return Decimal(1)
        days = self._days.get(currency)
        if days is None:
            return None
        place = bisect_right(days, day.toordinal())
        return self._rates[currency][place - 1] if place else None

    def factor(self, currency: str, into: str, day: date) -> Fraction | None:
        """Give by what minor units of `currency` are multiplied to be minor units of `into`; None: a rate is missing.

        It is exact. Whoever needs whole units rounds the product once: half to even, as `round` does with a fraction.
        """
        key = currency, into, day
        if key not in self._factors:
            if len(self._factors) >= _MOST_FACTORS:
                self._factors.clear()
            self._factors[key] = self._factor(*key)
        return self._factors[key]

    def _factor(self, currency: str, into: str, day: date) -> Fraction | None:
        if currency == into:
            return Fraction(1)
        price, other = self.rate(currency, day), self.rate(into, day)
        if price is None or other is None:
            return None
        return Fraction(other) / Fraction(price) * Fraction(10) ** (minor_digits(into) - minor_digits(currency))

    def worths(self, into: str) -> Iterator[tuple[str, list[tuple[date, Fraction]]]]:
        """Give each other currency with what 1 of it is worth in `into`, and since when: until the next day in order.

        It is exact, and says all that `factor` says into this currency: before the first day there is none.
        """
        for currency in sorted(self.currencies - {into}):
            days = sorted({*self._days.get(currency, ()), *self._days.get(into, ())})
            found: list[tuple[date, Fraction]] = []
            for day in map(date.fromordinal, days):
                price, other = self.rate(currency, day), self.rate(into, day)
                if price is None or other is None:
                    continue
                worth = Fraction(other) / Fraction(price)
                if not found or found[-1][1] != worth:
                    found.append((day, worth))
            if found:
                yield currency, found


NO_RATES = RateTable("EUR", {})


def read_rates(lines: Iterable[str], base: str) -> RateTable:
    """Read a table of rates.

    Raises:
        RatesError: an unknown heading or currency, a day or a rate that is none, two rates for one day, no rate at all.
    """
    rows = csv.reader(lines, skipinitialspace=True)
    heading = [cell.strip() for cell in next(rows, [])]
    rates: dict[str, dict[date, Decimal]] = {}
    for line, day, currency, rate in _cells(heading, rows):
        if currency == base:
            if rate != 1:
                raise RatesError(line, f"a rate of {rate} for the base {base} itself")
            continue
        if rates.setdefault(currency, {}).setdefault(day, rate) != rate:
            raise RatesError(line, f"a second rate for {currency} on {day}")
    if not rates:
        raise RatesError(1, "no rate at all")
    return RateTable(base, rates)


def _cells(heading: list[str], rows: Iterator[list[str]]) -> Iterator[tuple[int, date, str, Decimal]]:
    names = [name.lower() for name in heading]
    if names[:1] != ["date"] or len(names) < 2:
        raise RatesError(1, "the heading must be `date,currency,rate`, or `Date` and currencies")
    wide = names != ["date", "currency", "rate"]
    columns = [(place, _currency(1, name)) for place, name in enumerate(heading) if wide and place and name]
    for line, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        day = _day(line, row[0].strip())
        if not wide:
            if len(row) != len(names):
                raise RatesError(line, f"{len(row)} columns, expected {len(names)}")
            yield line, day, _currency(line, row[1].strip()), _rate(line, row[2].strip())
            continue
        for place, currency in columns:
            text = row[place].strip() if place < len(row) else ""
            if text.lower() not in _NO_RATE:
                yield line, day, currency, _rate(line, text)


def _day(line: int, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RatesError(line, f"{text!r} is no date (2026-01-31)") from None


def _currency(line: int, text: str) -> str:
    try:
        minor_digits(text.upper())
    except ValueError as error:
        raise RatesError(line, str(error)) from None
    return text.upper()


def _rate(line: int, text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate.is_finite() or rate <= 0 or abs(rate.adjusted()) > 12:
        raise RatesError(line, f"{text!r} is no rate: a number above 0, with a point")
    return rate
