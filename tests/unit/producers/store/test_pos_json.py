"""Receipts as JSON, whole or line by line, and the touchpoints that they become."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from producers.adapters.adapter import Context, HookRequest
from producers.adapters.finish import outcome_of
from producers.adapters.sender import Sender
from producers.adapters.store import pos_csv, pos_json
from schemas.bodies import StoreBody
from schemas.catalogue import StoreSettings, load
from schemas.outcome import Accepted, Outcome, Quarantined
from schemas.touchpoint import Touchpoint

SENDER = Sender("store", "file:pos.jsonl", "EUR", zone=ZoneInfo("Europe/Berlin"))
NOW = datetime(2026, 11, 22, tzinfo=UTC)
CATALOGUE = load()
HEAD = {"store_id": "12", "till": "1", "receipt": "101", "timestamp": "2026-11-01 11:53:26", "loyalty_id": "L7"}
TEA = {"product": "tea", "category": "drinks", "quantity": 2, "value": 3.98}
MILK = {"product": "milk", "category": "dairy", "quantity": 1, "value": "0.99"}


def context(settings: StoreSettings | None = None) -> Context:
    return Context(SENDER, NOW, CATALOGUE.model_copy(update={"store": settings or StoreSettings()}))


def outcomes(*objects: Any, settings: StoreSettings | None = None) -> list[Outcome]:
    content = b"".join(orjson.dumps(one) + b"\n" for one in objects)
    known = context(settings)
    return [outcome_of(pos_json.ADAPTER, piece, known) for piece in pos_json.file(io.BytesIO(content), known)]


def taken(*objects: Any, **more: Any) -> list[Touchpoint]:
    found = outcomes(*objects, **more)
    assert all(isinstance(one, Accepted) for one in found), found
    return [one.touchpoint for one in found if isinstance(one, Accepted)]


def test_a_receipt_is_the_same_whole_line_by_line_and_as_csv() -> None:
    [whole] = taken({**HEAD, "items": [TEA, MILK]})
    [by_line] = taken({**HEAD, **TEA}, {**HEAD, **MILK})
    csv = (
        b"store_id,till,receipt,timestamp,loyalty_id,product,category,quantity,value\n"
        b"12,1,101,2026-11-01 11:53:26,L7,tea,drinks,2,3.98\n12,1,101,2026-11-01 11:53:26,L7,milk,dairy,1,0.99\n"
    )
    [piece] = pos_csv.file(io.BytesIO(csv), context())
    as_csv = outcome_of(pos_csv.ADAPTER, piece, context())
    assert isinstance(as_csv, Accepted)
    assert whole == by_line == as_csv.touchpoint
    assert whole.order_id == "12/1/2026-11-01/101"
    assert whole.amount is not None
    assert whole.amount.minor == 497


def test_lines_of_receipts_may_be_mixed_with_whole_ones() -> None:
    other = {**HEAD, "receipt": "102"}
    found = taken({**HEAD, **TEA}, {**other, "items": [TEA]}, {**HEAD, **MILK})
    assert {one.order_id: one.amount.minor for one in found if one.amount} == {
        "12/1/2026-11-01/101": 497,
        "12/1/2026-11-01/102": 398,
    }


def test_what_a_whole_receipt_is_worth_is_the_sum_of_its_lines() -> None:
    [receipt] = taken({**HEAD, "total": 99, "quantity": 9, "lines": [TEA, {"sku": "bag", "total": "0.10"}]})
    assert receipt.amount is not None
    assert receipt.amount.minor == 408
    assert isinstance(receipt.body, StoreBody)
    assert [item.quantity for item in receipt.body.items] == [2, 1]


def test_a_return_may_name_its_receipt_in_parts() -> None:
    back = {"product": "tea", "quantity": -1, "value": -1.99}
    parts = {"original_receipt": "88", "original_date": "2026-10-01"}
    assert [one.order_id for one in taken({**HEAD, **parts, "items": [back]})] == ["12/1/2026-10-01/88"]
    elsewhere = {"original_store": "7", "original_till": "3"}
    assert [one.order_id for one in taken({**HEAD, **parts, **elsewhere, "items": [back]})] == ["7/3/2026-10-01/88"]
    bought, returned = taken({**HEAD, "items": [TEA, {**back, **parts}]})
    assert (bought.touchpoint, bought.order_id) == ("store_purchase", "12/1/2026-11-01/101")
    assert (returned.touchpoint, returned.order_id) == ("store_return", "12/1/2026-10-01/88")


def test_fields_have_the_names_that_the_catalogue_gives_them() -> None:
    settings = StoreSettings(
        columns={"receipt": "Bon-Nr.", "value": "Umsatz", "timestamp": ("Datum", "Uhrzeit"), "store_id": "Filiale"},
        decimal_comma=True,
        date_format="%d/%m/%Y %H:%M",
    )
    row = {"Filiale": 4, "Bon-Nr.": 7, "Datum": "01/11/2026", "Uhrzeit": "10:15", "sku": "tea"}
    first, second = taken(
        {**row, "Umsatz": "1.234,50"}, {**row, "Bon-Nr.": 8, "Umsatz": 1234.5, "Waehrung": "x"}, settings=settings
    )
    assert first.amount == second.amount
    assert first.amount is not None
    assert (first.amount.minor, first.order_id) == (123450, "4//2026-11-01/7")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({**HEAD, "items": [TEA, {**MILK, "value": "much"}]}, "$.line[2].items[1].value: not a number"),
        ({**HEAD, "items": [TEA, 7]}, "$.line[2].items[1]: not an object"),
        ({**HEAD, "items": []}, "$.line[2].items: not a list of lines"),
        ({**HEAD, "items": {"a": 1}}, "$.line[2].items: not a list of lines"),
        ({**HEAD, "items": [TEA] * 2001}, "$.line[2].items: more than 2000 lines in one receipt"),
        ({**HEAD, "items": [TEA, {**MILK, "receipt": "9"}]}, "$.line[2].items[1]: a line of another receipt"),
        ({**HEAD, "receipt": [1], "items": [TEA]}, "$.line[2].receipt: neither text nor a number"),
        ({**HEAD, **TEA, "value": True}, "$.line[2].value: neither text nor a number"),
        ({**HEAD, **TEA, "timestamp": "soon"}, "$.line[2].timestamp: not a time"),
        ({}, "$.line[2].timestamp: required, but blank"),
        ([], "$.line[2]: not an object"),
    ],
)
def test_a_bad_object_is_quarantined_and_its_neighbours_go_through(bad: Any, reason: str) -> None:
    found = outcomes({**HEAD, "receipt": "1", "items": [TEA]}, bad, {**HEAD, "receipt": "3", "items": [TEA]})
    assert sum(isinstance(one, Accepted) for one in found) == 2
    [kept] = [one.record.reason for one in found if isinstance(one, Quarantined)]
    assert kept.partition(" (of its")[0] == reason


def test_a_bad_line_takes_its_receipt_along() -> None:
    found = outcomes({**HEAD, **TEA}, {**HEAD, **MILK, "value": "much"}, {**HEAD, "receipt": "3", **TEA})
    [bad] = [one.record for one in found if isinstance(one, Quarantined)]
    assert bad.reason == "$.line[2].value: not a number"
    assert len(bad.original.splitlines()) == 2
    assert sum(isinstance(one, Accepted) for one in found) == 1


@pytest.mark.parametrize("body", [{**HEAD, "items": [TEA, MILK]}, [{**HEAD, **TEA}, {**HEAD, **MILK}]])
def test_a_receipt_comes_by_webhook_too(body: Any) -> None:
    request = HookRequest(orjson.dumps(body), {}, (), "https://example.org/hooks/pos_json")
    [piece] = pos_json.pieces(request, context())
    found = outcome_of(pos_json.ADAPTER, piece, context())
    assert isinstance(found, Accepted)
    assert found.touchpoint.amount is not None
    assert found.touchpoint.amount.minor == 497
