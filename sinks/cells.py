"""Cells: what columns can hold, made of what records say. Pure; shared by all that make rows.

Times become whole microseconds since 1970, as a DateTime64(6) is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
"""Rows by table; their values are in the order of `sinks.rows.COLUMNS[table]`."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Record(Protocol):
    """What is needed of a Kafka record; aiokafka's `ConsumerRecord` has it. `timestamp` is in ms since 1970."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class UnfitError(Exception):
    """A value that its column cannot hold."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


def micros(moment: datetime) -> int:
    """Give whole microseconds since 1970 of an aware time."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def micros_or_none(moment: datetime | None) -> int | None:
    """Give whole microseconds since 1970, None of None."""
    return None if moment is None else micros(moment)


def fitting(path: str, number: Decimal, scale: int, digits: int = 38) -> Decimal:
    """Give the number, if a Decimal(digits, scale) can hold it.

    Raises:
        UnfitError: it has too many decimals or digits, or is no number.
    """
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise UnfitError(path, f"{number} is not a number")
    if -exponent > scale and number != round(number, scale):
        raise UnfitError(path, f"{number} has more than {scale} decimals")
    if number.adjusted() >= digits - scale:
        raise UnfitError(path, f"{number} has more than {digits - scale} digits before the point")
    return number
