"""Receipts as ARTS POSLog XML (versions 2 to 6, a subset), and digital receipts of the same family.

Elements, as tills of NCR, Diebold Nixdorf and Oracle write them: https://www.omg.org/retail-depository/arts-odm-73/,
https://docs.oracle.com/en/industries/retail/retail-customer-engagement/22.1.401.0/rcsbg/to_transactions.htm,
https://github.com/kjbreil/poslog (NCR's, with a sample).

- A `RetailTransaction` is one `store_purchase`, worth its `TransactionGrandAmount`, else the sum of its lines.
- `Return` lines are a `store_return` of the order that their `TransactionLink` names (store/till/date/number); those
  that name none are part of the receipt, which is a `store_return` that stands for itself if it is below zero.
- A transaction that voids an earlier one (`TransactionLink` with a reason such as `Voided`) is a `store_return` of it.
- What was given up, parked, or rung up for training is a `store_receipt_voided`, without an amount. A line with
  `VoidFlag`, and the line that it names in `ItemLink`, is no part of the receipt.
- Any other transaction (a till opened, counted, a cashier signed on) is a `till_control`.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element

from producers.adapters.adapter import Adapter, Context, Draft, Hook, HookRequest, Piece
from producers.adapters.amounts import currency_of, decimal_of, money, rounded
from producers.adapters.moments import parsed
from producers.adapters.person import email, identifiers
from producers.adapters.problem import Problem
from producers.adapters.store.cards import card
from producers.adapters.store.poslog_reader import Transaction, transactions
from producers.adapters.store.receipts import MOST_LINES, PURCHASE, RETURN
from schemas.bodies import StoreBody
from schemas.identifier import Identifier, is_blank
from schemas.money import Money

VOIDED, CONTROL, CHANNEL = "store_receipt_voided", "till_control", "store"
#: States in which no sale came about.
_UNDONE = frozenset({"voided", "void", "postvoided", "canceled", "cancelled", "suspended", "inprocess", "failed"})
#: Attributes that say the same, and the state that they stand for.
_FLAGS = {
    "CancelFlag": "Canceled",
    "VoidedFlag": "Voided",
    "VoidFlag": "Voided",
    "SuspendedFlag": "Suspended",
    "TrainingModeFlag": "Training",
}
_SALES = ("Sale", "SaleForDelivery", "SaleForPickup")
_RETAIL = ("RetailTransaction", "CustomerOrderTransaction")
_CARDS = ("LoyaltyID", "*LoyaltyID", "LoyaltyAccountID", "LoyaltyCardID", "*MembershipID", "AccountID", "CardNumber")
_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Xml:
    """An element and the path to it."""

    element: Element
    path: str

    def at(self, name: str) -> str:
        """Give the path of a child."""
        return f"{self.path}.{name}"

    def child(self, *names: str) -> "Xml | None":
        """Give the first child with one of the names."""
        for name in names:
            if (found := self.element.find(name)) is not None:
                return Xml(found, self.at(name))
        return None

    def children(self, name: str) -> list["Xml"]:
        """Give all children of a name."""
        return [Xml(one, f"{self.at(name)}[{index}]") for index, one in enumerate(self.element.findall(name))]

    def text(self, *names: str) -> str | None:
        """Give the first text that means something among the children of these names (`BusinessUnit/UnitID`).

        Raises:
            Problem: it is longer than any such thing.
        """
        for name in names:
            text = (self.element.findtext(name) or "").strip()
            if len(text) > _TEXT_LIMIT:
                raise Problem(self.at(name), f"longer than {_TEXT_LIMIT} characters")
            if not is_blank(text):
                return text
        return None

    def needed(self, *names: str) -> str:
        """Give the same, where there must be one.

        Raises:
            Problem: there is none.
        """
        if (text := self.text(*names)) is None:
            raise Problem(self.at(names[0]), "required, but missing")
        return text

    def says(self, name: str) -> bool:
        """Say whether an attribute is true."""
        return self.element.get(name, "").strip().lower() in ("true", "1")


@dataclass(slots=True)
class Item:
    """One line of a receipt. `value` is below zero for what came back; `original` is the order that it came from."""

    product: str
    category: str | None
    quantity: Decimal
    value: Decimal
    original: str | None = None


@dataclass(slots=True)
class Event:
    """What becomes one touchpoint."""

    touchpoint: str
    id: str
    moment: datetime
    at: str
    store: str
    till: str
    number: str
    name: str | None = None
    order: str | None = None
    amount: Money | None = None
    items: list[Item] = field(default_factory=list)
    identifiers: list[Identifier] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)


def file(file: BinaryIO, context: Context) -> Iterator[Piece]:
    """Split a file into the events of its transactions.

    Raises:
        Problem: it is no POSLog, or no XML from some place on. What came before is good.
    """
    for transaction in transactions(file):
        yield from _pieces(transaction, context)


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Split a request, which is one document."""
    return file(io.BytesIO(request.body), context)


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event."""
    event: Event = piece.value
    items = [
        {"product": one.product, "category": one.category, "quantity": one.quantity, "value": one.value}
        for one in event.items
    ]
    body = {"kind": "store", "store": event.store, "till": event.till or None, "receipt": event.number, "items": items}
    return Draft(
        touchpoint=event.touchpoint,
        occurred_at=event.moment,
        at=event.at,
        id=event.id,
        channel=CHANNEL,
        identifiers=event.identifiers,
        order_id=event.order,
        amount=event.amount,
        name=event.name,
        body=StoreBody.model_validate(body),
        properties=event.properties,
    )


def _pieces(transaction: Transaction, context: Context) -> Iterator[Piece]:
    raw = transaction.raw[: context.limits.event_bytes]  # its tree may be larger than an event: it is mostly markup
    try:
        if isinstance(transaction.tree, Problem):
            raise transaction.tree
        events = _events(Xml(transaction.tree, transaction.path), context)
    except Problem as problem:
        yield Piece(raw, transaction.path, problem)
        return
    for event in events:
        yield Piece(raw, transaction.path, event)


def _events(xml: Xml, context: Context) -> list[Event]:
    store = xml.needed("RetailStoreID", "BusinessUnit/UnitID")
    till = xml.text("WorkstationID") or ""
    number = xml.needed("SequenceNumber", "ReceiptNumber", "TransactionID")
    retail = xml.child(*_RETAIL)
    moment, at = _moment(xml, retail)
    day = _day(xml, "BusinessDayDate") or moment.date()
    key = f"{store}/{till}/{day.isoformat()}/{number}"
    event = Event(CONTROL, key, moment, at, store, till, number)
    if retail is None:
        kinds = [one.tag for one in xml.element if one.tag.endswith("Transaction")]
        event.name = kinds[0].lstrip("*") if kinds else None
        return [event]
    event.identifiers = _people(retail)
    currency = _currency(xml, context)
    voids = _voids(retail, store, till, day)
    if voids is not None:
        event.touchpoint, event.name, event.order = RETURN, "Voided", voids
        event.amount = money(
            abs(_worth(retail, _items(retail, currency, store, every=True), currency)),
            currency,
            retail.at("Total"),
        )
        return [event]
    undone = _undone(xml, retail)
    if undone is not None:
        event.touchpoint, event.name, event.id = VOIDED, undone, f"{key} {undone.lower()}"
        return [event]
    return _sales(event, key, retail, currency)


def _sales(event: Event, key: str, retail: Xml, currency: str) -> list[Event]:
    """Give the purchase, and a return for each order that something came back of."""
    items = _items(retail, currency, event.store)
    if len(items) > MOST_LINES:
        raise Problem(retail.at("LineItem"), f"more than {MOST_LINES} lines in one receipt")
    worth = _worth(retail, items, currency)
    event.properties = {"tenders": _tenders(retail)}
    back: dict[str, list[Item]] = {}
    for item in items:
        if item.original is not None:
            back.setdefault(item.original, []).append(item)
    rest = [item for item in items if item.original is None]
    if len(back) == 1 and not rest:
        [(event.order, event.items)] = back.items()
        event.touchpoint, event.amount = RETURN, money(abs(worth), currency, retail.at("Total"))
        return [event]
    events = []
    for original, group in back.items():
        taken = sum((item.value for item in group), start=Decimal(0))
        worth -= taken
        amount = money(abs(taken), currency, retail.path)
        events.append(
            Event(
                RETURN,
                f"{key} of {original}",
                event.moment,
                event.at,
                event.store,
                event.till,
                event.number,
                order=original,
                amount=amount,
                items=group,
                identifiers=event.identifiers,
            )
        )
    if rest or not back:
        event.touchpoint, event.order = (PURCHASE, key) if worth >= 0 else (RETURN, None)
        event.amount, event.items = money(abs(worth), currency, retail.at("Total")), rest
        events.insert(0, event)
    return events


def _moment(xml: Xml, retail: Xml | None) -> tuple[datetime, str]:
    for where in (xml, retail):
        for name in ("EndDateTime", "ReceiptDateTime", "POSLogDateTime", "BeginDateTime"):
            if where is not None and (text := where.text(name)) is not None:
                return parsed(text, where.at(name)), where.at(name)
    raise Problem(xml.at("EndDateTime"), "required, but missing")


def _day(xml: Xml, *names: str) -> date | None:
    text = xml.text(*names)
    return None if text is None else parsed(text[:10], xml.at(names[0])).date()


def _currency(xml: Xml, context: Context) -> str:
    code = xml.text("CurrencyCode") or context.sender.default_currency
    if code is None:
        raise Problem(xml.at("CurrencyCode"), "required: there is none, and none is declared for the source")
    return currency_of(code, xml.at("CurrencyCode"))


def _undone(xml: Xml, retail: Xml) -> str | None:
    """Give the state of a transaction that is no sale."""
    for attribute, state in _FLAGS.items():
        if xml.says(attribute) or retail.says(attribute):
            return state
    status = retail.element.get("TransactionStatus", "").strip()
    return status[:_TEXT_LIMIT] if status.lower() in _UNDONE else None


def _voids(retail: Xml, store: str, till: str, day: date) -> str | None:
    """Give the order that this transaction makes void, None where it is another kind of transaction."""
    for link in retail.children("TransactionLink"):
        if "void" in link.element.get("ReasonCode", "").lower():
            return _order(link, store, till, day)
    return None


def _order(link: Xml, store: str, till: str | None, day: date | None) -> str | None:
    """Give the order that a link names: store/till/date/number. What it does not say is taken from the rest."""
    number = link.text("SequenceNumber")
    day = _day(link, "BusinessDayDate", "BeginDateTime") or day
    till = link.text("WorkstationID") or till
    if number is None or till is None or day is None:
        return None
    return f"{link.text('RetailStoreID', 'BusinessUnit/UnitID') or store}/{till}/{day.isoformat()}/{number}"


def _items(retail: Xml, currency: str, store: str, *, every: bool = False) -> list[Item]:
    lines = retail.children("LineItem")
    gone: set[str] = set()
    if not every:
        for line in lines:
            if line.says("VoidFlag") or line.says("CancelFlag"):
                gone.add(line.path)
                thing = line.child(*_SALES, "Return")
                link = thing.text("ItemLink") if thing is not None else None
                gone |= {one.path for one in lines if link is not None and one.text("SequenceNumber") == link}
    items = []
    for line in lines:
        if line.path in gone:
            continue
        if (sale := line.child(*_SALES)) is not None:
            items.append(_item(sale, currency))
        elif (returned := line.child("Return")) is not None:
            item = _item(returned, currency)
            item.quantity, item.value = -abs(item.quantity), -abs(item.value)
            if (sold := returned.child("TransactionLink")) is not None:
                item.original = _order(sold, store, None, None)
            items.append(item)
    return items


def _item(thing: Xml, currency: str) -> Item:
    quantity = decimal_of(thing.text("Quantity") or "1", thing.at("Quantity"))
    if (extended := thing.child("ExtendedAmount")) is not None:
        value = decimal_of(thing.needed("ExtendedAmount"), thing.at("ExtendedAmount"))
        if extended.element.get("Action", "").lower() == "subtract":
            value = -abs(value)
    else:
        price = thing.needed("ActualSalesUnitPrice", "RegularSalesUnitPrice")
        at = thing.at("ActualSalesUnitPrice")
        value = decimal_of(format(decimal_of(price, at) * quantity, "f"), at)
    hierarchies = thing.children("MerchandiseHierarchy")
    departments = [one for one in hierarchies if "department" in one.element.get("Level", "").lower()]
    category = next((one.element.text for one in departments + hierarchies if one.element.text), None)
    return Item(
        product=thing.needed("ItemID", "POSIdentity/POSItemID", "Description"),
        category=category.strip()[:_TEXT_LIMIT] if category else None,
        quantity=quantity,
        value=rounded(value, currency),
    )


def _worth(retail: Xml, items: list[Item], currency: str) -> Decimal:
    """Give what the receipt says that it is worth, below zero where money went back; else the sum of its lines."""
    for total in retail.children("Total"):
        if total.element.get("TotalType", "") == "TransactionGrandAmount":
            worth = rounded(decimal_of(total.element.text or "", total.path), currency)
            # Some tills write what they pay back without a sign.
            return -abs(worth) if items and all(item.value < 0 for item in items) else worth
    return sum((item.value for item in items), start=Decimal(0))


def _tenders(retail: Xml) -> list[str]:
    kinds = {one.get("TenderType", "").strip()[:_TEXT_LIMIT] for one in retail.element.findall("LineItem/Tender")}
    return sorted(kinds - {""})


def _people(retail: Xml) -> list[Identifier]:
    found: list[Identifier] = []
    for element in retail.element.iter():
        if element.tag in ("LoyaltyAccount", "LoyaltyMembership", "*LoyaltyMembership"):
            numbers = [(one.text or "").strip()[:_TEXT_LIMIT] for name in _CARDS for one in element.iter(name)]
            found += next((cards for number in numbers if (cards := card(number))), [])
    customer = retail.child("Customer")
    if customer is not None:
        address = customer.text("EMail/EMailAddress", "EMailAddress", "Email")
        found += identifiers(customer=customer.text("CustomerID"), email=email(address))
    return found


ADAPTER = Adapter(
    name="poslog",
    about="receipts of store tills as ARTS POSLog XML: purchases, returns, voided and control transactions",
    area="store",
    pieces=pieces,
    file=file,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
