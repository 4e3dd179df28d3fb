"""The generic records of calls and chats."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from producers.adapters.adapter import Adapter
from producers.adapters.hotline import calls, chats
from producers.adapters.problem import Problem
from tests.unit.producers.hotline.taking import body, context, filed, keys, one, reason, sent, taken

CALL = {"call_id": "c1", "started_at": "2026-03-02T09:00:00Z"}


def call(**more: object) -> dict[str, object]:
    return CALL | more


def test_a_call_is_one_touchpoint_with_its_figures() -> None:
    touchpoint = one(
        sent(
            calls.ADAPTER,
            call(
                waiting_time="0:42",
                talk_time=268,
                queue="Orders",
                reason="delivery",
                result="answered",
                agent="a7",
                department="Service",
                number="030 12345678",
                callback="no",
                language="de",
                transfers="2",
            ),
        )
    )
    assert (touchpoint.touchpoint, touchpoint.channel, keys(touchpoint)) == ("call", "hotline", ["phone:+493012345678"])
    told = body(touchpoint)
    assert (told.queue, told.reason, told.result) == ("Orders", "delivery", "answered")
    assert (told.waiting_time, told.talk_time) == (Decimal(42), Decimal(268))
    assert touchpoint.properties == {
        "direction": "inbound",
        "agent": "a7",
        "agent_department": "Service",
        "transfers": 2,
        "language": "de",
        "callback": False,
        "call_id": "c1",
    }


@pytest.mark.parametrize(
    ("fields", "touchpoint", "result"),
    [
        ({"result": "Answered"}, "call", "answered"),
        ({"result": "completed", "resolved": "yes"}, "call", "resolved"),
        ({"resolved": True}, "call", "resolved"),
        ({"result": "resolved at first contact"}, "call", "resolved"),
        ({"result": "No Answer"}, "call_abandoned", "abandoned"),
        ({"result": "hung-up", "resolved": True}, "call_abandoned", "abandoned"),
        ({"missed": 1}, "call_abandoned", "abandoned"),
        ({"talk_time": 3}, "call", "answered"),
        ({"talk_time": 0}, "call_abandoned", "abandoned"),
        ({}, "call", None),
        ({"direction": "out", "result": "answered"}, "call_outbound", "answered"),
        ({"direction": "ausgehend", "result": "busy"}, "call_unanswered", None),
        ({"direction": "internal", "result": "busy"}, "call_internal", None),
    ],
)
def test_what_became_of_a_call_is_its_touchpoint(
    fields: dict[str, object], touchpoint: str, result: str | None
) -> None:
    found = one(sent(calls.ADAPTER, call(**fields)))
    assert (found.touchpoint, body(found).result) == (touchpoint, result)


def test_the_customer_is_whoever_is_not_the_house() -> None:
    numbers = {"caller": "030 12345678", "called_number": "030 999900"}
    inbound = one(sent(calls.ADAPTER, call(**numbers)))
    assert (keys(inbound), inbound.properties["company_number"]) == (["phone:+493012345678"], "+4930999900")
    outbound = one(sent(calls.ADAPTER, call(caller="030 999900", to="030 12345678", direction="outbound")))
    assert (keys(outbound), outbound.properties["company_number"]) == (["phone:+493012345678"], "+4930999900")
    assert keys(one(sent(calls.ADAPTER, call(direction="internal", caller="030 12345678")))) == []


def test_a_withheld_number_and_a_switchboard_identify_nobody() -> None:
    withheld = one(sent(calls.ADAPTER, call(number="anonymous")))
    assert (keys(withheld), withheld.properties["number_withheld"]) == ([], True)
    house = one(sent(calls.ADAPTER, call(number="+49 89 555-12", customer_id="k1", email="Ada@Example.org")))
    assert keys(house) == ["customer:k1", "email:ada@example.org"]
    assert house.properties["number"] == "+498955512"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"waiting_time": "long"}, "$.waiting_time: not a number of seconds"),
        ({"waiting_time": -3}, "$.waiting_time: negative"),
        ({"talk_time": "-1:00"}, "$.talk_time: negative"),
        ({"Wait": "x"}, "$.Wait: not a number of seconds"),
        ({"duration": 60, "talk_time": 90}, "$.talk_time: talk 90 s is longer than the call of 60 s"),
        ({"ended_at": "2026-03-02T09:01:00Z", "talk_time": 90}, "$.talk_time: talk 90 s is longer"),
        ({"duration": 60, "waiting_time": 40, "talk_time": 40}, "$.talk_time: waiting and talk together"),
        ({"ended_at": "2026-03-02T08:00:00Z"}, "$.ended_at: before the start"),
        ({"ended_at": "later"}, "$.ended_at: not a time"),
        ({"started_at": None}, "$.started_at: required"),
        ({"started_at": "soon"}, "$.started_at: not a time"),
        ({"started_at": "1970-01-01"}, "$.started_at: 1969"),
        ({"result": "perhaps"}, "$.result: 'perhaps' is none of answered, abandoned, resolved"),
        ({"direction": "up"}, "$.direction: 'up' is none of inbound, outbound, internal"),
        ({"transfers": 1.5}, "$.transfers: not a number of times"),
        ({"transfers": -1}, "$.transfers: not a number of times"),
        ({"resolved": "perhaps"}, "$.resolved: neither yes nor no"),
        ({"call_id": {}}, "$.call_id: not text"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(fields: dict[str, object], path: str) -> None:
    assert reason(sent(calls.ADAPTER, call(**fields))).startswith(path)


def test_a_bad_row_of_a_file_leaves_its_neighbours_alone() -> None:
    found = filed(
        calls.ADAPTER, "call_id,started_at,waiting_time\nc1,2026-03-02 9:00,5\nc2,2026-03-02 9:00,x\nc3,2026-03-02,6\n"
    )
    assert [type(outcome).__name__ for outcome in found] == ["Accepted", "Quarantined", "Accepted"]
    assert reason(found[1:2]) == "$.line[3].waiting_time: not a number of seconds"


def test_a_file_and_a_webhook_say_the_same_of_a_call() -> None:
    row = one(filed(calls.ADAPTER, "Call ID;Start;Wait\nc1;2026-03-02T09:00:00Z;12,5\n"))
    line = one(filed(calls.ADAPTER, '{"call_id": "c1", "started_at": "2026-03-02T09:00:00Z", "waiting_time": 12.5}\n'))
    assert row == line == one(sent(calls.ADAPTER, call(waiting_time="12.5")))


def test_ids_tell_calls_and_chats_apart_and_stay_the_same() -> None:
    first = one(sent(calls.ADAPTER, call()))
    assert one(sent(calls.ADAPTER, call(reason="told later"))).event_id == first.event_id
    assert one(sent(chats.ADAPTER, {"chat_id": "c1", "started_at": CALL["started_at"]})).event_id != first.event_id
    known = "5773eca4-0874-4617-a6e8-85591aa94609"
    assert one(sent(calls.ADAPTER, call(call_id=known.upper()))).event_id == UUID(known)
    nameless = {"started_at": CALL["started_at"], "number": "030 12345678"}
    assert one(sent(calls.ADAPTER, nameless)).event_id == one(sent(calls.ADAPTER, nameless)).event_id


@pytest.mark.parametrize("adapter", [calls.ADAPTER, chats.ADAPTER])
def test_what_a_source_never_keeps_is_taken_out_everywhere(adapter: Adapter) -> None:
    where = context(never_keep=frozenset({"agent name", "agent", "email", "subject"}))
    row = {"id": "1", "started_at": CALL["started_at"], "Agent Name": "a7", "email": "ada@example.org", "subject": "s"}
    touchpoint = one(sent(adapter, row, where))
    assert keys(touchpoint) == []
    assert "agent" not in touchpoint.properties
    assert body(touchpoint).reason is None


def test_columns_that_nobody_asked_for_are_not_kept() -> None:
    touchpoint = one(sent(calls.ADAPTER, call(RecordingUrl="https://example.org/r", agent_email="a7@example.org")))
    assert touchpoint.properties == {"direction": "inbound", "call_id": "c1"}


def test_a_chat_is_one_touchpoint_of_the_chat_channel() -> None:
    chat = {"chat_id": "h1", "started_at": CALL["started_at"], "visitor_id": "v1", "order_id": "o1", "talk_time": 400}
    touchpoint = one(sent(chats.ADAPTER, chat | {"waiting_time": 15, "platform": "web", "rating": 5}))
    assert (touchpoint.touchpoint, touchpoint.channel, touchpoint.order_id) == ("chat", "chat", "o1")
    assert keys(touchpoint) == ["anonymous:v1"]
    assert body(touchpoint).waiting_time == 15
    assert touchpoint.properties["satisfaction"] == "5"
    missed = one(sent(chats.ADAPTER, {"chat_id": "h2", "started_at": CALL["started_at"], "missed": "yes"}))
    assert (missed.touchpoint, body(missed).result) == ("chat_abandoned", "abandoned")


def test_each_of_a_list_has_its_outcome() -> None:
    found = sent(calls.ADAPTER, [CALL, 7, call(call_id="c2")])
    assert reason(found[1:2]) == "$[1]: not an object"
    assert [touchpoint.properties["call_id"] for touchpoint in taken([found[0], found[2]])] == ["c1", "c2"]


def test_a_heading_with_line_ends_of_another_age_is_refused() -> None:
    with pytest.raises(Problem, match=r"^\$\.line\[1\]: not CSV"):
        filed(calls.ADAPTER, "call_id,started_at\rc1,2026-03-02\r")
