"""Lengths of time in a call: numbers of seconds as senders write them, and what cannot be."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from producers.adapters.adapter import Context
from producers.adapters.amounts import decimal_of
from producers.adapters.finish import zoned
from producers.adapters.problem import Problem

#: Beyond so many seconds no call lasts: thirty years.
LONGEST = 10**9
#: Systems round each part of a call by itself.
ROUNDING = Decimal(2)
_MILLI = Decimal("0.001")
_CLOCK = re.compile(r"(-?)(?:(\d+):)?(\d+):(\d{1,2}(?:[.,]\d+)?)")


def seconds_of(value: object, path: str) -> Decimal:
    """Give seconds of a number (`90`, `90.5`, `"90,5"`) or a clock (`1:30`, `00:01:30`), to the millisecond.

    Raises:
        Problem: it is none, or negative.
    """
    if isinstance(value, str) and (clock := _CLOCK.fullmatch(value.strip())):
        parts = [decimal_of((part or "0").replace(",", "."), path) for part in clock.groups()[1:]]
        number = (parts[0] * 60 + parts[1]) * 60 + parts[2]
        number = -number if clock[1] else number
    else:
        text = value.strip() if isinstance(value, str) else value
        if isinstance(text, str) and re.fullmatch(r"-?\d+,\d+", text):
            text = text.replace(",", ".")
        try:
            number = decimal_of(text, path)
        except Problem:
            raise Problem(path, "not a number of seconds") from None
    if number < 0:
        raise Problem(path, "negative")
    if number >= LONGEST:
        raise Problem(path, "not a number of seconds")
    return number.quantize(_MILLI).normalize() + Decimal(0)


def span_of(start: datetime, end: datetime, path: str, context: Context) -> Decimal:
    """Give the seconds between two moments as written; where clocks went back in between, the end is the later one.

    Raises:
        Problem: the end, whose path it is, is before the start, or one of them is at no possible time.
    """
    began = zoned(start, context.sender, path)
    length = zoned(end, context.sender, path) - began
    if length < timedelta(0) and end.tzinfo is None:
        length = zoned(end.replace(fold=1), context.sender, path) - began
    if length < timedelta(0):
        raise Problem(path, "before the start")
    return seconds_of(Decimal(length // timedelta(milliseconds=1)).scaleb(-3).__str__(), path)


def check(parts: dict[str, tuple[Decimal | None, str]], whole: Decimal | None) -> None:
    """See that the parts of a call fit into the whole: `{"talk": (seconds, path), …}`.

    Raises:
        Problem: a part is longer than the call, or all of them together are.
    """
    if whole is None:
        return
    known = [(name, length, path) for name, (length, path) in parts.items() if length is not None]
    for name, length, path in known:
        if length > whole + ROUNDING:
            raise Problem(path, f"{name} {length} s is longer than the call of {whole} s")
    together = sum((length for _, length, _ in known), start=Decimal(0))
    if known and together > whole + ROUNDING * len(known):
        names = " and ".join(name for name, _, _ in known)
        raise Problem(known[-1][2], f"{names} together are {together} s, longer than the call of {whole} s")
