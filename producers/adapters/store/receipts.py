"""From a receipt to its touchpoints. Pure, and the same for every format of the tills.

A receipt is one `store_purchase`; its worth is the sum of its lines, each rounded half to even to the minor unit. Lines
of quantity 0 and receipts worth 0 are kept: a till writes them for a reason (a deposit, a voucher, a correction).
A receipt below zero is a `store_return` of that positive amount, which stands for itself. Lines below zero that name
the receipt they take back (store/till/date/number) are a `store_return` of that order, of their own where the
receipt has other lines too: a trouser exchanged for a coat takes back one order and is another.
Without a loyalty card there is no identifier: the receipt is landed and counts as revenue, but is not stitched.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from producers.adapters.adapter import Context, Draft, Piece
from producers.adapters.amounts import money
from producers.adapters.problem import Problem
from producers.adapters.store.cards import card
from producers.adapters.store.grouping import Found, Receipt, Stray, Torn
from producers.adapters.store.lines import Line
from schemas.bodies import StoreBody

PURCHASE, RETURN, CHANNEL = "store_purchase", "store_return", "store"
#: A touchpoint must fit a Kafka record.
MOST_LINES = 2_000
#: More than is kept of a bad one. A good one may be longer than an event: its lines say much that is not kept.
MOST_RAW = 128 * 1024 + 1


@dataclass(frozen=True, slots=True)
class Sale:
    """Lines of one receipt that are one event. `original` is the receipt that they take back."""

    receipt: Receipt
    lines: list[Line]
    id: str
    original: str | None = None


def pieces_of(found: Found) -> Iterator[Piece]:
    """Give the pieces of what the grouping found: one for each event, or one that says what is wrong."""
    if isinstance(found, Stray):
        bad = found.line
        yield Piece(bad.raw.content, bad.raw.at(), bad.problem)
        return
    receipt = found.receipt
    try:
        if isinstance(found, Torn):
            raise Problem(
                receipt.raws[0].at("receipt"), f"receipt {receipt.key} was complete long before; sort the file by it"
            )
        sales = _sales(receipt)
    except Problem as problem:
        raws = receipt.raws
        yield Piece(b"".join(raw.content for raw in raws), raws[0].at(), problem)
        return
    # The whole receipt is kept with each part: by itself the return in it would be read as a receipt of its own.
    whole = b"".join(raw.content for raw in receipt.raws)[:MOST_RAW]
    for sale in sales:
        yield Piece(whole, sale.lines[0].raw.at(), sale)


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event."""
    sale: Sale = piece.value
    receipt, lines = sale.receipt, sale.lines
    last = max(lines, key=lambda line: line.moment)
    total = _total(lines)
    order = receipt.key if total >= 0 else sale.original
    # Validated in one step: a model for each line first would take as long as all the rest.
    items = [
        {"product": line.product, "category": line.category, "quantity": line.quantity, "value": line.value}
        for line in lines
    ]
    body = {
        "kind": "store",
        "store": receipt.store,
        "till": receipt.till or None,
        "receipt": receipt.number,
        "items": items,
    }
    loyalty = next((line.loyalty for line in receipt.lines if line.loyalty), None)
    return Draft(
        touchpoint=RETURN if total < 0 else PURCHASE,
        occurred_at=last.moment,
        at=last.raw.at("timestamp"),
        id=sale.id,
        channel=CHANNEL,
        identifiers=card(loyalty),
        order_id=order,
        amount=money(abs(total), lines[0].currency, lines[0].raw.at("value")),
        body=StoreBody.model_validate(body),
    )


def _sales(receipt: Receipt) -> list[Sale]:
    if receipt.problem is not None:
        raise receipt.problem
    lines = receipt.lines
    if len(lines) > MOST_LINES:
        raise Problem(lines[MOST_LINES].raw.at(), f"more than {MOST_LINES} lines in one receipt")
    _agree(lines, "currency", "currency")
    _agree(lines, "loyalty", "loyalty_id")
    taken_back: dict[str, list[Line]] = {}
    for line in lines:
        if line.original is not None:
            if line.original.count("/") != 3:
                raise Problem(line.raw.at("original_receipt"), "not of the form store/till/date/number")
            taken_back.setdefault(line.original, []).append(line)
    taken_back = {original: group for original, group in taken_back.items() if _total(group) < 0}
    rest = [line for line in lines if line.original not in taken_back]
    if len(taken_back) + bool(rest) == 1:
        return [Sale(receipt, lines, receipt.key, next(iter(taken_back), None))]
    sales = [Sale(receipt, rest, receipt.key)] if rest else []
    return sales + [Sale(receipt, group, f"{receipt.key} of {name}", name) for name, group in taken_back.items()]


def _total(lines: list[Line]) -> Decimal:
    return sum((line.value for line in lines), start=lines[0].value * 0)


def _agree(lines: list[Line], name: str, column: str) -> None:
    """Refuse a receipt whose lines say different things of what it has once."""
    first: str | None = None
    for line in lines:
        value: str | None = getattr(line, name)
        if value is None:
            continue
        if first is not None and value != first:
            raise Problem(line.raw.at(column), f"{value!r}, where the receipt began with {first!r}")
        first = value
