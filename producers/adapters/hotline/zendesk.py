"""Zendesk: tickets and chats as its API exports them (JSON lines), its ticket events, and what a trigger sends.

Events: https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/
Ticket: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/, with `metric_set` side-loaded:
https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_metrics/
Signature: base64 of the HMAC-SHA256 over timestamp and body, https://developer.zendesk.com/documentation/webhooks/verifying/

A ticket says how often it was opened again, but not when: only events do. Every public reply of the staff is a
`ticket_answered`, the earliest is the first response. Descriptions and comments are not kept.
"""

import base64
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, BinaryIO

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
from producers.adapters.hotline.durations import seconds_of
from producers.adapters.hotline.numbers import number_of
from producers.adapters.hotline.ticket import STAGES, Stage, Ticket, by_stage, draft_of, not_before, times_of
from producers.adapters.hotline.zendesk_chat import draft_of_chat, is_chat
from producers.adapters.loose import file_rows, hook_rows
from producers.adapters.moments import moment_of, parsed
from producers.adapters.never_kept import without
from producers.adapters.payload import Node
from producers.adapters.person import email, identifiers
from producers.adapters.problem import Problem
from producers.adapters.signing import digests, one_matches
from schemas.catalogue import slug

_EVENT = "zen:event-type:"
_DONE = frozenset({"solved", "closed"})
_NO_TIME = "no time: created_at, metric_set.solved_at, …"
_KEPT = {"type": "type", "priority": "priority", "status": "status", "agent": "assignee_id", "group": "group_id"}


def verify(request: HookRequest, secrets: HookSecrets, now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check the signature and its age."""
    stated = request.headers.get("x-zendesk-webhook-signature", "")
    timestamp = request.headers.get("x-zendesk-webhook-signature-timestamp", "")
    if not stated or not timestamp:
        raise SignatureRefused("the signature is missing: X-Zendesk-Webhook-Signature and its -Timestamp")
    try:
        age = abs((now - moment_of(timestamp, "$")).total_seconds())
    except Problem:
        raise SignatureRefused("X-Zendesk-Webhook-Signature-Timestamp is no time") from None
    signed = timestamp.encode() + request.body
    expected = map(base64.b64encode, digests(map(str.encode, secrets.secrets), signed, "sha256"))
    one_matches(expected, [stated.strip().encode()])
    if age > secrets.max_age:
        raise SignatureRefused(f"the signature is {age:.0f} s off, more than {secrets.max_age:.0f} s")


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give the events of a request; of a ticket its stages."""
    return _pieces(hook_rows(request, context))


def file(content: BinaryIO, context: Context) -> Iterator[Piece]:
    """Give the events, and the stages of the tickets, in a file of JSON lines."""
    return _pieces(file_rows(content, context))


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of an event, of a chat, or of one stage of a ticket."""
    if isinstance(piece.value, Stage):
        return _of_ticket(piece.value, piece.path, context)
    whole = Node(without(piece.value, context.sender.never_keep), piece.path)
    return draft_of_chat(whole, context) if is_chat(piece.value) else _of_event(whole, context)


def _pieces(rows: Iterator[Piece]) -> Iterator[Piece]:
    for row in rows:
        if isinstance(row.value, dict) and (str(row.value.get("type")).startswith(_EVENT) or is_chat(row.value)):
            yield row
        else:
            yield from by_stage(iter((row,)), _stages, _NO_TIME)


def _stages(values: Mapping[str, Any], path: str) -> list[Stage]:
    ticket = _ticket(values, path)
    metrics = ticket.child("metric_set")
    opened = ticket.values.get("created_at")
    found = []
    for name, places in {
        "opened": ((ticket, "created_at"),),
        "answered": ((ticket, "first_response_at"), (ticket, "first_reply_at")),
        "resolved": ((metrics, "solved_at"), (ticket, "solved_at"), (ticket, "resolved_at")),
        "reopened": ((ticket, "reopened_at"),),
    }.items():
        for node, field in places:
            if times := times_of(node.values.get(field) or None, node.at(field)):
                found += [Stage(name, when, at, values, None if name == "opened" else opened) for when, at in times]
                break
        else:
            if name == "answered" and _minutes(metrics) is not None:
                at = metrics.at("reply_time_in_minutes")
                found.append(Stage(name, _minutes(metrics), at, values, opened))
    return found


def _minutes(metrics: Node) -> Any:
    """Give what a ticket's metrics say of its first reply: calendar minutes since it was opened."""
    return metrics.child("reply_time_in_minutes").values.get("calendar")


def _ticket(values: Mapping[str, Any], path: str) -> Node:
    whole = Node(values, path)
    return whole.child("ticket") if isinstance(values.get("ticket"), dict) else whole


def _of_ticket(stage: Stage, path: str, context: Context) -> Draft:
    ticket = _ticket(without(dict(stage.row), context.sender.never_keep), path)
    ticket_id = ticket.first_text(("id", "ticket_id"))
    if ticket_id is None:
        raise Problem(ticket.at("id"), "required, but missing or blank")
    if stage.at.endswith(".reply_time_in_minutes"):
        minutes = float(seconds_of(stage.when, f"{stage.at}.calendar"))
        try:
            when = parsed(stage.opened, ticket.at("created_at")) + timedelta(minutes=minutes)
        except OverflowError:
            raise Problem(f"{stage.at}.calendar", "not a number of minutes") from None
    else:
        when = parsed(stage.when, stage.at)
        if stage.opened is not None:
            not_before(parsed(stage.opened, ticket.at("created_at")), when, stage.at, context)
    metrics = ticket.child("metric_set")
    more = {"reopens": metrics.text("reopens")} if stage.name == "resolved" else {}
    return draft_of(_told(ticket, ticket_id, STAGES[stage.name], stage.name, when, stage.at, context, more))


def _of_event(event: Node, context: Context) -> Draft:
    kind = (event.text("type") or "").removeprefix(_EVENT)
    subject, _, action = kind.partition(".")
    if subject != "ticket" or not action:
        raise Problem(event.at("type"), f"{kind[:50]!r} is no event of a ticket")
    detail, change = event.child("detail"), event.child("event")
    ticket_id = detail.text("id")
    if ticket_id is None:
        raise Problem(detail.at("id"), "required, but missing or blank")
    stage = _stage_of(action, change)
    place, field = (detail, "created_at") if stage == "opened" and detail.text("created_at") else (event, "time")
    when = parsed(place.values.get(field), place.at(field))
    touchpoint = STAGES.get(stage) or f"ticket_status.{slug(stage)[:60]}"
    return draft_of(_told(detail, ticket_id, touchpoint, stage, when, place.at(field), context, {}, name=kind[:100]))


def _stage_of(action: str, change: Node) -> str:
    if action in ("created", "ticket_created"):
        return "opened"
    if action == "comment_added":
        comment = change.child("comment")
        staff = comment.child("author").values.get("is_staff") is True
        if comment.values.get("is_public") is True:
            return "answered" if staff else "customer_comment"
        return "internal_comment"
    if action == "status_changed":
        now = (change.text("current") or "").lower()
        before = (change.text("previous") or "").lower()
        if not now:
            raise Problem(change.at("current"), "required, but missing or blank")
        if now in _DONE:
            return now if before in _DONE else "resolved"
        return "reopened" if before in _DONE else now
    return action


def _told(
    ticket: Node,
    ticket_id: str,
    touchpoint: str,
    stage: str,
    when: datetime,
    at: str,
    context: Context,
    more: Mapping[str, Any],
    name: str | None = None,
) -> Ticket:
    via = ticket.child("via")
    sender = via.child("source").child("from")
    requester = ticket.child("requester")
    address = requester.text("email") or ticket.text("requester_email") or sender.text("address")
    number = number_of(
        requester.text("phone") or ticket.text("requester_phone") or sender.text("phone"), context.sender
    )
    known = ticket.text("requester_id") or requester.text("id")
    persons = identifiers(
        customer=requester.text("external_id"), email=email(address), phone=number.person, zendesk_user=known
    )
    rating = ticket.values.get("satisfaction_rating")
    score = rating.get("score") if isinstance(rating, dict) else None
    tags = ticket.values.get("tags")
    kept = {ours: ticket.remark(theirs) for ours, theirs in _KEPT.items()} | {
        "via": via.remark("channel"),
        "satisfaction": score if isinstance(score, str) and score not in ("unoffered", "offered") else None,
        "tags": [tag for tag in tags if isinstance(tag, str)][:100] if isinstance(tags, list) else None,
    }
    return Ticket(
        id=ticket_id,
        touchpoint=touchpoint,
        stage=stage,
        when=when,
        at=at,
        subject=ticket.remark("subject", "raw_subject"),
        order_id=ticket.text("order_id"),
        name=name,
        persons=persons,
        properties={ours: value for ours, value in (kept | dict(more)).items() if value} | number.properties(),
    )


ADAPTER = Adapter(
    name="zendesk",
    about="Zendesk: tickets opened, answered, resolved, opened again, and chats; events and exports",
    area="hotline",
    pieces=pieces,
    file=file,
    read=read,
    hook=Hook(signature="HMAC-SHA256 over timestamp and body", verify=verify),
)
