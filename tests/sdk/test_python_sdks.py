"""The senders' SDKs for Python, unmodified, against a collector on Tansu."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import rudderstack.analytics.client
import segment.analytics.client
import snowplow_tracker

from tests.sdk.sdk_rig import LosesAnAnswer, Sdks, by_touchpoint, people

THEN = datetime(2017, 3, 1, 10, 0, 0, 123_000, tzinfo=UTC)
SCHEMA = "iglu:{}/jsonschema/1-0-0".format


def seven_calls(client: Any) -> None:
    client.identify("c1", anonymous_id="a1", traits={"email": "Ada@example.org"}, timestamp=THEN)
    client.page("c1", name="Tea", properties={"url": "https://shop.example/tea"}, timestamp=THEN)
    client.screen(anonymous_id="a2", name="Cart")
    client.group("c1", "g1", traits={"email": "office@example.org"})
    client.alias("c1", "c1")
    client.track("c1", "Order Completed", {"order_id": "1001", "revenue": 19.9, "currency": "EUR"})
    client.track("c1", "Product Viewed", {"product_id": "tea-1"})


@pytest.mark.parametrize(
    ("source", "client"),
    [("segment_python", segment.analytics.client.Client), ("rudder_python", rudderstack.analytics.client.Client)],
)
async def test_the_sdks_for_python_send_every_event_once_zipped(
    python_sdks: Sdks, source: str, client: Callable[..., Any]
) -> None:
    before, failed = python_sdks.requests(), []
    sender = client(
        f"key_{source}",
        host=python_sdks.collector.url,
        gzip=True,
        upload_size=7,
        upload_interval=2,
        on_error=lambda error, _batch: failed.append(error),
    )
    seven_calls(sender)
    await asyncio.to_thread(sender.flush)
    await asyncio.to_thread(sender.join)
    assert not failed
    assert python_sdks.requests() - before == {"/v1/batch": 1}
    values = await python_sdks.collected(source)
    assert len(values) == 7
    found = by_touchpoint([value for value in values if value["touchpoint"] != "identified"])
    assert set(found) == {"page_view", "screen_view", "order_completed", "product_viewed"}
    assert datetime.fromisoformat(found["page_view"]["occurred_at"]) == THEN
    assert found["order_completed"]["amount"] == {"amount": "19.90", "currency": "EUR"}
    assert people(found["screen_view"]) >= {"anonymous:a2"}
    made_known = [people(value) for value in values if value["touchpoint"] == "identified"]
    assert {"customer:c1", "anonymous:a1", "email:ada@example.org"} in made_known
    assert not [person for person in made_known if "email:office@example.org" in person]


@pytest.mark.parametrize(
    ("source", "client"),
    [
        ("lost_segment_python", segment.analytics.client.Client),
        ("lost_rudder_python", rudderstack.analytics.client.Client),
    ],
)
async def test_an_answer_that_was_lost_makes_them_send_again_and_nothing_is_there_twice(
    python_sdks: Sdks, source: str, client: Callable[..., Any]
) -> None:
    with LosesAnAnswer(python_sdks.collector.url) as lossy:
        sender = client(f"key_{source}", host=lossy.url, gzip=True, upload_size=7, upload_interval=2)
        seven_calls(sender)
        await asyncio.to_thread(sender.flush)
        await asyncio.to_thread(sender.join)
    assert (lossy.answered, lossy.events_lost) == (2, 7)
    values = await python_sdks.collected(source, sent_again=7)
    assert len(values) == len({value["event_id"] for value in values}) == 7


@pytest.mark.parametrize("client", [segment.analytics.client.Client, rudderstack.analytics.client.Client])
async def test_a_wrong_key_is_refused_once_and_not_tried_again(python_sdks: Sdks, client: Callable[..., Any]) -> None:
    before, failed = python_sdks.requests(), []
    sender = client(
        "key_of_nobody",
        host=python_sdks.collector.url,
        upload_size=1,
        upload_interval=1,
        on_error=lambda error, _batch: failed.append(error),
    )
    sender.track("c1", "Product Viewed")
    await asyncio.to_thread(sender.flush)
    await asyncio.to_thread(sender.join)
    assert python_sdks.requests() - before == {"/v1/batch 401": 1}
    assert len(failed) == 1


@pytest.mark.parametrize(
    ("source", "method", "requests"),
    [
        ("snowplow_python", "post", {"/com.snowplowanalytics.snowplow/tp2": 1}),
        ("snowplow_python_get", "get", {"/i": 5}),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_snowplows_tracker_for_python_sends_every_event_once(
    python_sdks: Sdks, source: str, method: Any, requests: dict[str, int]
) -> None:
    before, failed = python_sdks.requests(), []
    address = urlsplit(python_sdks.collector.url)
    emitter = snowplow_tracker.Emitter(
        str(address.hostname),
        protocol="http",
        port=address.port,
        method=method,
        batch_size=1 if method == "get" else 10,
        on_failure=lambda _sent, unsent: failed.extend(unsent),
    )
    subject = snowplow_tracker.Subject().set_user_id("c1").set_domain_user_id("d1").set_lang("de")
    tracker = snowplow_tracker.Tracker("sp", emitter, subject, app_id=source, encode_base64=method == "post")

    def send() -> None:
        plan = [snowplow_tracker.SelfDescribingJson(SCHEMA("org.example/plan"), {"plan": "grün"})]
        url = "https://shop.example/tea?utm_source=news&utm_campaign=spring"
        then = THEN.timestamp() * 1000
        tracker.track(snowplow_tracker.PageView(url, "Tea", context=plan, true_timestamp=then))
        tracker.track(snowplow_tracker.StructuredEvent("newsletter", "Subscribed", value=1))
        trailer = snowplow_tracker.SelfDescribingJson(SCHEMA("org.example/watched_trailer"), {"seconds": 20})
        tracker.track(snowplow_tracker.SelfDescribing(trailer, context=plan))
        line = {"sku": "tea-1", "price": 8.5, "quantity": 2, "currency": "EUR"}
        tracker.track_ecommerce_transaction("1001", 19.9, currency="EUR", items=[line])
        tracker.flush()

    await asyncio.to_thread(send)
    assert not failed
    assert python_sdks.requests() - before == requests
    values = await python_sdks.collected(source)
    found = by_touchpoint(values)
    assert set(found) == {"page_view", "newsletter_subscribed", "watched_trailer", "order_completed", "order_item"}
    assert all(people(value) == {"customer:c1", "anonymous:d1"} for value in values)
    assert datetime.fromisoformat(found["page_view"]["occurred_at"]) == THEN
    assert found["page_view"]["campaign"] == {"name": "spring", "source": "news"}
    assert found["page_view"]["properties"]["contexts"] == {"plan": {"plan": "grün"}}
    assert found["order_completed"]["amount"] == {"amount": "19.90", "currency": "EUR"}
    lines = [*found["order_completed"]["body"]["items"], *found["order_item"]["body"]["items"]]
    assert [(line["product"], line["value"]) for line in lines] == [("tea-1", "17.00")]


async def test_a_retry_of_snowplows_tracker_mixes_old_and_new_events_and_nothing_is_there_twice(
    python_sdks: Sdks,
) -> None:
    with LosesAnAnswer(python_sdks.collector.url) as lossy:
        port = urlsplit(lossy.url).port
        emitter = snowplow_tracker.Emitter("127.0.0.1", protocol="http", port=port, batch_size=10)
        emitter.retry_delay = 0.3  # doubled, and some by chance: time enough for the second event
        tracker = snowplow_tracker.Tracker("sp", emitter, app_id="lost_snowplow_python")

        def send() -> None:
            tracker.track(snowplow_tracker.StructuredEvent("video", "first"))
            tracker.flush()
            tracker.track(snowplow_tracker.StructuredEvent("video", "second"))
            end = time.monotonic() + 20
            while lossy.answered < 2 and time.monotonic() < end:  # its own timer sends again
                time.sleep(0.05)

        await asyncio.to_thread(send)
    assert (lossy.answered, lossy.events_lost) == (2, 1)
    values = await python_sdks.collected("lost_snowplow_python", sent_again=1)
    assert [value["name"] for value in values] == ["first", "second"]
