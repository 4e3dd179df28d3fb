"""What a Snowplow event is: the touchpoint, the sender's own word for it, its worth, and what of it is kept."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from producers.adapters.adapter import Context
from producers.adapters.amounts import decimal_of
from producers.adapters.payload import Node
from producers.adapters.problem import Problem
from producers.adapters.web.snowplow import shop
from producers.adapters.web.snowplow.entities import Entity, event_of
from producers.adapters.web.snowplow.payload import Hit
from producers.adapters.web.snowplow.shop import Worth
from producers.adapters.web.worth import amount_of
from schemas.catalogue import Catalogue, slug

#: Snowplow's own self-describing events, where the catalogue has another name for them.
_KNOWN = {
    "add_to_cart": "product_added",
    "remove_from_cart": "product_removed",
    "site_search": "products_searched",
    "ad_click": "advertisement_clicked",
    "ad_impression": "advertisement_seen",
}
#: `type` of a shop's action, and `action` of the enhanced e-commerce plugin.
_SHOP = {
    "add_to_cart": "product_added",
    "remove_from_cart": "product_removed",
    "product_view": "product_viewed",
    "list_view": "product_list_viewed",
    "list_click": "product_clicked",
    "promo_view": "promotion_viewed",
    "promo_click": "promotion_clicked",
    "checkout_step": "checkout_step",
    "transaction": "order_completed",
    "refund": "order_refunded",
    "trns_error": "transaction_error",
}
_ENHANCED = {
    "add": "product_added",
    "remove": "product_removed",
    "detail": "product_viewed",
    "view": "product_list_viewed",
    "click": "product_clicked",
    "promo_click": "promotion_clicked",
    "checkout": "checkout_step",
    "checkout_option": "checkout_step",
    "purchase": "order_completed",
    "refund": "order_refunded",
}
_ACTIONS = {
    ("com.snowplowanalytics.snowplow.ecommerce", "snowplow_ecommerce_action"): ("type", _SHOP),
    ("com.google.analytics.enhanced-ecommerce", "action"): ("action", _ENHANCED),
}
_STRUCTURED = {"se_ca": "category", "se_ac": "action", "se_la": "label", "se_pr": "property"}
_PING = {"pp_mix": "x_min", "pp_max": "x_max", "pp_miy": "y_min", "pp_may": "y_max"}
_TRANSACTION = {
    "tr_af": "affiliation",
    "tr_tx": "tax",
    "tr_sh": "shipping",
    "tr_ci": "city",
    "tr_st": "state",
    "tr_co": "country",
}
_ITEM = {
    "ti_sk": "sku",
    "ti_nm": "name",
    "ti_ca": "category",
    "ti_pr": "price",
    "ti_qu": "quantity",
    "ti_cu": "currency",
}
_PART = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened."""

    touchpoint: str
    name: str | None = None
    worth: Worth = field(default_factory=Worth)
    properties: dict[str, Any] = field(default_factory=dict)


def what_of(event: Node, hit: Hit, entities: list[Entity], context: Context) -> Event:
    """Say what an event is, by its `e`.

    Raises:
        Problem: there is no such kind, or what it needs is missing or of the wrong kind.
    """
    kind = event.text("e", 20)
    if kind is None:
        raise Problem(event.at("e"), "required, but missing or blank")
    reader = _READERS.get(kind)
    if reader is None:
        raise Problem(event.at("e"), f"{kind!r} is none of {', '.join(_READERS)}")
    return reader(event, hit, entities, context)


def _page_view(event: Node, _hit: Hit, _entities: list[Entity], _context: Context) -> Event:
    return Event("page_view", event.remark("page"))


def _page_ping(event: Node, _hit: Hit, _entities: list[Entity], _context: Context) -> Event:
    return Event("page_ping", event.remark("page"), properties=_named(event, _PING))


def _transaction(event: Node, hit: Hit, _entities: list[Entity], context: Context) -> Event:
    worth = shop.of_transaction(event, hit, context.sender.default_currency)
    return Event("order_completed", "transaction", worth, _named(event, _TRANSACTION))


def _item(event: Node, hit: Hit, _entities: list[Entity], context: Context) -> Event:
    worth = shop.of_line(event, hit, context.sender.default_currency)
    return Event("order_item", "transaction item", worth, _named(event, _ITEM))


def _advertisement(_event: Node, _hit: Hit, _entities: list[Entity], _context: Context) -> Event:
    return Event("advertisement_seen", "ad impression")


def _structured(event: Node, _hit: Hit, _entities: list[Entity], context: Context) -> Event:
    action = event.text("se_ac")
    if action is None:
        raise Problem(event.at("se_ac"), "required, but missing or blank")
    category, catalogue = event.text("se_ca"), context.catalogue
    known = catalogue.touchpoint_named(f"{category} {action}") if category else None
    touchpoint = known or _named_touchpoint(action, catalogue)
    properties = _named(event, _STRUCTURED)
    if event.first_filled(("se_va",)):
        value = decimal_of(event.values["se_va"], event.at("se_va"))
        properties["value"] = float(value)
    worth = Worth()
    if catalogue.is_monetary(touchpoint):
        node = Node({"value": event.values.get("se_va")}, event.path)
        worth = Worth(amount=amount_of(node, touchpoint, catalogue, context.sender.default_currency))
    return Event(touchpoint, action, worth, properties)


def _self_describing(event: Node, _hit: Hit, entities: list[Entity], context: Context) -> Event:
    entity, catalogue, currency = event_of(event, context.limits), context.catalogue, context.sender.default_currency
    kept = {**entity.data.values, "schema": entity.schema}
    if (known := _ACTIONS.get((entity.vendor, entity.name))) is not None:
        name, table = known
        action = entity.data.text(name)
        if action is None:
            raise Problem(entity.data.at(name), "required, but missing or blank")
        touchpoint = table.get(action) or _named_touchpoint(action, catalogue)
        return Event(touchpoint, action, shop.of_entities(event, entities, touchpoint, catalogue, currency), kept)
    if entity.vendor.startswith("com.snowplowanalytics."):
        touchpoint = _KNOWN.get(entity.name) or _named_touchpoint(entity.name, catalogue)
        worth = Worth()
        if touchpoint in {"product_added", "product_removed"}:
            worth = shop.of_product(entity.data, currency)
        return Event(touchpoint, entity.name, worth, kept)
    touchpoint = _named_touchpoint(entity.name, catalogue)
    return Event(touchpoint, entity.name, shop.of_own(entity.data, touchpoint, catalogue, currency), kept)


def _named_touchpoint(name: str, catalogue: Catalogue) -> str:
    known = catalogue.touchpoint_named(name)
    if known is None and _PART.fullmatch(name) and len(name) <= 100 and catalogue.entry(name) is not None:
        return name
    return known or slug(name)


def _named(event: Node, names: dict[str, str]) -> dict[str, Any]:
    return {ours: text for theirs, ours in names.items() if (text := event.remark(theirs)) is not None}


_Reader = Callable[[Node, Hit, list[Entity], Context], Event]
_READERS: dict[str, _Reader] = {
    "pv": _page_view,
    "pp": _page_ping,
    "se": _structured,
    "ue": _self_describing,
    "tr": _transaction,
    "ti": _item,
    "ad": _advertisement,
}
