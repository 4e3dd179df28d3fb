"""The senders' SDKs for Node, unmodified, against a collector on Tansu."""

from __future__ import annotations

import pytest

from tests.sdk.sdk_rig import LosesAnAnswer, Sdks, by_touchpoint, people

THEN = "2017-03-01T10:00:00.123000Z"


async def test_segments_sdk_for_node_sends_every_event_once_and_asks_for_nothing_twice(sdks: Sdks) -> None:
    before = sdks.requests()
    sdks.node("segment_node", sdks.collector.url, "key_segment_node")
    assert sdks.requests() - before == {"/v1/batch": 3}
    values = await sdks.collected("segment_node")
    assert len(values) == 7
    known = [value for value in values if value["touchpoint"] != "identified"]
    found = by_touchpoint(known)
    assert set(found) == {"page_view", "screen_view", "order_completed", "product_viewed"}
    assert found["page_view"]["occurred_at"] == THEN
    assert found["page_view"]["campaign"] == {"name": "spring", "source": "news", "medium": "email"}
    assert found["order_completed"]["amount"] == {"amount": "19.90", "currency": "EUR"}
    assert people(found["screen_view"]) == {"anonymous:a2"}
    made_known = sorted(sorted(people(value)) for value in values if value["touchpoint"] == "identified")
    # a group's address is nobody's, and an alias to oneself links nobody
    assert made_known == [["anonymous:a1", "customer:c1", "email:ada@example.org"], ["customer:c1"], ["customer:c1"]]


async def test_rudderstacks_sdk_for_node_zips_and_calls_it_a_form_and_is_taken_the_first_time(sdks: Sdks) -> None:
    before = sdks.requests()
    sdks.node("rudder_node", sdks.collector.url, "key_rudder_node")
    assert sdks.requests() - before == {"/v1/batch": 3}
    values = await sdks.collected("rudder_node")
    assert len(values) == 6
    found = by_touchpoint([value for value in values if value["touchpoint"] != "identified"])
    assert set(found) == {"page_view", "screen_view", "order_completed"}
    assert found["page_view"]["occurred_at"] == THEN
    assert found["order_completed"]["order_id"] == "1001"
    made_known = sorted(sorted(people(value)) for value in values if value["touchpoint"] == "identified")
    assert made_known == [
        ["anonymous:a1", "customer:c1"],
        ["anonymous:a1", "customer:c1", "email:ada@example.org"],
        ["customer:c1"],
    ]


@pytest.mark.parametrize(
    ("method", "path", "requests"), [("post", "/com.snowplowanalytics.snowplow/tp2", 1), ("get", "/i", 7)]
)
async def test_snowplows_tracker_for_node_sends_every_event_once(
    sdks: Sdks, method: str, path: str, requests: int
) -> None:
    source = "snowplow_node" if method == "post" else "snowplow_node_get"
    before = sdks.requests()
    sdks.node("snowplow_node", sdks.collector.url, source, method)
    assert sdks.requests() - before == {path: requests}
    values = await sdks.collected(source)
    assert len(values) == 7
    assert all(people(value) == {"customer:c1", "anonymous:d1"} for value in values)
    orders = {value["order_id"]: value for value in values if value["touchpoint"] == "order_completed"}
    found = by_touchpoint([value for value in values if value["touchpoint"] != "order_completed"])
    assert set(found) == {"page_view", "page_ping", "newsletter_subscribed", "watched_trailer", "order_item"}
    page = found["page_view"]
    assert page["occurred_at"] == THEN
    assert page["campaign"] == {"name": "spring", "source": "news", "medium": "email"}
    assert page["body"]["referrer"] == "https://search.example/"
    assert page["properties"]["contexts"] == {"plan": {"plan": "grün"}}
    assert "user_agent" not in page["body"]  # it is a server's
    assert found["watched_trailer"]["properties"]["seconds"] == 20
    assert orders["1001"]["amount"] == {"amount": "19.90", "currency": "EUR"}
    assert orders["1002"]["amount"] == {"amount": "25.50", "currency": "EUR"}
    lines = [*orders["1001"]["body"]["items"], *found["order_item"]["body"]["items"]]
    assert [(line["product"], line["quantity"], line["value"]) for line in lines] == [("tea-1", "2", "17.00")]


@pytest.mark.parametrize(
    ("script", "argument", "events", "requests"),
    [
        ("segment_node", "key_lost_segment_node", 7, 3),
        ("rudder_node", "key_lost_rudder_node", 6, 3),
        ("snowplow_node", "lost_snowplow_node", 7, 1),
    ],
)
async def test_an_answer_that_was_lost_makes_them_send_again_and_nothing_is_there_twice(
    sdks: Sdks, script: str, argument: str, events: int, requests: int
) -> None:
    with LosesAnAnswer(sdks.collector.url) as lossy:
        sdks.node(script, lossy.url, argument, "post")
    assert lossy.answered == requests + 1
    values = await sdks.collected(argument.removeprefix("key_"), sent_again=lossy.events_lost)
    assert len(values) == len({value["event_id"] for value in values}) == events
