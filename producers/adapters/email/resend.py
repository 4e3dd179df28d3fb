"""Resend's webhooks: one event a request, signed by Svix (Standard Webhooks).

Format: https://resend.com/docs/webhooks/event-types, https://resend.com/docs/dashboard/webhooks/body-parameters
Signature: https://docs.svix.com/receiving/verifying-payloads/how-manual: HMAC-SHA256 over id, time and body; a header
may hold several. Resend has no unsubscribed event: a contact that becomes `unsubscribed` is told of as changed.
An event of a mail to several people does not say whose it is: it is taken without a person.
"""

from collections.abc import Iterator, Mapping
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
    SignatureRefused,
)
from producers.adapters.email import mail
from producers.adapters.email.signing import digests, from_base64, near, one_matches
from producers.adapters.payload import Node
from producers.adapters.pieces import json_pieces
from producers.adapters.problem import Problem

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
_PREFIX = "whsec_"


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give the one event of a request."""
    return json_pieces(request.body, context.limits)


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    record = event.text("type")
    if record not in _EVENTS:
        raise Problem(event.at("type"), f"{record!r} is none of {', '.join(_EVENTS)}")
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


def verify(request: HookRequest, secrets: HookSecrets, now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check the signatures with the signing secrets (`whsec_` and base64, or base64 alone).

    Raises:
        SignatureRefused: they are missing, wrong or too old.
    """
    message, timestamp, given = (_header(request, name) for name in ("id", "timestamp", "signature"))
    near(timestamp, now, secrets.max_age)
    keys = [from_base64(secret.removeprefix(_PREFIX)) for secret in secrets.secrets]
    if not all(keys):
        raise SignatureRefused("a configured secret is none of Resend's (whsec_ and base64)")
    versions = (one.partition(",") for one in given.split())
    signatures = [from_base64(signature) for version, _, signature in versions if version == "v1"]
    one_matches(digests(keys, f"{message}.{timestamp}.".encode() + request.body, "sha256"), signatures)


def _header(request: HookRequest, name: str) -> str:
    for prefix in ("svix", "webhook"):
        if value := request.headers.get(f"{prefix}-{name}", "").strip():
            return value
    raise SignatureRefused(f"the header 'svix-{name}' is missing: the request is not signed")


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
    pieces=pieces,
    read=read,
    hook=Hook(signature="HMAC-SHA256 of Svix over id, timestamp and body", verify=verify),
)
