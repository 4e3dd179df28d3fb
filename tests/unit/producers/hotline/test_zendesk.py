"""Zendesk's events, exports and signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from producers.adapters.adapter import HookRequest, HookSecrets, SignatureRefused
from producers.adapters.hotline import zendesk
from tests.unit.producers.hotline.taking import body, filed, keys, one, reason, sent, taken

# Secret, body and timestamp: https://developer.zendesk.com/documentation/webhooks/verifying/. The signature there is of
# an older scheme (body and timestamp); this one is of what the page describes (timestamp and body).
SECRET = "HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA="
BODY = b'{"say": "hello"}'
TIMESTAMP = "2021-07-25T10:00:00Z"
SIGNATURE = "Rry/4TtIdFyawtXXp8QdI6tlAUUQ/5kL1OTp5qo/ZIk="
NOW = datetime(2021, 7, 25, 10, 0, 5, tzinfo=UTC)


def signed(stated: str = SIGNATURE, timestamp: str = TIMESTAMP, content: bytes = BODY) -> HookRequest:
    headers = {"x-zendesk-webhook-signature": stated, "x-zendesk-webhook-signature-timestamp": timestamp}
    return HookRequest(content, headers, (), "https://example.org/hooks/zendesk")


def check(request: HookRequest, now: datetime = NOW, *secrets: str) -> None:
    zendesk.verify(request, HookSecrets(secrets or (SECRET,), max_age=300), now, {})


def test_a_signature_over_timestamp_and_body_is_good() -> None:
    check(signed())
    check(signed(), NOW, "older", SECRET)
    assert (
        base64.b64encode(hmac.digest(SECRET.encode(), TIMESTAMP.encode() + BODY, hashlib.sha256)).decode() == SIGNATURE
    )


@pytest.mark.parametrize(
    "request_",
    [
        signed(stated=""),
        signed(timestamp=""),
        signed(stated="wrong"),
        signed(stated="é"),
        signed(content=b'{"say": "bye"}'),
        signed(timestamp="2021-07-25T10:00:01Z"),
        signed(timestamp="soon"),
        signed(stated="tRDSF7URY8BLCDlaBcQ7FHu051Zk+aAB0NKMP53teMw="),
    ],
)
def test_what_zendesk_has_not_signed_is_refused(request_: HookRequest) -> None:
    with pytest.raises(SignatureRefused):
        check(request_)


@pytest.mark.parametrize("off", [timedelta(minutes=6), -timedelta(minutes=6), timedelta(days=9000)])
def test_an_old_signature_is_refused(off: timedelta) -> None:
    with pytest.raises(SignatureRefused, match="off, more than 300 s"):
        check(signed(), NOW + off)


def event(kind: str, change: dict[str, Any], **detail: Any) -> dict[str, Any]:
    return {
        "type": f"zen:event-type:{kind}",
        "time": "2025-01-08T10:12:07.672717030Z",
        "detail": {"id": "5158", "requester_id": "1", "subject": "Parcel", "created_at": "2025-01-08T09:00:00Z"}
        | detail,
        "event": change,
    }


def comment(*, public: bool, staff: bool) -> dict[str, Any]:
    return {"comment": {"is_public": public, "author": {"is_staff": staff, "name": "a7"}, "body": "Hello"}}


@pytest.mark.parametrize(
    ("kind", "change", "touchpoint"),
    [
        ("ticket.created", {}, "ticket_opened"),
        ("ticket.status_changed", {"current": "SOLVED", "previous": "OPEN"}, "ticket_resolved"),
        ("ticket.status_changed", {"current": "CLOSED", "previous": "OPEN"}, "ticket_resolved"),
        ("ticket.status_changed", {"current": "CLOSED", "previous": "SOLVED"}, "ticket_status.closed"),
        ("ticket.status_changed", {"current": "OPEN", "previous": "SOLVED"}, "ticket_reopened"),
        ("ticket.status_changed", {"current": "PENDING", "previous": "OPEN"}, "ticket_status.pending"),
        ("ticket.comment_added", comment(public=True, staff=True), "ticket_answered"),
        ("ticket.comment_added", comment(public=True, staff=False), "ticket_status.customer_comment"),
        ("ticket.comment_added", comment(public=False, staff=True), "ticket_status.internal_comment"),
        ("ticket.priority_changed", {"current": "HIGH"}, "ticket_status.priority_changed"),
    ],
)
def test_an_event_is_a_stage_of_its_ticket(kind: str, change: dict[str, Any], touchpoint: str) -> None:
    found = one(sent(zendesk.ADAPTER, event(kind, change)))
    assert (found.touchpoint, found.name, body(found).reason) == (touchpoint, kind, "Parcel")
    assert keys(found) == ["zendesk_user:1"]
    assert "Hello" not in found.model_dump_json()
    assert one(sent(zendesk.ADAPTER, event(kind, change, subject="again"))).event_id == found.event_id


EXPORT = {
    "id": 35436,
    "created_at": "2025-01-08T09:00:00Z",
    "subject": "Help",
    "requester_id": 1,
    "via": {"channel": "email", "source": {"from": {"address": "ada@example.org", "name": "Ada"}}},
    "satisfaction_rating": {"score": "good"},
    "description": "private",
    "metric_set": {"reopens": 2, "solved_at": "2025-01-09T09:00:00Z", "reply_time_in_minutes": {"calendar": 90}},
}


def test_an_exported_ticket_is_its_stages() -> None:
    found = taken(filed(zendesk.ADAPTER, orjson.dumps(EXPORT) + b"\n"))
    assert [(one.touchpoint, one.occurred_at.isoformat()) for one in found] == [
        ("ticket_opened", "2025-01-08T09:00:00+00:00"),
        ("ticket_answered", "2025-01-08T10:30:00+00:00"),
        ("ticket_resolved", "2025-01-09T09:00:00+00:00"),
    ]
    assert {tuple(keys(one)) for one in found} == {("email:ada@example.org", "zendesk_user:1")}
    assert [one.properties.get("reopens") for one in found] == [None, None, "2"]
    assert {one.properties["satisfaction"] for one in found} == {"good"}
    assert all("private" not in one.model_dump_json() for one in found)


def test_the_export_and_the_event_of_an_opening_are_one() -> None:
    [opened, *_] = taken(filed(zendesk.ADAPTER, orjson.dumps(EXPORT) + b"\n"))
    created = one(sent(zendesk.ADAPTER, event("ticket.created", {}, id="35436")))
    assert created.event_id == opened.event_id


def test_a_trigger_may_send_a_ticket_in_its_own_words() -> None:
    ticket = {"id": 7, "created_at": "2025-01-08T09:00:00Z", "order_id": "o1", "requester_phone": "030 12345678"}
    found = one(sent(zendesk.ADAPTER, {"ticket": ticket | {"requester": {"external_id": "k1"}}}))
    assert (found.touchpoint, found.order_id) == ("ticket_opened", "o1")
    assert keys(found) == ["customer:k1", "phone:+493012345678"]


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        (event("user.created", {}), "$.type: 'user.created' is no event of a ticket"),
        (event("ticket.status_changed", {}), "$.event.current: required"),
        (event("ticket.created", {}, id=None), "$.detail.id: required"),
        ({**event("ticket.created", {}), "detail": 7}, "$.detail: not an object"),
        ({"id": 1}, "$: no time"),
        ({"created_at": "2025-01-08T09:00:00Z"}, "$.id: required"),
        ({"id": 1, "solved_at": "soon"}, "$.solved_at: not a time"),
        ({"id": 1, "metric_set": 7}, "$.metric_set: not an object"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_path(payload: dict[str, Any], path: str) -> None:
    assert reason(sent(zendesk.ADAPTER, payload)).startswith(path)


def test_a_reply_before_the_opening_is_refused_with_its_path() -> None:
    bad = EXPORT | {"metric_set": {"reply_time_in_minutes": {"calendar": -5}, "solved_at": "2025-01-07T00:00:00Z"}}
    found = sent(zendesk.ADAPTER, bad)
    assert reason(found[1:2]) == "$.metric_set.reply_time_in_minutes.calendar: negative"
    assert reason(found[2:3]) == "$.metric_set.solved_at: before the ticket was opened"


CHAT = {
    "type": "chat",
    "id": "1311.28473.SAHjO0",
    "timestamp": "2025-01-08T10:12:07Z",
    "visitor": {"id": "1.9", "email": "ada@example.org", "phone": "anonymous"},
    "duration": 123,
    "response_time": {"first": 16, "avg": 20.5},
    "missed": False,
    "rating": "good",
    "agent_names": ["a6", "a7"],
    "department_name": "Sales",
    "history": [{"msg": "private"}],
}


def test_an_exported_chat_is_one_touchpoint() -> None:
    found = one(sent(zendesk.ADAPTER, CHAT))
    told = body(found)
    assert (found.touchpoint, found.channel, told.result) == ("chat", "chat", "answered")
    assert [told.waiting_time, told.talk_time] == [16, 107]
    assert keys(found) == ["email:ada@example.org", "zendesk_visitor:1.9"]
    assert (found.properties["agent"], found.properties["agent_department"]) == ("a7", "Sales")
    assert found.properties["number_withheld"] is True
    assert "private" not in found.model_dump_json()


def test_a_chat_that_nobody_took_was_given_up_after_its_whole_length() -> None:
    found = one(sent(zendesk.ADAPTER, CHAT | {"missed": True, "response_time": None}))
    assert (found.touchpoint, body(found).result) == ("chat_abandoned", "abandoned")
    assert [body(found).waiting_time, body(found).talk_time] == [123, None]


def test_a_message_that_was_left_is_one_of_the_customer() -> None:
    found = one(sent(zendesk.ADAPTER, CHAT | {"type": "offline_msg", "message": "Call me"}))
    assert (found.touchpoint, found.channel) == ("message_received", "chat")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": None}, "$.id: required"),
        ({"timestamp": "soon"}, "$.timestamp: not a time"),
        ({"duration": -1}, "$.duration: negative"),
        ({"duration": 5}, "$.response_time.first: waiting 16 s is longer than the call of 5 s"),
        ({"response_time": {"first": "x"}}, "$.response_time.first: not a number of seconds"),
    ],
)
def test_a_chat_that_cannot_be_is_refused_with_its_path(changes: dict[str, Any], path: str) -> None:
    assert reason(sent(zendesk.ADAPTER, CHAT | changes)).startswith(path)
