"""A purchase that is a part of a touchpoint, on the real engine: on its whole's side, or on its own."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.bodies import StoreBody
from schemas.catalogue import Catalogue
from schemas.money import Money
from sinks.catalogue import load_catalogue
from sinks.client import Store
from tests.unit.schemas.test_catalogue_change import DATA, catalogue
from tests.unit.sinks.pipeline import Pipeline, an_event

KIOSK = {"label": "Kiosk", "phase": "Conversion", "channel": "web", "department": "Sales"}
OWN = {"touchpoints__store_purchase.kiosk": KIOSK}
ONLINE = {"touchpoints": ["store_purchase.kiosk"], "closing": True, "value": "amount"}


@pytest.mark.parametrize(
    ("found", "in_store", "online"),
    [
        (catalogue(), 3, 0),
        (catalogue(**OWN), 1, 0),
        (catalogue(**OWN, conversions=DATA["conversions"] | {"kiosk": ONLINE}), 1, 2),
    ],
    ids=["its whole's", "no purchase any more", "a purchase of its own, online"],
)
def test_a_purchase_by_a_part_is_on_the_side_where_the_catalogue_has_it(
    store: Store, found: Catalogue, in_store: int, online: int
) -> None:
    def sold(name: str, touchpoint: str, *who: str) -> Any:
        amount = Money.from_minor(100, "EUR")
        return an_event(
            name, *who, minute=9, touchpoint=touchpoint, channel="store", amount=amount, body=StoreBody(store="1")
        )

    load_catalogue(store, found)
    Pipeline(store, catalogue=found).seen(
        sold("ada", "store_purchase.kiosk.left", "customer:ada"),
        sold("nobody", "store_purchase.kiosk"),
        sold("bo", "store_purchase.till", "customer:bo"),
    )
    rows = store.rows(f"SELECT direction, count() FROM {store.database}.ropo_purchases GROUP BY direction")
    assert dict(rows) == {
        side: count for side, count in {"online_then_store": in_store, "store_then_online": online}.items() if count
    }
