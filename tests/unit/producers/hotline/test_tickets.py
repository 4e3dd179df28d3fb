"""Tickets: each of their times is a touchpoint, and a repeated export adds nothing."""

from __future__ import annotations

from io import BytesIO

import pytest

from producers.adapters.hotline import tickets
from schemas.outcome import Accepted
from tests.unit.producers.hotline.taking import body, context, filed, keys, reason, sent, taken

TICKET = {
    "ticket_id": "t1",
    "opened_at": "2026-03-02T09:00:00Z",
    "first_response_at": "2026-03-02T09:30:00Z",
    "resolved_at": "2026-03-03T10:00:00Z",
    "reopened_at": "2026-03-04T10:00:00Z",
    "subject": "Parcel is late",
    "email": "ada@example.org",
    "order_id": "o1",
}


def test_each_time_of_a_ticket_is_a_touchpoint() -> None:
    found = taken(sent(tickets.ADAPTER, TICKET))
    assert [one.touchpoint for one in found] == [
        "ticket_opened",
        "ticket_answered",
        "ticket_resolved",
        "ticket_reopened",
    ]
    assert [one.occurred_at.day for one in found] == [2, 2, 3, 4]
    assert {one.order_id for one in found} == {"o1"}
    assert {body(one).reason for one in found} == {"Parcel is late"}
    assert [body(one).result for one in found] == [None, None, "resolved", None]
    assert {tuple(keys(one)) for one in found} == {("email:ada@example.org",)}
    assert {one.properties["ticket_id"] for one in found} == {"t1"}


def test_a_later_export_adds_only_what_is_new() -> None:
    early = {one.event_id for one in taken(sent(tickets.ADAPTER, {**TICKET, "resolved_at": None, "reopened_at": ""}))}
    late = {one.event_id for one in taken(sent(tickets.ADAPTER, TICKET))}
    again = {one.event_id for one in taken(sent(tickets.ADAPTER, {**TICKET, "subject": "changed"}))}
    assert len(early) == 2
    assert early < late == again
    solved_twice = {**TICKET, "resolved_at": [TICKET["resolved_at"], "2026-03-05T10:00:00Z"]}
    assert len({one.event_id for one in taken(sent(tickets.ADAPTER, solved_twice))} - late) == 1


def test_a_bad_time_leaves_the_other_times_of_the_ticket_alone() -> None:
    found = sent(tickets.ADAPTER, {**TICKET, "first_response_at": "soon", "resolved_at": "2026-03-01T00:00:00Z"})
    assert [isinstance(one, Accepted) for one in found] == [True, False, False, True]
    assert reason(found[1:2]) == "$.first_response_at: not a time"
    assert reason(found[2:3]) == "$.resolved_at: before the ticket was opened"


@pytest.mark.parametrize(
    ("ticket", "path"),
    [
        ({"ticket_id": "t1"}, "$: no time"),
        ({"opened_at": TICKET["opened_at"]}, "$.ticket_id: required"),
        ({"ticket_id": "t1", "opened_at": True}, "$: no time"),
        ({"ticket_id": "t1", "resolved_at": [1] * 101}, "$.resolved_at: more than 100 times"),
        ({"ticket_id": "t1", "resolved_at": {}}, "$.resolved_at: not a time"),
    ],
)
def test_a_ticket_that_cannot_be_meant_is_refused(ticket: dict[str, object], path: str) -> None:
    assert reason(sent(tickets.ADAPTER, ticket)).startswith(path)


def test_a_file_of_tickets_is_read_in_local_time_and_goes_on_behind_whole_rows() -> None:
    content = b"Ticket ID,Opened At,Resolved At\nt1,2026-03-02 09:00,2026-03-02 10:00\nt2,2026-03-02 11:00,\n"
    assert [one.occurred_at.hour for one in taken(filed(tickets.ADAPTER, content))] == [8, 9, 10]
    assert tickets.ADAPTER.file is not None

    ends = [piece.end for piece in tickets.ADAPTER.file(BytesIO(content), context())]
    assert ends == [None, content.index(b"t2"), len(content)]


def test_a_second_more_or_less_when_it_was_opened_is_no_error() -> None:
    almost = {**TICKET, "opened_at": "2026-03-02T09:30:00.900Z"}
    assert len(taken(sent(tickets.ADAPTER, almost))) == 4
