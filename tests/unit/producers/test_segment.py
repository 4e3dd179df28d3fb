"""Segment's payloads and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest

from producers.adapters.payload import Node
from producers.adapters.problem import Problem
from producers.adapters.sender import Limits, Sender
from producers.adapters.web.segment import CALLS, Call, outcome_of
from producers.adapters.web.worth import amount_of
from schemas.base import event_id
from schemas.bodies import EmailBody, HotlineBody, OtherBody, StoreBody, WebBody
from schemas.catalogue import load
from schemas.outcome import Accepted, Quarantined
from schemas.quarantine import QuarantineRecord
from schemas.touchpoint import Touchpoint

CATALOGUE = load()
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SENDER = Sender("shop", "http:/v1/track")


def outcome(
    payload: object, call: Call | None = "track", sender: Sender = SENDER, **more: Any
) -> Accepted | Quarantined:
    raw = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    result = outcome_of(raw, call, sender, NOW, CATALOGUE, **more)
    assert isinstance(result, Accepted | Quarantined)
    return result


def taken(payload: object, call: Call | None = "track", sender: Sender = SENDER, **more: Any) -> Touchpoint:
    result = outcome(payload, call, sender, **more)
    assert isinstance(result, Accepted), result
    return result.touchpoint


def refused(payload: object, call: Call | None = "track", sender: Sender = SENDER, **more: Any) -> QuarantineRecord:
    result = outcome(payload, call, sender, **more)
    assert isinstance(result, Quarantined), result
    return result.record


def order(**properties: Any) -> dict[str, Any]:
    return {"userId": "u", "event": "Order Completed", "properties": {"currency": "EUR", **properties}}


def identifiers(payload: dict[str, Any], call: Call = "track") -> list[str]:
    payload = {"event": "X", **payload}
    return [identifier.key for identifier in taken(payload, call).identifiers]


# ---- who


def test_every_place_of_an_identifier_is_read_in_segments_payload() -> None:
    assert identifiers(
        {
            "userId": 17,
            "anonymousId": "a-1",
            "context": {
                "traits": {"email": " Ada@Example.ORG ", "loyaltyId": "L9"},
                "externalIds": [{"type": "GA.Client-Id", "id": "g1"}, {"type": "email", "id": "B@x.org"}],
            },
            "traits": {"phone": "+49 (30) 12-34", "loyalty_id": "L8"},
        }
    ) == [
        "customer:17",
        "anonymous:a-1",
        "email:ada@example.org",
        "loyalty:L9",
        "phone:+493012 34".replace(" ", ""),
        "loyalty:L8",
        "ga_client_id:g1",
        "email:b@x.org",
    ]


@pytest.mark.parametrize("blank", [None, "", "  ", "null", "undefined", "N/A"])
def test_a_blank_is_no_identifier(blank: str | None) -> None:
    payload = {
        "userId": blank,
        "anonymousId": blank,
        "traits": {"email": blank},
        "context": {"traits": {"phone": blank}},
    }
    assert identifiers(payload) == []


def test_an_event_of_nobody_is_keyed_by_its_id_and_taken() -> None:
    touchpoint = taken({"event": "X", "messageId": "1"})
    assert touchpoint.key == f"event:{event_id('shop', '1')}"


def test_a_text_that_is_no_address_identifies_nobody_but_is_kept() -> None:
    touchpoint = taken({"event": "X", "traits": {"email": "guest"}})
    assert touchpoint.identifiers == ()
    assert touchpoint.properties["traits"] == {"email": "guest"}


def test_a_referrer_that_is_none_is_left_out() -> None:
    body = taken({"context": {"page": {"referrer": "$direct"}}}, "page").body
    assert isinstance(body, WebBody)
    assert body.referrer is None


def test_a_phone_without_a_country_is_its_digits_where_the_source_declares_no_region() -> None:
    assert identifiers({"traits": {"phone": " 030-12 34 "}}) == ["phone:0301234"]


def test_the_traits_of_a_group_are_nobodys() -> None:
    payload = {"groupId": "g", "userId": "u", "traits": {"email": "office@firm.example"}}
    assert identifiers(payload, "group") == ["customer:u"]


def test_an_alias_links_the_previous_id_unless_it_is_the_user_himself() -> None:
    assert identifiers({"userId": "u", "previousId": "a"}, "alias") == ["customer:u", "anonymous:a"]
    assert identifiers({"userId": "u", "previousId": "u"}, "alias") == ["customer:u"]


# ---- what


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("page", "page_view"),
        ("screen", "screen_view"),
        ("identify", "identified"),
        ("group", "identified"),
        ("alias", "identified"),
    ],
)
def test_each_call_is_its_touchpoint(call: Call, name: str) -> None:
    assert taken({"userId": "u"}, call).touchpoint == name


@pytest.mark.parametrize(
    ("event", "touchpoint"),
    [
        ("Order Completed", "order_completed"),
        ("order_completed", "order_completed"),
        ("Signed Up", "account_created"),
        ("Email Link Clicked", "email_clicked"),
        ("Watched Trailer!", "watched_trailer"),
        ("counter.drinks", "counter.drinks"),
        ("nothing.known", "nothing_known"),
        ("購入", "event"),
    ],
)
def test_an_event_is_the_catalogues_touchpoint_or_one_by_its_own_name(event: str, touchpoint: str) -> None:
    assert taken({"event": event}).touchpoint == touchpoint
    assert taken({"event": event}).name == event


def test_in_a_batch_the_event_says_its_own_type() -> None:
    assert taken({"type": "Page", "name": "Home"}, None).touchpoint == "page_view"
    assert refused({"type": "video"}, None, path="$.batch[4]").reason.startswith("$.batch[4].type: 'video' is none of")
    assert refused({"event": "X"}, None).reason == "$.type: required, but missing or blank"


def test_properties_traits_and_the_relevant_context_are_kept_and_addresses_are_cut() -> None:
    touchpoint = taken(
        {
            "event": "X",
            "properties": {"colour": "red", "nothing": None, "deep": {"a": [1, 2.5]}},
            "context": {
                "ip": "203.0.113.9",
                "traits": {"plan": "gold"},
                "device": {"type": "ios", "id": "secret", "advertisingId": "secret"},
                "library": {"name": "x"},
            },
            "somethingNew": 1,
        }
    )
    assert touchpoint.properties == {
        "colour": "red",
        "nothing": None,
        "deep": {"a": [1, 2.5]},
        "ip": "203.0.113.0",
        "traits": {"plan": "gold"},
        "context": {"device": {"type": "ios"}, "library": {"name": "x"}},
    }


def test_the_context_of_a_batch_is_the_context_of_its_events_unless_they_have_their_own() -> None:
    shared = {"campaign": {"name": "spring"}, "locale": "de"}
    touchpoint = taken({"type": "page", "context": {"locale": "fr"}}, None, shared_context=shared)
    assert touchpoint.campaign is not None
    assert touchpoint.campaign.name == "spring"
    assert isinstance(touchpoint.body, WebBody)
    assert touchpoint.body.locale == "fr"


# ---- where


@pytest.mark.parametrize(
    ("payload", "channel"),
    [
        ({"event": "Watched"}, "web"),
        ({"event": "Watched", "context": {"device": {"type": "Android"}}}, "app"),
        ({"event": "Watched", "context": {"library": {"name": "analytics-kotlin"}}}, "app"),
        ({"event": "Watched", "channel": "mobile"}, "app"),
        ({"event": "Order Completed", "channel": "mobile"}, "app"),
        ({"event": "Order Completed"}, "web"),
        ({"event": "Email Opened"}, "email"),
        ({"event": "Call"}, "hotline"),
        ({"event": "Coupon Redeemed"}, "store"),
        ({"event": "Poster", "properties": {"channel": "print"}}, "print"),
        ({"event": "Order Completed", "context": {"channel": "Hotline"}}, "hotline"),
        ({"event": "Order Completed", "properties": {"channel": "nowhere"}}, "web"),
    ],
)
def test_the_channel_is_the_senders_else_the_catalogues_else_web_or_app(payload: dict[str, Any], channel: str) -> None:
    assert taken(payload).channel == channel


def test_a_source_may_have_a_channel_for_what_nobody_knows() -> None:
    sender = Sender("till", "http:/v1/track", channel="store")
    assert taken({"event": "Watched"}, sender=sender).channel == "store"
    assert taken({"event": "Email Opened"}, sender=sender).channel == "email"


def test_the_body_is_of_the_channels_kind() -> None:
    web = taken(
        {"context": {"page": {"url": "https://x/y"}, "userAgent": "UA"}, "properties": {"title": "T"}, "name": "N"},
        "page",
    ).body
    assert web == WebBody(url="https://x/y", title="N", user_agent="UA")
    mail = taken(
        {"event": "Email Opened", "properties": {"campaign_id": 7, "email_subject": "Hi", "link_url": "l"}}
    ).body
    assert mail == EmailBody(mailing="7", subject="Hi", link="l")
    call = taken({"event": "Call", "properties": {"queue": "q", "waiting_time": "12.5", "result": "Resolved"}}).body
    assert call == HotlineBody(queue="q", waiting_time=Decimal("12.5"), result="resolved")
    store = taken({"event": "Coupon Redeemed", "properties": {"store_id": 31, "till": "2"}}).body
    assert store == StoreBody(store="31", till="2")
    other = taken({"event": "Direct Mail Delivered", "properties": {"text": "flyer", "reach": -1}}).body
    assert other == OtherBody(text="flyer")


def test_a_call_with_a_waiting_time_that_is_none_is_refused_with_its_path() -> None:
    assert (
        refused({"event": "Call", "properties": {"wait_time": "long"}}).reason == "$.properties.wait_time: not a number"
    )


# ---- worth


def test_an_order_has_its_id_its_amount_and_its_lines() -> None:
    products = [{"product_id": "p1", "category": "tea", "price": 3.5, "quantity": 2}, {"sku": 9}]
    touchpoint = taken(order(order_id=1001, revenue="19.90", total=25, products=products))
    assert touchpoint.order_id == "1001"
    assert touchpoint.amount is not None
    assert (touchpoint.amount.amount, touchpoint.amount.currency) == (Decimal("19.90"), "EUR")
    assert isinstance(touchpoint.body, WebBody)
    lines = [(item.product, item.category, item.quantity, item.value) for item in touchpoint.body.items]
    assert lines == [("p1", "tea", 2, Decimal("7.00")), ("9", None, 1, None)]


@pytest.mark.parametrize(
    ("revenue", "currency", "amount"),
    [
        (0.1 + 0.2, "EUR", "0.30"),
        (3.4899999999999998, "eur", "3.49"),
        (2.675, "EUR", "2.68"),
        (2.665, "EUR", "2.66"),
        (100.5, "JPY", "100"),
        ("1.2345", "KWD", "1.234"),
        (0, "EUR", "0.00"),
    ],
)
def test_an_amount_is_rounded_half_to_even_to_the_minor_unit(revenue: object, currency: str, amount: str) -> None:
    found = taken(order(revenue=revenue, currency=currency)).amount
    assert found is not None
    assert found.amount == Decimal(amount)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"revenue": "abc"}, "$.properties.revenue: not a number"),
        ({"revenue": "1,234.50"}, "$.properties.revenue: not a number"),
        ({"revenue": True}, "$.properties.revenue: not a number"),
        ({"revenue": [1]}, "$.properties.revenue: not a number"),
        ({"revenue": "NaN"}, "$.properties.revenue: not a number"),
        ({"total": "undefined"}, "$.properties.total: not a number"),
        ({"revenue": "1e400"}, "$.properties.revenue: more than 18 digits"),
        ({"revenue": -1}, "$.properties.revenue: below zero; money that goes back is sent as a refund"),
        ({"revenue": 1, "currency": "XXQ"}, "$.properties.currency: 'XXQ' is not an ISO 4217 currency code"),
        ({"revenue": 1, "currency": 5}, "$.properties.currency: not text"),
        (
            {"revenue": 1, "currency": None},
            "$.properties.currency: required beside an amount, since the source has no default currency",
        ),
        ({"products": {"a": 1}}, "$.properties.products: not a list"),
        ({"products": [{"sku": "a"}, 5]}, "$.properties.products[1]: not an object"),
        ({"products": [{"price": 5}]}, "$.properties.products[0].product_id: required, but missing or blank"),
        ({"products": [{"sku": "a", "quantity": "x"}]}, "$.properties.products[0].quantity: not a number"),
        ({"products": [{"sku": "a"}] * 1001}, "$.properties.products: more than 1000 products"),
    ],
)
def test_money_that_cannot_be_meant_is_refused_with_its_path(properties: dict[str, Any], reason: str) -> None:
    assert refused(order(**properties)).reason == reason


def test_a_source_may_have_a_default_currency() -> None:
    amount = taken(order(revenue=5, currency=""), sender=Sender("s", "d", default_currency="CHF")).amount
    assert amount is not None
    assert amount.currency == "CHF"


def test_a_value_is_money_only_where_money_is_meant() -> None:
    assert taken({"event": "Survey Answered", "properties": {"value": 9}}).amount is None
    assert taken({"event": "Search", "properties": {"total": "many"}}).amount is None
    assert taken({"event": "Lead", "properties": {"value": 9, "currency": "EUR"}}).amount is not None
    assert refused(order(total="x")).reason == "$.properties.total: not a number"


def test_a_refund_is_a_positive_amount_whatever_its_sign() -> None:
    for total in (-5, 5):
        amount = taken(
            {"event": "Order Refunded", "properties": {"order_id": "1", "total": total, "currency": "EUR"}}
        ).amount
        assert amount is not None
        assert amount.minor == 500


def refunded(event: str = "Order Refunded", **properties: Any) -> dict[str, Any]:
    return {"userId": "u", "event": event, "properties": {"order_id": "1", "currency": "EUR", **properties}}


@pytest.mark.parametrize(
    ("properties", "amount"),
    [
        ({}, None),  # the whole order
        ({"products": []}, None),
        ({"products": [{"product_id": "a", "price": "1.25", "quantity": 2}, {"sku": "b", "price": 3}]}, "5.50"),
        ({"products": [{"product_id": "a", "price": 2, "quantity": -2}]}, "4.00"),
        ({"products": [{"product_id": "a", "quantity": 2}], "total": 7}, "7.00"),
        ({"products": [{"product_id": "a", "price": 0}]}, "0.00"),
    ],
)
def test_a_refund_gives_back_its_total_else_its_products_else_the_whole_order(
    properties: dict[str, Any], amount: str | None
) -> None:
    money = taken(refunded(**properties)).amount
    assert (money and str(money.amount)) == amount


def test_a_refund_of_products_without_a_price_does_not_take_back_the_whole_order() -> None:
    products = [{"product_id": "a", "price": 1}, {"product_id": "123abc", "quantity": 200}]
    assert refused(refunded(products=products)).reason.startswith(
        "$.properties.products[1].price: required where a refund names products and no total"
    )
    assert taken(refunded("Order Cancelled", products=products)).amount is None


@pytest.mark.parametrize("total", [-5, 5])
def test_an_amount_of_a_part_of_a_refund_is_read_as_its_whole_reads_it(total: int) -> None:
    node = Node({"total": total, "products": []}, "$")
    amount = amount_of(node, "order_refunded.partial", CATALOGUE, "EUR")
    assert amount is not None
    assert amount.minor == 500
    priceless = Node({"products": [{"product_id": "a"}]}, "$")
    assert amount_of(priceless, "order_cancelled.by_us", CATALOGUE, "EUR") is None  # the whole order
    with pytest.raises(Problem, match="below zero"):
        amount_of(Node({"total": -5}, "$"), "order_completed.app", CATALOGUE, "EUR")


# ---- when


@pytest.mark.parametrize(
    ("times", "occurred"),
    [
        ({}, NOW),
        ({"timestamp": "", "originalTimestamp": None}, NOW),
        ({"timestamp": "2017-03-01T10:00:00+01:00"}, datetime(2017, 3, 1, 9, tzinfo=UTC)),
        # history: sentAt a little before the arrival changes nothing
        ({"timestamp": "2017-03-01T10:00:00Z", "sentAt": "2024-05-01T11:59:58Z"}, datetime(2017, 3, 1, 10, tzinfo=UTC)),
        # an old body sent late changes nothing either
        ({"timestamp": "2024-05-01T09:00:00Z", "sentAt": "2024-05-01T09:00:01Z"}, datetime(2024, 5, 1, 9, tzinfo=UTC)),
        # a clock that runs two days fast is set back
        ({"timestamp": "2024-05-03T11:59:50Z", "sentAt": "2024-05-03T12:00:00Z"}, NOW - timedelta(seconds=10)),
        # a device's clock, slow and fast
        ({"originalTimestamp": "2024-05-01T08:59:50Z", "sentAt": "2024-05-01T09:00:00Z"}, NOW - timedelta(seconds=10)),
        ({"originalTimestamp": "2024-05-01T08:59:50Z"}, datetime(2024, 5, 1, 8, 59, 50, tzinfo=UTC)),
        ({"originalTimestamp": "2024-05-01T08:59:50Z", "sentAt": "later"}, datetime(2024, 5, 1, 8, 59, 50, tzinfo=UTC)),
    ],
)
def test_the_time_is_the_senders_corrected_where_its_clock_is_wrong(times: dict[str, Any], occurred: datetime) -> None:
    assert taken({"event": "X", **times}).occurred_at == occurred


def test_calls_of_a_right_clock_that_overtook_each_other_keep_their_order() -> None:
    slow = taken({"event": "X", "originalTimestamp": "2024-05-01T11:59:50.000Z", "sentAt": "2024-05-01T11:59:50.001Z"})
    quick = taken({"event": "X", "originalTimestamp": "2024-05-01T11:59:50.500Z", "sentAt": "2024-05-01T11:59:59.900Z"})
    assert slow.occurred_at < quick.occurred_at == datetime(2024, 5, 1, 11, 59, 50, 500_000, tzinfo=UTC)


def test_the_batch_may_say_when_it_was_sent() -> None:
    event = {"type": "page", "originalTimestamp": "2024-05-01T08:59:50Z"}
    assert taken(event, None, sent_at="2024-05-01T09:00:00Z").occurred_at == NOW - timedelta(seconds=10)


@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [
        ("1989-12-31T23:59:59Z", "$.timestamp: 1989-12-31T23:59:59+00:00 is before 1990-01-01"),
        ("2024-05-02T12:00:01Z", "$.timestamp: 2024-05-02T12:00:01+00:00 is more than a day ahead of its arrival"),
        ("yesterday", "$.timestamp: not a time"),
        (True, "$.timestamp: not a time"),
        ([2024], "$.timestamp: not a time"),
        ("2024-02-30T00:00:00Z", "$.timestamp: not a time"),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(timestamp: object, reason: str) -> None:
    assert refused({"event": "X", "timestamp": timestamp}).reason == reason


def test_a_time_of_exactly_one_day_ahead_is_good() -> None:
    assert taken({"event": "X", "timestamp": "2024-05-02T12:00:00Z"}).occurred_at == NOW + timedelta(days=1)


# ---- which


def test_the_senders_uuid_is_the_event_id_and_another_id_makes_one_with_the_source() -> None:
    own = "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert taken({"event": "X", "messageId": own}).event_id == UUID(own)
    assert taken({"event": "X", "messageId": "m-1"}).event_id == event_id("shop", "m-1")


def test_without_an_id_the_content_is_the_id_and_a_retry_has_the_same() -> None:
    first = taken({"event": "X", "userId": "u", "sentAt": "2024-05-01T11:00:00Z"}).event_id
    assert taken({"userId": "u", "event": "X", "sentAt": "2024-05-01T11:00:09Z", "messageId": None}).event_id == first
    assert taken({"event": "X", "userId": "v"}).event_id != first
    assert taken({"event": "X", "userId": "u"}, sender=Sender("other", "d")).event_id != first


# ---- what cannot be taken


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "$: not JSON: "),
        (b"\xff\xfe", "$: not JSON: "),
        (b'{"event":"\xff"}', "$: not JSON: "),
        ([1], "$: not an object"),
        ({"event": None}, "$.event: required, but missing or blank"),
        ({"event": {"a": 1}}, "$.event: not text"),
        ({"event": "x" * 501}, "$.event: longer than 500 characters"),
        ({"event": "X", "userId": {"id": 1}}, "$.userId: not text"),
        ({"event": "X", "userId": "u" * 501}, "$.userId: longer than 500 characters"),
        ({"event": "X", "messageId": 1.5}, "$.messageId: not text"),
        ({"event": "X", "properties": [1]}, "$.properties: not an object"),
        ({"event": "X", "context": "c"}, "$.context: not an object"),
        ({"event": "X", "context": {"externalIds": [{"id": "1"}]}}, "$.context.externalIds[0].type: required"),
        ({"event": "X", "context": {"campaign": {"name": 1.5}}}, "$.context.campaign.name: not text"),
        (b'{"event":"X","properties":{"a":' + b"[" * 70 + b"]" * 70 + b"}}", "$: nested more than 64 deep"),
        ({"event": "X", "properties": {"a": "x" * 300_000}}, "$: 300035 bytes, more than the 262144 of one event"),
    ],
)
def test_what_cannot_be_taken_says_where_and_why(payload: object, reason: str) -> None:
    assert refused(payload).reason.startswith(reason)


def test_the_senders_bytes_are_kept_with_source_and_door() -> None:
    raw = b'{ "event" : 5.5 }'
    record = refused(raw)
    assert (record.original, record.source, record.door, record.received_at) == (raw, "shop", "http:/v1/track", NOW)


def test_bytes_that_are_no_text_are_kept_too() -> None:
    assert refused(b"\xff\x00{").original == b"\xff\x00{"


def test_of_a_large_payload_the_beginning_is_kept_and_the_reason_says_so() -> None:
    raw = b"x" * 200
    record = refused(raw, limits=Limits(quarantined_bytes=50))
    assert record.original == raw[:50]
    assert record.reason.endswith("(of its 200 bytes the first 50 are kept)")


def test_every_call_of_the_interface_is_known() -> None:
    assert set(CALLS) == {"track", "identify", "page", "screen", "group", "alias"}
