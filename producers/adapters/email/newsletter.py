"""Newsletter statistics of any system, as a file: one row for each recipient, CSV with a heading or JSON lines.

| column | other names | what it holds |
|---|---|---|
| `email` | `e-mail`, `email_address`, `recipient`, `subscriber` | the recipient; it or `customer_id` is needed |
| `customer_id` | `customer`, `user_id` | the recipient's number at yours |
| `mailing` | `newsletter`, `mailing_name` | which newsletter |
| `campaign` | `campaign_name`, `utm_campaign` | the campaign that it belongs to |
| `utm_source`, `utm_medium`, `utm_term`, `utm_content` | | the campaign's other parts |
| `subject` | | of the mail |
| `link` | `url` | of a click; its `utm_*` are the campaign if no column says it |
| `machine` | `bot` | `true`, `yes` or `1`: a machine opened or clicked it |
| `event` | | one event a row: sent, delivered, opened, clicked, bounced, complained, … |
| `at` | `time`, `timestamp`, `date` | when the row's one event was |

Instead of `event` and `at`: `sent_at`, `delivered_at`, `opened_at`, `clicked_at`, `bounced_at`, `complained_at`,
`unsubscribed_at`, of which each that is filled is an event of its own.

Names are compared in lower case, blanks as underscores. All other columns go into the properties. The id of an event
is made of recipient, mailing, campaign, event, time and link: the same row in a newer export is the same event.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

from producers.adapters.adapter import Adapter, Context, Draft, Piece
from producers.adapters.email import mail
from producers.adapters.moments import parsed
from producers.adapters.payload import Node
from producers.adapters.person import email, identifiers
from producers.adapters.pieces import BOM, csv_rows, json_lines
from producers.adapters.problem import Problem
from producers.adapters.resumed import kept_heading

_NAMES = {
    "email": ("email", "e-mail", "email_address", "recipient", "subscriber"),
    "customer_id": ("customer_id", "customer", "user_id"),
    "mailing": ("mailing", "newsletter", "mailing_name"),
    "campaign": ("campaign", "campaign_name", "utm_campaign"),
    "subject": ("subject",),
    "link": ("link", "url"),
    "machine": ("machine", "bot"),
    "event": ("event",),
    "at": ("at", "time", "timestamp", "date"),
}
_UTM = ("utm_source", "utm_medium", "utm_term", "utm_content")
_TIMES = {
    "sent_at": "sent",
    "delivered_at": "delivered",
    "opened_at": "opened",
    "clicked_at": "clicked",
    "bounced_at": "bounced",
    "complained_at": "complained",
    "unsubscribed_at": "unsubscribed",
}
_EVENTS = {
    "sent": mail.SENT,
    "send": mail.SENT,
    "delivered": mail.DELIVERED,
    "opened": mail.OPENED,
    "open": mail.OPENED,
    "clicked": mail.CLICKED,
    "click": mail.CLICKED,
    "bounced": mail.BOUNCED,
    "bounce": mail.BOUNCED,
    "hard_bounce": mail.BOUNCED,
    "soft_bounce": mail.BOUNCED,
    "complained": mail.COMPLAINED,
    "complaint": mail.COMPLAINED,
    "spam": mail.COMPLAINED,
    "unsubscribed": mail.UNSUBSCRIBED,
    "unsubscribe": mail.UNSUBSCRIBED,
    "subscribed": mail.SUBSCRIBED,
    "subscribe": mail.SUBSCRIBED,
}
_KNOWN = frozenset(name for names in _NAMES.values() for name in names) | _TIMES.keys() | set(_UTM)
_TRUE = frozenset({"true", "yes", "1"})


def file(content: BinaryIO, context: Context) -> Iterator[Piece]:
    """Give the events of a file, several of a row with several times. It must be seekable."""
    for row in _rows(content, context):
        if not isinstance(row.value, dict):
            yield row
            continue
        values = {name.strip().lower().replace(" ", "_"): value for name, value in row.value.items()}
        told = [(column, event) for column, event in _TIMES.items() if Node(values, "").first_filled([column])]
        if told and not Node(values, "").first_filled(_NAMES["event"]):
            for number, (column, event) in enumerate(told, start=1):
                end = row.end if number == len(told) else None  # an import goes on behind the whole row
                yield Piece(row.raw, row.path, {"row": values, "event": event, "column": column}, end)
        else:
            yield Piece(row.raw, row.path, {"row": values}, row.end)


def read(piece: Piece, context: Context) -> Draft:  # noqa: ARG001 # the same for every adapter
    """Make the draft of one event of a row."""
    row = Node(piece.value["row"], piece.path)
    record = piece.value.get("event") or _text(row, "event")
    if record is None:
        raise Problem(row.at("event"), f"required, but missing; or one of {', '.join(_TIMES)}")
    record = record.lower().replace(" ", "_").replace("-", "_")
    if record not in _EVENTS:
        raise Problem(row.at("event"), f"{record!r} is none of {', '.join(_EVENTS)}")
    column = piece.value.get("column") or row.first_filled(_NAMES["at"]) or "at"
    address, customer = email(_text(row, "email")), _text(row, "customer_id")
    if address is None and customer is None:
        raise Problem(row.at("email"), "no e-mail address, and there is no customer_id")
    mailing, campaign = _text(row, "mailing"), _text(row, "campaign")
    link = row.remark(*_NAMES["link"])
    when = parsed(row.values.get(column), row.at(column)).isoformat()
    known = (address or customer, mailing, campaign, _EVENTS[record], when, link)
    draft = mail.mail_draft(
        row,
        _EVENTS[record],
        at=row.at(column),
        when=when,
        id=":".join(part or "" for part in known),
        address=address,
        name=record,
        mailing=mailing,
        campaign=campaign,
        metadata={name: row.values[name] for name in _UTM if name in row.values},
        subject=row.remark("subject"),
        link=link,
        machine=any(str(row.values.get(name)).strip().lower() in _TRUE for name in _NAMES["machine"]),
    )
    draft.identifiers += identifiers(customer=customer)
    draft.properties = _others(row)
    return draft


def _rows(content: BinaryIO, context: Context) -> Iterator[Piece]:
    first = kept_heading(content)
    if first is None:
        start = content.tell()
        first = content.read(256)
        content.seek(start)
    lines = first.removeprefix(BOM).lstrip().startswith(b"{")
    return json_lines(content, context.limits) if lines else csv_rows(content, context.limits)


def _text(row: Node, name: str) -> str | None:
    return row.first_text(_NAMES[name])


def _others(row: Node) -> dict[str, Any]:
    return {name: value for name, value in row.values.items() if name not in _KNOWN and value not in (None, "")}


ADAPTER = Adapter(
    name="newsletter",
    about="Newsletter statistics of any system: a row for each recipient, CSV or JSON lines",
    area="email",
    file=file,
    read=read,
    zone_needed=True,
)
