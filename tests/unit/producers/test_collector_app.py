"""The collector's answers, with a publisher whose acknowledgement the test holds in its hand."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from producers.collector.app import Collector
from producers.collector.reason_class import Classes, class_of
from producers.publisher import BufferFull, NotConnected, PublishFailed
from producers.records import Record
from producers.settings import CollectorSettings
from schemas.catalogue import load
from schemas.topics import COLLECTED, QUARANTINE

CATALOGUE = load()
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
EVENT = {"event": "X", "messageId": "m1", "userId": "u"}


class HeldPublisher:
    """Takes records; acknowledges them at once, or fails as it is told."""

    def __init__(self) -> None:
        self.taken: list[Record] = []
        self.refuses: Exception | None = None
        self.fails: Exception | None = None
        self.missing: str | None = None
        self.held = False

    def publish(self, records: Sequence[Record]) -> Future[None]:
        if self.refuses:
            raise self.refuses
        self.taken += records
        future: Future[None] = Future()
        if self.fails:
            future.set_exception(self.fails)
        elif not self.held:
            future.set_result(None)
        return future

    def ready(self, _topics: Sequence[str]) -> str | None:
        return self.missing

    def topics(self) -> list[str]:
        return [record.topic for record in self.taken]


class Door:
    """A collector and its publisher, reached through ASGI."""

    def __init__(self, **settings: Any) -> None:
        keys = [
            {"key": "good", "source": "shop", "default_currency": "EUR"},
            {"key": "other", "source": "app"},
        ]
        self.publisher = HeldPublisher()
        chosen = CollectorSettings.model_validate({"write_keys": keys, **settings})
        self.collector = Collector(chosen, self.publisher, CATALOGUE, lambda: NOW)  # type: ignore[arg-type] # the fake
        transport = httpx.ASGITransport(self.collector.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://door", auth=("good", ""))

    async def post(self, path: str, body: object, **more: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.client.post(path, content=content, **more)

    async def counts(self, source: str = "shop") -> dict[str, float]:
        text = (await self.client.get("/metrics")).text
        names = ("received", "accepted", "duplicate", "quarantined", "refused")
        found = {
            name: line.rsplit(" ", 1)[1]
            for line in text.splitlines()
            for name in names
            if line.startswith(f'touchpath_collector_events_{name}_total{{source="{source}"}}')
        }
        return {name: float(found.get(name, 0)) for name in names}


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize(
    "path", ["track", "t", "page", "p", "screen", "s", "identify", "i", "group", "g", "alias", "a"]
)
async def test_every_call_and_its_short_form_takes_an_event(door: Door, path: str) -> None:
    answer = await door.post(f"/v1/{path}", EVENT)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    assert door.publisher.topics() == [COLLECTED.name]


@pytest.mark.parametrize("path", ["batch", "b"])
async def test_a_batch_says_of_each_event_what_became_of_it(door: Door, path: str) -> None:
    batch = [{"type": "track", **EVENT}, {"type": "track", "messageId": "m2"}, {"type": "track", **EVENT}, 7]
    answer = await door.post(f"/v1/{path}", {"batch": batch})
    assert answer.status_code == 200
    body = answer.json()
    assert [event["status"] for event in body["events"]] == ["accepted", "quarantined", "duplicate", "quarantined"]
    assert [event["index"] for event in body["events"]] == [0, 1, 2, 3]
    assert body["events"][1]["reason"] == "$.batch[1].event: required, but missing or blank"
    assert body["events"][0]["event_id"] == body["events"][2]["event_id"]
    assert (body["success"], body["received"], body["accepted"], body["duplicate"], body["quarantined"]) == (
        True,
        4,
        1,
        1,
        2,
    )
    assert door.publisher.topics() == [COLLECTED.name, QUARANTINE.name, QUARANTINE.name]


async def test_an_empty_batch_is_good(door: Door) -> None:
    assert (await door.post("/v1/batch", {"batch": []})).json()["received"] == 0


async def test_a_single_bad_event_is_kept_in_quarantine_and_answered_400_so_that_nobody_retries(door: Door) -> None:
    answer = await door.post("/v1/track", {"event": "Order Completed", "properties": {"revenue": "x"}})
    assert answer.status_code == 400
    assert answer.json() == {"code": "quarantined", "message": "$.properties.revenue: not a number"}
    assert door.publisher.topics() == [QUARANTINE.name]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"[]", "bad_json"),
        (b"5", "bad_json"),
        (b'{"batch":5}', "bad_json"),
        (b'{"batch":' + b"[" * 100_000, "bad_json"),
        (b"\xff\xfe\x00", "bad_json"),
        (b"{}", "bad_batch"),
        (b'{"batch":null}', "bad_batch"),
        (b'{"batch":[' + b",".join([b"1"] * 2501) + b"]}", "too_large"),
        (b"x" * (5 * 1024**2 + 1), "too_large"),
        (gzip.compress(b"0" * (21 * 1024**2), mtime=0), "too_large"),
        (gzip.compress(b'{"batch":[]}', mtime=0)[:-5], "bad_gzip"),
        (b"\x1f\x8bnonsense", "bad_gzip"),
    ],
)
async def test_a_body_that_cannot_be_taken_apart_is_answered_400_and_kept(door: Door, body: bytes, code: str) -> None:
    answer = await door.post("/v1/batch", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["message"].startswith("$")
    assert door.publisher.topics() == [QUARANTINE.name]
    assert len(door.publisher.taken[0].value) < 500_000
    assert (await door.counts())["quarantined"] == 1


async def test_what_a_gzip_bomb_unpacks_to_is_kept_to_the_bound() -> None:
    door = Door(max_unpacked_bytes=1_000_000, max_quarantined_bytes=2048)
    await door.post("/v1/track", gzip.compress(b'{"a":"' + b"0" * 3_000_000 + b'"}'))
    assert len(orjson.loads(door.publisher.taken[0].value)["raw"]) == 2048


@pytest.mark.parametrize("header", [{"content-encoding": "gzip"}, {}, {"content-type": "text/plain"}])
async def test_gzip_is_known_by_its_first_bytes(door: Door, header: dict[str, str]) -> None:
    body = gzip.compress(orjson.dumps(EVENT)[:10]) + gzip.compress(orjson.dumps(EVENT)[10:])
    assert (await door.post("/v1/track", body, headers=header)).status_code == 200


async def test_a_header_that_says_gzip_of_plain_json_is_not_believed(door: Door) -> None:
    assert (await door.post("/v1/track", EVENT, headers={"content-encoding": "gzip"})).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json", "nonsense"]
)
async def test_a_body_is_taken_for_what_it_is_whatever_its_type_says(door: Door, content_type: str) -> None:
    assert (await door.post("/v1/t", EVENT, headers={"content-type": content_type})).status_code == 200


# ---- keys


@pytest.mark.parametrize(
    "request_",
    [
        {"auth": ("bad", "")},
        {"auth": ("", "")},
        {"auth": None},
        {"headers": {"authorization": "Basic !!"}, "auth": None},
        {"headers": {"authorization": "Bearer good"}, "auth": None},
    ],
)
async def test_without_a_good_key_nothing_is_taken(door: Door, request_: dict[str, Any]) -> None:
    answer = await door.post("/v1/track", EVENT, **request_)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert answer.json()["message"]
    assert door.publisher.taken == []


async def test_with_no_key_configured_every_key_is_bad() -> None:
    door = Door(write_keys=[])
    for key in ("", "local", "good"):
        assert (await door.post("/v1/track", EVENT, auth=(key, ""))).status_code == 401


async def test_a_bad_body_without_a_good_key_leaves_nothing_behind(door: Door) -> None:
    assert (await door.post("/v1/track", b"{", auth=("bad", ""))).status_code == 401
    assert door.publisher.taken == []


@pytest.mark.parametrize(("path", "body"), [("/v1/t?writeKey=other", EVENT), ("/v1/t", {**EVENT, "writeKey": "other"})])
async def test_the_key_may_stand_in_the_body_or_the_address_and_says_the_source(path: str, body: object) -> None:
    door = Door()
    door.client.auth = None
    assert (await door.post(path, body)).status_code == 200
    assert orjson.loads(door.publisher.taken[0].value)["source"] == "app"


# ---- Kafka


@pytest.mark.parametrize("failure", [NotConnected("no"), BufferFull("full"), PublishFailed("late")])
async def test_while_kafka_takes_nothing_the_answer_is_503_and_the_retry_is_no_duplicate(failure: Exception) -> None:
    door = Door()
    if type(failure) is PublishFailed:
        door.publisher.fails = failure
    else:
        door.publisher.refuses = failure
    answer = await door.post("/v1/batch", {"batch": [{"type": "track", **EVENT}, 5]})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert set(answer.json()) == {"code", "message"}
    assert await door.counts() == {"received": 0, "accepted": 0, "duplicate": 0, "quarantined": 0, "refused": 2}
    door.publisher.fails = door.publisher.refuses = None
    assert (await door.post("/v1/track", EVENT)).json()["events"][0]["status"] == "accepted"


async def test_kafka_that_never_answers_is_answered_503() -> None:
    door = Door(publish_timeout=0.05)
    door.publisher.held = True
    assert (await door.post("/v1/track", EVENT)).status_code == 503


async def test_a_bad_body_is_answered_503_too_while_it_cannot_be_kept(door: Door) -> None:
    door.publisher.refuses = NotConnected("no")
    assert (await door.post("/v1/track", b"{")).status_code == 503


async def test_the_second_time_an_event_is_a_duplicate_and_not_sent(door: Door) -> None:
    await door.post("/v1/track", EVENT)
    answer = await door.post("/v1/track", EVENT)
    assert answer.json()["events"][0]["status"] == "duplicate"
    assert len(door.publisher.taken) == 1


async def test_the_door_forgets_the_oldest_ids_above_its_bound() -> None:
    door = Door(recent_ids=1)
    for message in ("m1", "m2", "m1"):
        answer = await door.post("/v1/track", {**EVENT, "messageId": message})
        assert answer.json()["accepted"] == 1


async def test_received_is_always_accepted_and_duplicate_and_quarantined(door: Door) -> None:
    await door.post("/v1/batch", {"batch": [{"type": "track", **EVENT}] * 3 + [1, 2]})
    await door.post("/v1/track", b"{")
    counts = await door.counts()
    assert counts == {"received": 6, "accepted": 1, "duplicate": 2, "quarantined": 3, "refused": 0}


async def test_for_every_source_received_is_the_sum_of_the_outcomes_and_the_reasons_are_counted(door: Door) -> None:
    good, bad = {"type": "track", **EVENT}, {"type": "track", "event": "X", "properties": {"revenue": "x"}}
    for key in ("good", "other"):
        for batch in ([good, bad, bad], [good], [], [{"type": "nothing"}], "no list"):
            await door.post("/v1/batch", {"batch": batch}, auth=(key, ""))
        await door.post("/v1/track", {"event": "X", "properties": {"revenue": "y"}}, auth=(key, ""))
        await door.post("/hooks/postmark", [{"RecordType": "?"}, {"RecordType": "Open"}], auth=(key, ""))
    text = (await door.client.get("/metrics")).text
    for source in ("shop", "app"):
        counts = await door.counts(source)
        assert counts["received"] == counts["accepted"] + counts["duplicate"] + counts["quarantined"] == 9
        reasons = {
            line.partition('reason="')[2].partition('"')[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith("touchpath_collector_quarantine_reasons_total") and f'source="{source}"' in line
        }
        assert reasons == {
            "$.batch[].properties.revenue": 2,
            "$.batch[].type": 1,
            "$.batch": 1,
            "$.properties.revenue": 1,
            "$[].RecordType": 1,
            "$[].ReceivedAt": 1,
        }
        assert sum(reasons.values()) == counts["quarantined"]


def test_reasons_have_few_names_however_many_there_are() -> None:
    classes = Classes(most=3)
    names = {classes.name("shop", f"$.batch[{n}].field{n}: bad") for n in range(100)}
    assert names == {"$.batch[].field0", "$.batch[].field1", "$.batch[].field2", "other"}
    assert classes.name("app", "$.batch[7].field9: bad") == "$.batch[].field9"
    assert class_of("$." + "x" * 200 + ": bad") == class_of('a "strange" one\n') == "other"


async def test_a_collector_that_stops_sends_new_events_away_and_waits_for_the_others(door: Door) -> None:
    door.publisher.held = True
    waiting = asyncio.create_task(door.post("/v1/track", EVENT))
    await asyncio.sleep(0.05)
    door.collector.refuse_new()
    assert (await door.post("/v1/track", EVENT)).status_code == 503
    assert not await door.collector.idle(0.05)
    waiting.cancel()


# ---- the other doors


async def test_ready_says_what_is_missing(door: Door) -> None:
    assert (await door.client.get("/ready")).status_code == 200
    door.publisher.missing = "no Kafka"
    answer = await door.client.get("/ready")
    assert (answer.status_code, answer.json()) == (503, {"code": "not_ready", "message": "no Kafka"})
    assert (await door.client.get("/health")).status_code == 200


async def test_the_first_page_tells_people_and_programs_of_each_door_and_shows_a_key_only_where_all_know_it() -> None:
    laptop = Door(write_keys=[{"key": "local", "source": "local"}])
    page = await laptop.client.get("/", headers={"accept": "text/html,*/*"})
    assert page.headers["content-type"].startswith("text/html")
    said = (await laptop.client.get("/")).json()
    assert "curl -u local: http://door/v1/track -d &#x27;{" in page.text
    assert {"track", "batch", "hooks"} <= {one["name"] for one in said["doors"]}
    for one in said["doors"]:
        assert all(path in page.text for path in one["paths"])
    [hooks] = [one for one in said["doors"] if one["name"] == "hooks"]
    assert "postmark" in hooks["known"]["adapter"]
    assert ", ".join(hooks["known"]["adapter"]) in page.text
    elsewhere = (await Door().client.get("/")).text
    assert "YOUR_WRITE_KEY" in elsewhere
    assert "good" not in elsewhere


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nothing", 404), ("GET", "/v1/track", 405), ("PUT", "/", 405)]
)
async def test_every_refusal_has_a_code_and_a_message(door: Door, method: str, path: str, status: int) -> None:
    answer = await door.client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message"}


async def test_a_browsers_preflight_is_answered_with_what_its_sdk_sends(door: Door) -> None:
    asked = "authorization, content-type, X-Retry-Count, anonymousid, rsa-version, sp-anonymous, x-evil"
    headers = {
        "origin": "https://shop.example",
        "access-control-request-headers": asked,
        "access-control-request-method": "POST",
    }
    answer = await door.client.options("/v1/t", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert allowed == ["authorization", "content-type", "x-retry-count", "anonymousid", "rsa-version", "sp-anonymous"]


async def test_a_browser_may_read_each_answer_and_retry_after(door: Door) -> None:
    for key in ("good", "bad"):
        answer = await door.post("/v1/t", EVENT, headers={"origin": "https://shop.example"}, auth=(key, ""))
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert answer.headers["access-control-expose-headers"] == "Retry-After"


async def test_an_origin_that_is_not_configured_may_not_read() -> None:
    door = Door(cors_origins=["https://shop.example"])
    answer = await door.client.options("/v1/t", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
