"""What Snowplow's trackers send and what becomes of it. The shapes are those that the trackers were seen to send."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from producers.adapters.adapter import Context, HookRequest
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.sender import Limits, Sender
from producers.adapters.web.snowplow.adapter import ADAPTER
from producers.adapters.web.snowplow.payload import pieces
from schemas.bodies import WebBody
from schemas.catalogue import load
from schemas.outcome import Accepted, Quarantined
from schemas.quarantine import QuarantineRecord
from schemas.touchpoint import Touchpoint

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SENDER = Sender("shop", "http:/com.snowplowanalytics.snowplow/tp2")
CONTEXT = Context(SENDER, NOW, load())
EID = "7b1fdc5c-8f6c-4c0f-9f7e-6a2f6f6c0a{:02}".format
ACTION = "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2"
SHOP = "iglu:com.snowplowanalytics.snowplow.ecommerce/{}/jsonschema/1-0-0".format
SNOWPLOW = "iglu:com.snowplowanalytics.snowplow/{}/jsonschema/1-0-1".format
OWN = "iglu:org.example/{}/jsonschema/1-0-0".format


def ms(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode()


def described(schema: str, data: object) -> dict[str, Any]:
    return {"schema": schema, "data": data}


def unstruct(schema: str, data: object) -> dict[str, Any]:
    return described(SNOWPLOW("unstruct_event"), described(schema, data))


def contexts(*entities: dict[str, Any]) -> dict[str, Any]:
    return described(SNOWPLOW("contexts"), list(entities))


def posted(*events: object) -> bytes:
    return orjson.dumps(described(SNOWPLOW("payload_data"), list(events)))


def outcomes(
    body: bytes, query: str = "", context: Context = CONTEXT, headers: dict[str, str] | None = None
) -> list[Accepted | Quarantined]:
    request = HookRequest(body, headers or {}, (), f"http://door/i?{query}")
    found = [outcome_of(ADAPTER, piece, context) for piece in pieces(request, context)]
    return [one for one in found if isinstance(one, Accepted | Quarantined)]


def taken(event: dict[str, Any], context: Context = CONTEXT, headers: dict[str, str] | None = None) -> Touchpoint:
    [outcome] = outcomes(posted({"aid": "shop", "p": "web", **event}), context=context, headers=headers)
    assert isinstance(outcome, Accepted), outcome
    return outcome.touchpoint


def refused(event: dict[str, Any], context: Context = CONTEXT) -> QuarantineRecord:
    [outcome] = outcomes(posted(event), context=context)
    assert isinstance(outcome, Quarantined), outcome
    return outcome.record


def people(touchpoint: Touchpoint) -> list[str]:
    return [identifier.key for identifier in touchpoint.identifiers]


def web(touchpoint: Touchpoint) -> WebBody:
    assert isinstance(touchpoint.body, WebBody)
    return touchpoint.body


# ---- ways in

VIEW = {"e": "pv", "eid": EID(1), "aid": "shop", "p": "web", "url": "https://shop.example/", "page": "Über uns"}


@pytest.mark.parametrize(
    ("body", "query"),
    [
        (posted(VIEW), ""),
        (b"\xef\xbb\xbf " + posted(VIEW), ""),
        (orjson.dumps([VIEW]), ""),
        (orjson.dumps(VIEW), ""),
        (urlencode(VIEW).encode(), ""),
        (b"", urlencode(VIEW)),
        (b"", urlencode(VIEW) + "&page=%DCber+uns"),  # Latin-1, by a page made by hand
    ],
)
def test_an_event_is_the_same_by_post_by_list_by_itself_and_by_pixel(body: bytes, query: str) -> None:
    [outcome] = outcomes(body, query)
    assert isinstance(outcome, Accepted)
    touchpoint = outcome.touchpoint
    assert (str(touchpoint.event_id), touchpoint.touchpoint, touchpoint.channel) == (EID(1), "page_view", "web")
    assert (web(touchpoint).title, web(touchpoint).url, web(touchpoint).path) == (
        "Über uns",
        "https://shop.example/",
        "/",
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "$: neither a body nor a query"),
        (b"{", "$: not JSON: "),
        (b"[", "$: not a JSON list: "),
        (b'{"data": 5}', "$.data: not a list"),
        (b'{"data": {"e": "pv"}}', "$.data: not a list"),
        (b'{"data": [' + b"[" * 5000, "$: not JSON"),
        (b"a&" * 2000, "$: not a form: "),
    ],
)
def test_what_cannot_be_split_says_why(body: bytes, reason: str) -> None:
    with pytest.raises(Problem) as raised:
        outcomes(body)
    assert str(raised.value).startswith(reason)


def test_a_bad_event_leaves_its_neighbours_alone_and_says_where() -> None:
    body = posted({**VIEW, "eid": EID(1)}, {"e": "pv", "dtm": "soon"}, 7, {**VIEW, "eid": EID(2)})
    first, second, third, fourth = outcomes(body)
    assert isinstance(first, Accepted)
    assert isinstance(second, Quarantined)
    assert second.record.reason == "$.data[1].dtm: not a time"
    assert second.record.original == b'{"e":"pv","dtm":"soon"}'
    assert isinstance(third, Quarantined)
    assert third.record.reason == "$.data[2]: not an object"
    assert isinstance(fourth, Accepted)


def test_the_address_of_a_visitor_does_not_lie_in_quarantine() -> None:
    [outcome] = outcomes(b"", "e=xx&ip=203.0.113.9&page=Tea&ip=203.0.113.9")
    assert isinstance(outcome, Quarantined)
    assert outcome.record.original == b"e=xx&page=Tea&"


# ---- who


def test_a_user_is_a_customer_and_cookies_are_anonymous() -> None:
    event = {"e": "pv", "uid": "c1", "duid": "d1", "nuid": "n1", "tnuid": "n1", "sid": "s1"}
    assert people(taken(event)) == ["customer:c1", "anonymous:d1", "anonymous:n1"]


@pytest.mark.parametrize("blank", ["", " ", "null", "undefined", None])
def test_a_blank_is_nobody(blank: str | None) -> None:
    assert people(taken({"e": "pv", "uid": blank, "duid": blank, "nuid": blank})) == []


def test_a_session_stands_for_the_visitor_only_where_nothing_else_does() -> None:
    assert people(taken({"e": "pv", "sid": "s1"})) == ["anonymous:s1"]
    nobody = "00000000-0000-0000-0000-000000000000"
    session = described(SNOWPLOW("client_session"), {"userId": nobody, "sessionId": "s2"})
    assert people(taken({"e": "pv", "co": contexts(session)})) == ["anonymous:s2"]
    known = described(SNOWPLOW("client_session"), {"userId": "d1", "sessionId": "s2"})
    assert people(taken({"e": "pv", "co": contexts(known)})) == ["anonymous:d1"]


def test_the_shops_user_is_a_customer_unless_a_guest() -> None:
    user = {"id": "c1", "email": "Ada@example.org"}
    assert people(taken({"e": "pv", "co": contexts(described(SHOP("user"), user))})) == [
        "customer:c1",
        "email:ada@example.org",
    ]
    guest = {**user, "is_guest": True}
    assert people(taken({"e": "pv", "co": contexts(described(SHOP("user"), guest))})) == ["email:ada@example.org"]
    assert people(taken({"e": "pv", "co": contexts(described(OWN("user"), user))})) == []


# ---- when

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("times", "occurred"),
    [
        ({}, NOW),
        ({"dtm": ms(NOW - DAY)}, NOW - DAY),
        # right clocks: the device's word, whatever the way took
        ({"dtm": ms(NOW - DAY), "stm": ms(NOW - timedelta(seconds=2))}, NOW - DAY),
        ({"dtm": ms(NOW), "stm": ms(NOW - timedelta(seconds=2))}, NOW),
        # a clock of a year ago, and one that runs ahead: back from the arrival, by as long as it waited
        ({"dtm": ms(NOW - 365 * DAY), "stm": ms(NOW - 364 * DAY)}, NOW - DAY),
        ({"dtm": ms(NOW + 9 * DAY), "stm": ms(NOW + 10 * DAY)}, NOW - DAY),
        # sent before it happened: it did not wait
        ({"dtm": ms(NOW + 10 * DAY), "stm": ms(NOW + 9 * DAY)}, NOW),
        ({"dtm": ms(NOW - DAY), "stm": "now"}, NOW - DAY),
        # a true time is the sender's word
        (
            {"dtm": ms(NOW), "stm": ms(NOW + 9 * DAY), "ttm": "1488362400123"},
            datetime.fromtimestamp(1488362400.123, UTC),
        ),
    ],
)
def test_the_time_is_the_true_one_else_the_devices_corrected_where_its_clock_is_wrong(
    times: dict[str, str], occurred: datetime
) -> None:
    assert taken({"e": "pv", **times}).occurred_at == occurred


def test_a_time_that_cannot_be_meant_is_refused() -> None:
    assert refused({"e": "pv", "ttm": "1"}).reason == "$.data[0].ttm: 1970-01-01T00:00:01+00:00 is before 1990-01-01"
    assert refused({"e": "pv", "dtm": ms(NOW + 2 * DAY)}).reason.endswith("is more than a day ahead of its arrival")
    assert refused({"e": "pv", "dtm": "9" * 30}).reason == "$.data[0].dtm: not a time"


# ---- which


def test_a_retry_has_the_same_id_though_it_is_sent_later_and_beside_new_events() -> None:
    without_id = {"e": "pv", "dtm": ms(NOW), "duid": "d1", "stm": ms(NOW)}
    first = outcomes(posted(VIEW, without_id))
    later = Context(SENDER, NOW + timedelta(seconds=9), CONTEXT.catalogue)
    retried = {**without_id, "stm": ms(NOW + timedelta(seconds=9))}
    second = outcomes(posted({**VIEW, "eid": EID(9)}, {**VIEW, "stm": ms(NOW)}, retried), context=later)
    ids = [[one.touchpoint.event_id for one in some if isinstance(one, Accepted)] for some in (first, second)]
    assert ids[1][1:] == ids[0]
    assert ids[1][0] not in ids[0]


def test_a_pixel_without_id_and_time_counts_each_time() -> None:
    query = "e=pv&aid=shop&p=web&tv=no-js-0.1.0"
    headers = {"referer": "https://shop.example/tea", "user-agent": "Lynx"}
    later = Context(SENDER, NOW + timedelta(seconds=1), CONTEXT.catalogue)
    [first], [second] = outcomes(b"", query, headers=headers), outcomes(b"", query, later, headers)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert first.touchpoint.event_id != second.touchpoint.event_id
    assert (web(first.touchpoint).url, web(first.touchpoint).user_agent) == ("https://shop.example/tea", "Lynx")


# ---- what


@pytest.mark.parametrize(
    ("event", "touchpoint", "name"),
    [
        ({"e": "pv", "page": "Tea"}, "page_view", "Tea"),
        ({"e": "pp", "page": "Tea"}, "page_ping", "Tea"),
        ({"e": "se", "se_ca": "x", "se_ac": "Product Added"}, "product_added", "Product Added"),
        ({"e": "se", "se_ca": "Newsletter", "se_ac": "subscribed"}, "newsletter_subscribed", "subscribed"),
        ({"e": "se", "se_ca": "video", "se_ac": "Watched Trailer!"}, "watched_trailer", "Watched Trailer!"),
        ({"e": "se", "se_ac": "counter.drinks"}, "counter.drinks", "counter.drinks"),
        ({"e": "ad"}, "advertisement_seen", "ad impression"),
        ({"e": "ue", "ue_pr": unstruct(OWN("Signed_Up"), {})}, "account_created", "Signed_Up"),
        ({"e": "ue", "ue_pr": unstruct(OWN("watched_trailer"), {})}, "watched_trailer", "watched_trailer"),
        ({"e": "ue", "ue_pr": unstruct(SNOWPLOW("screen_view"), {"name": "Cart"})}, "screen_view", "screen_view"),
        (
            {"e": "ue", "ue_pr": unstruct(SNOWPLOW("site_search"), {"terms": ["tea"]})},
            "products_searched",
            "site_search",
        ),
        ({"e": "ue", "ue_pr": unstruct(SNOWPLOW("ad_click"), {})}, "advertisement_clicked", "ad_click"),
        (
            {"e": "ue", "ue_pr": unstruct(SNOWPLOW("social_interaction"), {})},
            "social_interaction",
            "social_interaction",
        ),
    ],
)
def test_an_event_is_the_catalogues_touchpoint_or_one_by_its_own_name(
    event: dict[str, Any], touchpoint: str, name: str
) -> None:
    found = taken(event)
    assert (found.touchpoint, found.name) == (touchpoint, name)


@pytest.mark.parametrize(
    ("action", "touchpoint"),
    [
        ("add_to_cart", "product_added"),
        ("remove_from_cart", "product_removed"),
        ("product_view", "product_viewed"),
        ("list_view", "product_list_viewed"),
        ("list_click", "product_clicked"),
        ("promo_view", "promotion_viewed"),
        ("promo_click", "promotion_clicked"),
        ("checkout_step", "checkout_step"),
        ("transaction", "order_completed"),
        ("refund", "order_refunded"),
        ("trns_error", "transaction_error"),
        ("gift_wrapped", "gift_wrapped"),
    ],
)
def test_each_action_of_the_shop_is_its_touchpoint(action: str, touchpoint: str) -> None:
    assert taken({"e": "ue", "ue_pr": unstruct(ACTION, {"type": action})}).touchpoint == touchpoint


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("ue_px", packed),
        ("ue_px", lambda value: packed(value).rstrip("=")),
        ("ue_px", lambda value: base64.b64encode(orjson.dumps(value)).decode()),
        ("ue_px", lambda value: base64.b64encode(orjson.dumps(value)).decode().replace("+", " ")),
        ("ue_pr", lambda value: orjson.dumps(value).decode()),
        ("ue_pr", lambda value: value),
    ],
)
def test_self_describing_json_is_read_in_every_writing(name: str, write: Any) -> None:
    data = {"title": "Größe ÿþ>?~", "n": 1.5}
    event = {"e": "ue", name: write(unstruct(OWN("watched_trailer"), data))}
    beside = {"cx" if name == "ue_px" else "co": write(contexts(described(OWN("plan"), {"plan": "ÿ>"})))}
    properties = taken({**event, **beside}).properties
    assert {part: properties[part] for part in data} == data
    assert properties["schema"] == OWN("watched_trailer")
    assert properties["contexts"] == {"plan": {"plan": "ÿ>"}}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, ".e: required, but missing or blank"),
        ({"e": None}, ".e: required, but missing or blank"),
        ({"e": "zz"}, ".e: 'zz' is none of pv, pp, se, ue, tr, ti, ad"),
        ({"e": ["pv"]}, ".e: not text"),
        ({"e": "se", "se_ca": "x"}, ".se_ac: required, but missing or blank"),
        ({"e": "se", "se_ac": "x", "se_va": "lots"}, ".se_va: not a number"),
        ({"e": "ue"}, ".ue_pr: required (or ue_px), but missing or blank"),
        ({"e": "ue", "ue_px": "!"}, ".ue_px: not base64"),
        ({"e": "ue", "ue_px": "YWJj"}, ".ue_px: not JSON: "),
        ({"e": "ue", "ue_px": "A"}, ".ue_px: not base64"),
        ({"e": "ue", "ue_px": "é"}, ".ue_px: not base64"),
        ({"e": "ue", "ue_px": packed([1])}, ".ue_px: not an object"),
        ({"e": "ue", "ue_pr": 5}, ".ue_pr: not text"),
        ({"e": "ue", "ue_pr": described(SNOWPLOW("unstruct_event"), [])}, ".ue_pr.data: not an object"),
        ({"e": "ue", "ue_pr": unstruct("my event", {})}, ".ue_pr.data.schema: not the address of a schema"),
        ({"e": "ue", "ue_pr": unstruct(OWN("x"), [1])}, ".ue_pr.data.data: not an object"),
        ({"e": "ue", "ue_pr": unstruct(ACTION, {})}, ".ue_pr.data.data.type: required, but missing or blank"),
        ({"e": "pv", "co": "{"}, ".co: not JSON: "),
        ({"e": "pv", "co": contexts({"data": {}})}, ".co.data[0].schema: not the address of a schema"),
        ({"e": "pv", "uid": "u" * 501}, ".uid: longer than 500 characters"),
        ({"e": "pv", "uid": ["u"]}, ".uid: not text"),
        ({"e": "pv", "co": '{"data":' + "[" * 70 + "]" * 70 + "}"}, ".co: nested more than 64 deep"),
    ],
)
def test_what_cannot_be_taken_says_where_and_why(event: dict[str, Any], reason: str) -> None:
    assert refused(event).reason.startswith(f"$.data[0]{reason}")


def test_an_event_that_is_too_large_is_said_to_be() -> None:
    small = Context(SENDER, NOW, CONTEXT.catalogue, Limits(event_bytes=100))
    assert refused({"e": "pv", "page": "x" * 200}, small).reason.startswith("$.data[0]: 220 bytes, more than the 100")
    [outcome] = outcomes(b"", "e=pv&page=" + "x" * 200, small)
    assert isinstance(outcome, Quarantined)
    assert outcome.record.reason.startswith("$: 210 bytes, more than the 100")


# ---- where from

TAGGED = "https://shop.example/tea?utm_source=news&UTM_Medium=email&utm_campaign=spring%20sale&utm_term=&gclid=g"


def test_the_campaign_is_that_of_the_pages_address() -> None:
    touchpoint = taken({"e": "pv", "url": TAGGED, "refr": "https://search.example/", "lang": "de", "ua": "UA"})
    assert touchpoint.campaign is not None
    assert touchpoint.campaign.model_dump(exclude_none=True) == {
        "name": "spring sale",
        "source": "news",
        "medium": "email",
    }
    body = web(touchpoint)
    assert (body.referrer, body.locale, body.user_agent) == ("https://search.example/", "de", "UA")


@pytest.mark.parametrize("url", ["http://[broken", "//", "?utm_source=", "x" * 5000])
def test_an_address_made_by_hand_harms_nobody(url: str) -> None:
    assert taken({"e": "pv", "url": url}).campaign is None


def test_an_app_says_its_campaign_by_a_deep_link_or_an_entity_of_marketing() -> None:
    link = described("iglu:com.snowplowanalytics.mobile/deep_link/jsonschema/1-0-0", {"url": TAGGED})
    by_link = taken({"e": "pv", "p": "mob", "co": contexts(link)})
    assert by_link.campaign is not None
    assert by_link.campaign.source == "news"
    own = described(OWN("marketing_parameters"), {"utm_source": "news", "medium": "push", "campaign": "spring"})
    by_entity = taken({"e": "pv", "p": "mob", "co": contexts(own)}).campaign
    assert by_entity is not None
    assert (by_entity.source, by_entity.medium, by_entity.name) == ("news", "push", "spring")


def test_what_an_app_does_in_the_shop_is_the_apps() -> None:
    assert taken({"e": "pv", "p": "mob"}).channel == "app"
    assert taken({"e": "se", "se_ac": "Shaken", "p": "app"}).channel == "app"
    assert taken({"e": "se", "se_ac": "Email Opened", "p": "app"}).channel == "email"
    till = Context(Sender("till", "d", channel="store"), NOW, CONTEXT.catalogue)
    assert taken({"e": "se", "se_ac": "Shaken", "p": "srv"}, till).channel == "store"


def test_the_browser_of_a_server_is_nobodys() -> None:
    headers = {"user-agent": "python-requests/2.34"}
    assert web(taken({"e": "pv", "p": "srv"}, headers=headers)).user_agent is None
    assert web(taken({"e": "pv", "p": "web"}, headers=headers)).user_agent == "python-requests/2.34"


def test_entities_are_kept_by_name_and_what_names_a_device_or_place_is_not() -> None:
    touchpoint = taken(
        {
            "e": "pv",
            "vid": "2",
            "tz": "Europe/Berlin",
            "co": contexts(
                described("iglu:org.w3/PerformanceTiming/jsonschema/1-0-0", {"domComplete": 5}),
                described(OWN("test"), {"id": "a"}),
                described(OWN("test"), {"id": "b"}),
                described(OWN("test"), {"id": "c"}),
                described(SNOWPLOW("mobile_context"), {"osType": "ios", "appleIdfa": "x", "deep": [{"appleIdfv": 1}]}),
                described(SNOWPLOW("geolocation_context"), {"latitude": 52.5, "longitude": 13.4, "speed": 1}),
            ),
        }
    )
    assert touchpoint.properties == {
        "app_id": "shop",
        "platform": "web",
        "visit_number": "2",
        "timezone": "Europe/Berlin",
        "contexts": {
            "PerformanceTiming": {"domComplete": 5},
            "test": [{"id": "a"}, {"id": "b"}, {"id": "c"}],
            "mobile_context": {"osType": "ios", "deep": [{}]},
            "geolocation_context": {"speed": 1},
        },
    }
