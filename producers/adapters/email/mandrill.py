"""Mandrill (Mailchimp Transactional): a form whose field `mandrill_events` is a JSON list, signed with the address.

Format: https://mailchimp.com/developer/transactional/docs/webhooks/
Signature: https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/: HMAC-SHA1 over the
address exactly as it was given to Mandrill and the form's fields in order of their names.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

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
from producers.adapters.moments import moment_of
from producers.adapters.payload import Node
from producers.adapters.pieces import form_piece, json_piece, json_pieces, raw_items
from producers.adapters.problem import Problem
from producers.adapters.signing import digests, from_base64, header, one_matches

_EVENTS = {
    "send": mail.SENT,
    "delivered": mail.DELIVERED,
    "deferral": mail.DEFERRED,
    "hard_bounce": mail.BOUNCED,
    "soft_bounce": mail.BOUNCED,
    "open": mail.OPENED,
    "click": mail.CLICKED,
    "spam": mail.COMPLAINED,
    "unsub": mail.UNSUBSCRIBED,
    "reject": mail.DROPPED,
    "blacklist": mail.SUPPRESSED,
    "whitelist": mail.CONTACT,
}
_FIELD = "mandrill_events"
_TRIAL = [(_FIELD, "[]")]


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give the events of a form; or of a JSON body, which is what quarantine keeps of one."""
    body = request.body.strip()
    if body[:1] in (b"{", b"["):
        yield from json_pieces(body, context.limits)
        return
    events = form_piece(body).value.get(_FIELD)
    if events is None:
        raise Problem(f"$.{_FIELD}", "required, but missing")
    for index, raw in enumerate(raw_items(events.encode(), f"$.{_FIELD}")):
        yield json_piece(raw, f"$.{_FIELD}[{index}]", context.limits)


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    name = event.first_present(("event", "type")) or "event"
    record = event.one_of(name, _EVENTS)
    if record in ("blacklist", "whitelist"):
        return _list_changed(event, record)
    message = event.child("msg")
    link, when, sender_id = event.remark("url"), event.values.get("ts"), event.text("_id")
    template = mail.short(message.remark("template"))
    return mail.mail_draft(
        event,
        _EVENTS[record],
        at=event.at("ts"),
        when=when,
        id=f"{sender_id}:{record}:{when}:{link or ''}" if sender_id else None,  # the id is the message's
        address=message.text("email"),
        name=record,
        mailing=template,
        tags=mail.texts(message.values.get("tags")),
        metadata=message.child("metadata").values,
        subject=message.remark("subject"),
        link=link,
        user_agent=event.remark("user_agent"),
        properties={"message_id": sender_id}
        | {name: message.values.get(name) for name in ("subaccount", "bounce_description", "bgtools_code", "diag")},
    )


def _list_changed(event: Node, record: str) -> Draft:
    """Make the draft of a change of the deny or allow list; its times are in UTC."""
    entry = event.child("reject" if event.first_present(["reject"]) else "entry")
    if event.first_filled(["ts"]):
        at, when = event.at("ts"), event.values.get("ts")
    else:
        field = entry.first_filled(("last_event_at", "created_at")) or "created_at"
        at, when = entry.at(field), entry.values.get(field)
    added = event.remark("action") in ("add", "change")
    return mail.mail_draft(
        event,
        _EVENTS[record] if added else mail.CONTACT,
        at=at,
        when=moment_of(when, at).isoformat(),
        address=entry.text("email"),
        name=record,
        properties={name: entry.values.get(name) for name in ("reason", "detail", "expires_at", "subaccount")}
        | {"action": event.values.get("action")},
    )


def verify(request: HookRequest, secrets: HookSecrets, _now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check the signature with the webhook's keys. It has no time; an event that comes again is a duplicate by its id.

    Raises:
        SignatureRefused: it is missing or wrong.
    """
    signature = from_base64(header(request, "x-mandrill-signature"))
    fields = _fields(request)
    signed = request.url + "".join(name + value for name, value in fields)
    keys = [secret.encode() for secret in secrets.secrets]
    if fields == _TRIAL:
        keys.append(b"test-webhook")
    one_matches(digests(keys, signed.encode(), "sha1"), [signature])


def is_trial(request: HookRequest) -> bool:
    """Say whether a request only tries the address, before Mandrill has given out a key: it has no events."""
    return _fields(request) == _TRIAL


def _fields(request: HookRequest) -> list[tuple[str, str]]:
    try:
        return sorted(parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=1000))
    except ValueError:
        raise SignatureRefused("the body is no form") from None


ADAPTER = Adapter(
    name="mandrill",
    about="Mandrill: sent, delivered, opened, clicked, bounced, complained, unsubscribed; signed by HMAC",
    area="email",
    pieces=pieces,
    read=read,
    hook=Hook(signature="HMAC-SHA1 over the public address and the form", verify=verify, trial=is_trial),
)
