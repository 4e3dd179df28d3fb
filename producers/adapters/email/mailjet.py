"""Mailjet's event webhooks: one event or a list of them, unsigned; Basic authentication or the key protects them.

Format: https://dev.mailjet.com/email/guides/webhooks/
Its `sent` says that the recipient's server has taken the mail, so it is a delivery. The handing over is not told.
"""

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.email import mail
from producers.adapters.payload import Node
from producers.adapters.pieces import body_pieces

_EVENTS = {
    "sent": mail.DELIVERED,
    "open": mail.OPENED,
    "click": mail.CLICKED,
    "bounce": mail.BOUNCED,
    "blocked": mail.DROPPED,
    "spam": mail.COMPLAINED,
    "unsub": mail.UNSUBSCRIBED,
}
_KEPT = (
    "mj_campaign_id",
    "mj_list_id",
    "CustomID",
    "smtp_reply",
    "hard_bounce",
    "error_related_to",
    "error",
    "comment",
    "source",
)


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    record = event.one_of("event", _EVENTS)
    touchpoint = _EVENTS[record]
    if event.values.get("error") == "greylisted" and event.values.get("hard_bounce") is not True:
        touchpoint = mail.DEFERRED  # Mailjet tries again
    campaign = mail.short(event.remark("customcampaign"))
    number = mail.short(event.remark("mj_campaign_id"))
    return mail.mail_draft(
        event,
        touchpoint,
        at=event.at("time"),
        when=event.values.get("time"),
        address=event.text("email"),
        name=record,
        mailing=campaign or (number if number != "0" else None),
        campaign=campaign,
        metadata=mail.inner_json(event, "Payload", context.limits),
        link=event.remark("url"),
        user_agent=event.remark("agent"),
        kept=_KEPT,
        properties={"message_id": event.remark("MessageID")},
    )


ADAPTER = Adapter(
    name="mailjet",
    about="Mailjet: delivered, opened, clicked, bounced, complained, unsubscribed",
    area="email",
    pieces=body_pieces,
    read=read,
    hook=Hook(signature="none: the write key or Basic authentication protects it"),
)
