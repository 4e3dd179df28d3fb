"""The doors of Snowplow's trackers and what browser SDKs ask for when they start."""

from __future__ import annotations

import gzip
import tomllib
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from schemas.topics import COLLECTED, QUARANTINE
from tests.unit.producers.test_collector_app import Door
from tests.unit.producers.test_snowplow import EID, VIEW, posted

TP2 = "/com.snowplowanalytics.snowplow/tp2"
KEYS = [
    {"key": "first", "source": "shop", "snowplow_app_ids": ["shop", "till"]},
    {"key": "second", "source": "app", "snowplow_app_ids": ["app"]},
    {"key": "third", "source": "nobody"},
]
REST = {"key": "rest", "source": "rest", "snowplow_app_ids": ["*"]}


def door(*more: dict[str, Any], **settings: Any) -> Door:
    made = Door(write_keys=[*KEYS, *more], **settings)
    made.client.auth = httpx.Auth()
    return made


def sources(made: Door) -> list[str]:
    return [orjson.loads(record.value)["source"] for record in made.publisher.taken]


async def test_the_application_stands_for_the_write_key() -> None:
    made = door()
    for app in ("shop", "app"):
        answer = await made.post(TP2, posted({**VIEW, "aid": app, "eid": None}))
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert sources(made) == ["shop", "app"]


@pytest.mark.parametrize("aid", ["unknown", "", None, "*", " ", 5])
async def test_nothing_is_taken_of_an_application_that_nobody_has_named(aid: object) -> None:
    made = door()
    for answer in (await made.post(TP2, posted({**VIEW, "aid": aid})), await made.client.get("/i?e=pv")):
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert not made.publisher.taken


async def test_a_key_may_take_all_others() -> None:
    made = door(REST)
    await made.post(TP2, posted({**VIEW, "aid": "unknown"}))
    await made.post(TP2, posted({**VIEW, "aid": "app", "eid": EID(2)}))
    await made.post(TP2, b"what is this?")
    assert sources(made) == ["rest", "app", "rest"]


async def test_of_two_keys_that_take_turns_the_one_that_opens_counts() -> None:
    old = {"key": "old", "source": "old", "snowplow_app_ids": ["new"], "valid_until": "2024-01-01T00:00:00Z"}
    made = door(old, {"key": "new", "source": "new", "snowplow_app_ids": ["new"], "valid_from": "2024-01-01T00:00:00Z"})
    await made.post(TP2, posted({**VIEW, "aid": "new"}))
    assert sources(made) == ["new"]


async def test_a_key_that_may_not_send_this_way_is_refused_and_nobody_retries() -> None:
    made = door({"key": "pages", "source": "pages", "snowplow_app_ids": ["pages"], "allow": ["track"]})
    assert (await made.post(TP2, posted({**VIEW, "aid": "pages"}))).status_code in {401, 403}
    assert not made.publisher.taken


async def test_a_tracker_may_say_its_key_in_the_address() -> None:
    made = door(REST)
    answer = await made.post(f"{TP2}?key=third", posted(VIEW))
    assert answer.status_code == 200
    assert sources(made) == ["nobody"]
    assert (await made.post(f"{TP2}?key=wrong", posted(VIEW))).status_code == 401


async def test_a_request_comes_under_the_first_application_that_is_known() -> None:
    made = door()
    await made.post(TP2, posted({**VIEW, "aid": "x"}, {**VIEW, "aid": "till", "eid": EID(2)}, {**VIEW, "aid": "app"}))
    assert set(sources(made)) == {"shop"}


async def test_a_retry_that_mixes_old_and_new_events_is_told_apart_event_by_event() -> None:
    made = door()
    await made.post(TP2, posted(VIEW, {**VIEW, "eid": EID(2)}))
    answer = await made.post(TP2, posted({**VIEW, "stm": "1"}, {**VIEW, "eid": EID(3)}, {**VIEW, "eid": EID(2)}))
    assert [event["status"] for event in answer.json()["events"]] == ["duplicate", "accepted", "duplicate"]
    assert len(made.publisher.taken) == 3


async def test_the_pixel_is_answered_with_an_image_that_nobody_keeps() -> None:
    made = door()
    for path in ("/i", "/ice.png"):
        answer = await made.client.get(path, params={**VIEW, "eid": path})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
        assert answer.content.startswith(b"GIF89a")
        assert "no-store" in answer.headers["cache-control"]
    answer = await made.post("/i", orjson.dumps([VIEW, {**VIEW, "eid": EID(2)}]))
    assert answer.json()["accepted"] == 2
    assert len(made.publisher.taken) == 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1, 2",
        b"\xff\xfe",
        b'{"data": 5}',
        b'{"data": [' + b"[" * 100_000,
        b'{"data": [' + b"{}," * 3000 + b"{}]}",
        orjson.dumps({**VIEW, "e": None}),
    ],
)
async def test_whatever_is_sent_is_answered_200_and_kept(body: bytes) -> None:
    made = door(REST, max_batch_events=2500)
    answer = await made.post(TP2, body)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 0
    assert answer.json()["quarantined"] == 1
    assert made.publisher.topics() == [QUARANTINE.name]


async def test_a_body_that_is_too_large_is_never_answered_413() -> None:
    made = door(REST)
    assert (await made.post(f"{TP2}?key=first", b"x" * (5 * 1024**2 + 1))).status_code == 400
    assert made.publisher.topics() == [QUARANTINE.name]


async def test_an_empty_request_is_good_and_gzip_is_known_by_its_first_bytes() -> None:
    made = door(REST)
    assert (await made.post(TP2, b'{"data": []}')).json()["received"] == 0
    assert (await made.post(TP2, gzip.compress(posted(VIEW)))).json()["accepted"] == 1
    assert made.publisher.topics() == [COLLECTED.name]


async def test_the_address_of_a_visitor_who_wants_none_kept_is_not_kept() -> None:
    made = door()
    kept = []
    for number, more in enumerate(({}, {"sp-anonymous": "*"})):
        headers = {"origin": "https://shop.example", **more}
        await made.post(TP2, posted({**VIEW, "eid": EID(number)}), headers=headers)
        kept.append("ip" in orjson.loads(made.publisher.taken[-1].value)["properties"])
    assert kept == [True, False]


async def test_raw_bytes_in_the_query_harm_nobody() -> None:
    made, told = door(), []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/i",
        "query_string": b"e=pv&aid=shop&page=Gr\xfcn",
        "headers": [],
    }
    await made.collector.app(scope, receive, send)
    assert told[0]["status"] == 200
    assert orjson.loads(made.publisher.taken[0].value)["body"]["title"] == "Grün"


@pytest.mark.parametrize("path", [TP2, "/v1/projects/first/settings", "/sourceConfig/", "/beacon/v1/batch", "/v1/t"])
async def test_what_browsers_ask_before_they_send_is_allowed(path: str) -> None:
    wanted = "authorization,content-type,x-retry-count,anonymousid,sentat,rsa-retry-attempt,sp-anonymous"
    answer = await door().client.options(
        path,
        headers={
            "origin": "https://shop.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": wanted,
        },
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-headers"].replace(" ", "") == wanted


async def test_segments_settings_name_this_collector_as_the_page_reaches_it() -> None:
    made = door()
    plain = (await made.client.get("/v1/projects/first/settings")).json()
    assert plain["integrations"]["Segment.io"]["apiKey"] == "first"
    assert plain["integrations"]["Segment.io"]["protocol"] == "http"
    assert plain["integrations"]["Segment.io"]["apiHost"] == "door/v1"
    behind = await made.client.get("/v1/projects/first/settings", headers={"x-forwarded-proto": "https"})
    assert behind.json()["integrations"]["Segment.io"]["protocol"] == "https"
    forged = await made.client.get("/v1/projects/first/settings", headers={"x-forwarded-proto": "javascript"})
    assert forged.json()["integrations"]["Segment.io"]["protocol"] == "http"


@pytest.mark.parametrize("path", ["/sourceConfig", "/sourceConfig/"])
async def test_rudderstacks_source_is_on_and_reports_to_nobody(path: str) -> None:
    made = door()
    for answer in (
        await made.client.get(path, params={"writeKey": "first", "p": "npm"}),
        await made.client.get(path, auth=("first", "")),
    ):
        source = answer.json()["source"]
        assert (source["enabled"], source["destinations"], source["writeKey"]) == (True, [], "first")
        assert source["config"] == {"statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}}
    assert (await made.client.head(path, params={"view": "ad"})).status_code == 200


@pytest.mark.parametrize("path", ["/v1/projects/wrong/settings", "/sourceConfig/?writeKey=wrong", "/sourceConfig/"])
async def test_an_unknown_key_is_told_so_at_the_start(path: str) -> None:
    answer = await door().client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_what_the_readme_says_to_write_opens_the_door() -> None:
    text = (Path(__file__).parents[3] / "producers" / "adapters" / "web" / "README.md").read_text(encoding="utf-8")
    settings = tomllib.loads(text.partition("```toml")[2].partition("```")[0])
    made = door(*settings["collector"]["write_keys"])
    assert (await made.post(TP2, posted({**VIEW, "aid": "shop-app"}))).json()["accepted"] == 1
    assert (await made.post(f"{TP2}?key=a-long-secret", posted({**VIEW, "eid": EID(2)}))).json()["accepted"] == 1
