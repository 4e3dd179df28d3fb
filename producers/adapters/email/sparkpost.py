"""SparkPost's webhooks (Bird): a list of events in `msys`, unsigned; Basic authentication or the key protects them.

Format: https://support.sparkpost.com/docs/tech-resources/webhook-event-reference and
https://developers.sparkpost.com/api/webhooks/
A pixel at the top of a mail tells of an `initial_open`, one at its end of an `open`: one reading of a mail gives both,
so only the second is an opening. `is_prefetched` is Apple's or Gmail's machine; a proxy alone is not.
"""

from collections.abc import Iterator

from producers.adapters.adapter import Adapter, Context, Draft, Hook, HookRequest, Piece
from producers.adapters.email import mail
from producers.adapters.payload import Node
from producers.adapters.pieces import json_pieces
from producers.adapters.problem import Problem

_EVENTS = {
    "injection": mail.SENT,
    "delivery": mail.DELIVERED,
    "bounce": mail.BOUNCED,
    "out_of_band": mail.BOUNCED,
    "delay": mail.DEFERRED,
    "policy_rejection": mail.DROPPED,
    "generation_rejection": mail.DROPPED,
    "generation_failure": mail.FAILED,
    "spam_complaint": mail.COMPLAINED,
    "open": mail.OPENED,
    "amp_open": mail.OPENED,
    "initial_open": mail.PART_OPENED,
    "amp_initial_open": mail.PART_OPENED,
    "click": mail.CLICKED,
    "amp_click": mail.CLICKED,
    "list_unsubscribe": mail.UNSUBSCRIBED,
    "link_unsubscribe": mail.UNSUBSCRIBED,
}
#: Answers that come as bounces, by their class.
#: https://support.sparkpost.com/docs/deliverability/bounce-classification-codes
_CLASSES = {"60": mail.REPLIED, "80": mail.SUBSCRIBED, "90": mail.UNSUBSCRIBED, "100": mail.REPLIED}
_KEPT = (
    "message_id",
    "transmission_id",
    "template_id",
    "subaccount_id",
    "bounce_class",
    "error_code",
    "raw_reason",
    "target_link_name",
    "fbtype",
    "report_by",
    "mailbox_provider",
)


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give the events of a request; an empty `msys` is a trial of the address and no event."""
    for piece in json_pieces(request.body, context.limits):
        if isinstance(piece.value, Problem):
            yield piece
            continue
        wrapped = piece.value.get("msys")
        if not isinstance(wrapped, dict):
            yield Piece(piece.raw, piece.path, Problem(f"{piece.path}.msys", "not an object"))
            continue
        for kind, event in wrapped.items():
            path = f"{piece.path}.msys.{kind}"
            yield Piece(piece.raw, path, event if isinstance(event, dict) else Problem(path, "not an object"))


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    record = event.one_of("type", _EVENTS)
    touchpoint = _EVENTS[record]
    if touchpoint == mail.BOUNCED:
        touchpoint = _CLASSES.get(event.remark("bounce_class") or "", touchpoint)
    parsed_agent = event.values.get("user_agent_parsed")
    fetched = event.values if "is_prefetched" in event.values else parsed_agent
    campaign = mail.short(event.remark("campaign_id"))
    return mail.mail_draft(
        event,
        touchpoint,
        at=event.at("timestamp"),
        when=event.values.get("timestamp"),
        id=event.text("event_id"),
        address=event.text("raw_rcpt_to") or event.text("rcpt_to"),
        name=record,
        mailing=campaign or mail.short(event.remark("template_id")),
        campaign=campaign,
        tags=mail.texts(event.values.get("rcpt_tags")),
        metadata=event.child("rcpt_meta").values,
        subject=event.remark("subject"),
        link=event.remark("target_link_url"),
        user_agent=event.remark("user_agent"),
        machine=isinstance(fetched, dict) and fetched.get("is_prefetched") in (True, "true"),
        kept=_KEPT,
    )


ADAPTER = Adapter(
    name="sparkpost",
    about="SparkPost: sent, delivered, opened, clicked, bounced, complained, unsubscribed",
    area="email",
    pieces=pieces,
    read=read,
    hook=Hook(signature="none: the write key or Basic authentication protects it"),
)
