"""Loyalty cards that were scanned: CSV, JSON lines or a webhook, one row for each scan: card, store, time.

A scan at a till (`till` or `receipt` is given) is a `loyalty_scan`: the receipt tells of the purchase, and earns no
second credit by it. A scan anywhere else, at the door, at a kiosk, by the app in the branch, is a `branch_visit`.
"""

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.loose import Loose, hook_rows
from producers.adapters.problem import Problem
from producers.adapters.store.cards import card
from producers.adapters.store.rows import whole_rows
from schemas.bodies import StoreBody

SCAN, VISIT, CHANNEL = "loyalty_scan", "branch_visit", "store"
CARD = ("card", "loyalty_id", "loyalty", "loyalty_card", "loyalty_number", "card_number", "customer_card")
STORE = ("store", "store_id", "branch", "branch_id", "store_number", "store_nr")
TIME = ("time", "timestamp", "scanned_at", "datetime", "date_time", "occurred_at")
TILL = ("till", "till_id", "register", "register_id", "terminal", "pos", "workstation_id")
RECEIPT = ("receipt", "receipt_id", "receipt_number", "transaction_id", "basket_id")


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one scan."""
    row = Loose(piece.value, piece.path)
    number = row.required(*CARD)
    cards = card(number)
    if not cards:
        raise Problem(row.at(*CARD), f"{number!r} is no card")
    store = row.required(*STORE)
    when, at = row.moment(*TIME)
    till, receipt = row.text(*TILL), row.text(*RECEIPT)
    own = row.text("id", "event_id", "scan_id")
    return Draft(
        touchpoint=SCAN if till or receipt else VISIT,
        channel=CHANNEL,
        occurred_at=when,
        at=at,
        id=own or f"scan {number} {store} {till or ''} {when.isoformat()}",
        identifiers=cards,
        name=row.remark("place", "device", "reader"),
        body=StoreBody(store=store, till=till, receipt=receipt),
    )


ADAPTER = Adapter(
    name="loyalty_scans",
    about="scans of loyalty cards: card, store, time, and the till where it was at one (CSV, JSON lines, webhook)",
    area="store",
    pieces=hook_rows,
    file=whole_rows,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
