"""A return that names its receipt and nobody, as analysts see it: at its buyer's, or no customer at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from schemas.base import profile_id
from schemas.money import Money
from sinks.client import Store
from tests.unit.sinks.pipeline import Pipeline, an_event


def euros(amount: int) -> dict[str, Any]:
    return {"amount": Money(amount=Decimal(amount), currency="EUR")}


def sold(order: str, *who: str, minute: float = 10) -> Any:
    more = {"touchpoint": "store_purchase", "channel": "store", "order_id": order, **euros(20)}
    return an_event(f"sold {order}", *who, minute=minute, **more)


def brought_back(order: str, minute: float = 90) -> Any:
    more = {"touchpoint": "store_return", "channel": "store", "order_id": order, **euros(5)}
    return an_event(f"back {order}", minute=minute, **more)


def test_it_stands_in_its_buyers_360_and_is_taken_from_what_the_order_earned(store: Store) -> None:
    pipeline = Pipeline(store, partitions=3)
    pipeline.seen(sold("88", "loyalty:l7"), brought_back("88"), an_event("card shown", "customer:ada", "loyalty:l7"))
    d = store.database
    assert store.rows(
        f"SELECT profile_id, identifiers, touchpoints, conversions, value FROM {d}.customer_360",
    ) == [(profile_id("customer:ada"), ["customer:ada", "loyalty:l7", "order:88"], 3, 1, {"EUR": Decimal(15)})]
    assert store.rows(f"SELECT sum(value) FROM {d}.credits WHERE model = 'last'") == [(Decimal(15),)]
    assert store.rows(f"SELECT count() FROM {d}.attribution_violations") == [(0,)]


def test_one_whose_order_nobody_has_bought_is_landed_and_no_customer(store: Store) -> None:
    pipeline = Pipeline(store)
    pipeline.seen(sold("88"), brought_back("88"))
    d = store.database
    assert store.rows(f"SELECT profile_id FROM {d}.touchpoints WHERE touchpoint = 'store_return'") == [
        (profile_id("order:88"),)
    ]
    assert store.rows(f"SELECT profile_id FROM {d}.customer_360") == []
    assert store.rows(f"SELECT identifier, named_by FROM {d}.identifiers") == [("order:88", "order:88")]


def test_where_the_buyer_is_known_later_it_is_the_buyers_from_then_on(store: Store) -> None:
    pipeline = Pipeline(store)
    pipeline.seen(brought_back("88"))
    pipeline.seen(sold("88", "customer:ada"))
    d = store.database
    assert store.rows(f"SELECT profile_id, touchpoints, value FROM {d}.customer_360") == [
        (profile_id("customer:ada"), 2, {"EUR": Decimal(15)})
    ]
