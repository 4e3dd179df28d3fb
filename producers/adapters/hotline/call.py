"""A call or chat as every system knows it, and the draft of it: one contact is one touchpoint.

What is kept as properties: `direction`, `agent`, `agent_department`, `transfers`, `language`, `callback`, the house's
own number as `number` or `company_number`. A customer's number is the identifier and nothing else.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from producers.adapters.adapter import Context, Draft
from producers.adapters.hotline.durations import check
from producers.adapters.hotline.numbers import number_of
from producers.adapters.person import identifiers
from schemas.bodies import HotlineBody
from schemas.identifier import Identifier

Direction = Literal["inbound", "outbound", "internal"]
Kind = Literal["call", "chat"]
Result = Literal["answered", "abandoned", "resolved"]


@dataclass(slots=True, kw_only=True)
class Call:
    """One call or chat. Lengths are in seconds; `…_at` are the paths that a complaint names.

    `customer` is the number of the customer as it was written, whoever called; `company` is ours. `reached` False: a
    machine dealt with it (a voice menu), no person was wanted.
    """

    id: str | None
    started: datetime
    started_at: str
    kind: Kind = "call"
    direction: Direction = "inbound"
    result: Result | None = None
    reached: bool = True
    customer: str | None = None
    company: str | None = None
    waiting: Decimal | None = None
    waiting_at: str = "$"
    talking: Decimal | None = None
    talking_at: str = "$"
    whole: Decimal | None = None
    queue: str | None = None
    reason: str | None = None
    agent: str | None = None
    department: str | None = None
    transfers: int | None = None
    name: str | None = None
    order_id: str | None = None
    persons: list[Identifier] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)


def touchpoint_of(call: Call) -> str:
    """Give the catalogue's name: who called whom, and whether they spoke."""
    if call.kind == "chat":
        return "chat_abandoned" if call.result == "abandoned" else "chat"
    if call.direction == "internal":
        return "call_internal"
    if not call.reached:
        return "call_self_service"
    if call.direction == "outbound":
        return "call_unanswered" if call.result == "abandoned" else "call_outbound"
    return "call_abandoned" if call.result == "abandoned" else "call"


def draft_of(call: Call, context: Context) -> Draft:
    """Make the draft of a call.

    Raises:
        Problem: its parts are longer than the call.
    """
    check({"waiting": (call.waiting, call.waiting_at), "talk": (call.talking, call.talking_at)}, call.whole)
    customer = number_of(call.customer, context.sender)
    company = number_of(call.company, context.sender)
    kept: dict[str, Any] = {
        "direction": call.direction,
        "agent": call.agent,
        "agent_department": call.department,
        "transfers": call.transfers,
    }
    # Who is called is never the caller: an unanswered call to a customer is not one that the customer gave up.
    told = call.result if call.direction == "inbound" or call.result != "abandoned" else None
    return Draft(
        touchpoint=touchpoint_of(call),
        channel="chat" if call.kind == "chat" else "hotline",
        occurred_at=call.started,
        at=call.started_at,
        id=call.id,
        identifiers=[*call.persons, *identifiers(phone=None if call.direction == "internal" else customer.person)],
        order_id=call.order_id,
        name=call.name,
        body=HotlineBody(
            queue=call.queue, reason=call.reason, waiting_time=call.waiting, talk_time=call.talking, result=told
        ),
        properties=(
            {name: value for name, value in kept.items() if value is not None}
            | customer.properties()
            | ({"company_number": shown} if (shown := company.person or company.house) else {})
            | call.properties
        ),
    )


def contact_id(kind: str, sender_id: str) -> str:
    """Give the id of an event by what it is: `call/17`; a UUID stands for itself, it is nobody else's."""
    try:
        return str(UUID(sender_id))
    except ValueError:
        return f"{kind}/{sender_id}"
