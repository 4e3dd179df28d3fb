"""A conversation of Genesys Cloud: many legs, one touchpoint."""

from __future__ import annotations

import copy
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from producers.adapters.hotline import genesys
from tests.unit.producers.hotline.taking import body, context, filed, keys, one, reason, sent, taken

EXAMPLE = Path(__file__).parents[3] / "examples" / "genesys" / "transfer.json"
CUSTOMER, MENU, FIRST_QUEUE, FIRST_AGENT, SECOND_QUEUE, SECOND_AGENT = range(6)


def conversation(**changes: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(EXAMPLE.read_bytes())
    return loaded | changes


def without(*participants: int) -> dict[str, Any]:
    found = conversation()
    found["participants"] = [one for at, one in enumerate(found["participants"]) if at not in participants]
    return found


def segment(found: dict[str, Any], participant: int, at: int) -> dict[str, Any]:
    result: dict[str, Any] = found["participants"][participant]["sessions"][0]["segments"][at]
    return result


def test_two_queues_and_two_agents_are_one_call() -> None:
    found = one(sent(genesys.ADAPTER, conversation()))
    told = body(found)
    assert (found.touchpoint, told.result, told.queue, told.reason) == ("call", "answered", "Returns", "return")
    assert told.waiting_time == Decimal("45.5")  # the queue before the first agent, not the one after the transfer
    assert told.talk_time == 180 + 30 + 240  # what both agents spoke, without hold and wrap-up
    assert found.event_id == UUID("5773eca4-0874-4617-a6e8-85591aa94609")
    assert keys(found) == ["phone:+493012345678"]
    properties = found.properties
    assert (properties["agent"], properties["agent_department"], properties["transfers"]) == ("a8", "After sales", 1)


def test_a_caller_who_met_no_agent_gave_up() -> None:
    found = one(sent(genesys.ADAPTER, without(FIRST_AGENT, SECOND_QUEUE, SECOND_AGENT)))
    assert (found.touchpoint, body(found).result, body(found).talk_time) == ("call_abandoned", "abandoned", None)
    assert (body(found).queue, body(found).waiting_time) == ("Orders", Decimal("45.5"))


def test_a_caller_whom_the_menu_served_is_self_service() -> None:
    found = one(sent(genesys.ADAPTER, without(FIRST_QUEUE, FIRST_AGENT, SECOND_QUEUE, SECOND_AGENT)))
    assert (found.touchpoint, body(found).result) == ("call_self_service", None)


def test_a_conference_counts_once() -> None:
    changed = conversation()
    segment(changed, SECOND_AGENT, 0)["segmentStart"] = "2016-09-05T11:55:00.000Z"  # joins half a minute before
    assert body(one(sent(genesys.ADAPTER, changed))).talk_time == 180 + 300


def test_a_call_of_ours_goes_to_the_number_that_was_dialled() -> None:
    changed = conversation(originatingDirection="outbound")
    changed["participants"][CUSTOMER]["sessions"][0] |= {"ani": "tel:+4930999900", "dnis": "tel:+493012345678"}
    found = one(sent(genesys.ADAPTER, changed))
    assert (found.touchpoint, keys(found)) == ("call_outbound", ["phone:+493012345678"])
    assert found.properties["company_number"] == "+4930999900"
    segment(changed, CUSTOMER, 0)["segmentType"] = "dialing"
    assert one(sent(genesys.ADAPTER, changed)).touchpoint == "call_unanswered"


def test_a_conversation_without_a_customer_is_internal() -> None:
    assert one(sent(genesys.ADAPTER, without(CUSTOMER))).touchpoint == "call_internal"


def test_messages_and_chats_are_chats_and_callbacks_say_so() -> None:
    changed = conversation()
    for participant in changed["participants"]:
        participant["sessions"][0]["mediaType"] = "message"
    chat = one(sent(genesys.ADAPTER, changed))
    assert (chat.touchpoint, chat.channel, chat.properties["platform"]) == ("chat", "chat", "message")
    changed["participants"][CUSTOMER]["sessions"][0] = {
        **changed["participants"][CUSTOMER]["sessions"][0],
        "mediaType": "callback",
        "ani": None,
        "callbackNumbers": ["+493012345678"],
    }
    callback = one(sent(genesys.ADAPTER, changed))
    assert (callback.touchpoint, callback.properties["callback"]) == ("call", True)
    assert keys(callback) == ["phone:+493012345678"]


def test_a_page_a_list_and_lines_are_read_alike() -> None:
    single = one(sent(genesys.ADAPTER, conversation()))
    assert one(sent(genesys.ADAPTER, [conversation()])) == single
    assert one(sent(genesys.ADAPTER, {"totalHits": 1, "conversations": [conversation()]})) == single
    assert one(filed(genesys.ADAPTER, EXAMPLE.read_bytes())) == single


def test_of_a_page_each_conversation_has_its_outcome() -> None:
    found = sent(genesys.ADAPTER, {"conversations": [conversation(), 7, conversation(conversationEnd=None)]})
    assert len(taken(found[:1])) == 1
    assert reason(found[1:2]) == "$.conversations[1]: not an object"
    assert reason(found[2:]) == "$.conversations[2].conversationEnd: required: the conversation goes on still"


def test_agents_can_be_left_out() -> None:
    where = context(never_keep=frozenset({"participantname", "userid"}))
    found = one(sent(genesys.ADAPTER, conversation(), where))
    assert "agent" not in found.properties
    assert body(found).queue == "q2"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"conversationId": None}, "$.conversationId: required"),
        ({"conversationStart": None}, "$.conversationStart: not a time"),
        ({"conversationEnd": "2016-09-05T11:00:00Z"}, "$.conversationEnd: before the start"),
        ({"conversationEnd": "2016-09-05T11:52:00Z"}, "$.participants: talk 450 s is longer than the call of 120 s"),
        ({"participants": 7}, "$.participants: not a list"),
        ({"participants": [{"sessions": 7}]}, "$.participants[0].sessions: not a list"),
        (
            {"participants": [{"sessions": [{"segments": [7]}]}]},
            "$.participants[0].sessions[0].segments[0]: not an object",
        ),
        ({"participants": [{"purpose": 7.5}]}, "$.participants[0].purpose: not text"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(changes: dict[str, Any], path: str) -> None:
    assert reason(sent(genesys.ADAPTER, conversation(**changes))).startswith(path)


def test_a_segment_that_ends_before_it_starts_is_refused_with_its_path() -> None:
    changed = copy.deepcopy(conversation())
    segment(changed, SECOND_QUEUE, 0)["segmentEnd"] = "2016-09-05T11:00:00Z"
    assert (
        reason(sent(genesys.ADAPTER, changed))
        == "$.participants[4].sessions[0].segments[0].segmentEnd: before the start"
    )
