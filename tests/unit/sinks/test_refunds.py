"""The view `refunds` says of each refund what the core has done with it: the real stages, the real tables."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

import pytest

from schemas.base import derived_id
from schemas.catalogue import Catalogue, load
from schemas.money import Money
from schemas.touchpoint import Touchpoint
from sinks.catalogue import load_catalogue, put_in_force
from sinks.client import Store
from tests.properties.catalogues import catalogue_with
from tests.unit.sinks.pipeline import AT, Pipeline, an_event

ADA = "customer:ada"
DAY = 24 * 60

#: A euro is 1.25 dollars, from the second day on 1.60, and 160 yen from then on; no pounds.
RATES = """\
date,currency,rate
2026-03-01,USD,1.25
2026-03-02,USD,1.60
2026-03-02,JPY,160
"""
REPORTING = {"reporting": "EUR", "rates": "rates.csv"}


def money(text: str | None) -> Money | None:
    """`5.00 USD`; without a currency in euro."""
    if text is None:
        return None
    amount, _, currency = text.partition(" ")
    return Money(amount=Decimal(amount), currency=currency or "EUR")


def sold(
    amount: str | None = "10.00", *, order: str = "o1", who: str = ADA, minute: float = 0, **more: Any
) -> Touchpoint:
    return an_event(
        f"sold {order} {who}",
        who,
        minute=minute,
        order_id=order,
        amount=money(amount),
        **{"touchpoint": "store_purchase", "channel": "store", "source": "till"} | more,
    )


def back(
    name: str,
    amount: str | None = None,
    *,
    order: str | None = "o1",
    who: str = ADA,
    minute: float = 5 * DAY,
    **more: Any,
) -> Touchpoint:
    return an_event(
        name,
        *[who] if who else [],
        minute=minute,
        order_id=order,
        amount=money(amount),
        **{"touchpoint": "store_return", "channel": "store", "source": "till"} | more,
    )


def follow(store: Store, catalogue: Catalogue) -> Pipeline:
    """A pipeline that goes by a catalogue, and tables that know it."""
    load_catalogue(store, catalogue)
    put_in_force(store, catalogue, AT)
    return Pipeline(store, catalogue=catalogue)


def listed(store: Store, columns: str, where: str = "1") -> list[tuple[Any, ...]]:
    order = "occurred_at, event_id, conversion_id"
    return store.rows(f"SELECT {columns} FROM {store.database}.refunds WHERE {where} ORDER BY {order}")


def became(store: Store) -> list[tuple[str, str | None]]:
    """What became of each, and how much was taken."""
    return [(word, None if taken is None else f"{taken:.2f}") for word, taken in listed(store, "outcome, taken")]


def agrees(store: Store) -> bool:
    """Is gross - net of each conversion what the lines have taken, wherever they say it?"""
    rows = store.rows(
        f"""
        SELECT c.conversion_id, c.gross - c.net AS lost, r.lines, r.said, r.told_apart
        FROM {store.database}.conversions AS c
        LEFT JOIN
        (
            SELECT conversion_id, count() AS lines, sum(taken) AS said, countIf(isNull(taken)) = 0 AS told_apart
            FROM {store.database}.refunds WHERE isNotNull(conversion_id) GROUP BY conversion_id
        ) AS r ON r.conversion_id = c.conversion_id
        """
    )
    return all(lost == said if told_apart else lost for _, lost, lines, said, told_apart in rows if lines or lost)


def test_a_refund_is_a_line_with_the_conversion_that_it_was_taken_from(store: Store) -> None:
    follow(store, load()).seen(sold(), back("r1", "2.50", who=""), back("r2", "-2.50", minute=6 * DAY))
    [first, second] = listed(
        store,
        "event_id, occurred_at, source, touchpoint, order_id, amount, currency, conversion_id, conversion, gross, net,"
        " conversion_currency, outcome, taken",
    )
    ids = derived_id("r1"), derived_id(f"sold o1 {ADA}")
    assert first[0] == ids[0]
    assert first[1].replace(tzinfo=AT.tzinfo) == AT + timedelta(days=5)
    assert first[2:7] == ("till", "store_return", "o1", Decimal("2.5"), "EUR")
    assert first[7:] == (ids[1], "purchase", Decimal(10), Decimal(5), "EUR", "taken", Decimal("2.5"))
    assert second[-2:] == ("taken", Decimal("2.5"))
    [bought] = store.rows(f"SELECT profile_id FROM {store.database}.conversions")
    assert listed(store, "DISTINCT profile_id") == [bought]


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([sold(), back("r1", "10.00")], [("taken", "10.00")]),
        ([sold(), back("r1")], [("taken", "10.00")]),
        ([sold(), back("r1", "4.00"), back("r2", minute=6 * DAY)], [("taken", "4.00"), ("taken", "6.00")]),
        ([sold(), back("r1"), back("r2", minute=6 * DAY)], [("taken", None), ("taken", None)]),
        ([sold(), back("r1", "12.00")], [("taken in part", "10.00")]),
        ([sold(), back("r1", "7.00"), back("r2", "7.00")], [("together in part", None)] * 2),
        (
            [sold(), back("r1", "12.00"), back("r2", "0.00", minute=6 * DAY)],
            [("taken in part", "10.00"), ("taken", "0.00")],
        ),
        ([sold(), back("r1", "5.00 USD")], [("no rate", "0.00")]),
        (
            [sold(), back("r1", "12.00"), back("r2", "5.00 USD", minute=6 * DAY)],
            [("taken in part", "10.00"), ("no rate", "0.00")],
        ),
        ([sold(), back("r1", "5.00 USD"), back("r2", minute=6 * DAY)], [("taken", None)] * 2),
        ([sold("-10.00"), back("r1", "4.00")], [("nothing to take", "0.00")]),
        ([sold("-10.00"), back("r1")], [("taken", "-10.00")]),
        ([sold(None), back("r1")], [("nothing to take", "0.00")]),
        ([sold(), back("r1", "4.00", order="o2")], [("no sale", "0.00")]),
        ([sold(), back("r1", "4.00", who="customer:bo")], [("no sale", "0.00")]),
        ([sold(), back("r1", "4.00", order=None)], [("no order", "0.00")]),
        ([back("r1", "4.00", who="")], [("no sale", "0.00")]),
        ([sold(), back("r1", "4.00", minute=-DAY)], [("taken", "4.00")]),
    ],
)
def test_a_word_says_what_became_of_each(
    store: Store, events: list[Touchpoint], words: list[tuple[str, str | None]]
) -> None:
    follow(store, load()).seen(*events)
    assert became(store) == words
    assert agrees(store)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        # Eight euro at the rate of the day of the sale, not of the refund.
        ([sold("10.00 USD"), back("r1", "10.00 USD")], [("taken", "8.00")]),
        ([sold(), back("r1", "5.00 USD")], [("taken", "4.00")]),
        ([sold(), back("r1", "50.00 USD")], [("taken in part", "10.00")]),
        ([sold("120.00 USD"), back("r1", "500.00 USD")], [("taken in part", "96.00")]),
        ([sold("9.99 USD"), back("r1", "4.99 USD"), back("r2", "5.00 USD", minute=6 * DAY)], [("taken", None)] * 2),
        ([sold("9.99 USD"), back("r1", "9.99 USD")], [("taken", "7.99")]),
        # Two and a half cents and, less one, one and a half: both are two.
        ([sold("0.04 USD", minute=DAY), back("r1", "0.01")], [("taken", "0.00")]),
        ([sold(), back("r1", "5 JPY")], [("no rate", "0.00")]),
        ([sold(minute=DAY), back("r1", "160 JPY")], [("taken", "1.00")]),
        (
            [sold(), back("r1", "5.00 GBP"), back("r2", "4.00", minute=6 * DAY)],
            [("no rate", "0.00"), ("taken", "4.00")],
        ),
        (
            [sold("10.00 GBP"), back("r1", "4.00 GBP"), back("r2", "1.00", minute=6 * DAY)],
            [("taken", "4.00"), ("no rate", "0.00")],
        ),
        ([sold(), back("r1", "4.00"), back("r2", "5.00 USD", minute=6 * DAY)], [("taken", "4.00"), ("taken", "4.00")]),
        ([sold(), back("r1", "8.00"), back("r2", "5.00 USD", minute=6 * DAY)], [("together in part", None)] * 2),
    ],
)
def test_in_a_reporting_currency_refunds_are_those_of_the_rates(
    store: Store, events: list[Touchpoint], words: list[tuple[str, str | None]]
) -> None:
    follow(store, catalogue_with(RATES, currencies=REPORTING)).seen(*events)
    assert became(store) == words
    assert agrees(store)


def test_what_takes_back_is_what_the_catalogue_in_force_says_and_a_part_is_its_whole(store: Store) -> None:
    entry = load().touchpoints["order_refunded"].model_dump(mode="json", exclude={"events"})
    shop: dict[str, Any] = {"touchpoint": "order_refunded.partial", "channel": "web"}
    events = [
        sold(),
        back("r1", "1.00", **shop),
        back("r2", "2.00", minute=6 * DAY, touchpoint="store_return.till.left"),
    ]
    pipeline = Pipeline(store)  # no catalogue was ever put in force: what the one that ships says
    load_catalogue(store, load())
    pipeline.seen(*events)
    assert became(store) == [("taken", "1.00"), ("taken", "2.00")]
    own = load().touchpoints | {"order_refunded.partial": entry}
    for number, (refunds, listing) in enumerate(
        [
            (["order_refunded", "store_return"], ["store_return.till.left"]),
            (["order_refunded.partial"], ["order_refunded.partial"]),
            ([], []),
        ]
    ):
        put_in_force(store, catalogue_with(touchpoints=own, refunds=refunds), AT + timedelta(days=number))
        assert [touchpoint for (touchpoint,) in listed(store, "touchpoint")] == listing


def test_of_an_order_with_several_conversions_each_has_a_line(store: Store) -> None:
    lead = {
        "value": "fixed",
        "amount": "5.00",
        "currency": "EUR",
        "where": [{"field": "properties.form", "is": "quote"}],
    }
    catalogue = load()
    own = {name: one.model_dump(mode="json", exclude_unset=True) for name, one in catalogue.conversions.items()}
    pipeline = follow(store, catalogue_with(conversions={"lead": lead, **own}))
    asked = an_event("asked", ADA, order_id="o1", minute=-DAY, properties={"form": "quote"})
    pipeline.seen(asked, sold(), back("r1", "7.00"))
    assert listed(store, "conversion, outcome, taken", "1") in (
        [("lead", "taken in part", Decimal(5)), ("purchase", "taken", Decimal(7))],
        [("purchase", "taken", Decimal(7)), ("lead", "taken in part", Decimal(5))],
    )
    assert agrees(store)


def test_what_the_profile_keeps_no_more_takes_nothing_back(store: Store) -> None:
    pipeline = follow(store, catalogue_with(journey={"max_touchpoints": 10}))
    pipeline.seen(*[an_event(f"v{n}", ADA, minute=(n - 12) * DAY) for n in range(12)], sold())
    pipeline.seen(back("r1", "4.00"), back("early", "1.00", minute=-50 * DAY))
    assert became(store) == [("beyond horizon", "0.00"), ("not taken", "0.00")]
    assert agrees(store)


def words_of(sale: Touchpoint, refunds: list[Touchpoint], catalogue: Catalogue) -> dict[UUID, str]:
    """What the rule says of each, by exact fractions. Where rounding may decide, nothing."""
    assert sale.amount is not None
    table, reporting, day = catalogue.currencies.table, catalogue.currencies.reporting, sale.occurred_at.date()
    own = sale.amount.currency
    into = reporting if reporting and table.factor(own, reporting, day) is not None else own
    factors = {
        currency: table.factor(currency, into, day) if reporting else Fraction(1) if currency == into else None
        for currency in {own, *(one.amount.currency for one in refunds if one.amount)}
    }
    gross = sale.amount.minor * (factors[own] or 0)
    asked = [abs(one.amount.minor) * (factors[one.amount.currency] or 0) for one in refunds if one.amount]
    whole = any(one.amount is None for one in refunds)
    excess, parts = sum(asked) - gross, sum(1 for one in asked if one)

    def word(amount: Money | None) -> str | None:
        if round(gross) == 0 or (gross < 0 and amount is not None):
            return "nothing to take"
        if amount is None or amount.minor == 0:
            return "taken"
        if factors[amount.currency] is None:
            return "taken" if whole else "no rate"
        if 0 < excess < 1:
            return None
        return "taken" if excess <= 0 else "taken in part" if parts == 1 else "together in part"

    return {one.event_id: said for one in refunds if (said := word(one.amount)) is not None}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("reporting", [False, True])
def test_the_lines_agree_with_the_core_whatever_is_taken_back(store: Store, seed: int, *, reporting: bool) -> None:
    luck = Random(seed)
    catalogue = catalogue_with(RATES, currencies=REPORTING) if reporting else load()

    def amount() -> str:
        currency = luck.choice(["EUR", "EUR", "USD", "JPY", "GBP"])
        if currency == "JPY":
            return f"{luck.randint(0, 40)} JPY"
        return f"{luck.randint(-3, 12)}.{luck.randint(0, 99):02} {currency}"

    events: list[Touchpoint] = []
    wanted: dict[UUID, str] = {}
    for number in range(120):
        of: dict[str, Any] = {"order": f"o{number}", "who": f"customer:c{number % 30}"}
        sale = sold(amount(), minute=luck.choice([0, DAY]), **of)
        refunds = [
            back(f"r{number} {again}", luck.choice([None, *([amount()] * 9)]), minute=luck.randint(2, 9) * DAY, **of)
            for again in range(luck.randint(0, 4))
        ]
        wanted |= words_of(sale, refunds, catalogue)
        events += [sale, *refunds]
    luck.shuffle(events)
    follow(store, catalogue).seen(*events)
    assert agrees(store)
    found = dict(listed(store, "event_id, outcome"))
    assert len(found) == len(events) - 120
    assert {event_id: found[event_id] for event_id in wanted} == wanted
    assert set(wanted.values()) == {"taken", "taken in part", "together in part", "no rate", "nothing to take"}


@pytest.mark.parametrize("column", ["order_id", "event_id", "conversion_id", "profile_id"])
def test_asked_for_one_it_says_what_it_says_of_all(store: Store, column: str) -> None:
    events = [
        sold(),
        back("r1", "7.00"),
        back("r2", "7.00"),
        sold(order="o2"),
        back("r3", "1.00", order="o2"),
        back("r4", order=None),
    ]
    follow(store, load()).seen(*events)
    every = listed(store, "*")
    ours = f"database = '{store.database}' AND table = 'refunds'"
    place = store.rows(f"SELECT position - 1 FROM system.columns WHERE {ours} AND name = '{column}'")[0][0]
    for value in {row[place] for row in every} - {None}:
        assert listed(store, "*", f"{column} = '{value}'") == [row for row in every if row[place] == value]


def test_the_view_and_its_columns_are_explained(store: Store) -> None:
    ours = f"database = '{store.database}' AND"
    assert store.rows(f"SELECT name FROM system.columns WHERE {ours} table = 'refunds' AND comment = ''") == []
    assert store.rows(f"SELECT comment = '' FROM system.tables WHERE {ours} name = 'refunds'") == [(0,)]
