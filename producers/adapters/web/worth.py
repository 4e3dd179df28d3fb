"""What an event is worth: its order, the money in it, and its line items."""

from decimal import Decimal

from producers.adapters.amounts import currency_of, decimal_of, money, rounded
from producers.adapters.payload import Node
from producers.adapters.problem import Problem
from schemas.bodies import LineItem
from schemas.catalogue import Catalogue
from schemas.money import Money

_ORDER = ("order_id", "orderId")
#: A touchpoint must fit a Kafka record, and each item stands in it twice: typed, and in `properties`.
MOST_ITEMS = 1000
_PRODUCT = ("product_id", "productId", "sku", "name")
#: Refunds that mean the whole order, whichever products they list.
_WHOLE = frozenset({"order_cancelled"})


def order_of(properties: Node) -> str | None:
    """Give the order that the event names."""
    return properties.first_text(_ORDER)


def amount_of(properties: Node, touchpoint: str, catalogue: Catalogue, default_currency: str | None) -> Money | None:
    """Give the money in an event: `revenue`, else `total`, else `value`.

    `revenue` is always money. `total` and `value` are money where a currency stands beside them or the touchpoint is a
    purchase or refund; elsewhere senders mean other things by them (the value of an answer, a total of pages).
    What a refund gives back is a positive amount, whichever sign the sender wrote. One that names products and no
    amount gives back these products, one that names neither the whole order
    (https://segment.com/docs/connections/destinations/catalog/google-analytics/#refunds).

    Raises:
        Problem: no number, no currency, a purchase below zero, or products given back of which one has no price.
    """
    refund, monetary = catalogue.takes_back(touchpoint), catalogue.is_monetary(touchpoint)
    stated = properties.first_present(("currency",))
    name = properties.first_filled(("revenue", "total", "value") if monetary or stated else ("revenue",))
    if name is None:
        if refund and catalogue.known(touchpoint) not in _WHOLE and properties.children("products"):
            return _given_back(properties, _currency(properties, default_currency))
        return None
    number = decimal_of(properties.values[name], properties.at(name))
    currency = _currency(properties, default_currency)
    if number < 0 and refund:
        number = -number
    if number < 0 and monetary:
        raise Problem(properties.at(name), "below zero; money that goes back is sent as a refund")
    return money(number, currency, properties.at(name))


def items_of(properties: Node, currency: str | None) -> tuple[LineItem, ...]:
    """Give `products` as line items; `value` is price times quantity, where a price and a currency are known.

    Raises:
        Problem: a product is no object or has neither id nor name, or a number is none.
    """
    products = properties.children("products")
    if len(products) > MOST_ITEMS:
        raise Problem(properties.at("products"), f"more than {MOST_ITEMS} products")
    items = []
    for product in products:
        name = product.first_text(_PRODUCT)
        if name is None:
            raise Problem(product.at("product_id"), "required, but missing or blank")
        quantity, value = Decimal(1), None
        if product.first_filled(("quantity",)):
            quantity = decimal_of(product.values["quantity"], product.at("quantity"))
        if product.first_filled(("price",)):
            price = decimal_of(product.values["price"], product.at("price"))
            if currency:
                value = _times(price, quantity, currency, product.at("price"))
        items.append(LineItem(product=name, category=product.remark("category"), quantity=quantity, value=value))
    return tuple(items)


def _currency(properties: Node, default_currency: str | None) -> str:
    if properties.first_present(("currency",)):
        return currency_of(properties.values["currency"], properties.at("currency"))
    if not default_currency:
        raise Problem(properties.at("currency"), "required beside an amount, since the source has no default currency")
    return default_currency


def _given_back(properties: Node, currency: str) -> Money:
    """Give what the products of a refund are worth together."""
    whole = Decimal(0)
    items = items_of(properties, currency)
    for product, item in zip(properties.children("products"), items, strict=True):
        if item.value is None:
            reason = "required where a refund names products and no total: it gives back these, not the whole order"
            raise Problem(product.at("price"), reason)
        whole += abs(item.value)
    return money(whole, currency, properties.at("products"))


def _times(price: Decimal, quantity: Decimal, currency: str, path: str) -> Decimal:
    if len(price.as_tuple().digits) + len(quantity.as_tuple().digits) > 27:
        return rounded(decimal_of(str(price * quantity), path), currency)
    return money(price * quantity, currency, path).amount
