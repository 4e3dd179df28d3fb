"""Touchpoints in our own envelope: what is written comes out again, and what is not ours to say is left out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from producers.adapters.crm.touchpoints import ADAPTER
from schemas.base import event_id
from schemas.bodies import HotlineBody, OtherBody, StoreBody, WebBody
from schemas.touchpoint import Touchpoint
from tests.unit.producers.survey.rig import CONTEXT, file, keys, refused, taken

WIRE = sorted((Path(__file__).parents[4] / "schemas" / "examples" / "touchpath.collected" / "v1").glob("*.json"))
LEAST: dict[str, Any] = {"touchpoint": "branch_visit", "occurred_at": "2026-03-06T09:12:44+01:00"}


@pytest.mark.parametrize("path", WIRE, ids=lambda path: path.stem)
def test_every_touchpoint_that_was_ever_on_the_wire_comes_out_as_it_was(path: Path) -> None:
    written = Touchpoint.model_validate_json(path.read_bytes())
    touchpoint = taken(ADAPTER, path.read_bytes())
    assert touchpoint.properties.pop("original_source") == written.source
    expected = {"source": "desk", "received_at": CONTEXT.received_at}
    assert touchpoint == written.model_copy(update=expected)


def test_only_a_name_and_a_time_are_required() -> None:
    touchpoint = taken(ADAPTER, LEAST)
    assert (touchpoint.channel, touchpoint.body, touchpoint.source) == ("store", StoreBody(), "desk")
    assert touchpoint.occurred_at == datetime(2026, 3, 6, 8, 12, 44, tzinfo=UTC)
    assert taken(ADAPTER, LEAST | {"channel": "print"}).body == OtherBody()
    assert taken(ADAPTER, LEAST | {"touchpoint": "zork"}).body == WebBody()


def test_what_was_not_verified_stays_so_and_a_public_key_verifies_nothing() -> None:
    assert taken(ADAPTER, LEAST).verified
    assert not taken(ADAPTER, LEAST | {"verified": False}).verified
    public = replace(CONTEXT, sender=replace(CONTEXT.sender, public=True))
    assert not taken(ADAPTER, LEAST | {"touchpoint": "page_view", "verified": True}, public).verified


def test_the_id_is_the_senders_and_without_one_the_content_stands_for_it() -> None:
    uuid = "0b8f2f4e-6a35-4c5e-9d0a-1f6f3a1c2d31"
    assert taken(ADAPTER, LEAST | {"event_id": uuid}).event_id == UUID(uuid)
    assert taken(ADAPTER, LEAST | {"event_id": "e1"}).event_id == event_id("desk", "e1")
    assert taken(ADAPTER, LEAST).event_id == taken(ADAPTER, LEAST).event_id


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"touchpoint": None}, "$.touchpoint: required, but missing or blank"),
        ({"occurred_at": ""}, "$.occurred_at: required, but missing or blank"),
        ({"occurred_at": "soon"}, "$.occurred_at: not a time"),
        ({"occurred_at": "1985-03-06T09:12:44Z"}, "$.occurred_at: 1985-03-06T09:12:44+00:00 is before 1990-01-01"),
        ({"touchpoint": "Branch Visit"}, "$.touchpoint: String should match pattern"),
        ({"chanel": "web"}, "$.chanel: Extra inputs are not permitted"),
        ({"amount": {"amount": "12.345", "currency": "EUR"}}, "$.amount: 12.345 has more than the 2 decimals of EUR"),
        ({"body": {"kind": "survey", "metric": "nps", "score": 11}}, "$.body.survey: NPS is asked on 0 to 10"),
        ({"body": {"kind": "zork"}}, "$.body: Input tag 'zork'"),
        ({"identifiers": [{"kind": "email", "value": "-"}]}, "$.identifiers[0].value: '-' stands for no value"),
        ({"event_id": [1]}, "$.event_id: not text"),
        ({"shelf.row": 1}, "$.shelf.row: not a column"),
        ({"amount": 5, "amount.currency": "EUR"}, "$.amount.currency: said twice"),
    ],
)
def test_what_breaks_the_contract_is_refused_with_its_path(more: dict[str, Any], reason: str) -> None:
    assert refused(ADAPTER, LEAST | more).startswith(reason)


def test_a_csv_file_writes_objects_with_dots() -> None:
    heading = "event_id,touchpoint,occurred_at,identifier.customer,identifier.email,amount.amount,amount.currency"
    text = f"{heading},body.kind,body.waiting_time,properties.shelf,campaign.name\n"
    row = "e1,call,2026-03-06 09:12,c1,ada@example.org,12.90,EUR,hotline,12.5,7,spring\n"
    full, least = file(ADAPTER, text + row + "e2,call,2026-03-06 09:12,,,,,,,,\n")
    assert isinstance(full, Touchpoint)
    assert keys(full) == ["customer:c1", "email:ada@example.org"]
    assert full.body == HotlineBody(waiting_time=Decimal("12.5"))
    assert full.amount is not None
    assert full.amount.minor == 1290
    assert full.properties == {"shelf": "7"}
    assert full.occurred_at == datetime(2026, 3, 6, 8, 12, tzinfo=UTC)
    assert isinstance(least, Touchpoint)
    assert (least.identifiers, least.amount, least.body) == ((), None, HotlineBody())


def test_reading_a_piece_leaves_it_as_it_was() -> None:
    payload = LEAST | {"body": {"kind": "store"}, "body.till": "3", "identifier.email": "ada@example.org"}
    before = json.dumps(payload)
    assert taken(ADAPTER, payload) == taken(ADAPTER, json.loads(before))
    assert isinstance(taken(ADAPTER, payload).body, StoreBody)
