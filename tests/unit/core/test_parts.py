"""A part of a touchpoint (`store_purchase.kiosk`) is what its whole is, unless it has an entry of its own."""

from typing import Any

import pytest

from schemas.catalogue import Catalogue
from tests.properties.catalogues import CONVERSIONS, VIEWED, catalogue_with
from tests.unit.core.life import DAY, DEFAULT, HOUR, call, event, identifier, journeys, net, purchase, refund, tell
from tests.unit.core.test_moves import end, written
from tests.unit.core.test_renewal import a_life, ask, entries, under

KIOSK = "store_purchase.kiosk"
TOUCHPOINTS = DEFAULT.model_dump()["touchpoints"]


def sold(n: int, at: Any, name: str = KIOSK, order: str | None = "o1", amount: str | None = "10.00") -> Any:
    return event(n, at, name, "store", order=order, amount=amount)


def with_own(*names: str, **sections: Any) -> Catalogue:
    """The catalogue that ships, and entries of their own for these names."""
    return catalogue_with(touchpoints=TOUCHPOINTS | dict.fromkeys(names, VIEWED), **sections)


@pytest.mark.parametrize("name", [KIOSK, "store_purchase.kiosk.left"])
def test_a_part_of_a_purchase_is_the_purchase(name: str) -> None:
    state = tell([call(1, DAY), sold(2, 2 * DAY, name)])
    assert (net(state, 2), state.conversions[identifier(2)]["conversion"]) == (1000, "purchase")
    assert [journey["status"] for journey in journeys(state)] == ["converted"]


def test_a_part_of_a_refund_takes_money_back_and_reaches_no_conversion() -> None:
    back = event(3, 3 * DAY, "order_refunded.partial", order="o1", amount="4.00")
    assert net(tell([call(1, DAY), purchase(2, 2 * DAY, "o1"), back]), 2) == 600
    wide = catalogue_with(conversions={"any": {"where": [{"field": "order_id", "present": True}]}})
    assert tell([back], wide).conversions == {}


def test_of_the_whole_and_a_part_with_one_order_the_earlier_counts() -> None:
    state = tell([sold(1, DAY), purchase(2, 2 * DAY, "o1")])
    assert list(state.conversions) == [identifier(1)]


def test_conditions_see_the_name_of_the_part() -> None:
    only = {"touchpoints": ["store_purchase"], "where": [{"field": "touchpoint", "is": KIOSK}]}
    catalogue = catalogue_with(conversions={"at_the_kiosk": only})
    assert list(tell([sold(1, DAY), purchase(2, 2 * DAY, "o2")], catalogue).conversions) == [identifier(1)]


def test_a_part_with_an_entry_of_its_own_stands_for_itself() -> None:
    alone = with_own(KIOSK, "order_refunded.partial")
    assert tell([sold(1, DAY), sold(2, 2 * DAY, f"{KIOSK}.left", "o2")], alone).conversions == {}
    back = event(3, 3 * DAY, "order_refunded.partial", order="o1", amount="4.00")
    assert net(tell([purchase(2, 2 * DAY, "o1"), back], alone), 2) == 1000


def test_a_part_with_an_entry_of_its_own_is_what_is_said_of_it() -> None:
    goals = {"at_the_kiosk": {"touchpoints": [KIOSK], "value": "amount"}, "purchase": CONVERSIONS["purchase"]}
    own = with_own(KIOSK, conversions=goals)
    state = tell([sold(1, DAY, f"{KIOSK}.left"), purchase(2, 2 * DAY, "o1")], own)
    assert [state.conversions[identifier(n)]["conversion"] for n in (1, 2)] == ["at_the_kiosk", "purchase"]
    backs = with_own("store_return.damaged", "store_return.late", refunds=["store_return", "store_return.damaged"])
    took = [event(n, n * DAY, name, "store", order="o1", amount="1.00")
            for n, name in ((2, "store_return.damaged"), (3, "store_return.late"))]  # fmt: skip
    assert net(tell([purchase(1, DAY, "o1"), *took, refund(4, 4 * DAY, "o1", "2.00")], backs), 1) == 700


def test_an_entry_of_its_own_takes_back_what_a_part_has_reached_by_its_whole_and_without_it_all_returns() -> None:
    own = with_own(KIOSK)
    world = a_life(call(1, 0 * DAY), sold(2, DAY + HOUR))
    ask(under(world, own), own)
    assert [record["withdrawn"] for record in written(world, "conversions")] == [True]
    assert ("catalogue", -1, 1) in entries(world)
    ask(under(world, DEFAULT), DEFAULT, sold(2, DAY + HOUR))
    assert net(end(world), 2) == 1000
