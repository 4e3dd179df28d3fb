"""From a receipt to its outcome. Pure.

A receipt is one `store_purchase`; its worth is the sum of its lines, each rounded half to even to the minor unit. Lines
of quantity 0 and receipts worth 0 are kept: a till writes them for a reason (a deposit, a voucher, a correction).
A receipt below zero is a `store_return` of that positive amount; where the column `original_receipt` names the
receipt that it takes back (store/till/date/number), it takes it back from that order, else it stands for itself.
Without a loyalty card there is no identifier: the receipt is landed and counts as revenue, but is not stitched.
"""

from datetime import datetime

from producers.adapters.amounts import money
from producers.adapters.moments import possible
from producers.adapters.problem import Problem
from producers.adapters.quarantine import quarantined
from producers.adapters.sender import Limits, Sender
from producers.adapters.store.grouping import Found, Receipt, Stray, Torn, Twice
from producers.adapters.store.lines import Line
from schemas.base import event_id
from schemas.bodies import StoreBody
from schemas.identifier import Identifier
from schemas.outcome import Accepted, Duplicate, Outcome
from schemas.touchpoint import Touchpoint

PURCHASE, RETURN, CHANNEL = "store_purchase", "store_return", "store"
#: A touchpoint must fit a Kafka record.
MOST_LINES = 2_000


def outcome_of(found: Found, sender: Sender, received_at: datetime, limits: Limits) -> Outcome:
    """Give the outcome of what the grouping found: one per receipt or stray line, never an exception."""
    if isinstance(found, Stray):
        return quarantined(str(found.line.problem), found.line.raw.content, sender, received_at, limits)
    receipt = found.receipt
    if isinstance(found, Twice):
        return Duplicate(event_id(sender.source, receipt.key))
    try:
        if isinstance(found, Torn):
            raise Problem(
                receipt.raws[0].at("receipt"), f"receipt {receipt.key} was complete long before; sort the file by it"
            )
        return Accepted(_touchpoint(receipt, sender, received_at))
    except Problem as problem:
        raw = b"".join(raw.content for raw in receipt.raws)
        return quarantined(str(problem), raw, sender, received_at, limits)


def _touchpoint(receipt: Receipt, sender: Sender, received_at: datetime) -> Touchpoint:
    if receipt.problem is not None:
        raise receipt.problem
    lines = receipt.lines
    last = max(lines, key=lambda line: line.moment)
    if len(lines) > MOST_LINES:
        raise Problem(lines[MOST_LINES].raw.at(), f"more than {MOST_LINES} lines in one receipt")
    currency, loyalty, original = (_one(lines, name) for name in ("currency", "loyalty", "original"))
    total = sum((line.value for line in lines), start=lines[0].value * 0)
    returned = total < 0
    order = receipt.key
    if returned:
        order = original if original is not None else ""
        if order and order.count("/") != 3:
            line = next(line for line in lines if line.original)
            raise Problem(line.raw.at("original_receipt"), "not of the form store/till/date/number")
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
    return Touchpoint(
        event_id=event_id(sender.source, receipt.key),
        source=sender.source,
        touchpoint=RETURN if returned else PURCHASE,
        channel=CHANNEL,
        occurred_at=possible(last.moment, received_at, last.raw.at("timestamp")),
        received_at=received_at,
        identifiers=(Identifier(kind="loyalty", value=loyalty),) if loyalty else (),
        order_id=order or None,
        amount=money(abs(total), currency or "", lines[0].raw.at("value")),
        body=StoreBody.model_validate(body),
    )


def _one(lines: list[Line], name: str) -> str | None:
    """Give what all lines that say it agree on."""
    columns = {"currency": "currency", "loyalty": "loyalty_id", "original": "original_receipt"}
    first: str | None = None
    for line in lines:
        value: str | None = getattr(line, name)
        if value is None:
            continue
        if first is not None and value != first:
            raise Problem(line.raw.at(columns[name]), f"{value!r}, where the receipt began with {first!r}")
        first = value
    return first
