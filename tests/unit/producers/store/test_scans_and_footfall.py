"""Loyalty cards that were scanned, and people counted at the doors."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from producers.adapters.adapter import Context
from producers.adapters.finish import outcome_of
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Sender
from schemas.bodies import StoreBody
from schemas.catalogue import load
from schemas.outcome import Accepted, Outcome, Quarantined
from schemas.touchpoint import Touchpoint

CONTEXT = Context(
    Sender("store", "file", "EUR", zone=ZoneInfo("Europe/Berlin")), datetime(2026, 11, 22, tzinfo=UTC), load()
)
SCAN = {"card": "L7", "store": "12", "time": "2026-11-01 11:50"}
SPAN = {"store": "12", "from": "2026-11-01 10:00", "to": "2026-11-01 11:00", "count": 118}


def outcomes(name: str, content: bytes) -> list[Outcome]:
    adapter = ADAPTERS[name]
    assert adapter.file is not None
    return [outcome_of(adapter, piece, CONTEXT) for piece in adapter.file(io.BytesIO(content), CONTEXT)]


def one(name: str, row: dict[str, Any]) -> Touchpoint:
    [found] = outcomes(name, orjson.dumps(row) + b"\n")
    assert isinstance(found, Accepted), found
    return found.touchpoint


def reason(name: str, row: dict[str, Any]) -> str:
    [found] = outcomes(name, orjson.dumps(row) + b"\n")
    assert isinstance(found, Quarantined)
    return found.record.reason


# ---- cards


def test_a_card_at_the_door_is_a_visit_and_at_the_till_no_second_credit() -> None:
    visit = one("loyalty_scans", SCAN)
    assert (visit.touchpoint, visit.key) == ("branch_visit", "loyalty:L7")
    assert visit.occurred_at == datetime(2026, 11, 1, 10, 50, tzinfo=UTC)
    scan = one("loyalty_scans", {**SCAN, "till": "1", "receipt": "101"})
    assert scan.touchpoint == "loyalty_scan"
    assert scan.body == StoreBody(store="12", till="1", receipt="101")
    catalogue = load()
    earns = {name: entry.credit for name in (visit.touchpoint, scan.touchpoint) if (entry := catalogue.entry(name))}
    assert earns == {"branch_visit": True, "loyalty_scan": False}


def test_the_same_scan_again_is_the_same_event() -> None:
    assert one("loyalty_scans", SCAN).event_id == one("loyalty_scans", SCAN).event_id
    later = one("loyalty_scans", {**SCAN, "time": "2026-11-01 11:51"})
    assert later.event_id != one("loyalty_scans", SCAN).event_id
    assert (
        one("loyalty_scans", {**SCAN, "id": "s1"}).event_id == one("loyalty_scans", {**SCAN, "scan_id": "s1"}).event_id
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"card": ""}, "$.line[1].card: required, but missing or blank"),
        ({"card": "00000"}, "$.line[1].card: '00000' is no card"),
        ({"store": None}, "$.line[1].store: required, but missing or blank"),
        ({"time": "soon"}, "$.line[1].time: not a time"),
        ({"time": "1987-01-01 10:00"}, "$.line[1].time: 1987-01-01T09:00:00+00:00 is before 1990-01-01"),
    ],
)
def test_a_scan_without_card_store_or_time_is_none(change: dict[str, Any], expected: str) -> None:
    assert reason("loyalty_scans", {**SCAN, **change}) == expected


# ---- people


def test_people_who_were_counted_are_nobody() -> None:
    span = one("footfall", {**SPAN, "out": 97, "door": "north"})
    assert (span.touchpoint, span.channel, span.identifiers) == ("footfall", "store", ())
    assert span.key == f"event:{span.event_id}"
    assert span.occurred_at == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert span.properties == {"count": 118, "out": 97, "seconds": 3600, "door": "north"}


def test_a_span_is_told_by_store_door_and_begin_whatever_was_counted() -> None:
    assert one("footfall", SPAN).event_id == one("footfall", {**SPAN, "count": 120}).event_id
    for change in ({"store": "13"}, {"door": "south"}, {"from": "2026-11-01 09:00"}):
        assert one("footfall", {**SPAN, **change}).event_id != one("footfall", SPAN).event_id


def test_the_hour_in_which_clocks_go_back_is_two_hours_long() -> None:
    span = one("footfall", {**SPAN, "from": "2026-10-25 02:00", "to": "2026-10-25 03:00"})
    assert span.properties["seconds"] == 7200


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"count": None}, "$.line[1].count: required, but missing or blank"),
        ({"count": "many"}, "$.line[1].count: not a number"),
        ({"count": -1}, "$.line[1].count: not a number of people"),
        ({"count": 1.5}, "$.line[1].count: not a number of people"),
        ({"to": "2026-11-01 09:00"}, "$.line[1].to: before the beginning of the span"),
        ({"from": ""}, "$.line[1].from: required, but missing or blank"),
    ],
)
def test_a_span_that_cannot_be_is_quarantined(change: dict[str, Any], expected: str) -> None:
    assert reason("footfall", {**SPAN, **change}) == expected


@pytest.mark.parametrize("cut", [b"12,2026-11-01 11:00,2026-11-01 12:00,14", b"12,2026-11-01 11:00,"])
def test_a_row_that_was_cut_off_is_not_taken_for_a_smaller_count(cut: bytes) -> None:
    content = b"store,from,to,count\n12,2026-11-01 10:00,2026-11-01 11:00,118\n" + cut
    good, bad = outcomes("footfall", content)
    assert isinstance(good, Accepted)
    assert isinstance(bad, Quarantined)
    assert bad.record.reason == "$.line[3]: cut off: the file's last line has no line break"
