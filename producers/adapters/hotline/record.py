"""The generic record of a call or chat: one row or JSON object, its columns by the names that houses give them.

Lengths are seconds (`90`, `"90,5"`) or a clock (`1:30`). A direction or a result in a word that nobody here knows is
refused, since it would make another figure; everything else that is missing is left out.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from producers.adapters.adapter import Context, Draft, Piece
from producers.adapters.hotline.call import Call, Direction, Kind, Result, contact_id, draft_of
from producers.adapters.hotline.durations import seconds_of, span_of
from producers.adapters.loose import ANONYMOUS, CUSTOMER, DEVICE, EMAIL, LOYALTY, PHONE, Loose, folded
from producers.adapters.moments import parsed
from producers.adapters.never_kept import without
from producers.adapters.person import email, identifiers
from producers.adapters.problem import Problem
from schemas.identifier import Identifier

STARTED = (
    *("started_at", "start", "start_time", "started", "begin", "occurred_at", "timestamp", "date_time", "datetime"),
    *("call_time", "call_date", "time", "date"),
)
ENDED = ("ended_at", "end", "end_time", "ended", "finished_at")
WAITING = ("waiting_time", "wait_time", "wait", "waiting", "waiting_seconds", "queue_time", "time_in_queue")
TALKING = ("talk_time", "talk", "talking_time", "conversation_time", "talk_seconds")
WHOLE = ("duration", "total_time", "call_duration", "chat_duration", "duration_seconds", "length")
CALLING = ("calling_number", "caller", "caller_id", "caller_number", "from", "ani", "src")
CALLED = ("called_number", "called", "callee", "to", "dnis", "dst")
QUEUE = ("queue", "queue_name", "skill", "skill_group")
AGENT = ("agent", "agent_name", "agent_id", "employee", "assignee")
DEPARTMENT = ("agent_department", "department", "team", "group")
REASON = ("reason", "subject", "topic", "wrap_up_code", "wrap_up", "category")
RESULT = ("result", "outcome", "call_result", "call_status")
RESOLVED = ("resolved", "resolved_at_first_contact", "first_contact_resolution", "fcr", "solved")
MISSED = ("missed", "abandoned")
DIRECTION = ("direction", "call_direction", "call_type")
ORDER = ("order_id", "order", "order_number")
IDS: dict[Kind, tuple[str, ...]] = {
    "call": ("call_id", "uniqueid", "conversation_id", "interaction_id", "id"),
    "chat": ("chat_id", "conversation_id", "session_id", "interaction_id", "id"),
}
#: What is kept as a property, by our name.
_KEPT = {
    "language": ("language", "lang", "locale"),
    "platform": ("platform", "via", "channel", "medium"),
    "satisfaction": ("satisfaction", "rating", "csat"),
    "messages": ("messages", "message_count"),
}

_RESULTS: dict[str, Result] = {
    **dict.fromkeys(("answered", "completed", "connected", "handled", "accepted", "served"), "answered"),
    **dict.fromkeys(("angenommen", "beantwortet"), "answered"),
    **dict.fromkeys(("abandoned", "missed", "unanswered", "noanswer", "notanswered", "lost", "hungup"), "abandoned"),
    **dict.fromkeys(("busy", "failed", "canceled", "cancelled", "aufgelegt", "verpasst", "verloren"), "abandoned"),
    **dict.fromkeys(("resolved", "solved", "fcr", "firstcontactresolution", "resolvedatfirstcontact"), "resolved"),
    **dict.fromkeys(("gelöst", "erledigt"), "resolved"),
}
_DIRECTIONS: dict[str, Direction] = {
    **dict.fromkeys(("inbound", "in", "incoming", "eingehend"), "inbound"),
    **dict.fromkeys(("outbound", "out", "outgoing", "ausgehend"), "outbound"),
    **dict.fromkeys(("internal", "intern"), "internal"),
}
_YES = frozenset(("true", "yes", "y", "1", "ja", "j", "x", "oui", "wahr"))
_NO = frozenset(("false", "no", "n", "0", "nein", "non", "falsch"))

_T = TypeVar("_T", Direction, Result)


def row_of(piece: Piece, context: Context) -> Loose:
    """Give the row of a piece, without the fields that its source forbids."""
    return Loose(without(piece.value, context.sender.never_keep), piece.path)


def draft_of_record(piece: Piece, context: Context, kind: Kind) -> Draft:
    """Make the draft of one record.

    Raises:
        Problem: a time, a length or a word cannot be meant, or they contradict each other.
    """
    row = row_of(piece, context)
    started, started_at = row.moment(*STARTED)
    direction = _word(row, DIRECTION, _DIRECTIONS) or "inbound"
    waiting, talking = (seconds(row, names) for names in (WAITING, TALKING))
    whole = seconds(row, WHOLE)
    if (ended := row.value(*ENDED)) is not None:
        span = span_of(started, parsed(ended, row.at(*ENDED)), row.at(*ENDED), context)
        whole = span if whole is None else whole
    calling, called, number = row.text(*CALLING), row.text(*CALLED), row.text("number", *PHONE)
    customer, company = (called, calling) if direction == "outbound" else (calling, called)
    sender_id = row.text(*IDS[kind])
    callback = yes(row, ("callback", "call_back", "callback_requested"))
    return draft_of(
        Call(
            id=contact_id(kind, sender_id) if sender_id else None,
            kind=kind,
            started=started,
            started_at=started_at,
            direction=direction,
            result=_result(row, talking),
            customer=number or customer,
            company=company,
            waiting=waiting,
            waiting_at=row.at(*WAITING),
            talking=talking,
            talking_at=row.at(*TALKING),
            whole=whole,
            queue=row.remark(*QUEUE),
            reason=row.remark(*REASON),
            agent=row.remark(*AGENT),
            department=row.remark(*DEPARTMENT),
            transfers=count(row, ("transfers", "transfer_count")),
            order_id=row.text(*ORDER),
            persons=persons_of(row),
            properties=kept(row, _KEPT)
            | ({"callback": callback} if callback is not None else {})
            | ({f"{kind}_id": sender_id} if sender_id else {}),
        ),
        context,
    )


def persons_of(row: Loose) -> list[Identifier]:
    """Give the identifiers that a row names, but for telephone numbers: those are looked at first."""
    return identifiers(
        customer=row.text(*CUSTOMER),
        loyalty=row.text(*LOYALTY),
        email=email(row.text(*EMAIL)),
        device=row.text(*DEVICE),
        anonymous=row.text(*ANONYMOUS),
    )


def seconds(row: Loose, names: tuple[str, ...]) -> Decimal | None:
    """Give the seconds of a column, None where there is none.

    Raises:
        Problem: it holds no number of seconds.
    """
    value = row.value(*names)
    return None if value is None else seconds_of(value, row.at(*names))


def count(row: Loose, names: tuple[str, ...]) -> int | None:
    """Give the whole number of a column.

    Raises:
        Problem: it is none, or negative, or beyond a billion.
    """
    number = row.number(*names)
    if number is None:
        return None
    if number < 0 or number != number.to_integral_value() or number >= 10**9:
        raise Problem(row.at(*names), "not a number of times")
    return int(number)


def yes(row: Loose, names: tuple[str, ...]) -> bool | None:
    """Give the yes or no of a column, None where there is none.

    Raises:
        Problem: it is neither.
    """
    value = row.value(*names)
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise Problem(row.at(*names), "neither yes nor no")


def kept(row: Loose, names: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """Give the properties of those columns that hold a text or a number, by our names."""
    found = {name: row.remark(*aliases) for name, aliases in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def stamp(moment: datetime) -> str:
    """Give the second of a moment as a part of an event's id; one without a zone as it is written."""
    whole = moment.replace(microsecond=0)
    if whole.tzinfo is None:
        return whole.isoformat()
    try:
        return str(int(whole.timestamp()))
    except OverflowError:
        return whole.isoformat()


def _result(row: Loose, talking: Decimal | None) -> Result | None:
    result = _word(row, RESULT, _RESULTS)
    if result is None and yes(row, MISSED):
        result = "abandoned"
    if result is None and talking is not None:
        result = "answered" if talking > 0 else "abandoned"
    if result != "abandoned" and yes(row, RESOLVED):
        result = "resolved"
    return result


def _word(row: Loose, names: tuple[str, ...], words: dict[str, _T]) -> _T | None:
    text = row.text(*names)
    if text is None:
        return None
    word = words.get(folded(text))
    if word is None:
        known = ", ".join(dict.fromkeys(map(str, words.values())))
        raise Problem(row.at(*names), f"{text[:50]!r} is none of {known}")
    return word
