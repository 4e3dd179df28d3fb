"""Postmark's webhooks: one event a request, unsigned; Basic authentication or the key in the address protects them.

Format: https://postmarkapp.com/developer/webhooks/webhooks-overview
"""

from collections.abc import Iterator

from producers.adapters.adapter import Adapter, Context, Draft, Hook, HookRequest, Piece
from producers.adapters.moments import parsed
from producers.adapters.payload import Node
from producers.adapters.person import email, identifiers
from producers.adapters.pieces import json_pieces
from producers.adapters.problem import Problem
from schemas.bodies import EmailBody
from schemas.touchpoint import Campaign

#: What happened → (touchpoint, the field that says when).
_RECORDS = {
    "Delivery": ("email_delivered", "DeliveredAt"),
    "Open": ("email_opened", "ReceivedAt"),
    "Click": ("email_clicked", "ReceivedAt"),
    "Bounce": ("email_bounced", "BouncedAt"),
    "SpamComplaint": ("email_complained", "BouncedAt"),
    "SubscriptionChange": ("email_unsubscribed", "ChangedAt"),
}
_KEPT = (
    "MessageStream",
    "Metadata",
    "Type",
    "TypeCode",
    "Description",
    "Platform",
    "Client",
    "OS",
    "SuppressionReason",
)


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give the one event of a request."""
    return json_pieces(request.body, context.limits)


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    record = event.text("RecordType")
    if record not in _RECORDS:
        raise Problem(event.at("RecordType"), f"{record!r} is none of {', '.join(_RECORDS)}")
    touchpoint, when = _RECORDS[record]
    if record == "SubscriptionChange" and event.values.get("SuppressSending") is False:
        touchpoint = "newsletter_subscribed"
    mailing = event.text("Tag")
    address = event.text("Recipient") or event.text("Email")
    return Draft(
        touchpoint=touchpoint,
        channel="email",
        occurred_at=parsed(event.values.get(when), event.at(when)),
        at=event.at(when),
        id=None,  # the same message may be opened and clicked again: the content tells one from a retry
        identifiers=identifiers(email=email(address)),
        campaign=Campaign(name=mailing) if mailing else None,
        name=record,
        body=EmailBody(mailing=mailing, subject=event.text("Subject"), link=event.text("OriginalLink", 4096)),
        properties={"message_id": event.text("MessageID")}
        | {name: event.values[name] for name in _KEPT if event.values.get(name) not in (None, "")},
    )


ADAPTER = Adapter(
    name="postmark",
    about="Postmark: delivered, opened, clicked, bounced, complained, unsubscribed",
    area="email",
    pieces=pieces,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
