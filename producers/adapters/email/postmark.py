"""Postmark's webhooks: one event a request, unsigned; Basic authentication or the key in the address protects them.

Format: https://postmarkapp.com/developer/webhooks/webhooks-overview
Bounce types: https://postmarkapp.com/developer/api/bounce-api#bounce-types
"""

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.email import mail
from producers.adapters.payload import Node
from producers.adapters.pieces import body_pieces

#: What happened → (touchpoint, the field that says when).
_RECORDS = {
    "Delivery": (mail.DELIVERED, "DeliveredAt"),
    "Open": (mail.OPENED, "ReceivedAt"),
    "Click": (mail.CLICKED, "ReceivedAt"),
    "Bounce": (mail.BOUNCED, "BouncedAt"),
    "SpamComplaint": (mail.COMPLAINED, "BouncedAt"),
    "SubscriptionChange": (mail.UNSUBSCRIBED, "ChangedAt"),
}
#: Answers that come as bounces.
_TYPES = {
    "AutoResponder": mail.REPLIED,
    "Subscribe": mail.SUBSCRIBED,
    "Unsubscribe": mail.UNSUBSCRIBED,
    "SpamComplaint": mail.COMPLAINED,
}
_KEPT = (
    "MessageStream",
    "Type",
    "TypeCode",
    "Description",
    "Platform",
    "Client",
    "OS",
    "FirstOpen",
    "ClickLocation",
    "Origin",
    "SuppressionReason",
)


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    record = event.one_of("RecordType", _RECORDS)
    touchpoint, when = _RECORDS[record]
    if record == "SubscriptionChange":
        touchpoint = _subscription(event)
    elif record == "Bounce":
        touchpoint = _TYPES.get(event.remark("Type") or "", touchpoint)
    return mail.mail_draft(
        event,
        touchpoint,
        at=event.at(when),
        when=event.values.get(when),
        # No id: the same message may be opened and clicked again, and the content tells one from a retry.
        address=event.text("Recipient") or event.text("Email"),
        name=record,
        tags=mail.texts(event.values.get("Tag")),
        metadata=event.child("Metadata").values,
        subject=event.remark("Subject"),
        link=event.remark("OriginalLink"),
        user_agent=event.remark("UserAgent"),
        kept=_KEPT,
        properties={"message_id": event.remark("MessageID")},
    )


def _subscription(event: Node) -> str:
    """Tell a person who leaves or comes back from an address that is switched off after a bounce, or on again."""
    by_person = event.remark("Origin") == "Recipient"
    if event.values.get("SuppressSending") is False:
        return mail.SUBSCRIBED if by_person else mail.REACTIVATED
    left = event.remark("SuppressionReason") in (None, "ManualSuppression")
    return mail.UNSUBSCRIBED if left else mail.SUPPRESSED


ADAPTER = Adapter(
    name="postmark",
    about="Postmark: delivered, opened, clicked, bounced, complained, unsubscribed",
    area="email",
    pieces=body_pieces,
    read=read,
    hook=Hook(signature="none: the write key or Basic authentication protects it"),
)
