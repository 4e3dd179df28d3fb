"""Times as senders write them. Without a zone a time is taken as UTC; a door that wants a zone asks for it itself.

Understood: ISO 8601 in all its writings, also unpadded (`2015-2-02T4:05:06Z`) and with more than six digits of a
second; the same with the date as `02.02.2015`; seconds, milliseconds and microseconds since 1970 as a number or as
text; RFC 2822 (`Mon, 02 Feb 2015 ...`).
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from producers.adapters.problem import Problem
from schemas.touchpoint import AHEAD, EARLIEST

_UNPADDED = re.compile(
    r"""(?: (\d{4})-(\d{1,2})-(\d{1,2}) | (\d{1,2})\.(\d{1,2})\.(\d{4}) )
        (?: [T\ ] (\d{1,2}):(\d{1,2}) (?: :(\d{1,2}) (?: [.,](\d+) )? )? )?
        \s* (Z | [+-]\d{2}:?\d{2})?""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(value: object, path: str) -> datetime:
    """Give the moment in UTC.

    Raises:
        Problem: nobody could say which moment this is.
    """
    try:
        moment = parsed(value, path)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise Problem(path, "not a time") from None


def parsed(value: object, path: str) -> datetime:
    """Give the moment as it is written: without a zone where the sender wrote none.

    Raises:
        Problem: nobody could say which moment this is.
    """
    try:
        return _parsed(value)
    except (ValueError, OverflowError, TypeError):
        raise Problem(path, "not a time") from None


def possible(moment: datetime, received_at: datetime, path: str) -> datetime:
    """Give the moment back if an event can have happened then.

    Raises:
        Problem: it is before 1990, or more than a day ahead of `received_at`.
    """
    if moment < EARLIEST:
        raise Problem(path, f"{moment.isoformat()} is before {EARLIEST.date()}")
    if moment > received_at + AHEAD:
        raise Problem(path, f"{moment.isoformat()} is more than a day ahead of its arrival")
    return moment


def _parsed(value: object) -> datetime:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, int | float):
        return _since_1970(value)
    if not isinstance(value, str):
        raise TypeError
    text = value.strip()
    if _NUMBER.fullmatch(text) and len(text) != 8:  # eight digits are a date: 20150202
        return _since_1970(float(text) if "." in text else int(text))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    if match := _UNPADDED.fullmatch(text):
        year, month, day = (match[1], match[2], match[3]) if match[1] else (match[6], match[5], match[4])
        hour, minute, second = (int(match[number] or 0) for number in (7, 8, 9))
        fraction = int(((match[10] or "") + "000000")[:6])
        return datetime(int(year), int(month), int(day), hour, minute, second, fraction, tzinfo=_zone(match[11]))
    return parsedate_to_datetime(text)


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text.upper() == "Z":
        return UTC
    ahead = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(ahead if text[0] == "+" else -ahead)


def _since_1970(number: float) -> datetime:
    size = abs(number)
    if size < 1e11:  # seconds until the year 5138
        unit = 1_000_000
    elif size < 1e14:  # milliseconds
        unit = 1_000
    else:
        unit = 1
    return _EPOCH + timedelta(microseconds=round(number * unit))
