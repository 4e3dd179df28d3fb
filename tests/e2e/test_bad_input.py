"""Bad input at each door of a running stack: a clear error or a quarantine row with the reason as a path, and the good
events beside it go through."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas import topics
from schemas.bodies import WebBody
from schemas.touchpoint import Touchpoint
from tests.e2e.bad_input_rig import Doors
from tests.e2e.up_rig import Up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HEADING = "store_id,till,receipt,timestamp,loyalty_id,product,category,quantity,value\n"
TOMORROW = datetime.now(UTC) + timedelta(days=1, hours=1)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """One stack for all; each test tells its own events by their ids."""
    up = Up(tmp_path_factory.mktemp("bad-input") / "stack")
    try:
        up.start()
        made = Doors(up)
        yield made
        made.close()
    finally:
        up.end()


def an_event(message: str, **more: object) -> bytes:
    return json.dumps({"type": "track", "messageId": message, "userId": "ada", "event": "Chat", **more}).encode()


#: A bad event, and what is said of it, less where it stands in its batch.
BAD_EVENTS: dict[str, tuple[dict[str, Any], str]] = {
    "an amount that is no number": (
        {"event": "Order Completed", "properties": {"revenue": "a lot", "currency": "EUR"}},
        ".properties.revenue: not a number",
    ),
    "an amount without a currency": (
        {"event": "Order Completed", "properties": {"revenue": 3}},
        ".properties.currency: required beside an amount, since the source has no default currency",
    ),
    "a list for a name": ({"userId": ["ada"]}, ".userId: not text"),
    "text for an object": ({"properties": "none"}, ".properties: not an object"),
    "an unknown kind": ({"type": "dance"}, ".type: 'dance' is none of track, identify, page, screen, group, alias"),
    "no event": ({"event": None}, ".event: required, but missing or blank"),
    "no time": ({"timestamp": "yesterday"}, ".timestamp: not a time"),
    "before 1990": (
        {"timestamp": "1989-12-31T23:59:59Z"},
        ".timestamp: 1989-12-31T23:59:59+00:00 is before 1990-01-01",
    ),
    "more than a day ahead": (
        {"timestamp": TOMORROW.isoformat()},
        f".timestamp: {TOMORROW.isoformat()} is more than a day ahead of its arrival",
    ),
}


def test_bad_events_in_a_batch_are_quarantined_with_a_path_and_their_neighbours_land(doors: Doors) -> None:
    before = doors.counted()
    good = [str(uuid.uuid4()) for _ in BAD_EVENTS]
    events: list[bytes] = []
    for number, (bad, _) in enumerate(BAD_EVENTS.values()):
        events += [an_event(good[number]), an_event(str(uuid.uuid4()), **bad)]
    events += [an_event(good[0]), b"17", b"[]"]
    status, told = doors.post("/v1/batch", b'{"batch":[%s]}' % b",".join(events))
    assert status == 200
    reasons = {event["index"]: event["reason"] for event in told["events"] if event["status"] == "quarantined"}
    due = {2 * n + 1: f"$.batch[{2 * n + 1}]{reason}" for n, (_, reason) in enumerate(BAD_EVENTS.values())}
    due |= {n: f"$.batch[{n}]: not an object" for n in (len(events) - 2, len(events) - 1)}
    assert reasons == due
    assert [event["index"] for event in told["events"] if event["status"] == "duplicate"] == [len(events) - 3]

    ids = ", ".join(f"'{event['quarantine_id']}'" for event in told["events"] if "quarantine_id" in event)
    kept = doors.quarantine(f"quarantine_id IN ({ids}) AND source = 'local' AND door = 'http:/v1/batch'")
    assert sorted(kept) == sorted((reason, events[index].decode()) for index, reason in due.items())
    assert doors.landed(set(good)) == set(good)
    counts = doors.counted()
    assert counts["received"] == counts["accepted"] + counts["duplicate"] + counts["quarantined"]
    told_now = {"received": len(events), "accepted": len(good), "duplicate": 1, "quarantined": len(due)}
    assert counts - before == Counter(told_now)


def test_fields_that_nobody_knows_are_passed_by(doors: Doors) -> None:
    message = str(uuid.uuid4())
    event = an_event(
        message, _metadata={"a": [1]}, colour=None, integrations={"All": True}, properties={"new": {"": 1}}
    )
    status, told = doors.post("/v1/track", event)
    assert (status, told["accepted"]) == (200, 1)
    assert doors.landed({message}) == {message}


@pytest.mark.parametrize("bad", [bad for bad, (values, _) in BAD_EVENTS.items() if "type" not in values])
def test_a_bad_event_alone_is_answered_with_its_path(doors: Doors, bad: str) -> None:
    values, reason = BAD_EVENTS[bad]
    status, told = doors.post("/v1/track", an_event(str(uuid.uuid4()), **values))
    assert (status, told) == (400, {"code": "quarantined", "message": f"${reason}"})


BOMB = gzip.compress(b" " * (30 * 1024**2), mtime=0)
BODIES = {
    "broken JSON": (b'{"batch":[{"type":"track",', "bad_json", "$: not JSON: "),
    "no object": (b'["track"]', "bad_json", "$: Expected `object`, got `array`"),
    "no batch": (b'{"events":[]}', "bad_batch", "$.batch: required, but missing"),
    "10 MB": (b'{"batch":["' + b"x" * (10 * 1024**2) + b'"]}', "too_large", "$: the body has more than 5242880 bytes"),
    "a gzip bomb": (BOMB, "too_large", "$: the body unpacks to more than 20971520 bytes"),
    "half a gzip": (BOMB[:1000], "bad_gzip", "$: the body begins like gzip, but it ends early"),
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_cannot_be_taken_apart_is_refused_and_its_beginning_kept(doors: Doors, body: str) -> None:
    content, code, reason = BODIES[body]
    neighbour = doors.good_event()
    status, told = doors.post("/v1/batch", content)
    assert (status, told["code"]) == (400, code)
    assert told["message"].startswith(reason)
    kept = [raw for kept, raw in doors.quarantine(f"door = 'http:/v1/batch' AND reason LIKE '{reason}%'")]
    assert kept
    assert all(len(raw) <= 4 * 64 * 1024 / 3 + 4 for raw in kept)
    if len(content) < 1000:
        assert content in [raw.encode() for raw in kept] + [decoded(raw) for raw in kept]
    assert doors.landed({neighbour}) == {neighbour}


def decoded(raw: str) -> bytes:
    try:
        return base64.b64decode(raw, validate=True)
    except ValueError:
        return b""


def test_an_event_that_is_no_utf_8_spoils_only_itself(doors: Doors) -> None:
    good, bad = str(uuid.uuid4()), an_event(str(uuid.uuid4())).replace(b"Chat", b"Ch\xff\xfet")
    status, told = doors.post("/v1/batch", b'{"batch":[%s,%s]}' % (bad, an_event(good)))
    assert status == 200
    assert [event["status"] for event in told["events"]] == ["quarantined", "accepted"]
    [(reason, raw)] = doors.quarantine(f"quarantine_id = '{told['events'][0]['quarantine_id']}'")
    assert reason.startswith("$.batch[0]: not JSON: ")
    assert decoded(raw) == bad
    assert doors.landed({good}) == {good}


@pytest.mark.parametrize("auth", [("somebody", ""), ("", ""), None])
def test_a_wrong_key_writes_nothing(doors: Doors, auth: tuple[str, str] | None) -> None:
    message, before = str(uuid.uuid4()), doors.counted()
    header = {} if auth is None else {"Authorization": "Basic " + base64.b64encode(":".join(auth).encode()).decode()}
    url = doors.http.base_url.join("/v1/track")
    answer = httpx.post(url, content=an_event(message), headers=header)  # the doors' own client carries the key
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    neighbour = doors.good_event()
    assert doors.landed({message, neighbour}) == {neighbour}
    assert doors.counted() - before == Counter(received=1, accepted=1)


def lines_of(receipt: int) -> list[str]:
    return [f"7,1,{receipt},2017-03-01 10:00:0{item},L{receipt},p{item},c,1,2.50\n" for item in range(3)]


def test_a_half_written_csv_loses_its_last_receipt_only_and_gets_it_when_it_is_whole(
    doors: Doors, tmp_path: Path
) -> None:
    whole = HEADING + "".join(line for receipt in range(5) for line in lines_of(receipt))
    path = tmp_path / "till.csv"
    path.write_text(whole[:-4])
    assert doors.import_store(path).returncode == 0
    kept = doors.quarantine("door = 'file:till.csv?adapter=pos_csv'")
    assert [reason for reason, _ in kept] == ["$.line[16]: cut off: the file's last line has no line break"]
    assert kept[0][1] == HEADING + "".join(lines_of(4))[:-4]
    assert orders(doors, "7/1/%") == 4
    path.write_text(whole)
    assert doors.import_store(path).returncode == 0
    assert orders(doors, "7/1/%") == 5


def test_bad_lines_of_a_csv_are_quarantined_and_a_file_of_something_else_is_refused(
    doors: Doors, tmp_path: Path
) -> None:
    good, other = tmp_path / "mixed.csv", tmp_path / "other.csv"
    bad = [
        b"8,1,101,2017-03-01 10:00:00,L1,p1,c,1,much\n",
        b"8,1,102,2017-03-01 10:00:00,L1,p\xff\xfe,c,1,2.50\n",
        b"8,1,103,1987-03-01 10:00:00,L1,p1,c,1,2.50\n",
    ]
    fine = [f"8,1,{n},2017-03-01 10:00:00,L1,p1,c,1,2.50\n".encode() for n in (201, 202)]
    good.write_bytes(b"".join([HEADING.encode(), fine[0], *bad, fine[1]]))
    assert doors.import_store(good).returncode == 0
    reasons = [reason for reason, _ in doors.quarantine("door = 'file:mixed.csv?adapter=pos_csv'")]
    assert [reason.partition(":")[0] for reason in reasons] == ["$.line[3].value", "$.line[4]", "$.line[5].timestamp"]
    assert orders(doors, "8/1/%") == 2
    other.write_text("once upon a time\n")
    refused = doors.import_store(other)
    assert refused.returncode == 1
    assert "other.csv" in refused.stderr
    assert "Traceback" not in refused.stderr


def orders(doors: Doors, pattern: str) -> int:
    return doors.count(f"SELECT count() FROM conversions WHERE order_id LIKE '{pattern}'")


def too_old() -> bytes:
    """A touchpoint of which everything can be read, and whose time cannot be."""
    now = datetime.now(UTC)
    good = Touchpoint(
        event_id=uuid.uuid4(),
        source="past the doors",
        touchpoint="chat",
        channel="chat",
        occurred_at=now,
        received_at=now,
        body=WebBody(),
    )
    return json.dumps(good.model_dump(mode="json") | {"occurred_at": "1980-01-01T00:00:00Z"}).encode()


@pytest.mark.parametrize("topic", [topics.COLLECTED.name, topics.RESOLVED.name])
def test_bytes_on_a_topic_that_no_door_wrote_are_quarantined_and_hold_nobody_up(doors: Doors, topic: str) -> None:
    bad = [b"\xff\xfe\x00", b'{"event_id":"\xff"}', b"{half", b"17", b'{"event_id":7,"profile_id":7}', b""]
    if topic == topics.COLLECTED.name:
        bad.append(too_old())
    before = doors.good_event()
    doors.put(topic, *bad, None)
    after = doors.good_event()
    assert doors.landed({before, after}) == {before, after}
    kept = doors.quarantine(f"source = 'topic:{topic}'")
    assert all(reason.startswith("$") and ": " in reason for reason, _ in kept)
    assert {raw.encode() for _, raw in kept} | {decoded(raw) for _, raw in kept} >= set(bad)
    assert len(kept) == len(set(bad))
