"""The exchange rates of the catalogue in force as a table, so that SQL converts spend as the ledger converts sales."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from hashlib import sha256

from schemas.catalogue import Catalogue
from schemas.money import minor_digits
from schemas.touchpoint import EARLIEST
from sinks.client import Store
from sinks.sql import query

_COLUMNS = ("currency", "reporting", "minor_digits", "days", "numerators", "denominators", "digest", "version")
#: The view multiplies the greatest amount by the greatest rate in 256 bits.
_MOST = 10**50
_MOST_DENOMINATOR = 10**24
#: What a column of the type Date32 can hold.
_LAST = date(2299, 12, 31)


def land_rates(store: Store, catalogue: Catalogue) -> bool:
    """Make `exchange_rates` say what the catalogue says, no more and no less; give whether it said something else.

    Whoever reads sees the rates before or after: they are one insert. It may be run again at any moment.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such table.
    """
    reporting, table, digest = catalogue.currencies.reporting, catalogue.currencies.table, _digest(catalogue)
    version, known = _newest(store)
    if known == digest:
        return False
    version += 1
    digits = minor_digits(reporting) if reporting else 0
    rows: list[tuple[object, ...]] = [("", reporting or "", digits, [], [], [], digest, version)]
    for currency, worths in table.worths(reporting) if reporting else ():
        steps = [(day, _bounded(worth)) for day, worth in _in_range(worths)]
        days = [day for day, _ in steps]
        above, below = [worth.numerator for _, worth in steps], [worth.denominator for _, worth in steps]
        rows.append((currency, reporting, digits, days, above, below, digest, version))
    store.insert("rates_log", _COLUMNS, rows)
    return True


def goes_by_rates_of(store: Store, catalogue: Catalogue) -> bool:
    """Say whether spend is converted by the rates of this catalogue, or it has none, and nothing is converted.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such table.
    """
    return (_newest(store)[1] or "") == _digest(catalogue)


def _digest(catalogue: Catalogue) -> str:
    reporting, table = catalogue.currencies.reporting, catalogue.currencies.table
    return sha256(f"{reporting} {table.digest}".encode()).hexdigest() if reporting else ""


def _newest(store: Store) -> tuple[int, str | None]:
    rows = store.rows(query("rates_version", store.database))
    return (int(rows[0][0]), rows[0][1]) if rows else (0, None)


def _bounded(worth: Fraction) -> Fraction:
    """Give a rate that the view can multiply by: itself, unless it is of rates with more than some 25 digits."""
    if worth.numerator <= _MOST and worth.denominator <= _MOST:
        return worth
    return worth.limit_denominator(_MOST_DENOMINATOR)


def _in_range(worths: Iterable[tuple[date, Fraction]]) -> list[tuple[date, Fraction]]:
    """Give the rates of all days on which money can have been spent."""
    first = EARLIEST.date()
    found = {max(day, first): worth for day, worth in worths if day <= _LAST}  # the newest of those before it
    return list(found.items())
