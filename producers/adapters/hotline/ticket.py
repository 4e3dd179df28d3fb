"""A ticket of any help desk: each of its times is a touchpoint of its own, and one piece.

A ticket's row tells when it was opened, first answered, resolved and opened again. The ids are made of ticket, stage
and second, so that a repeated export and a webhook's retry add nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from producers.adapters.adapter import Context, Draft, Piece
from producers.adapters.finish import zoned
from producers.adapters.hotline.record import stamp
from producers.adapters.problem import Problem
from schemas.bodies import HotlineBody
from schemas.identifier import Identifier

STAGES = {
    "opened": "ticket_opened",
    "answered": "ticket_answered",
    "resolved": "ticket_resolved",
    "reopened": "ticket_reopened",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a ticket's row: which one, the value that says when, its path, and the row itself."""

    name: str
    when: Any
    at: str
    row: Mapping[str, Any]
    opened: Any = None
    """The value that says when the ticket was opened; no other stage can be before it."""


@dataclass(slots=True, kw_only=True)
class Ticket:
    """What a stage says of its ticket. `touchpoint` is one of the catalogue's."""

    id: str
    touchpoint: str
    when: datetime
    at: str
    stage: str
    subject: str | None = None
    queue: str | None = None
    order_id: str | None = None
    name: str | None = None
    persons: list[Identifier] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)


#: Of one stage, in one ticket.
MOST_TIMES = 100


def times_of(value: Any, at: str) -> list[tuple[Any, str]]:
    """Give the times of a field and their paths: one, or those of a list. A flag is no time.

    Raises:
        Problem: they are more than anybody can mean.
    """
    if value is None or isinstance(value, bool):
        return []
    if not isinstance(value, list):
        return [(value, at)]
    if len(value) > MOST_TIMES:
        raise Problem(at, f"more than {MOST_TIMES} times")
    return [(one, f"{at}[{index}]") for index, one in enumerate(value)]


def draft_of(ticket: Ticket) -> Draft:
    """Make the draft of one stage."""
    return Draft(
        touchpoint=ticket.touchpoint,
        channel="hotline",
        occurred_at=ticket.when,
        at=ticket.at,
        id=f"ticket/{ticket.id}/{ticket.stage}/{stamp(ticket.when)}",
        identifiers=ticket.persons,
        order_id=ticket.order_id,
        name=ticket.name,
        body=HotlineBody(
            queue=ticket.queue, reason=ticket.subject, result="resolved" if ticket.stage == "resolved" else None
        ),
        properties={"ticket_id": ticket.id} | ticket.properties,
    )


def not_before(opened: datetime, when: datetime, at: str, context: Context) -> None:
    """See that a stage is not before the ticket's opening, to the second.

    Raises:
        Problem: it is.
    """
    began = zoned(opened, context.sender, at).replace(microsecond=0)
    then = zoned(when, context.sender, at)
    if then < began and (when.tzinfo is not None or zoned(when.replace(fold=1), context.sender, at) < began):
        raise Problem(at, "before the ticket was opened")


def by_stage(
    rows: Iterator[Piece], stages_of: Callable[[Mapping[str, Any], str], list[Stage]], missing: str
) -> Iterator[Piece]:
    """Turn each row into a piece for each of its stages; a row without any is one bad piece.

    Only the last piece of a row says from where an import may go on.
    """
    for row in rows:
        if isinstance(row.value, Problem):
            yield row
            continue
        try:
            stages = stages_of(row.value, row.path)
            if not stages:
                raise Problem(row.path, missing)
        except Problem as problem:
            yield Piece(row.raw, row.path, problem, row.end)
            continue
        for index, stage in enumerate(stages, start=1):
            yield Piece(row.raw, row.path, stage, row.end if index == len(stages) else None)
