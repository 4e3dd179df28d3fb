"""What a Snowplow event is worth: its order, the money in it, its lines. In each of the ways in which it can be said.

Legacy transactions (`tr`, `ti`), the shop's entities (`transaction`, `refund`, `product`), the enhanced e-commerce
objects, the old `add_to_cart`, and a self-describing event of the sender's own that reads like Segment's.
"""

from dataclasses import dataclass
from decimal import Decimal

from producers.adapters.amounts import currency_of, decimal_of, money
from producers.adapters.payload import Node
from producers.adapters.problem import Problem
from producers.adapters.web.snowplow.entities import Entity
from producers.adapters.web.snowplow.payload import Hit
from producers.adapters.web.worth import MOST_ITEMS, amount_of, items_of, order_of
from schemas.bodies import LineItem
from schemas.catalogue import Catalogue
from schemas.money import Money


@dataclass(frozen=True, slots=True)
class Worth:
    """The order that an event names, the money in it, and its lines."""

    order_id: str | None = None
    amount: Money | None = None
    items: tuple[LineItem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Names:
    """Where a line's parts stand: `ti_sk` in one place, `id` in another."""

    product: tuple[str, ...]
    category: str
    price: tuple[str, ...]
    quantity: str
    currency: str


_LEGACY = _Names(("ti_sk", "ti_nm"), "ti_ca", ("ti_pr",), "ti_qu", "ti_cu")
_PRODUCT = _Names(("id", "sku", "name"), "category", ("price", "unitPrice"), "quantity", "currency")
#: Entities that tell of an order, and their fields for it: id, money.
_ORDERS = {
    "transaction": ("transaction_id", "revenue"),
    "refund": ("transaction_id", "refund_amount"),
    "actionFieldObject": ("id", "revenue"),
}
_PRODUCTS = frozenset({"product", "productFieldObject"})


def of_transaction(event: Node, hit: Hit, default_currency: str | None) -> Worth:
    """Give the worth of a `tr`, with the lines that came in the same request.

    Raises:
        Problem: it names no order, or its total is no money.
    """
    order = event.text("tr_id")
    if order is None:
        raise Problem(event.at("tr_id"), "required, but missing or blank")
    amount = _money(event, "tr_tt", "tr_cu", default_currency)
    currency = amount.currency if amount is not None else default_currency
    _bounded(len(hit.lines), event.path)
    items = []
    for line in hit.lines:
        try:
            items.append(_line(line, _LEGACY, currency))
        except Problem:
            continue  # the line is an event of its own, and says there what is wrong with it
    return Worth(order, amount, tuple(items))


def of_line(event: Node, hit: Hit, default_currency: str | None) -> Worth:
    """Give the worth of a `ti`: the order that it belongs to and its line; where that is in the order, not twice.

    Raises:
        Problem: it names no order or product, or a number is none.
    """
    order = event.text("ti_id")
    if order is None:
        raise Problem(event.at("ti_id"), "required, but missing or blank")
    line = _line(event, _LEGACY, default_currency)
    return Worth(order, None, () if hit.folded else (line,))


def of_entities(
    event: Node, entities: list[Entity], touchpoint: str, catalogue: Catalogue, default_currency: str | None
) -> Worth:
    """Give the worth of a shop's action by the entities beside it.

    Only what buys or refunds has money: a failed payment names its transaction as well.

    Raises:
        Problem: an amount or a line's number is none.
    """
    order, amount, currency = None, None, default_currency
    if catalogue.is_monetary(touchpoint):
        for entity in entities:
            if entity.name in _ORDERS:
                order_name, money_name = _ORDERS[entity.name]
                order = entity.data.text(order_name)
                amount = _money(entity.data, money_name, "currency", default_currency)
                currency = amount.currency if amount is not None else currency
    products = [entity.data for entity in entities if entity.name in _PRODUCTS]
    _bounded(len(products), event.path)
    return Worth(order, amount, tuple(_line(product, _PRODUCT, currency) for product in products))


def of_product(data: Node, default_currency: str | None) -> Worth:
    """Give the one line of the old `add_to_cart` and `remove_from_cart`.

    Raises:
        Problem: it names no product, or a number is none.
    """
    return Worth(items=(_line(data, _PRODUCT, default_currency),))


def of_own(data: Node, touchpoint: str, catalogue: Catalogue, default_currency: str | None) -> Worth:
    """Give the worth of a sender's own event: of a purchase or refund, as Segment's properties would say it.

    Raises:
        Problem: as there.
    """
    if not catalogue.is_monetary(touchpoint):
        return Worth()
    amount = amount_of(data, touchpoint, catalogue, default_currency)
    currency = amount.currency if amount is not None else default_currency
    return Worth(order_of(data), amount, items_of(data, currency))


def _money(node: Node, name: str, currency_name: str, default_currency: str | None) -> Money | None:
    if node.first_filled((name,)) is None:
        return None
    number = decimal_of(node.values[name], node.at(name))
    if node.first_present((currency_name,)) is not None:
        currency = currency_of(node.values[currency_name], node.at(currency_name))
    elif default_currency is not None:
        currency = default_currency
    else:
        raise Problem(node.at(currency_name), "required beside an amount, since the source has no default currency")
    if number < 0 and name == "refund_amount":
        number = -number
    if number < 0:
        raise Problem(node.at(name), "below zero; money that goes back is sent as a refund")
    return money(number, currency, node.at(name))


def _line(node: Node, names: _Names, currency: str | None) -> LineItem:
    product = node.first_text(names.product)
    if product is None:
        raise Problem(node.at(names.product[0]), "required, but missing or blank")
    quantity, value = Decimal(1), None
    if node.first_filled((names.quantity,)):
        quantity = decimal_of(node.values[names.quantity], node.at(names.quantity))
    price = node.first_filled(names.price)
    own = node.first_present((names.currency,))
    if own is not None:
        currency = currency_of(node.values[own], node.at(own))
    if price is not None:
        single = decimal_of(node.values[price], node.at(price))
        if currency is not None:
            total = decimal_of(str(single * quantity), node.at(price))
            value = money(total, currency, node.at(price)).amount
    return LineItem(product=product, category=node.remark(names.category), quantity=quantity, value=value)


def _bounded(count: int, path: str) -> None:
    if count > MOST_ITEMS:
        raise Problem(path, f"more than {MOST_ITEMS} products")
