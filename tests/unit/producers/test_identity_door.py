"""`/v1/identity`: who may decide whose an identifier is, what a decision becomes on Kafka, and what is answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import ValidationError

from producers.collector.app import MOST_ADMIN_BYTES, Collector
from producers.publisher import BufferFull, NotConnected, PublishFailed
from producers.settings import CollectorSettings
from schemas.base import event_id
from schemas.catalogue import load
from schemas.identity import Command, IdentityMessage
from schemas.topics import IDENTITY
from tests.unit.producers.accepting import AcceptingPublisher

CATALOGUE = load()
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
ADMIN = {"key": "admin-key", "name": "Service desk"}
WRITE = {"key": "write-key", "source": "shop"}
MAIL = "email:ada@example.org"
MERGE = {"identifier": MAIL, "other": "customer:ada", "reason": "she called"}


class FailingPublisher(AcceptingPublisher):
    """Fails as it is told: at once, or when Kafka has answered."""

    refuses: Exception | None = None
    fails: Exception | None = None
    answers = True

    def publish(self, records: Any) -> Future[None]:
        if self.refuses:
            raise self.refuses
        if not self.answers:
            return Future()
        if self.fails:
            future: Future[None] = Future()
            future.set_exception(self.fails)
            return future
        return super().publish(records)


def known(key: str) -> Mapping[str, Any]:
    if key == "email:away@example.org":
        raise ConnectionError("ClickHouse does not answer")
    if key != "email:ada@example.org":
        raise LookupError(f"nothing is known of {key}")
    return {"identifier": key}


class Desk:
    """A collector and its publisher, asked with an admin key."""

    def __init__(self, *, lookup: Any = known, **settings: Any) -> None:
        self.publisher = FailingPublisher()
        self.now = NOW
        chosen = CollectorSettings.model_validate({"write_keys": [WRITE], "admin_keys": [ADMIN], **settings})
        self.collector = Collector(chosen, self.publisher, CATALOGUE, lambda: self.now, lookup=lookup)  # type: ignore[arg-type] # the fake
        transport = httpx.ASGITransport(self.collector.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://door")

    async def post(self, action: str, body: object, key: str | None = "admin-key", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(f"/v1/identity/{action}", content=content, headers=bearing(key) | headers)

    def commands(self) -> list[Command]:
        messages = [IdentityMessage.model_validate_json(record.value).message for record in self.publisher.taken]
        assert all(isinstance(message, Command) for message in messages)
        return [message for message in messages if isinstance(message, Command)]


def bearing(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


# ---- what a decision becomes


async def test_a_merge_is_one_record_for_the_node_of_the_identifier(desk: Desk) -> None:
    answer = await desk.post("merge", MERGE)
    assert answer.status_code == 202
    [command] = desk.commands()
    assert command == Command(
        to="email:ada@example.org",
        action="merge",
        other="customer:ada",
        command_id=UUID(answer.json()["command_id"]),
        requested_at=NOW,
        requested_by="Service desk",
        reason="she called",
    )
    [record] = desk.publisher.taken
    milliseconds = int(NOW.timestamp() * 1000)
    assert (record.topic, record.key, record.timestamp) == (IDENTITY.name, b"email:ada@example.org", milliseconds)
    assert answer.json() == {
        "status": "accepted",
        "command_id": str(command.command_id),
        "action": "merge",
        "identifier": "email:ada@example.org",
        "other": "customer:ada",
    }


@pytest.mark.parametrize("action", ["unmerge", "block", "unblock"])
async def test_the_other_decisions_concern_one_identifier(desk: Desk, action: str) -> None:
    answer = await desk.post(action, {"identifier": "phone:+493012345"})
    assert answer.status_code == 202
    [command] = desk.commands()
    assert (command.action, command.to, command.other, command.reason) == (action, "phone:+493012345", None, None)


async def test_identifiers_are_written_as_the_doors_for_events_write_them(desk: Desk) -> None:
    body = {"identifier": " EMAIL:Ada <ADA@example.org> ", "other": "phone:+49 (30) 123456"}
    assert (await desk.post("merge", body)).status_code == 202
    [command] = desk.commands()
    assert (command.to, command.other) == ("email:ada@example.org", "phone:+4930123456")


async def test_identifiers_are_hidden_where_those_of_events_are() -> None:
    desk = Desk(identifiers={"pseudonym_key": "k" * 32}, lookup=lambda key: {"identifier": key})
    await desk.post("merge", MERGE)
    await desk.client.post("/v1/identify", json={"userId": "ada"}, auth=("write-key", ""))
    decided, event = desk.publisher.taken
    assert b"example.org" not in decided.value
    assert json.loads(decided.value)["message"]["other"] == event.key.decode()
    looked = await desk.client.get("/v1/identity/customer:ada", headers=bearing("admin-key"))
    assert looked.json() == {"identifier": event.key.decode()}


async def test_without_an_id_each_decision_is_a_new_one(desk: Desk) -> None:
    for _ in range(2):
        assert (await desk.post("merge", MERGE)).json()["status"] == "accepted"
    first, second = desk.commands()
    assert first.command_id != second.command_id


# ---- who may


async def test_without_admin_keys_the_doors_say_how_to_configure_one() -> None:
    desk = Desk(admin_keys=[])
    for answer in (await desk.post("merge", MERGE), await desk.client.get("/v1/identity/email:ada@example.org")):
        assert answer.status_code == 403
        assert "TOUCHPATH_COLLECTOR__ADMIN_KEYS" in answer.json()["message"]
    assert desk.publisher.taken == []


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("wrong", 401), ("", 401), ("write-key", 403)])
async def test_whoever_has_no_admin_key_may_nothing(desk: Desk, key: str | None, status: int) -> None:
    for answer in (
        await desk.post("merge", MERGE, key),
        await desk.client.get("/v1/identity/email:ada@example.org", headers=bearing(key)),
    ):
        assert (answer.status_code, set(answer.json())) == (status, {"code", "message"})
    assert desk.publisher.taken == []


async def test_a_key_in_the_address_opens_nothing(desk: Desk) -> None:
    for name in ("key", "writeKey", "write_key"):
        answer = await desk.client.post(f"/v1/identity/merge?{name}=admin-key", json=MERGE)
        assert answer.status_code == 401


async def test_the_key_may_be_the_user_name_of_basic_authentication(desk: Desk) -> None:
    answer = await desk.client.post("/v1/identity/merge", json=MERGE, auth=("admin-key", ""))
    assert answer.status_code == 202


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch", "/hooks/postmark"])
async def test_an_admin_key_writes_no_events(desk: Desk, path: str) -> None:
    event = {"event": "X", "messageId": "m", "userId": "u"}
    by_token = await desk.client.post(path, json=event, headers=bearing("admin-key"))
    by_name = await desk.client.post(path, json=event, auth=("admin-key", ""))
    assert (by_token.status_code, by_name.status_code) == (401, 401)
    assert desk.publisher.taken == []


async def test_keys_rotate_by_their_times() -> None:
    old = {**ADMIN, "valid_until": NOW + timedelta(days=1)}
    new = {"key": "next-key", "name": "Service desk", "valid_from": NOW}
    desk = Desk(admin_keys=[old, new])
    assert [(await desk.post("merge", MERGE, key)).status_code for key in ("admin-key", "next-key")] == [202, 202]
    desk.now = NOW - timedelta(seconds=1)
    assert [(await desk.post("merge", MERGE, key)).status_code for key in ("admin-key", "next-key")] == [202, 401]
    desk.now = NOW + timedelta(days=1)
    assert [(await desk.post("merge", MERGE, key)).status_code for key in ("admin-key", "next-key")] == [401, 202]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"admin_keys": [ADMIN, {**ADMIN, "name": "Another"}]}, "a key is there twice"),
        ({"admin_keys": [{**ADMIN, "key": "write-key"}]}, "a write key may not be an admin key"),
        ({"admin_keys": [{**ADMIN, "valid_from": NOW, "valid_until": NOW}]}, "valid_until must be later"),
        ({"admin_keys": [{**ADMIN, "key": "short"}]}, "at least 8"),
        ({"admin_keys": [{"key": "admin-key"}]}, "name"),
    ],
)
def test_settings_refuse_what_cannot_be_meant(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        CollectorSettings.model_validate({"write_keys": [WRITE], **more})


async def test_a_page_of_another_site_gets_no_further_than_its_preflight(desk: Desk) -> None:
    asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = await desk.client.options("/v1/identity/merge", headers=asks)
    assert answer.status_code == 405


@pytest.mark.parametrize(("origin", "status"), [("https://evil.example", 403), ("null", 403), ("http://door", 202)])
async def test_a_key_that_a_browser_remembers_is_no_good_to_a_page_of_another_site(
    desk: Desk, origin: str, status: int
) -> None:
    answer = await desk.post("merge", MERGE, Origin=origin)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers
    looked = await desk.client.get(f"/v1/identity/{MAIL}", headers={**bearing("admin-key"), "Origin": origin})
    assert (looked.status_code == 200) == (status == 202)


# ---- what cannot be meant


@pytest.mark.parametrize(
    ("action", "body", "reason"),
    [
        ("merge", b"{", "$: no JSON"),
        ("merge", b"", "$: no JSON"),
        ("merge", [], "$: "),
        ("merge", {}, "$.identifier: "),
        ("merge", {"identifier": "email:a@b.example"}, "$.other: "),
        ("merge", {"identifier": "email:a@b.example", "other": None}, "$.other: "),
        ("merge", {**MERGE, "other": MERGE["identifier"]}, "$.other: is the identifier itself"),
        ("merge", {**MERGE, "other": "ada"}, "$.other: 'ada' is no identifier; an identifier is written kind:value"),
        (
            "merge",
            {**MERGE, "identifier": "E-Mail:ada@example.org"},
            "$.identifier: 'E-Mail:ada@example.org' is no identifier",
        ),
        ("merge", {**MERGE, "identifier": "email:null"}, "$.identifier: 'null' stands for no value"),
        ("merge", {**MERGE, "identifier": "email: "}, "$.identifier: "),
        ("merge", {**MERGE, "identifier": 7}, "$.identifier: "),
        ("merge", {**MERGE, "id": "x" * 501}, "$.id: "),
        ("merge", {**MERGE, "because": "x"}, "$.because: "),
        ("merge", {**MERGE, "reason": "x" * 501}, "$.reason: "),
        ("block", MERGE, "$.other: "),
        ("unmerge", MERGE, "$.other: "),
    ],
)
async def test_what_cannot_be_meant_is_answered_400_with_a_path(
    desk: Desk, action: str, body: object, reason: str
) -> None:
    answer = await desk.post(action, body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(reason)
    assert desk.publisher.taken == []


async def test_a_body_that_is_too_large_is_not_read_to_its_end(desk: Desk) -> None:
    answer = await desk.post("merge", b"x" * (MOST_ADMIN_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (400, "too_large")


async def test_there_is_no_other_action(desk: Desk) -> None:
    assert (await desk.post("forget", MERGE)).status_code == 405


# ---- once


@pytest.mark.parametrize("own", ["order-7", "0d4f6c0e-9f6d-4c55-8d0e-0a6a4c3f0f11"])
@pytest.mark.parametrize("where", ["header", "quoted header", "body", "both"])
async def test_a_decision_with_an_id_of_its_own_is_taken_once(desk: Desk, own: str, where: str) -> None:
    headers = {} if where == "body" else {"Idempotency-Key": f'"{own}"' if where == "quoted header" else own}
    body = {**MERGE, "id": own} if where in {"body", "both"} else MERGE
    answers = [await desk.post("merge", body, **headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.json()["status"] for answer in answers] == ["accepted", "duplicate"]
    assert {answer.json()["command_id"] for answer in answers} == {str(event_id("identity:Service desk", own))}
    assert len(desk.commands()) == 1


async def test_one_id_for_two_decisions_is_a_conflict(desk: Desk) -> None:
    assert (await desk.post("merge", {**MERGE, "id": "1"})).status_code == 202
    answer = await desk.post("unmerge", {"identifier": MERGE["identifier"], "id": "1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_header_and_body_may_not_name_two_ids(desk: Desk) -> None:
    answer = await desk.post("merge", {**MERGE, "id": "1"}, **{"Idempotency-Key": "2"})
    assert answer.json() == {"code": "bad_request", "message": "$.id: the header Idempotency-Key says another one"}


# ---- Kafka


@pytest.mark.parametrize("error", [NotConnected("no"), BufferFull("full"), PublishFailed("gone")])
async def test_what_kafka_has_not_is_answered_503_and_taken_when_sent_again(desk: Desk, error: Exception) -> None:
    desk.publisher.refuses = error
    body = {**MERGE, "id": "1"}
    answer = await desk.post("merge", body)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    desk.publisher.refuses, desk.publisher.fails = None, error
    assert (await desk.post("merge", body)).status_code == 503
    desk.publisher.fails = None
    assert (await desk.post("merge", body)).json()["status"] == "accepted"


async def test_accepted_means_written() -> None:
    desk = Desk(publish_timeout=0.01)
    desk.publisher.answers = False
    assert (await desk.post("merge", MERGE)).status_code == 503


async def test_a_collector_that_stops_takes_no_decision(desk: Desk) -> None:
    desk.collector.refuse_new()
    answer = await desk.post("merge", MERGE)
    assert (answer.status_code, answer.json()["code"]) == (503, "stopping")


async def test_ready_wants_the_topic_of_decisions_where_somebody_may_decide() -> None:
    asked: list[tuple[str, ...]] = []
    for admin_keys in ([ADMIN], []):
        desk = Desk(admin_keys=admin_keys)
        desk.publisher.ready = lambda topics: asked.append(tuple(topics))  # type: ignore[method-assign,assignment] # listens
        await desk.client.get("/ready")
    assert [IDENTITY.name in topics for topics in asked] == [True, False]


# ---- looking


async def get(desk: Desk, identifier: str) -> httpx.Response:
    return await desk.client.get(f"/v1/identity/{identifier}", headers=bearing("admin-key"))


async def test_an_identifier_is_looked_up(desk: Desk) -> None:
    answer = await get(desk, "email:ada@example.org")
    assert (answer.status_code, answer.json()) == (200, {"identifier": "email:ada@example.org"})


async def test_an_unknown_identifier_is_404_with_a_reason(desk: Desk) -> None:
    answer = await get(desk, "customer:nobody/at%20all")
    assert (answer.status_code, answer.json()["message"]) == (404, "nothing is known of customer:nobody/at all")


async def test_no_identifier_is_400(desk: Desk) -> None:
    assert (await get(desk, "ada")).json()["message"].startswith("$.identifier: 'ada' is no identifier")
    assert (await get(desk, "merge")).status_code == 400
    assert (await get(desk, "")).status_code == 400


async def test_a_clickhouse_that_does_not_answer_is_503() -> None:
    assert (await get(Desk(), "email:away@example.org")).status_code == 503
    assert (await get(Desk(lookup=None), "email:ada@example.org")).status_code == 503
