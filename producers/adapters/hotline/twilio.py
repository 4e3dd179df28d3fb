"""Twilio's callbacks: calls, SMS, WhatsApp and other messengers. One request is one event.

Calls: https://www.twilio.com/docs/voice/api/call-resource#statuscallback. The status that ends a call is the call; the
ones before it, its legs to agents (`ParentCallSid`), and the reports of a queue, a dial or a recording, are stages:
`call_status.…`.
Messages: https://www.twilio.com/docs/messaging/guides/webhook-request and
https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks.

Twilio knows one length of a call, from pick-up to hang-up: it is the talk time. What is said in a recording is
not kept, nor where it lies.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from producers.adapters.adapter import Adapter, Context, Draft, Hook, HookRequest, Piece
from producers.adapters.hotline import twilio_signature
from producers.adapters.hotline.call import Call, Direction, Result, draft_of
from producers.adapters.hotline.durations import seconds_of
from producers.adapters.hotline.numbers import number_of
from producers.adapters.moments import parsed
from producers.adapters.never_kept import without
from producers.adapters.payload import TEXT_LIMIT, Node
from producers.adapters.person import identifiers
from producers.adapters.pieces import form_piece, json_pieces
from producers.adapters.problem import Problem
from schemas.bodies import HotlineBody, OtherBody
from schemas.catalogue import slug

_ENDED: dict[str, Result] = {
    "completed": "answered",
    "busy": "abandoned",
    "failed": "abandoned",
    "no-answer": "abandoned",
    "canceled": "abandoned",
}
_MESSAGES = {
    "received": "message_received",
    "receiving": "message_received",
    "sent": "message_sent",
    "delivered": "message_delivered",
    "read": "message_read",
    "failed": "message_failed",
    "undelivered": "message_failed",
}
_PLATFORMS = {"whatsapp": "whatsapp", "messenger": "messenger", "rcs": "rcs"}
_CALL_KEPT = {
    "answered_by": "AnsweredBy",
    "sip_response": "SipResponseCode",
    "country": "FromCountry",
    "parent_call_id": "ParentCallSid",
}
_MESSAGE_KEPT = {
    "error": "ErrorCode",
    "media": "NumMedia",
    "segments": "NumSegments",
    "country": "FromCountry",
    "button": "ButtonText",
    "service": "MessagingServiceSid",
}
#: Reports about a part of a call, each with its own field that says what happened.
_REPORTS = {
    "RecordingStatus": "recording",
    "TranscriptionStatus": "transcription",
    "QueueResult": "queue",
    "DialCallStatus": "dial",
    "ConferenceSid": "conference",
}


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give the one event of a request; of a JSON list each."""
    if twilio_signature.is_form(request):
        yield form_piece(request.body)
    else:
        yield from json_pieces(request.body, context.limits)


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one event."""
    event = Node(without(_parameters(piece.value), context.sender.never_keep), piece.path)
    if call_id := event.text("CallSid"):
        return _of_call(event, call_id, context)
    if message_id := event.first_text(("MessageSid", "SmsSid", "SmsMessageSid")):
        return _of_message(event, message_id, context)
    raise Problem(event.at("CallSid"), "required: neither a call (CallSid) nor a message (MessageSid)")


def _parameters(values: dict[str, Any]) -> dict[str, Any]:
    """Give the fields of a callback; Twilio's event streams wrap them."""
    data = values.get("data")
    request = data.get("request") if isinstance(data, dict) else None
    found = request.get("parameters") if isinstance(request, dict) else None
    return found if isinstance(found, dict) else values


def _when(event: Node, context: Context) -> tuple[datetime, str]:
    """Give the callback's own time; one without is of now."""
    stated = event.values.get("Timestamp")
    if stated in (None, ""):
        return context.received_at, "$"
    return parsed(stated, event.at("Timestamp")), event.at("Timestamp")


def _of_call(event: Node, call_id: str, context: Context) -> Draft:
    when, at = _when(event, context)
    status = (event.text("CallStatus") or "").lower()
    direction: Direction = "outbound" if (event.text("Direction") or "").lower().startswith("outbound") else "inbound"
    ours, theirs = ("From", "To") if direction == "outbound" else ("To", "From")
    kept = {name: event.remark(field) for name, field in _CALL_KEPT.items()}
    properties: dict[str, Any] = {name: value for name, value in kept.items() if value} | {"call_id": call_id}
    report = next((field for field in _REPORTS if event.text(field)), None)
    leg = event.text("ParentCallSid") is not None
    if report is not None or leg or status not in _ENDED:
        return _of_stage(event, call_id, context, status, report, direction, properties)
    length = _seconds(event, "CallDuration")
    result = _ENDED[status]
    if direction == "outbound" and (event.text("AnsweredBy") or "").startswith("machine"):
        result = "abandoned"
    return draft_of(
        Call(
            id=f"{call_id}/{status}",
            started=_earlier(when, length),
            started_at=at,
            direction=direction,
            result=result,
            customer=event.text(theirs),
            company=event.text(ours),
            talking=length if result == "answered" else None,
            talking_at=event.at("CallDuration"),
            name=status,
            properties=properties,
        ),
        context,
    )


def _of_stage(
    event: Node,
    call_id: str,
    context: Context,
    status: str,
    report: str | None,
    direction: Direction,
    properties: dict[str, Any],
) -> Draft:
    """Make the draft of what is no contact by itself: it names nobody when it is a leg to an agent."""
    when, at = _when(event, context)
    waiting = queue = None
    if report is not None:
        stage = f"{_REPORTS[report]}_{event.text(report)}"
        if report == "ConferenceSid":
            stage = f"conference_{event.text('StatusCallbackEvent') or status}"
        if report == "QueueResult":
            waiting, queue = _seconds(event, "QueueTime"), event.text("QueueSid")
        elif report == "DialCallStatus" and event.text("DialCallDuration") is not None:
            properties = properties | {"dial_seconds": float(_seconds(event, "DialCallDuration") or 0)}
    elif not status:
        raise Problem(event.at("CallStatus"), "required, but missing or blank")
    else:
        stage = f"leg_{status}" if "parent_call_id" in properties else status
    customer = number_of(event.text("To" if direction == "outbound" else "From"), context.sender)
    named = report is None and "parent_call_id" not in properties
    # An ordinary stage comes once in a call; of a report only the content tells one from another.
    once = report is None and event.text("CallbackSource") is not None
    return Draft(
        touchpoint=f"call_status.{slug(stage)[:60]}",
        channel="hotline",
        occurred_at=when,
        at=at,
        id=f"{call_id}/{stage}" if once else None,
        identifiers=identifiers(phone=customer.person) if named else [],
        name=stage[:100],
        body=HotlineBody(
            waiting_time=waiting,
            queue=queue,
            result="abandoned" if stage == "queue_hangup" else None,
        ),
        properties={"direction": direction} | properties | (customer.properties() if named else {}),
    )


def _of_message(event: Node, message_id: str, context: Context) -> Draft:
    when, at = _when(event, context)
    status = (event.first_text(("MessageStatus", "SmsStatus", "EventType")) or "").lower()
    if not status:
        if event.values.get("Body") is None:
            raise Problem(event.at("MessageStatus"), "required, but missing or blank")
        status = "received"
    touchpoint = _MESSAGES.get(status) or f"message_status.{slug(status)[:60]}"
    incoming = touchpoint == "message_received"
    if incoming and (event.text("OptOutType") or "").upper() == "STOP":
        touchpoint = "message_unsubscribed"
    theirs, ours = ("From", "To") if incoming else ("To", "From")
    address = event.text(theirs) or (event.text("ChannelToAddress") if not incoming else None)
    scheme = (address or event.text(ours) or "").partition(":")[0].lower()
    platform = _PLATFORMS.get(scheme, "sms")
    customer, company = number_of(address, context.sender), number_of(event.text(ours), context.sender)
    kept = {name: event.remark(field) for name, field in _MESSAGE_KEPT.items()} | {
        "company_number": company.person or company.house
    }
    return Draft(
        touchpoint=touchpoint,
        channel="chat",
        occurred_at=when,
        at=at,
        id=f"{message_id}/{status}",
        identifiers=identifiers(
            phone=customer.person,
            messenger=address.partition(":")[2] if address and platform == "messenger" else None,
        ),
        name=status[:100],
        body=OtherBody(text=event.text("Body", TEXT_LIMIT) if incoming else None),
        properties={"platform": platform, "message_id": message_id}
        | {name: value for name, value in kept.items() if value}
        | (customer.properties() if platform != "messenger" else {}),
    )


def _seconds(event: Node, name: str) -> Decimal | None:
    value = event.values.get(name)
    return None if value in (None, "") else seconds_of(value, event.at(name))


def _earlier(when: datetime, length: Decimal | None) -> datetime:
    try:
        return when - timedelta(seconds=float(length or 0))
    except OverflowError:
        return when  # an impossible time, which is said later


ADAPTER = Adapter(
    name="twilio",
    about="Twilio: calls, SMS and WhatsApp messages, sent and received",
    area="hotline",
    pieces=pieces,
    read=read,
    hook=Hook(
        signature="HMAC-SHA1 over the public address and the form's fields",
        verify=twilio_signature.verify,
        answer=("text/xml", b'<?xml version="1.0" encoding="UTF-8"?><Response/>'),
    ),
)
