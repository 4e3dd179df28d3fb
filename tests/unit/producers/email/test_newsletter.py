"""Newsletter statistics: rows with one event or several, in any of the usual columns."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from zoneinfo import ZoneInfo

from producers.adapters.adapter import Context, Piece
from producers.adapters.email import newsletter
from producers.adapters.finish import outcome_of
from producers.adapters.resumed import ResumedFile
from producers.adapters.sender import Sender
from schemas.bodies import EmailBody
from schemas.catalogue import load
from schemas.identifier import Identifier
from schemas.outcome import Accepted, Quarantined
from schemas.touchpoint import Campaign, Touchpoint

CATALOGUE = load()
SENDER = Sender("mailings", "file:x.csv", zone=ZoneInfo("Europe/Berlin"))
CONTEXT = Context(SENDER, datetime(2026, 11, 22, tzinfo=UTC), CATALOGUE)


def pieces(text: str) -> list[Piece]:
    return list(newsletter.file(BytesIO(text.encode()), CONTEXT))


def told(text: str) -> list[Touchpoint | str]:
    found = [outcome_of(newsletter.ADAPTER, piece, CONTEXT) for piece in pieces(text)]
    return [one.touchpoint if isinstance(one, Accepted) else reason(one) for one in found]


def reason(outcome: object) -> str:
    assert isinstance(outcome, Quarantined)
    return outcome.record.reason


def taken(text: str) -> list[Touchpoint]:
    found = told(text)
    assert not [one for one in found if isinstance(one, str)], found
    return [one for one in found if isinstance(one, Touchpoint)]


def test_a_row_with_several_times_becomes_several_events_in_the_order_of_a_mailing() -> None:
    found = taken("email,mailing,clicked_at,sent_at,opened_at\nada@example.org,W7,2024-03-02 11:00,2024-03-02 09:00,\n")
    assert [one.touchpoint for one in found] == ["email_sent", "email_clicked"]
    assert [one.occurred_at.hour for one in found] == [8, 10]
    assert {body.mailing for one in found if isinstance(body := one.body, EmailBody)} == {"W7"}


def test_an_import_goes_on_behind_a_whole_row_never_within_one() -> None:
    text = "email,sent_at,opened_at\nada@example.org,2024-03-02,2024-03-03\nbob@example.org,2024-03-02,\n"
    ends = [piece.end for piece in pieces(text)]
    first_row = text.index("bob")
    assert ends == [None, first_row, len(text)]


def test_an_import_that_goes_on_in_the_middle_knows_the_kind_of_file_and_its_heading() -> None:
    text = b"email,sent_at\nada@example.org,2024-03-02\nbob@example.org,2024-03-02\n"
    rest = BytesIO(text)
    rest.seek(text.index(b"bob"))
    (piece,) = newsletter.file(ResumedFile(rest, b"email,sent_at\n", 2), CONTEXT)  # type: ignore[arg-type] # reads as one
    outcome = outcome_of(newsletter.ADAPTER, piece, CONTEXT)
    assert isinstance(outcome, Accepted)
    assert outcome.touchpoint.key == "email:bob@example.org"
    lines = b'{"email":"ada@example.org","sent_at":1}\n' * 2
    rest = BytesIO(lines)
    rest.seek(len(lines) // 2)
    assert len(list(newsletter.file(ResumedFile(rest, lines[:40], 1), CONTEXT))) == 1  # type: ignore[arg-type] # the same


def test_a_row_with_a_named_event_is_that_event() -> None:
    (one,) = taken(
        "E-Mail Address;Campaign Name;Event;Time;URL\nada@example.org;spring;Hard-Bounce;02.03.2024 09:00;\n".replace(
            "E-Mail Address", "email address"
        )
    )
    assert (one.touchpoint, one.campaign) == ("email_bounced", Campaign(name="spring"))
    assert one.occurred_at == datetime(2024, 3, 2, 8, tzinfo=UTC)


def test_the_recipient_is_known_by_address_or_number() -> None:
    found = taken(
        "email,customer_id,sent_at\nAda@Example.org,,2024-03-02\n,c1,2024-03-02\nada@example.org,c1,2024-03-02\n"
    )
    ada, customer = Identifier(kind="email", value="ada@example.org"), Identifier(kind="customer", value="c1")
    assert [set(one.identifiers) for one in found] == [{ada}, {customer}, {ada, customer}]


def test_columns_that_are_not_known_are_properties() -> None:
    (one,) = taken('{"email":"ada@example.org","sent_at":"2024-03-02T09:00:00Z","Segment Name":"gold","n":0,"x":""}\n')
    assert one.properties == {"segment_name": "gold", "n": 0}


def test_the_links_parameters_are_the_campaign_where_no_column_says_it() -> None:
    link = "https://shop.example/?utm_campaign=link&utm_source=s"
    heading = "email,clicked_at,link,utm_source,campaign\n"
    found = taken(f"{heading}ada@example.org,2024-03-02,{link},,\nada@example.org,2024-03-02,{link},own,spring\n")
    assert [one.campaign for one in found] == [
        Campaign(name="link", source="s"),
        Campaign(name="spring", source="own"),
    ]


def test_an_opening_by_a_machine_is_flagged_and_a_click_of_one_is_none() -> None:
    found = taken(
        "email,event,at,machine\n"
        + "".join(
            f"ada@example.org,{event},2024-03-02,{machine}\n"
            for event, machine in [("opened", "Yes"), ("opened", "no"), ("clicked", "1"), ("clicked", "")]
        )
    )
    assert [one.touchpoint for one in found] == ["email_opened", "email_opened", "email_link_scanned", "email_clicked"]
    assert [isinstance(one.body, EmailBody) and one.body.machine for one in found] == [True, False, True, False]


def test_a_newer_export_with_more_columns_tells_of_the_same_events() -> None:
    old = taken("email,mailing,sent_at,opens\nada@example.org,W7,2024-03-02 09:00,0\n")
    new = taken("mailing,email,sent_at,opened_at,opens\nW7,ada@example.org,02.03.2024 09:00,2024-03-02 10:00,1\n")
    assert new[0].event_id == old[0].event_id
    assert new[1].event_id != old[0].event_id


def test_a_row_that_cannot_be_taken_says_which_column_and_leaves_its_neighbours() -> None:
    found = told(
        "email,mailing,event,at,sent_at,opened_at\n"
        "nobody,W7,opened,2024-03-02,,\n"
        "ada@example.org,W7,teleported,2024-03-02,,\n"
        "ada@example.org,W7,,,,\n"
        "ada@example.org,W7,opened,,,\n"
        "ada@example.org,W7,,,soon,2024-03-02\n"
        "ada@example.org,W7,opened,2024-03-02,,,,,\n"
    )
    assert [one if isinstance(one, str) else one.touchpoint for one in found] == [
        "$.line[2].email: no e-mail address, and there is no customer_id",
        "$.line[3].event: 'teleported' is none of " + ", ".join(newsletter._EVENTS),
        "$.line[4].event: required, but missing; or one of " + ", ".join(newsletter._TIMES),
        "$.line[5].at: not a time",
        "$.line[6].sent_at: not a time",
        "email_opened",
        "$.line[7]: 9 cells, where the heading has 6",
    ]


def test_times_without_a_zone_need_a_source_that_declares_one() -> None:
    context = Context(Sender("mailings", "file:x.csv"), CONTEXT.received_at, CATALOGUE)
    (piece,) = newsletter.file(BytesIO(b"email,sent_at\nada@example.org,2024-03-02 09:00\n"), context)
    assert "declare the time zone" in reason(outcome_of(newsletter.ADAPTER, piece, context))
    assert newsletter.ADAPTER.zone_needed
