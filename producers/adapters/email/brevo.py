"""Brevo's webhooks (once Sendinblue), transactional and marketing: unsigned; the key in the address protects them.

Formats: https://developers.brevo.com/docs/transactional-webhooks, https://developers.brevo.com/docs/marketing-webhooks
Of its times only `ts_epoch` and `ts_event` are in UTC; `date` and `date_event` are in the zone of the account.
"""

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.email import mail
from producers.adapters.payload import Node
from producers.adapters.pieces import body_pieces, json_value
from producers.adapters.problem import Problem
from producers.adapters.sender import Limits

#: Compared without case and underscores: the marketing webhooks write `hardBounce`, the others `hard_bounce`.
_EVENTS = {
    "request": mail.SENT,
    "sent": mail.SENT,
    "delivered": mail.DELIVERED,
    "deferred": mail.DEFERRED,
    "softbounce": mail.BOUNCED,
    "hardbounce": mail.BOUNCED,
    "invalidemail": mail.BOUNCED,
    "blocked": mail.DROPPED,
    "error": mail.FAILED,
    "opened": mail.OPENED,
    "uniqueopened": mail.OPENED,
    "proxyopen": mail.OPENED,
    "uniqueproxyopen": mail.OPENED,
    "click": mail.CLICKED,
    "spam": mail.COMPLAINED,
    "complaint": mail.COMPLAINED,
    "unsubscribe": mail.UNSUBSCRIBED,
    "unsubscribed": mail.UNSUBSCRIBED,
    "listaddition": mail.CONTACT,
    "contactupdated": mail.CONTACT,
    "contactdeleted": mail.CONTACT,
}
_TIMES = ("ts_epoch", "ts_event", "ts", "date_event", "date")
_KEPT = ("camp_id", "template_id", "reason", "device_used", "sender_email", "segment_ids", "list_id")


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    record = event.text("event")
    folded = (record or "").lower().replace("_", "")
    if folded not in _EVENTS:
        raise Problem(event.at("event"), f"{record!r} is none of {', '.join(_EVENTS)}")
    touchpoint = _EVENTS[folded]
    when = event.first_filled(_TIMES) or "ts_event"
    address, link = event.text("email"), event.remark("link", "URL")
    message = event.remark("message-id", "camp_id")
    campaign = mail.short(event.remark("campaign name", "campaign_name"))
    known = [message, address, touchpoint, str(event.values.get(when)), link or ""]
    return mail.mail_draft(
        event,
        touchpoint,
        at=event.at(when),
        when=event.values.get(when),
        # The first opening is told twice, as `unique_opened` and as `opened`: both are one event.
        id=":".join(map(str, known)) if message and address else None,
        address=address,
        name=record,
        mailing=campaign,
        campaign=campaign,
        tags=_tags(event, context.limits),
        metadata=mail.inner_json(event, "X-Mailin-custom", context.limits),
        subject=event.remark("subject"),
        link=link,
        user_agent=event.remark("user_agent"),
        machine="proxy" in folded,
        kept=_KEPT,
        properties={"message_id": event.remark("message-id")},
    )


def _tags(event: Node, limits: Limits) -> list[str]:
    for name in ("tags", "tag"):
        tags = event.values.get(name)
        if isinstance(tags, str) and tags.startswith("["):  # a list, written as JSON
            try:
                tags = json_value(tags.encode(), event.at(name), limits)
            except Problem:
                tags = event.remark(name)
        if found := mail.texts(tags):
            return found
    return []


ADAPTER = Adapter(
    name="brevo",
    about="Brevo: sent, delivered, opened, clicked, bounced, complained, unsubscribed",
    area="email",
    pieces=body_pieces,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
