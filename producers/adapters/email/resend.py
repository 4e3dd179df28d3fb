"""Resend's webhooks: one event a request, signed by Svix (Standard Webhooks).

Format: https://resend.com/docs/webhooks/event-types, https://resend.com/docs/dashboard/webhooks/body-parameters
Signature: https://docs.svix.com/receiving/verifying-payloads/how-manual: HMAC-SHA256 over id, time and body; a header
may hold several. Resend has no unsubscribed event: a contact that becomes `unsubscribed` is told of as changed.
An event of a mail to several people does not say whose it is: it is taken without a person.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from producers.adapters.adapter import (
    Adapter,
    Context,
    Draft,
    Hook,
    HookRequest,
    HookSecrets,
    Piece,
)
from producers.adapters.email import mail
from producers.adapters.payload import Node
from producers.adapters.pieces import body_pieces
from producers.adapters.signing import standard_webhooks

_EVENTS = {
    "email.sent": mail.SENT,
    "email.delivered": mail.DELIVERED,
    "email.delivery_delayed": mail.DEFERRED,
    "email.opened": mail.OPENED,
    "email.clicked": mail.CLICKED,
    "email.bounced": mail.BOUNCED,
    "email.complained": mail.COMPLAINED,
    "email.failed": mail.FAILED,
    "email.suppressed": mail.DROPPED,
    "email.scheduled": mail.SCHEDULED,
    "contact.created": mail.CONTACT,
    "contact.updated": mail.CONTACT,
    "contact.deleted": mail.CONTACT,
}


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    record = event.one_of("type", _EVENTS)
    data = event.child("data")
    touchpoint = _EVENTS[record]
    if record == "contact.updated" and data.values.get("unsubscribed") is True:
        touchpoint = mail.UNSUBSCRIBED
    tags = _tags(data)
    click, opened, bounce = data.child("click"), data.child("open"), data.child("bounce")
    recipients = mail.texts(data.values.get("to"))
    return mail.mail_draft(
        event,
        touchpoint,
        at=event.at("created_at"),
        when=event.values.get("created_at"),  # of the event; that in `data` is the mail's
        address=data.text("email") or (recipients[0] if len(recipients) == 1 else None),
        name=record,
        mailing=mail.short(tags.get("mailing")) or mail.short(data.remark("broadcast_id", "template_id")),
        metadata=tags,
        subject=data.remark("subject"),
        link=click.remark("link"),
        user_agent=click.remark("userAgent") or opened.remark("userAgent"),
        properties={
            "message_id": data.remark("email_id"),
            "broadcast_id": data.remark("broadcast_id"),
            "audience_id": data.remark("audience_id"),
            "bounce_type": bounce.remark("type"),
            "bounce_subtype": bounce.remark("subType"),
            "reason": bounce.remark("message") or data.child("failed").remark("reason"),
            "recipients": len(recipients) if len(recipients) > 1 else None,
        },
    )


def verify(request: HookRequest, secrets: HookSecrets, now: datetime, fetched: Mapping[str, bytes]) -> None:
    """Check the signatures with the signing secrets.

    Raises:
        SignatureRefused: they are missing, wrong or too old.
    """
    standard_webhooks(request, secrets, now, fetched, prefixes=("svix", "webhook"))


def _tags(data: Node) -> dict[str, Any]:
    """Give the tags by their names; Resend writes them as an object or as a list of name and value."""
    tags = data.values.get("tags")
    if isinstance(tags, dict):
        return tags
    items = [one for one in tags if isinstance(one, dict)] if isinstance(tags, list) else []
    return {str(one.get("name")): one.get("value") for one in items}


ADAPTER = Adapter(
    name="resend",
    about="Resend: sent, delivered, opened, clicked, bounced, complained, unsubscribed; signed by Svix",
    area="email",
    pieces=body_pieces,
    read=read,
    hook=Hook(signature="HMAC-SHA256 of Svix over id, timestamp and body", verify=verify),
)
