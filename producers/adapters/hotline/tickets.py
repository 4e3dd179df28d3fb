"""Tickets of any help desk: CSV, JSON lines, or a webhook with one JSON object or a list of them.

Columns: `ticket_id`, `opened_at`, `first_response_at`, `resolved_at`, `reopened_at` (in JSON each may be a list of
times), `subject`, `email`, `phone`, `customer_id`, `order_id`, `queue`, `department`, `channel`, `type`, `priority`,
`satisfaction`; each has other names too.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from producers.adapters.adapter import Adapter, Context, Draft, Hook, HookRequest, Piece
from producers.adapters.hotline.numbers import number_of
from producers.adapters.hotline.record import AGENT, DEPARTMENT, ORDER, QUEUE, kept, persons_of
from producers.adapters.hotline.ticket import STAGES, Stage, Ticket, by_stage, draft_of, not_before, times_of
from producers.adapters.loose import PHONE, Loose, file_rows, hook_rows
from producers.adapters.moments import parsed
from producers.adapters.never_kept import without
from producers.adapters.person import identifiers

TIMES = {
    "opened": ("opened_at", "created_at", "created", "opened"),
    "answered": ("first_response_at", "first_reply_at", "answered_at"),
    "resolved": ("resolved_at", "solved_at", "closed_at"),
    "reopened": ("reopened_at",),
}
_KEPT = {
    "agent": AGENT,
    "agent_department": DEPARTMENT,
    "via": ("channel", "via", "source", "origin"),
    "type": ("type", "ticket_type", "category"),
    "priority": ("priority", "urgency"),
    "satisfaction": ("satisfaction", "rating", "csat"),
    "language": ("language", "lang", "locale"),
}


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give the stages of the tickets in a request."""
    return by_stage(hook_rows(request, context), stages_of, "no time: opened_at, first_response_at, …")


def file(content: BinaryIO, context: Context) -> Iterator[Piece]:
    """Give the stages of the tickets in a file."""
    return by_stage(file_rows(content, context), stages_of, "no time: opened_at, first_response_at, …")


def stages_of(values: Mapping[str, Any], path: str) -> list[Stage]:
    """Give the stages that a row has a time for.

    Raises:
        Problem: one of them has too many.
    """
    row, found = Loose(values, path), []
    opened = row.value(*TIMES["opened"])
    for name, columns in TIMES.items():
        for when, at in times_of(row.value(*columns), row.at(*columns)):
            found.append(Stage(name, when, at, values, None if name == "opened" else opened))
    return found


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one stage."""
    stage: Stage = piece.value
    row = Loose(without(stage.row, context.sender.never_keep), piece.path)
    ticket_id = row.required("ticket_id", "ticket", "ticket_number", "case_id", "number", "id")
    when = parsed(stage.when, stage.at)
    if stage.opened is not None:
        not_before(parsed(stage.opened, row.at(*TIMES["opened"])), when, stage.at, context)
    phone = number_of(row.text(*PHONE), context.sender)
    return draft_of(
        Ticket(
            id=ticket_id,
            touchpoint=STAGES[stage.name],
            stage=stage.name,
            when=when,
            at=stage.at,
            subject=row.remark("subject", "title", "reason", "topic", "summary"),
            queue=row.remark(*QUEUE),
            order_id=row.text(*ORDER),
            persons=[*persons_of(row), *identifiers(phone=phone.person)],
            properties=kept(row, _KEPT) | phone.properties(),
        )
    )


ADAPTER = Adapter(
    name="tickets",
    about="Tickets of any help desk: opened, first answered, resolved, opened again",
    area="hotline",
    pieces=pieces,
    file=file,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
