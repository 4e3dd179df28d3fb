"""Write keys: when they open, what they open, from which pages, and what a public one may say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from pydantic import SecretStr, ValidationError

from producers.adapters.permitted import permitted
from producers.adapters.problem import Problem
from producers.adapters.sender import Sender
from producers.adapters.web.segment import outcome_of
from producers.collector.app import Collector
from producers.collector.keys import KeyRing
from producers.settings import CollectorSettings, WriteKey
from schemas.catalogue import load
from schemas.outcome import Accepted
from schemas.topics import COLLECTED, QUARANTINE
from tests.unit.producers.accepting import AcceptingPublisher

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
CATALOGUE = load()
HOUR = timedelta(hours=1)
PAGE = {"type": "page", "anonymousId": "a"}
TRACK = {"type": "track", "event": "Product Viewed", "anonymousId": "a"}


class Door:
    """A collector with the keys of a test, at a time that the test sets."""

    def __init__(self, *keys: dict[str, Any], **settings: Any) -> None:
        self.now = NOW
        self.publisher = AcceptingPublisher()
        chosen = CollectorSettings.model_validate({"write_keys": keys, **settings})
        self.collector = Collector(chosen, self.publisher, CATALOGUE, lambda: self.now)  # type: ignore[arg-type] # the fake
        transport = httpx.ASGITransport(self.collector.app, client=("203.0.113.9", 5000))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://door")

    async def post(self, path: str, body: object, key: str = "k", **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, content=orjson.dumps(body), auth=(key, ""), headers=sent)

    def collected(self) -> list[dict[str, Any]]:
        return [orjson.loads(record.value) for record in self.publisher.taken if record.topic == COLLECTED.name]

    def reasons(self) -> list[str]:
        taken = [orjson.loads(record.value) for record in self.publisher.taken if record.topic == QUARANTINE.name]
        return [record["reason"] for record in taken]


# ---- when


async def test_while_keys_rotate_the_old_and_the_new_one_both_open_and_then_only_the_new() -> None:
    door = Door(
        {"key": "old", "source": "shop", "valid_until": (NOW + HOUR).isoformat()},
        {"key": "new", "source": "shop", "valid_from": (NOW - HOUR).isoformat()},
    )
    opened = {}
    for hours in (-2, 0, 1):
        door.now = NOW + hours * HOUR
        opened[hours] = [(await door.post("/v1/page", PAGE, key)).status_code for key in ("old", "new")]
    assert opened == {-2: [200, 401], 0: [200, 200], 1: [401, 200]}
    assert {touchpoint["source"] for touchpoint in door.collected()} == {"shop"}


def test_a_key_that_closes_before_it_opens_is_refused_at_the_start() -> None:
    with pytest.raises(ValidationError, match="valid_until must be later"):
        WriteKey(key=SecretStr("k"), source="shop", valid_from=NOW, valid_until=NOW)


def test_a_key_that_is_there_twice_is_refused_at_the_start_without_being_told() -> None:
    with pytest.raises(ValidationError, match="a key is there twice") as told:
        CollectorSettings.model_validate(
            {"write_keys": [{"key": "twin-key", "source": "a"}, {"key": "twin-key", "source": "b"}]}
        )
    assert "twin-key" not in str(told.value.errors(include_input=False))


@pytest.mark.parametrize("presented", ["", "K", "k ", "kk", "\ud800", "ключ", "k" * 10_000])
def test_only_the_very_key_opens(presented: str) -> None:
    ring = KeyRing([WriteKey(key=SecretStr("k"), source="shop")])
    assert ring.holder(presented, NOW) is None
    assert ring.holder("k", NOW) is not None


# ---- what


async def test_a_key_opens_only_the_doors_that_it_names() -> None:
    door = Door({"key": "k", "source": "shop", "allow": ["page", "hooks:postmark"]})
    assert (await door.post("/v1/page", PAGE)).status_code == 200
    refused = await door.post("/v1/track", TRACK)
    assert refused.status_code == 403
    assert refused.json() == {
        "code": "forbidden",
        "message": "the write key may not send track; it may send page, hooks:postmark",
    }
    opened = {"RecordType": "Open", "Recipient": "ada@example.org", "ReceivedAt": "2024-05-01T11:00:00Z"}
    assert (await door.post("/hooks/postmark", opened)).status_code == 200
    assert len(door.publisher.taken) == 2


async def test_a_hook_that_the_key_does_not_name_is_closed() -> None:
    door = Door({"key": "k", "source": "shop", "allow": ["page"]}, {"key": "all", "source": "shop", "allow": ["hooks"]})
    body = {"RecordType": "Open", "Recipient": "ada@example.org", "ReceivedAt": "2024-05-01T11:00:00Z"}
    assert (await door.post("/hooks/postmark", body)).status_code == 403
    assert (await door.post("/hooks/postmark", body, "all")).status_code == 200


async def test_in_a_batch_a_call_that_the_key_does_not_name_is_quarantined_and_its_neighbours_are_taken() -> None:
    door = Door({"key": "k", "source": "shop", "allow": ["page", "identify"]})
    answer = await door.post("/v1/batch", {"batch": [PAGE, TRACK, {**PAGE, "messageId": "2"}]})
    assert answer.status_code == 200
    assert [event["status"] for event in answer.json()["events"]] == ["accepted", "quarantined", "accepted"]
    assert door.reasons() == ["$.batch[1].type: the write key may not send track; it may send identify, page"]


async def test_a_touchpoint_that_the_key_does_not_name_is_quarantined() -> None:
    door = Door({"key": "k", "source": "shop", "touchpoints": ["page_view"]})
    answer = await door.post("/v1/batch", {"batch": [PAGE, TRACK]})
    assert [event["status"] for event in answer.json()["events"]] == ["accepted", "quarantined"]
    assert door.reasons() == ["$.batch[1]: the write key may not send the touchpoint product_viewed"]


def test_what_no_door_is_called_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="allows 'pages'; known are alias"):
        Door({"key": "k", "source": "shop", "allow": ["pages"]})


# ---- public keys


async def test_what_a_public_key_sends_is_not_verified() -> None:
    door = Door({"key": "k", "source": "shop", "public": True}, {"key": "trusted", "source": "shop"})
    order = {
        "event": "Order Completed",
        "userId": "u",
        "properties": {"order_id": "1", "revenue": 5, "currency": "EUR"},
    }
    await door.post("/v1/track", order)
    await door.post("/v1/track", {**order, "messageId": "2"}, "trusted")
    assert [touchpoint.get("verified", True) for touchpoint in door.collected()] == [False, True]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"event": "Order Refunded", "properties": {"order_id": "1", "revenue": 5}}, "takes money back"),
        ({"event": "Call", "properties": {"channel": "hotline"}}, "a channel that a public write key may not"),
        ({"event": "Email Opened"}, "a channel that a public write key may not"),
        ({"event": "Store Purchase", "properties": {"channel": "web"}}, "a channel that a public write key may not"),
        ({"event": "Anything", "properties": {"channel": "store"}}, "a channel that a public write key may not"),
        (
            {"event": "X", "traits": {"email": "b@example.org"}, "context": {"traits": {"email": "a@example.org"}}},
            "names 2 identifiers of the kind email",
        ),
    ],
)
async def test_a_public_key_may_not_say_what_only_the_houses_own_systems_know(event: dict[str, Any], why: str) -> None:
    door = Door(
        {"key": "k", "source": "shop", "public": True, "default_currency": "EUR"},
        {"key": "trusted", "source": "shop", "default_currency": "EUR"},
    )
    refused = await door.post("/v1/track", event)
    assert (refused.status_code, refused.json()["code"]) == (400, "quarantined")
    assert why in refused.json()["message"]
    assert (await door.post("/v1/track", event, "trusted")).status_code == 200


async def test_a_public_key_opens_no_hook() -> None:
    door = Door({"key": "k", "source": "shop", "public": True})
    answer = await door.post("/hooks/postmark", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_an_operator_who_names_a_touchpoint_lets_a_public_key_send_it() -> None:
    door = Door({"key": "k", "source": "shop", "public": True, "touchpoints": ["complaint"]})
    assert (await door.post("/v1/track", {"event": "Complaint", "userId": "u"})).status_code == 200


def test_a_touchpoint_that_is_named_is_named_with_its_parts() -> None:
    outcome = outcome_of(orjson.dumps(TRACK), "track", Sender("shop", "test"), NOW, CATALOGUE)
    assert isinstance(outcome, Accepted)
    drink = outcome.touchpoint.model_copy(update={"touchpoint": "bar.drinks"})
    assert permitted(drink, Sender("shop", "test", touchpoints=frozenset({"bar"})), CATALOGUE, "$") is drink
    with pytest.raises(Problem):
        permitted(drink, Sender("shop", "test", touchpoints=frozenset({"drinks"})), CATALOGUE, "$")


def test_a_public_key_may_not_send_a_part_of_a_refund() -> None:
    outcome = outcome_of(orjson.dumps(TRACK), "track", Sender("shop", "test"), NOW, CATALOGUE)
    assert isinstance(outcome, Accepted)
    public = Sender("shop", "test", public=True)
    assert permitted(outcome.touchpoint, public, CATALOGUE, "$") is outcome.touchpoint
    back = outcome.touchpoint.model_copy(update={"touchpoint": "order_refunded.partial"})
    with pytest.raises(Problem, match="takes money back"):
        permitted(back, public, CATALOGUE, "$")


# ---- where


ORIGINS = (
    {"key": "k", "source": "shop", "origins": ["https://shop.example"]},
    {"key": "other", "source": "app", "origins": ["https://app.example"]},
)


async def test_an_answer_names_only_the_origins_of_its_key() -> None:
    door = Door(*ORIGINS)
    mine = await door.post("/v1/page", PAGE, origin="https://shop.example")
    assert mine.headers["access-control-allow-origin"] == "https://shop.example"
    others = await door.post("/v1/page", PAGE, origin="https://app.example")
    assert (others.status_code, others.json()["code"]) == (403, "forbidden")
    assert "access-control-allow-origin" not in others.headers
    assert (await door.post("/v1/page", PAGE)).status_code == 200  # no browser, no origin


async def test_a_preflight_carries_no_key_and_so_allows_every_origin_that_some_key_allows() -> None:
    door = Door(*ORIGINS)
    allowed = {}
    for origin in ("https://shop.example", "https://app.example", "https://evil.example"):
        answer = await door.client.options("/v1/page", headers={"origin": origin})
        allowed[origin] = answer.headers.get("access-control-allow-origin")
    assert allowed == {
        "https://shop.example": "https://shop.example",
        "https://app.example": "https://app.example",
        "https://evil.example": None,
    }


async def test_a_key_without_origins_has_the_collectors() -> None:
    door = Door(*ORIGINS, {"key": "third", "source": "x"}, cors_origins=["https://third.example"])
    answer = await door.post("/v1/page", PAGE, "third", origin="https://third.example")
    assert answer.headers["access-control-allow-origin"] == "https://third.example"
    answer = await door.post("/v1/page", PAGE, "third", origin="https://shop.example")
    assert answer.status_code == 200  # it names no pages of its own: whoever may not read the answer may still send
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["shop.example", "https://shop.example/", "https://shop.example/page", ""])
def test_an_origin_that_no_browser_would_write_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(ValidationError, match="origins"):
        WriteKey(key=SecretStr("k"), source="shop", origins=(origin,))


# ---- the device's address


async def test_the_address_of_a_browser_is_kept_cut_and_that_of_a_server_is_not_kept() -> None:
    door = Door({"key": "k", "source": "shop"}, {"key": "page", "source": "shop", "public": True})
    await door.post("/v1/page", {**PAGE, "messageId": "1"})
    await door.post("/v1/page", {**PAGE, "messageId": "2"}, origin="https://shop.example")
    await door.post("/v1/page", {**PAGE, "messageId": "3"}, "page")
    assert [touchpoint["properties"].get("ip") for touchpoint in door.collected()] == [
        None,
        "203.0.113.0",
        "203.0.113.0",
    ]


async def test_behind_a_trusted_proxy_the_address_is_the_visitors() -> None:
    key = {"key": "k", "source": "shop", "public": True}
    for trusted, ip in ((["203.0.113.0/24"], "198.51.100.0"), ([], "203.0.113.0")):
        door = Door(key, trusted_proxies=trusted)
        await door.post("/v1/page", PAGE, x_forwarded_for="192.0.2.1, 198.51.100.7")
        assert door.collected()[0]["properties"]["ip"] == ip


async def test_where_no_address_is_to_be_kept_none_is() -> None:
    door = Door({"key": "k", "source": "shop", "public": True}, keep_ip=False)
    await door.post("/v1/page", {**PAGE, "context": {"ip": "198.51.100.7"}})
    assert "ip" not in door.collected()[0]["properties"]
