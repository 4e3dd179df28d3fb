"""Mailgun's webhooks: one event a request, its signature in the body.

Format: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads
Signature: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks: HMAC-SHA256 over time
and token. It does not cover the event, so its age is what keeps a seen one from being used again.
Bots: https://documentation.mailgun.com/docs/mailgun/user-manual/tracking-messages/open-click-bot-detect
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

import orjson

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
from producers.adapters.pieces import json_value
from producers.adapters.problem import Problem
from producers.adapters.signing import digests, from_hex, near, one_matches

_EVENTS = {
    "accepted": mail.SENT,
    "delivered": mail.DELIVERED,
    "failed": mail.BOUNCED,
    "rejected": mail.DROPPED,
    "opened": mail.OPENED,
    "clicked": mail.CLICKED,
    "complained": mail.COMPLAINED,
    "unsubscribed": mail.UNSUBSCRIBED,
}


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give the one event of a request, without its signature, which is another at each retry."""
    body = request.body.strip()
    value = json_value(body, "$", context.limits)
    event = value.get("event-data") if isinstance(value, dict) else None
    if not isinstance(event, dict):
        raise Problem("$.event-data", "not an object")
    yield Piece(body, "$.event-data", event)


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    record = event.one_of("event", _EVENTS)
    headers, client = event.child("message").child("headers"), event.child("client-info")
    template, status = event.values.get("template"), event.child("delivery-status")
    when, sender_id = event.values.get("timestamp"), event.text("id")
    own = [mail.short(one.get("name") if isinstance(one, dict) else one) for one in _list(event, "campaigns")]
    bot = client.remark("bot")
    return mail.mail_draft(
        event,
        _touchpoint(record, event),
        at=event.at("timestamp"),
        when=when,
        id=f"{sender_id}:{record}@{when}" if sender_id else None,  # its id is promised to be unique within a day
        address=event.text("recipient") or headers.remark("to"),
        name=record,
        mailing=mail.short(template.get("name") if isinstance(template, dict) else template),
        campaign=next((name for name in own if name), None),
        tags=mail.texts(event.values.get("tags")),
        metadata=event.child("user-variables").values,
        subject=headers.remark("subject"),
        link=event.remark("url"),
        user_agent=client.remark("user-agent"),
        machine=bot is not None,
        kept=("severity", "reason"),
        properties={
            "message_id": headers.remark("message-id"),
            "bot": bot,
            "code": status.remark("code"),
            "description": status.remark("description", "message"),
        },
    )


def verify(request: HookRequest, secrets: HookSecrets, now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check the body's signature with the webhook signing keys.

    Raises:
        SignatureRefused: it is missing, wrong or too old.
    """
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        body = None
    block = body.get("signature") if isinstance(body, dict) else None
    names = ("timestamp", "token", "signature")
    if not isinstance(block, dict) or not all(isinstance(block.get(name), str) for name in names):
        raise SignatureRefused("the body has no signature of timestamp, token and signature: it is not signed")
    timestamp, token, signature = (block[name] for name in names)
    near(timestamp, now, secrets.max_age)
    keys = [secret.encode() for secret in secrets.secrets]
    one_matches(digests(keys, (timestamp + token).encode(), "sha256"), [from_hex(signature)])


def _touchpoint(record: str, event: Node) -> str:
    if record == "failed" and event.remark("severity") == "temporary":
        return mail.DEFERRED
    if record == "failed" and (event.remark("reason") or "").startswith("suppress-"):
        return mail.DROPPED  # the address is on a list of those who bounced, complained or left: nothing was sent
    return _EVENTS[record]


def _list(event: Node, name: str) -> list[object]:
    value = event.values.get(name)
    return value if isinstance(value, list) else []


ADAPTER = Adapter(
    name="mailgun",
    about="Mailgun: sent, delivered, opened, clicked, bounced, complained, unsubscribed; signed by HMAC",
    area="email",
    pieces=pieces,
    read=read,
    hook=Hook(signature="HMAC-SHA256 over timestamp and token", verify=verify),
)
