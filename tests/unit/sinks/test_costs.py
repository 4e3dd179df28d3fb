"""Days of spend on the real engine: replaced whole, in one step, and nothing is seen of a half-written one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from deploy.local.door_process import ClickHouseDoor
from schemas.connection import ClickHouseConnection
from schemas.cost import Spend, SpendDay
from schemas.money import Money
from sinks.client import Store, StoreRefusedError
from sinks.costs import Replaced, write_costs
from sinks.migrations import apply, available
from tests.integration.sink_rig import count

ONE, TWO = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def store(clickhouse_door: ClickHouseDoor, door_database: str) -> Iterator[Store]:
    store = Store(ClickHouseConnection(port=clickhouse_door.port, database=door_database))
    apply(store, migrations=[migration for migration in available() if migration.name == "0003_costs"])
    yield store
    store.close()


def spend(cost: str, campaign: str | None = "spring", channel: str = "search", **more: Any) -> Spend:
    return Spend(channel, campaign, Money(amount=Decimal(cost), currency=more.pop("currency", "EUR")), **more)


def by_day(store: Store) -> list[tuple[Any, ...]]:
    return store.rows(f"SELECT day, channel, campaign, currency, spend FROM {store.database}.spend_by_day")


def test_a_day_can_be_queried_by_channel_and_campaign(store: Store) -> None:
    days = [SpendDay(ONE, (spend("12.34", impressions=1000, clicks=7), spend("5", None, "display")))]
    assert write_costs(store, "ads", days) == Replaced(added=(ONE,))
    assert store.rows(f"SELECT * FROM {store.database}.spend_by_day") == [
        (ONE, "display", None, "EUR", Decimal("5"), None, None),
        (ONE, "search", "spring", "EUR", Decimal("12.34"), 1000, 7),
    ]


def test_a_second_import_replaces_the_day_also_with_fewer_campaigns_and_leaves_the_others(store: Store) -> None:
    write_costs(store, "ads", [SpendDay(ONE, (spend("1"), spend("2", "summer"))), SpendDay(TWO, (spend("3"),))])
    assert write_costs(store, "ads", [SpendDay(ONE, (spend("4", "summer"),))]) == Replaced(changed=(ONE,))
    assert by_day(store) == [
        (ONE, "search", "summer", "EUR", Decimal("4")),
        (TWO, "search", "spring", "EUR", Decimal("3")),
    ]


def test_the_same_again_changes_nothing_and_what_was_before_can_come_back(store: Store) -> None:
    first, second = SpendDay(ONE, (spend("1"), spend("2", "summer"))), SpendDay(ONE, (spend("9"),))
    write_costs(store, "ads", [first])
    assert write_costs(store, "ads", [first]) == Replaced(unchanged=(ONE,))
    write_costs(store, "ads", [second])
    assert write_costs(store, "ads", [first]) == Replaced(changed=(ONE,))
    assert [row[-1] for row in by_day(store)] == [Decimal("1"), Decimal("2")]
    store.command(f"OPTIMIZE TABLE {store.database}.costs_log FINAL")
    store.command(f"OPTIMIZE TABLE {store.database}.cost_days_log FINAL")
    assert [row[-1] for row in by_day(store)] == [Decimal("1"), Decimal("2")]


def test_a_changed_day_tells_which_channels_it_has_lost(store: Store) -> None:
    before = [
        SpendDay(day, (spend("1"), spend("2", None, "display"), spend("3", None, "social"))) for day in (ONE, TWO)
    ]
    write_costs(store, "ads", before)
    write_costs(store, "agency", [SpendDay(ONE, (spend("9", None, "print"),))])
    after = [SpendDay(ONE, (spend("4"),)), SpendDay(TWO, (*before[1].spends, spend("5", "summer")))]
    replaced = write_costs(store, "ads", after)
    assert (replaced.changed, replaced.lost) == ((ONE, TWO), ((ONE, ("display", "social")),))


def test_sources_do_not_replace_each_other_and_are_added_up(store: Store) -> None:
    write_costs(store, "ads", [SpendDay(ONE, (spend("1"),))])
    write_costs(store, "agency", [SpendDay(ONE, (spend("2"), spend("3", currency="USD")))])
    assert by_day(store) == [
        (ONE, "search", "spring", "EUR", Decimal("3")),
        (ONE, "search", "spring", "USD", Decimal("3")),
    ]


class BreaksOff:
    """A store whose connection breaks off before the n-th insert."""

    def __init__(self, store: Store, after: int) -> None:
        self._store = store
        self._left = after
        self.database = store.database
        self.rows = store.rows

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if self._left == 0:
            raise StoreRefusedError("broken off")
        self._left -= 1
        self._store.insert(table, columns, rows)


@pytest.mark.parametrize("after", [0, 1])
def test_an_import_that_breaks_off_changes_nothing_and_can_be_run_again(store: Store, after: int) -> None:
    write_costs(store, "ads", [SpendDay(ONE, (spend("1"),))])
    days = [SpendDay(ONE, (spend("7"), spend("8", "summer"))), SpendDay(TWO, (spend("9"),))]
    with pytest.raises(StoreRefusedError):
        write_costs(BreaksOff(store, after), "ads", days)  # type: ignore[arg-type] # it has what is needed
    assert [row[-1] for row in by_day(store)] == [Decimal("1")]
    assert write_costs(store, "ads", days) == Replaced(added=(TWO,), changed=(ONE,))
    assert [row[-1] for row in by_day(store)] == [Decimal("7"), Decimal("8"), Decimal("9")]


def test_two_imports_of_one_day_at_once_leave_one_of_them_and_no_mixture(store: Store) -> None:
    class Late(BreaksOff):
        """A store in which another import writes the same day between our lines and our saying so."""

        def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
            if table == "cost_days_log":
                write_costs(store, "ads", [SpendDay(ONE, (spend("2", "b"), spend("3", "c")))])
            store.insert(table, columns, rows)

    write_costs(Late(store, -1), "ads", [SpendDay(ONE, (spend("1", "a"), spend("4", "c")))])  # type: ignore[arg-type] # it has what is needed
    assert [row[-1] for row in by_day(store)] in ([Decimal("1"), Decimal("4")], [Decimal("2"), Decimal("3")])


def test_figures_keep_all_digits(store: Store) -> None:
    write_costs(store, "ads", [SpendDay(ONE, (spend("99999999999999.99"), spend("0.001", currency="KWD")))])
    assert [row[-1] for row in by_day(store)] == [Decimal("99999999999999.99"), Decimal("0.001")]
    assert count(store, "costs") == 2
