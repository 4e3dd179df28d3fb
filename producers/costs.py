"""Spend per day, channel and campaign, read from a CSV file as advertising tools export it. Pure: no clock, no store.

A day is imported whole or not at all: where a line of it cannot be read, the day is refused with line and reason, and
the others are good. A line that does not say which day it belongs to refuses the file, as nobody could tell which
day would lack it. Lines of one day, channel, campaign and currency (a tool's ad groups) are added up.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import BinaryIO, Literal

from producers.adapters.adapter import Piece
from producers.adapters.amounts import MAX_DIGITS, currency_of, money
from producers.adapters.loose import Loose, channel_named, folded, opened
from producers.adapters.moments import parsed
from producers.adapters.pieces import BAD_GZIP, csv_rows, delimiter_of
from producers.adapters.problem import Problem
from producers.adapters.sender import Limits
from schemas.catalogue import Catalogue
from schemas.cost import Spend, SpendDay
from schemas.touchpoint import EARLIEST

Sign = Literal[".", ","]

DAY = ("day", "date", "datum", "tag")
CHANNEL = ("channel", "kanal")
CAMPAIGN = ("campaign", "campaign_name", "kampagne")
COST = ("cost", "costs", "spend", "amount_spent", "amount", "kosten")
CURRENCY = ("currency", "currency_code", "währung")
IMPRESSIONS = ("impressions", "impr", "impressionen")
CLICKS = ("clicks", "klicks")
#: A refused day shows so many of its reasons.
SHOWN_REASONS = 5
_MOST_COUNT = 10**15
_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}\.\d{1,2}\.\d{4}|\d{8}")


class CostFileError(Exception):
    """The file cannot be imported at all. The message says line and reason."""


@dataclass(frozen=True, slots=True)
class RefusedDay:
    """A day that is not imported, and the first few of its bad lines: `$.line[7].channel: ...`."""

    day: date
    reasons: tuple[str, ...]
    bad_lines: int


@dataclass(frozen=True, slots=True)
class CostSheet:
    """What a file says: its good days in their order, the refused ones, and how many lines it has."""

    days: tuple[SpendDay, ...]
    refused: tuple[RefusedDay, ...]
    lines: int


@dataclass(slots=True)
class _Sum:
    """One day, channel, campaign and currency. `path` is that of the first line's cost."""

    path: str
    cost: Decimal = Decimal(0)
    impressions: int | None = None
    clicks: int | None = None


_Key = tuple[str, str | None, str]


@dataclass(slots=True)
class _Day:
    sums: dict[_Key, _Sum] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    bad_lines: int = 0

    def refuse(self, problem: Problem) -> None:
        self.bad_lines += 1
        if len(self.reasons) < SHOWN_REASONS:
            self.reasons.append(str(problem))


def read_costs(
    file: BinaryIO, catalogue: Catalogue, *, latest: date, currency: str | None = None, decimal: Sign | None = None
) -> CostSheet:
    """Read a CSV file (gzipped or not, seekable) with the columns day, channel, cost and, if it has them, others.

    `latest` is the last day on which money can have been spent. `currency` (ISO 4217) is that of lines without one.
    `decimal` is the sign before the decimals; None: a comma where semicolons part the columns, else a point.

    Raises:
        CostFileError: a column or every line is missing, or a line does not say its day.
    """
    days: dict[date, _Day] = defaultdict(_Day)
    lines = 0
    try:
        plain, _ = opened(file)
        heading = _heading(plain)
        sign = decimal or ("," if heading.delimiter == ";" else ".")
        for piece in csv_rows(plain, Limits(), delimiter=heading.delimiter):
            lines += 1
            day = _day_of(piece, heading, latest)
            try:
                _add(days[day], _row(piece), catalogue, currency, sign)
            except Problem as problem:
                days[day].refuse(problem)
    except Problem as problem:
        raise CostFileError(str(problem)) from None
    except BAD_GZIP as error:
        raise CostFileError(f"$: cannot be read: {error}") from error
    if not lines:
        raise CostFileError("$: the file has a heading, and no line below it")
    good = tuple(SpendDay(day, spends) for day, spends in _finished(days))
    refused = tuple(
        RefusedDay(day, tuple(found.reasons), found.bad_lines) for day, found in sorted(days.items()) if found.bad_lines
    )
    return CostSheet(good, refused, lines)


@dataclass(frozen=True, slots=True)
class _Heading:
    delimiter: str
    day: int
    """Which column holds the day."""


def _heading(file: BinaryIO) -> _Heading:
    place = file.tell()
    line = file.readline(Limits().event_bytes)
    file.seek(place)
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem("$.line[1]", f"not UTF-8 (byte {error.start + 1}): export the file as UTF-8") from None
    delimiter = delimiter_of(line)
    names = [folded(name) for name in next(csv.reader([text], delimiter=delimiter), [])]
    for aliases in (DAY, CHANNEL, COST):
        if not any(folded(alias) in names for alias in aliases):
            raise Problem("$.line[1]", f"no column {aliases[0]!r}; the file has {text.strip()[:200] or 'none'}")
    return _Heading(delimiter, next(names.index(folded(alias)) for alias in DAY if folded(alias) in names))


def _row(piece: Piece) -> Loose:
    if isinstance(piece.value, Problem):
        raise piece.value
    return Loose(piece.value, piece.path)


def _day_of(piece: Piece, heading: _Heading, latest: date) -> date:
    """Give the day of a line, also of one that has too many cells, if it can be told.

    Raises:
        Problem: it cannot.
    """
    if isinstance(piece.value, Problem):
        cells = piece.raw.decode(errors="replace").split(heading.delimiter)
        text = cells[heading.day].strip().strip('"') if heading.day < len(cells) else ""
        path = piece.path
    else:
        row = Loose(piece.value, piece.path)
        text, path = row.text(*DAY) or "", row.at(*DAY)
    if not _DAY.fullmatch(text[:10].strip()):
        reason = f"{text!r} is no day; write it as 2026-03-01" if text else "the line does not say its day"
        raise Problem(path, f"{reason}. Correct the line or delete it: nobody can tell which day would lack it")
    day = parsed(text, path).date()
    if not EARLIEST.date() <= day <= latest:
        raise Problem(path, f"{day} is not between {EARLIEST.date()} and {latest}")
    return day


def _add(day: _Day, row: Loose, catalogue: Catalogue, default_currency: str | None, sign: Sign) -> None:
    channel = row.required(*CHANNEL)
    name = channel_named(channel, catalogue.channels, row.at(*CHANNEL))
    stated = row.text(*CURRENCY) or default_currency
    if stated is None:
        raise Problem(row.node.at("currency"), "required: neither the line nor the import says it")
    currency = currency_of(stated, row.at(*CURRENCY))
    path, cost = _cost(row, sign)
    impressions, clicks = _count(row, IMPRESSIONS, sign), _count(row, CLICKS, sign)
    total = day.sums.setdefault((name, row.text(*CAMPAIGN), currency), _Sum(path))
    total.cost += cost
    total.impressions = _plus(total.impressions, impressions)
    total.clicks = _plus(total.clicks, clicks)


def _cost(row: Loose, sign: Sign) -> tuple[str, Decimal]:
    """Give the path of the cost, and the cost. What elsewhere stands for no value (`NaN`, `n/a`) is here no number."""
    path, names = row.at(*COST), {folded(alias) for alias in COST}
    if row.key(*COST) is None:
        for name, value in row.node.values.items():
            if folded(name) in names and isinstance(value, str) and value.strip():
                return path, _number(value.strip(), row.node.at(name), sign)
    return path, _number(row.required(*COST), path, sign)


def _number(text: str, path: str, sign: Sign) -> Decimal:
    """Read `1,234.50`, and `1.234,50` where a comma is the sign. Blanks and ' part thousands too."""
    other = "," if sign == "." else "."
    groups = rf"[1-9]\d{{0,2}}(?:[{re.escape(other)} '\u2019\u00a0\u202f]\d{{3}})+"
    number = re.fullmatch(rf"([+-]?)({groups}|\d+)(?:{re.escape(sign)}(\d+))?", text, re.ASCII)
    if number is None:
        word = "comma" if sign == "," else "point"
        raise Problem(path, f"{text[:50]!r} is not a number with a decimal {word}")
    whole, fraction = re.sub(r"\D", "", number[2]), number[3] or ""
    if len(whole) + len(fraction) > MAX_DIGITS:
        raise Problem(path, f"more than {MAX_DIGITS} digits")
    return Decimal(f"{number[1]}{whole}.{fraction or 0}")


def _count(row: Loose, aliases: tuple[str, ...], sign: Sign) -> int | None:
    text = row.text(*aliases)
    if text is None:
        return None
    number = _number(text, row.at(*aliases), sign)
    if number < 0 or number != int(number) or number > _MOST_COUNT:
        raise Problem(row.at(*aliases), f"{text!r} is no count")
    return int(number)


def _plus(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


def _finished(days: dict[date, _Day]) -> Iterator[tuple[date, tuple[Spend, ...]]]:
    """Give the good days, their sums rounded to the currency's minor unit. A sum that is too long refuses its day."""
    for day, found in sorted(days.items()):
        spends = []
        for (channel, campaign, currency), total in sorted(found.sums.items(), key=lambda one: _order(one[0])):
            try:
                cost = money(total.cost, currency, total.path)
            except Problem as problem:
                found.refuse(problem)
                continue
            spends.append(Spend(channel, campaign, cost, total.impressions, total.clicks))
        if not found.bad_lines:
            yield day, tuple(spends)


def _order(key: _Key) -> tuple[str, str, str]:
    channel, campaign, currency = key
    return channel, campaign or "", currency
