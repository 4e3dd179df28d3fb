"""The SDKs of browsers, unmodified, in headless Chromium, on a page of another origin than the collector's."""

from __future__ import annotations

import pytest

from tests.sdk.sdk_rig import Browser, Pages, Sdks, by_touchpoint, people


async def test_segments_browser_sdk_needs_its_address_changed_and_nothing_else(
    sdks: Sdks, pages: Pages, browser: Browser
) -> None:
    page = pages.url("segment", collector=sdks.collector.url, key="key_segment_browser", utm_source="news")
    seen = browser.visit(page, pages.url("away"))
    assert not seen["problems"]
    settings = [f"GET /v1/projects/{key}/settings" for key in ("key_segment_browser", "key_segment_browser_batch")]
    assert sorted(seen["requests"]) == sorted([*settings, *(f"POST /v1/{letter}" for letter in "pitgasb")])
    values = await sdks.collected("segment_browser")
    anonymous = f"anonymous:{seen['told']['anonymousId']}"
    assert [(value["touchpoint"], people(value)) for value in values] == [
        ("page_view", {anonymous}),
        ("identified", {anonymous, "customer:c1", "email:ada@example.org"}),
        ("order_completed", {anonymous, "customer:c1"}),
        ("identified", {anonymous, "customer:c1"}),  # a group: its address is nobody's
        ("identified", {anonymous, "customer:c1"}),  # an alias to oneself
        ("screen_view", {anonymous, "customer:c1"}),
    ]
    assert values[0]["campaign"] == {"source": "news"}
    assert values[0]["body"]["url"] == page
    assert values[2]["amount"] == {"amount": "19.90", "currency": "EUR"}
    by_batch = by_touchpoint(await sdks.collected("segment_browser_batch"))
    assert set(by_batch) == {"page_view", "product_viewed"}
    assert all(people(value) == {anonymous, "customer:c1"} for value in by_batch.values())


@pytest.mark.parametrize(
    ("way", "requests"),
    [
        ("rudder_browser", [f"POST /v1/{call}" for call in ("page", "identify", "track", "group", "alias")]),
        ("rudder_batch", ["POST /v1/batch"] * 2),
        ("rudder_beacon", []),  # the browser sends it behind the page's back, also when the page is left
    ],
)
async def test_rudderstacks_browser_sdk_starts_and_sends_by_call_by_batch_and_by_beacon(
    sdks: Sdks, pages: Pages, browser: Browser, way: str, requests: list[str]
) -> None:
    before = sdks.requests()
    page = pages.url("rudder", collector=sdks.collector.url, key=f"key_{way}", way=way)
    seen = browser.visit(page, pages.url("away"))
    assert not seen["problems"]
    assert sorted(seen["requests"]) == sorted(["GET /sourceConfig/", *requests])
    values = await sdks.collected(way)
    assert all(" " not in path for path in sdks.requests() - before)  # a status that is not 200
    assert ("/beacon/v1/batch" in sdks.requests() - before) == (way == "rudder_beacon")
    anonymous = f"anonymous:{seen['told']['anonymousId']}"
    known = {anonymous, "customer:c1", "email:ada@example.org"}
    assert [(value["touchpoint"], people(value)) for value in values] == [
        ("page_view", {anonymous}),
        ("identified", known),
        ("order_completed", known),
        ("identified", known),
        ("identified", known),
    ]
    assert values[0]["body"]["url"] == page
    assert "referrer" not in values[0]["body"]
    assert values[2]["amount"] == {"amount": "19.90", "currency": "EUR"}


@pytest.mark.parametrize(
    ("source", "method", "path"),
    [
        ("snowplow_browser", "post", "POST /com.snowplowanalytics.snowplow/tp2"),
        ("snowplow_browser_get", "get", "GET /i"),
    ],
)
async def test_snowplows_browser_tracker_sends_every_event_once(
    sdks: Sdks, pages: Pages, browser: Browser, source: str, method: str, path: str
) -> None:
    page = pages.url("snowplow", collector=sdks.collector.url, app=source, method=method, utm_source="news")
    seen = browser.visit(page, pages.url("away"))
    assert not seen["problems"]
    assert not seen["told"]["failed"]
    assert set(seen["requests"]) == {path}
    values = await sdks.collected(source)
    found = by_touchpoint(values)
    assert set(found) == {
        "page_view",
        "page_ping",
        "newsletter_subscribed",
        "watched_trailer",
        "product_added",
        "order_completed",
    }
    [person] = {frozenset(people(value)) for value in values}
    assert {"customer:c1", "email:ada@example.org"} < person
    assert len(person) == 3
    assert values[0]["touchpoint"] == "page_view"
    assert values[-1]["touchpoint"] == "page_ping"
    assert {value["campaign"]["source"] for value in values} == {"news"}
    assert found["page_view"]["body"]["url"] == page
    assert "Chrome" in found["page_view"]["body"]["user_agent"]
    assert found["watched_trailer"]["properties"]["title"] == "Grüße"
    assert found["order_completed"]["order_id"] == "1001"
    assert found["order_completed"]["amount"] == {"amount": "19.90", "currency": "EUR"}
    assert [(line["product"], line["value"]) for line in found["order_completed"]["body"]["items"]] == [
        ("tea-1", "17.00")
    ]


async def test_snowplows_browser_tracker_without_cookies_tells_of_a_visit_and_of_nobody(
    sdks: Sdks, pages: Pages, browser: Browser
) -> None:
    page = pages.url("snowplow_anonymous", collector=sdks.collector.url, app="snowplow_anonymous")
    seen = browser.visit(page, pages.url("away"))
    assert not seen["problems"]
    values = await sdks.collected("snowplow_anonymous")
    assert {value["touchpoint"] for value in values} == {"page_view", "played"}
    [visit] = {frozenset(people(value)) for value in values}
    assert visit == {f"anonymous:{values[0]['properties']['session_id']}"}
    assert not [value for value in values if "ip" in value["properties"]]
