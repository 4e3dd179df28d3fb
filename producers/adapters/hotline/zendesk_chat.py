"""Zendesk's chats, as its API exports them: https://developer.zendesk.com/api-reference/live-chat/chat-api/chats/.

The visitor waits until the first response; from then on it is talk. A message that was left while nobody was there is a
message of the customer. What was said in a chat is not kept.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from producers.adapters.adapter import Context, Draft
from producers.adapters.hotline.call import Call, draft_of
from producers.adapters.hotline.durations import seconds_of
from producers.adapters.hotline.numbers import number_of
from producers.adapters.moments import parsed
from producers.adapters.payload import TEXT_LIMIT, Node
from producers.adapters.person import email, identifiers
from producers.adapters.problem import Problem
from schemas.bodies import OtherBody
from schemas.identifier import Identifier


def is_chat(values: Mapping[str, Any]) -> bool:
    """Say whether an object is a chat, and no ticket or event."""
    return isinstance(values.get("visitor"), dict) and "timestamp" in values


def draft_of_chat(chat: Node, context: Context) -> Draft:
    """Make the draft of a chat or of a message that was left.

    Raises:
        Problem: it has no id or time, or a length that cannot be.
    """
    chat_id = chat.text("id")
    if chat_id is None:
        raise Problem(chat.at("id"), "required, but missing or blank")
    when = parsed(chat.values.get("timestamp"), chat.at("timestamp"))
    visitor = chat.child("visitor")
    number = number_of(visitor.text("phone"), context.sender)
    persons = identifiers(email=email(visitor.text("email")), phone=number.person, zendesk_visitor=visitor.text("id"))
    names = chat.values.get("agent_names")
    kept: dict[str, Any] = {
        "chat_id": chat_id,
        "ticket_id": chat.text("zendesk_ticket_id"),
        "satisfaction": chat.remark("rating"),
        "started_by": chat.remark("started_by"),
    } | number.properties()
    properties = {name: value for name, value in kept.items() if value}
    if chat.text("type") == "offline_msg":
        return _of_message(chat, chat_id, persons, properties)
    waiting = _seconds(chat.child("response_time"), "first")
    whole = _seconds(chat, "duration")
    missed = chat.values.get("missed") is True
    return draft_of(
        Call(
            id=f"chat/{chat_id}",
            kind="chat",
            started=when,
            started_at=chat.at("timestamp"),
            result="abandoned" if missed else "answered",
            waiting=waiting if waiting is not None or not missed else whole,
            waiting_at=chat.child("response_time").at("first"),
            talking=max(whole - waiting, Decimal(0)) if whole is not None and waiting is not None else None,
            whole=whole,
            agent=names[-1][:500] if isinstance(names, list) and names and isinstance(names[-1], str) else None,
            department=chat.remark("department_name"),
            persons=persons,
            properties=properties,
        ),
        context,
    )


def _of_message(chat: Node, chat_id: str, persons: list[Identifier], properties: dict[str, Any]) -> Draft:
    return Draft(
        touchpoint="message_received",
        channel="chat",
        occurred_at=parsed(chat.values.get("timestamp"), chat.at("timestamp")),
        at=chat.at("timestamp"),
        id=f"chat/{chat_id}",
        identifiers=persons,
        body=OtherBody(text=chat.text("message", TEXT_LIMIT)),
        properties=properties,
    )


def _seconds(node: Node, name: str) -> Decimal | None:
    value = node.values.get(name)
    return None if value in (None, "") else seconds_of(value, node.at(name))
