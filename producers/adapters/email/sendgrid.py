"""Twilio SendGrid's event webhook: a list of events, signed by ECDSA over time and raw bytes, the last CRLF included.

Format: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
Signature: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
Machine opens: https://docs.sendgrid.com/for-developers/tracking-events/understanding-apple-mail-privacy-protection-and-open-events
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

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
from producers.adapters.payload import Node
from producers.adapters.pieces import body_pieces
from producers.adapters.signing import from_base64, header, near

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"

_EVENTS = {
    "processed": mail.SENT,
    "deferred": mail.DEFERRED,
    "delivered": mail.DELIVERED,
    "open": mail.OPENED,
    "click": mail.CLICKED,
    "bounce": mail.BOUNCED,
    "dropped": mail.DROPPED,
    "spamreport": mail.COMPLAINED,
    "unsubscribe": mail.UNSUBSCRIBED,
    "group_unsubscribe": mail.UNSUBSCRIBED,
    "group_resubscribe": mail.SUBSCRIBED,
}
_KEPT = (
    "reason",
    "response",
    "status",
    "type",
    "bounce_classification",
    "attempt",
    "asm_group_id",
    "singlesend_id",
    "marketing_campaign_id",
    "mc_auto_id",
    "mc_auto_name",
    "template_id",
    "sg_template_name",
)
#: What is not the sender's own: the rest of the fields are its unique arguments, and say as much as metadata does.
_OWN = frozenset(_KEPT) | {
    "email",
    "event",
    "timestamp",
    "category",
    "url",
    "url_offset",
    "useragent",
    "ip",
    "smtp-id",
    "sg_message_id",
    "tls",
    "cert_err",
    "send_at",
    "pool",
    "newsletter",
    "subject",
    "phase_id",
    "mc_stats",
    "mc_pod_id",
    "template_hash",
    "template_version_id",
    "sg_content_type",
    "sg_event_id",
    "sg_machine_open",
    "sg_template_id",
    "sg_user_id",
    "singlesend_name",
    "marketing_campaign_name",
    "marketing_campaign_version",
    "marketing_campaign_split_id",
}


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    record = event.one_of("event", _EVENTS)
    campaign = event.remark("singlesend_name", "marketing_campaign_name", "mc_auto_name")
    return mail.mail_draft(
        event,
        _EVENTS[record],
        at=event.at("timestamp"),
        when=event.values.get("timestamp"),
        id=event.text("sg_event_id"),
        address=event.text("email"),
        name=record,
        mailing=mail.short(campaign),
        campaign=mail.short(campaign),
        tags=mail.texts(event.values.get("category")),
        metadata={name: value for name, value in event.values.items() if name not in _OWN},
        subject=event.remark("subject"),
        link=event.remark("url"),
        user_agent=event.remark("useragent"),
        machine=event.values.get("sg_machine_open") is True,
        kept=_KEPT,
        properties={"message_id": event.remark("sg_message_id")},
    )


def verify(request: HookRequest, secrets: HookSecrets, now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check the signature with the public keys that the operator copied: base64 of DER, with or without PEM's lines.

    Raises:
        SignatureRefused: it is missing, wrong or too old.
    """
    signature, timestamp = from_base64(header(request, _SIGNATURE)), header(request, _TIMESTAMP)
    near(timestamp, now, secrets.max_age)
    signed = timestamp.encode() + request.body
    for key in map(_public_key, secrets.secrets):
        try:
            key.verify(signature, signed, ec.ECDSA(SHA256()))
        except InvalidSignature:
            continue
        return
    raise SignatureRefused("the signature is wrong")


def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(b64decode(re.sub(r"-----[A-Z ]+-----|\s", "", text)))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise SignatureRefused("a configured secret is no public key of SendGrid's (base64 of DER)")
    return key


ADAPTER = Adapter(
    name="sendgrid",
    about="SendGrid: sent, delivered, opened, clicked, bounced, complained, unsubscribed; signed by ECDSA",
    area="email",
    pieces=body_pieces,
    read=read,
    hook=Hook(signature="ECDSA P-256 over timestamp and body", verify=verify),
)
