"""MailerSend's webhooks: one activity a request, signed by HMAC-SHA256 over the body.

Format and signature: https://developers.mailersend.com/api/v1/webhooks.html
An address is saved only if it answers a `webhook.test` with 200, which is signed with a secret that everybody knows: it
opens nothing else, and comes before the operator has another.
The first opening is told twice, as `opened` and as `opened_unique`, with one id of the opening; so are clicks.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

import orjson

from producers.adapters.adapter import Adapter, Context, Draft, Hook, HookRequest, HookSecrets, Piece
from producers.adapters.email import mail
from producers.adapters.payload import Node
from producers.adapters.pieces import json_pieces
from producers.adapters.problem import Problem
from producers.adapters.signing import digests, from_hex, header, one_matches

_EVENTS = {
    "activity.sent": mail.SENT,
    "activity.delivered": mail.DELIVERED,
    "activity.deferred": mail.DEFERRED,
    "activity.soft_bounced": mail.BOUNCED,
    "activity.hard_bounced": mail.BOUNCED,
    "activity.opened": mail.OPENED,
    "activity.opened_unique": mail.OPENED,
    "activity.clicked": mail.CLICKED,
    "activity.clicked_unique": mail.CLICKED,
    "activity.unsubscribed": mail.UNSUBSCRIBED,
    "activity.spam_complaint": mail.COMPLAINED,
    "activity.suppressed": mail.DROPPED,
}
_TRIAL = "webhook.test"
_TRIAL_SECRET = "test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G"  # noqa: S105 # MailerSend has published it


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give the one activity of a request; a trial of the address is none."""
    for piece in json_pieces(request.body, context.limits):
        if isinstance(piece.value, Problem) or piece.value.get("type") != _TRIAL:
            yield piece


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one activity."""
    event = Node(piece.value, piece.path)
    record = event.one_of("type", _EVENTS)
    data = event.child("data")
    message, more = data.child("email"), data.child("morph")
    when = data if data.first_filled(["created_at"]) else event
    sender_id = more.text("id") or data.text("id")
    tags = mail.texts(message.values.get("tags"))
    return mail.mail_draft(
        event,
        _EVENTS[record],
        at=when.at("created_at"),
        when=when.values.get("created_at"),
        id=f"{_EVENTS[record]}:{sender_id}" if sender_id else None,
        address=message.child("recipient").text("email"),
        name=record,
        mailing=tags[0] if tags else mail.short(data.remark("template_id")),
        tags=tags,
        metadata=data.child("metadata").values,
        subject=message.remark("subject"),
        link=more.remark("url"),
        user_agent=more.remark("user_agent"),
        properties={
            "message_id": message.child("message").remark("id"),
            "template_id": data.remark("template_id"),
            "status": message.remark("status"),
            "reason": more.remark("readable_reason", "reason"),
        },
    )


def verify(request: HookRequest, secrets: HookSecrets, _now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check the signature with the signing secrets. It has no time; what comes again is a duplicate by its id.

    Raises:
        SignatureRefused: it is missing or wrong.
    """
    signature = from_hex(header(request, "signature"))
    keys = [*secrets.secrets, _TRIAL_SECRET] if is_trial(request) else secrets.secrets
    one_matches(digests([key.encode() for key in keys], request.body, "sha256"), [signature])


def is_trial(request: HookRequest) -> bool:
    """Say whether a request only tries the address. What it holds is read as it will be: by all of its JSON."""
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(body, dict) and body.get("type") == _TRIAL


ADAPTER = Adapter(
    name="mailersend",
    about="MailerSend: sent, delivered, opened, clicked, bounced, complained, unsubscribed; signed by HMAC",
    area="email",
    pieces=pieces,
    read=read,
    hook=Hook(signature="HMAC-SHA256 over the body", verify=verify, trial=is_trial),
)
