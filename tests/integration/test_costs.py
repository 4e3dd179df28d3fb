"""Costs from a file to the view, through the real engine."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.costs import import_costs
from producers.costs import CostFileError
from schemas.catalogue import load
from sinks.catalogue import put_in_force
from sinks.client import Store
from tests.properties.catalogues import catalogue_with

CATALOGUE = load()
LATEST = date(2026, 11, 23)
ONE, TWO, THREE = (date(2026, 3, day) for day in (1, 2, 3))


def spend_by_day(store: Store) -> list[tuple[date, str | None, Decimal]]:
    return [tuple(row) for row in store.rows(f"SELECT day, campaign, spend FROM {store.database}.spend_by_day")]


def test_a_corrected_file_replaces_its_days_and_a_bad_day_stays_as_it_was(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "spend.csv"
    path.write_text(
        "day,channel,campaign,cost\n2026-03-01,search,spring,10\n2026-03-01,search,summer,5\n2026-03-02,search,spring,7\n"
    )
    first = import_costs(path, store, CATALOGUE, currency="EUR", latest=LATEST)
    assert (first.lines, first.added, first.refused) == (3, (ONE, TWO), ())
    assert first.spent == {"EUR": Decimal("22.00")}
    path.write_text(
        "day,channel,campaign,cost\n2026-03-01,search,spring,11\n2026-03-02,serch,spring,8\n2026-03-03,search,spring,9\n"
    )
    second = import_costs(path, store, CATALOGUE, currency="EUR", latest=LATEST)
    assert (second.changed, second.added, second.unchanged) == ((ONE,), (THREE,), ())
    assert [(day.day, day.reasons[0].split(":")[0]) for day in second.refused] == [(TWO, "$.line[3].channel")]
    assert spend_by_day(store) == [
        (ONE, "spring", Decimal("11")),
        (TWO, "spring", Decimal("7")),
        (THREE, "spring", Decimal("9")),
    ]
    assert import_costs(path, store, CATALOGUE, currency="EUR", latest=LATEST).unchanged == (ONE, THREE)


def test_a_second_file_of_the_same_days_says_what_it_took_away(store: Store, tmp_path: Path) -> None:
    one, other = tmp_path / "search.csv", tmp_path / "social.csv"
    one.write_text("day,channel,cost\n2026-03-01,search,10\n2026-03-02,search,10\n")
    other.write_text("day,channel,cost\n2026-03-01,social,5\n2026-03-02,social,5\n")
    assert import_costs(one, store, CATALOGUE, currency="EUR", latest=LATEST).warnings == ()
    (warning,) = import_costs(other, store, CATALOGUE, currency="EUR", latest=LATEST).warnings
    assert "2 days from 2026-03-01 to 2026-03-02 of 'costs' had spend for search before" in warning
    import_costs(one, store, CATALOGUE, source="search", currency="EUR", latest=LATEST)
    assert sum(amount for _, _, amount in spend_by_day(store)) == Decimal("30")


def test_spend_that_cannot_be_converted_is_named_with_its_days(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "spend.csv"
    path.write_text(
        "day,channel,cost,currency\n2026-03-01,social,10,USD\n2026-03-02,social,10,USD\n2026-03-03,social,10,USD\n"
        "2026-03-03,search,10,EUR\n2026-03-03,search,10,GBP\n"
    )
    rates = "date,currency,rate\n2026-03-03,USD,1.25\n"
    catalogue = catalogue_with(rates, currencies={"reporting": "EUR", "rates": "rates.csv"})
    assert import_costs(path, store, CATALOGUE, latest=LATEST).warnings == ()
    *missing, not_applied = import_costs(path, store, catalogue, latest=LATEST).warnings
    assert [line.split(": ", 1)[1] for line in missing] == [
        "no rate for GBP on 2026-03-03: it stays in GBP, as sales of then do",
        "no rate for USD on 2 days from 2026-03-01 to 2026-03-02: it stays in USD, as sales of then do",
    ]
    assert "exchange rates are not in force" in not_applied
    put_in_force(store, catalogue, datetime(2026, 11, 1, tzinfo=UTC))
    assert import_costs(path, store, catalogue, latest=LATEST).warnings == (*missing,)
    (only_here,) = import_costs(path, store, CATALOGUE, latest=LATEST).warnings
    assert only_here == not_applied


def test_a_file_that_is_refused_changes_nothing_and_names_itself(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "spend.csv"
    path.write_text("day,channel,campaign,cost\n2026-03-01,search,spring,10\nTotal,,,10\n")
    with pytest.raises(CostFileError, match=r"spend\.csv: \$\.line\[3\]\.day"):
        import_costs(path, store, CATALOGUE, currency="EUR", latest=LATEST)
    with pytest.raises(CostFileError, match=r"none\.csv: No such file"):
        import_costs(tmp_path / "none.csv", store, CATALOGUE, latest=LATEST)
    assert spend_by_day(store) == []
