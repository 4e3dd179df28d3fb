from __future__ import annotations

import json
import re
from typing import Any

import pytest

from schemas import topics
from sinks.cells import Rows
from sinks.rows import COLUMNS, TOPICS, read
from sinks.versions import by_revision
from tests.integration.sink_parts import ARecord, collected, journeys_of, worked


def records_of(topic: str, customers: int = 1) -> list[ARecord]:
    raw = collected(journeys_of(customers))
    outputs = [output for output in [*raw, *worked(raw)] if output.topic == topic]
    return [ARecord(number, output.key, output.value, output.timestamp) for number, output in enumerate(outputs)]


def rows_of(topic: str, *values: bytes | None) -> Rows:
    rows: Rows = {}
    read(topic, 3, [ARecord(17 + number, b"k", value) for number, value in enumerate(values)], 1, rows)
    return rows


def changed(topic: str, path: list[str | int], value: Any) -> bytes:
    """A good record of the topic with one value changed."""
    record = json.loads(records_of(topic)[-1].value or b"")
    inner = record
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(record).encode()


def reason(rows: Rows) -> str:
    (row,) = rows["quarantine_log"]
    return str(row[COLUMNS["quarantine_log"].index("reason")])


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b"[]", b"{}", b"null", b"[" * 100_000])
def test_what_cannot_be_read_becomes_one_quarantine_row_with_its_place(topic: str, value: bytes | None) -> None:
    rows = rows_of(topic, value)
    (row,) = rows.pop("quarantine_log")
    entry = dict(zip(COLUMNS["quarantine_log"], row, strict=True))
    assert (entry["source"], entry["door"]) == (f"topic:{topic}", f"topic:{topic}/3@17")
    assert entry["reason"].startswith("$: ") or entry["reason"].startswith("$.")
    assert not any(rows.values())


@pytest.mark.parametrize(
    ("topic", "path", "value", "wanted"),
    [
        (topics.RESOLVED.name, ["touchpoint", "event_id"], "no-uuid", r"\$\.touchpoint\.event_id: "),
        (topics.RESOLVED.name, ["touchpoint", "occurred_at"], "2026-01-01T00:00:00", r"\$\.touchpoint\.occurred_at: "),
        (topics.RESOLVED.name, ["touchpoint", "amount", "amount"], "1.00001", r"amount\.amount: 1\.00001 has"),
        (topics.RESOLVED.name, ["touchpoint", "amount", "amount"], "1E+34", r"amount\.amount: .* more than 34 digits"),
        (topics.RESOLVED.name, ["touchpoint", "amount", "amount"], "NaN", r"amount\.amount: NaN is not a number"),
        (topics.RESOLVED.name, ["touchpoint", "body", "items", 0, "product"], 5, r"\.body\.items\[0\]\.product: "),
        (topics.RESOLVED.name, ["touchpoint", "body"], 5, r"\$\.touchpoint\.body: "),
        (topics.CREDITS.name, ["entries", 0, "value_minor"], 2**63, r"\$\.entries\[0\]\.value_minor: "),
        (topics.CREDITS.name, ["entries", 0, "credit"], "0.0000000001", r"credit: .* more than 9 decimals"),
        (topics.CONVERSIONS.name, ["net_minor"], -(2**63) - 1, r"\$\.net_minor: "),
        (topics.JOURNEYS.name, ["revision"], 0, r"\$\.revision: "),
    ],
)  # fmt: skip
def test_a_value_that_its_column_cannot_hold_is_quarantined_by_its_path(
    topic: str, path: list[str | int], value: Any, wanted: str
) -> None:
    rows = rows_of(topic, changed(topic, path, value))
    assert set(rows) == {"quarantine_log"}
    assert re.search(wanted, reason(rows)), reason(rows)


@pytest.mark.parametrize(
    "topic", [topic for topic in TOPICS if topic not in {"touchpath.quarantine", "touchpath.marks"}]
)
def test_a_bad_record_leaves_its_neighbours_alone(topic: str) -> None:
    good = records_of(topic, customers=2)
    alone: Rows = {}
    read(topic, 0, good, 1, alone)
    beside: Rows = {}
    assert read(topic, 0, [*good[:1], ARecord(99, b"k", b"{"), *good[1:]], 1, beside) == 1
    assert len(beside.pop("quarantine_log")) == 1
    assert beside == alone


def test_fields_that_a_newer_writer_added_are_passed_over() -> None:
    rows = rows_of(topics.JOURNEYS.name, changed(topics.JOURNEYS.name, ["mood"], "sunny"))
    assert set(rows) == {"journeys_log"}


def test_the_same_bad_record_has_the_same_id_wherever_it_lands() -> None:
    ids = {rows_of(topics.RESOLVED.name, b"{", b"{")["quarantine_log"][number][0] for number in (0, 1)}
    assert len(ids) == 1


PROFILE = "e4b4c1de-2d2f-5a37-8d40-52a4f1c2b6aa"
MOVE = {
    "owner": "anonymous:a1", "version": 1, "cause": "merge", "evidence": PROFILE, "from_profile": PROFILE,
    "recorded_at": "2026-03-05T09:41:00Z", "revision": 1, "touches": [{"event_id": PROFILE}],
}  # fmt: skip
COMMAND = {
    "type": "command", "to": "anonymous:a1", "action": "block", "command_id": PROFILE,
    "requested_at": "2026-03-05T09:41:00Z", "requested_by": "data team",
}  # fmt: skip
CHANGE = {
    "profile_id": PROFILE, "identifier": "anonymous:a1", "version": 0, "change": "created", "named_by": "anonymous:a1",
    "cause": "event", "evidence": PROFILE, "recorded_at": "2026-03-05T09:41:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "record", "wanted"),
    [
        (
            topics.RESOLVED.name,
            {"profile_id": PROFILE},
            r"^\$: a record is one of touchpoint, forwarding, arrival, rev",
        ),
        (topics.RESOLVED.name, {"profile_id": PROFILE, "forwarding": None}, r"^\$: a record is one of"),
        (topics.RESOLVED.name, {"profile_id": None, "arrival": MOVE}, r"^\$\.profile_id: a move names its profile$"),
        (topics.RESOLVED.name, {"profile_id": PROFILE, "arrival": MOVE | {"version": 0}}, r"^\$\.arrival\.version: "),
        (
            topics.RESOLVED.name,
            {"profile_id": PROFILE, "arrival": MOVE | {"touches": [{"event_id": "x"}]}},
            r"^\$\.arrival\.touches\[0\]\.event_id: ",
        ),
        (topics.PROFILES.name, CHANGE | {"version": -1}, r"^\$\.version: "),
        (topics.PROFILES.name, CHANGE | {"since": "2026-03-05T09:41:00"}, r"^\$\.since: "),
        (topics.IDENTITY.name, {"message": COMMAND | {"command_id": "x"}}, r"^\$\.message\.command_id: "),
        (topics.IDENTITY.name, {"message": {}}, r"^\$\.message: "),
    ],
)
def test_what_is_wrong_with_a_record_of_identity_is_said_by_its_path(
    topic: str, record: dict[str, Any], wanted: str
) -> None:
    rows = rows_of(topic, json.dumps(record).encode())
    assert set(rows) == {"quarantine_log"}
    assert re.search(wanted, reason(rows)), reason(rows)


def test_a_forwarding_and_what_identifiers_say_to_each_other_land_nowhere() -> None:
    forwarding = {"profile_id": PROFILE, "forwarding": {"owner": "anonymous:a1"}}
    assert rows_of(topics.RESOLVED.name, json.dumps(forwarding).encode()) == {}
    said = {"message": {"type": "seen", "reason": "command"}}
    assert rows_of(topics.IDENTITY.name, json.dumps(said).encode()) == {}


def test_each_touchpoint_of_an_arrival_is_placed_by_the_plan_that_moved_it() -> None:
    move = MOVE | {"version": 7, "touches": [{"event_id": PROFILE}, {"event_id": PROFILE[::-1].replace("-", "")}]}
    for epoch in (1, 2):
        rows: Rows = {}
        record = ARecord(5, b"k", json.dumps({"profile_id": PROFILE, "arrival": move}).encode())
        assert read(topics.RESOLVED.name, 0, [record], epoch, rows) == 0
        version = COLUMNS["placements_log"].index("version")
        assert [row[version] for row in rows["placements_log"]] == [by_revision(epoch, 7)] * 2
