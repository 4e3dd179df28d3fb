"""Amazon SES over SNS: notifications and event publishing; one event for each recipient that it is about.

Formats: https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html (`notificationType`) and
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html (`eventType`).
The write key belongs into the address (`?key=...`): SNS sends Basic authentication only when it is asked for by a
header that the collector does not send. With raw message delivery there is no signature: say `unsigned` then.
An open or click of a mail to several people does not say whose it is: it is taken without a person.
"""

from collections.abc import Iterator
from typing import Any

from producers.adapters.adapter import Adapter, Context, Draft, Hook, HookRequest, Piece
from producers.adapters.email import mail, sns
from producers.adapters.payload import Node
from producers.adapters.pieces import json_value
from producers.adapters.problem import Problem

#: Kind → (touchpoint, the object that tells of it).
_EVENTS = {
    "Send": (mail.SENT, "send"),
    "Delivery": (mail.DELIVERED, "delivery"),
    "Open": (mail.OPENED, "open"),
    "Click": (mail.CLICKED, "click"),
    "Bounce": (mail.BOUNCED, "bounce"),
    "Complaint": (mail.COMPLAINED, "complaint"),
    "Subscription": (mail.UNSUBSCRIBED, "subscription"),
    "DeliveryDelay": (mail.DEFERRED, "deliveryDelay"),
    "Reject": (mail.DROPPED, "reject"),
    "Rendering Failure": (mail.FAILED, "failure"),
}
#: Where the recipients stand whom a kind is about; of the others it is the mail's own.
_RECIPIENTS = {
    "Bounce": "bouncedRecipients",
    "Complaint": "complainedRecipients",
    "DeliveryDelay": "delayedRecipients",
    "Delivery": "recipients",
}
_OF_ONE_PERSON = ("Open", "Click", "Subscription")
_KEPT = (
    "bounceType",
    "bounceSubType",
    "complaintFeedbackType",
    "complaintSubType",
    "delayType",
    "reason",
    "errorMessage",
    "templateName",
    "contactList",
    "source",
    "processingTimeMillis",
    "smtpResponse",
)
#: What Amazon sends once when a topic is set up, to see whether it arrives.
_GREETING = "Successfully validated SNS topic for Amazon SES event publishing."
_GREETING_TYPE = "AmazonSnsSubscriptionSucceeded"


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give one piece for each recipient; none of a message that only sets up the topic."""
    raw = request.body.strip()
    value = json_value(raw, "$", context.limits)
    if not isinstance(value, dict):
        raise Problem("$", "not an object")
    envelope, path = Node(value, "$"), "$"
    kind = envelope.text("Type")
    if kind in (sns.SUBSCRIBE, sns.UNSUBSCRIBE):
        return
    if kind is not None:  # else it is delivered raw, without its envelope
        path = "$.Message"
        message = value.get("Message")
        if not isinstance(message, str):
            raise Problem(path, "not text")
        if message.strip() == _GREETING:
            return
        value = json_value(message.encode(), path, context.limits)
        if not isinstance(value, dict):
            raise Problem(path, "not an object")
    if value.get("notificationType") == _GREETING_TYPE:
        return
    told = {"event": value, "id": envelope.values.get("MessageId"), "at": envelope.values.get("Timestamp")}
    try:
        found = _recipients(Node(value, path))
    except Problem as problem:
        yield Piece(raw, path, problem)
        return
    for recipient in found:
        yield Piece(raw, path, told | {"recipient": recipient})


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of what one recipient is told of."""
    event, recipient = Node(piece.value["event"], piece.path), piece.value["recipient"]
    record = _kind(event)
    touchpoint, part = _EVENTS[record]
    about, sent = event.child(part), event.child("mail")
    if record == "Subscription":
        touchpoint = _subscription(about)
    at, when = _time(piece, record, about, sent)
    tags = {name: _first(value) for name, value in sent.child("tags").values.items() if not name.startswith("ses:")}
    tags |= {name: _first(value) for name, value in about.child("linkTags").values.items()}
    message_id = mail.short(piece.value["id"])
    address = recipient.get("emailAddress")
    return mail.mail_draft(
        event,
        touchpoint,
        at=at,
        when=when,
        id=f"{message_id}:{address}" if message_id else None,
        address=address if isinstance(address, str) else None,
        name=record,
        mailing=mail.short(tags.get("mailing")) or mail.short(tags.get("template")),
        metadata=tags,
        subject=sent.child("commonHeaders").remark("subject"),
        link=about.remark("link"),
        user_agent=about.remark("userAgent"),
        properties={
            "message_id": sent.remark("messageId"),
            "configuration_set": _first(sent.child("tags").values.get("ses:configuration-set")),
        }
        | {name: about.values.get(name) for name in _KEPT}
        | {name: recipient.get(name) for name in ("status", "action", "diagnosticCode", "recipients")},
    )


def _kind(event: Node) -> str:
    name = event.first_present(("eventType", "notificationType")) or "eventType"
    return event.one_of(name, _EVENTS)


def _recipients(event: Node) -> list[dict[str, Any]]:
    """Give whom an event is about, each as Amazon's `{"emailAddress": ...}`; one without an address if nobody is."""
    kind = _kind(event)
    if (name := _RECIPIENTS.get(kind)) is not None:
        node = event.child(_EVENTS[kind][1])
    else:
        node, name = event.child("mail"), "destination"
    value = node.values.get(name)
    if value is not None and not isinstance(value, list):
        raise Problem(node.at(name), "not a list")
    found = [one if isinstance(one, dict) else {"emailAddress": one} for one in value or []]
    if kind in _OF_ONE_PERSON and len(found) > 1:
        return [{"recipients": len(found)}]
    return found or [{}]


def _time(piece: Piece, record: str, about: Node, sent: Node) -> tuple[str, object]:
    """Give the event's own time, else when Amazon told of it; that of sending only stands for the sending."""
    for node in (about, sent) if record == "Send" or piece.value["at"] is None else (about,):
        if node.first_filled(["timestamp"]):
            return node.at("timestamp"), node.values["timestamp"]
    return "$.Timestamp", piece.value["at"]


def _subscription(about: Node) -> str:
    new = about.child("newTopicPreferences")
    if new.values.get("unsubscribeAll") is True:
        return mail.UNSUBSCRIBED
    old = _topics(about.child("oldTopicPreferences"))
    changed = {status for topic, status in _topics(new).items() if old.get(topic) != status}
    if "OptOut" in changed:
        return mail.UNSUBSCRIBED
    return mail.SUBSCRIBED if "OptIn" in changed else mail.CONTACT


def _topics(preferences: Node) -> dict[str | None, str | None]:
    topics = preferences.children("topicSubscriptionStatus")
    return {topic.remark("topicName"): topic.remark("subscriptionStatus") for topic in topics}


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value


ADAPTER = Adapter(
    name="ses",
    about="Amazon SES over SNS: sent, delivered, opened, clicked, bounced, complained, unsubscribed; signed by RSA",
    area="email",
    pieces=pieces,
    read=read,
    hook=Hook(
        signature="RSA of Amazon SNS, versions 1 and 2; the secrets, if any, are the ARNs of the topics",
        verify=sns.verify,
        needs=sns.needs,
        confirms=sns.confirms,
    ),
)
