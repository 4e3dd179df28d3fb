"""One line of a POS file, read. A line is one line: line breaks inside quotes are not read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from producers.adapters.amounts import currency_of, decimal_of, rounded
from producers.adapters.moments import parsed
from producers.adapters.problem import Problem
from producers.adapters.store.columns import Layout, Writing
from schemas.identifier import BLANKS, is_blank

TEXT_LIMIT = 200
LONGEST_BLANK = max(map(len, BLANKS))


@dataclass(frozen=True, slots=True)
class Declared:
    """What the file itself does not say: the zone of its clocks, and its currency."""

    zone: ZoneInfo | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """A line as it stands in the file. `number` counts from 1, which is the heading; `offset` is its first byte.

    `ended` is False for a last line without a line break: it may have been cut off anywhere, also inside a number.
    """

    number: int
    offset: int
    content: bytes
    ended: bool = True
    length: int = 0
    """Bytes in the file, where `content` is only the beginning of a line above the bound."""
    root: str = ""
    """The path, where it is not that of a line: `$[3].items[2]`."""

    def at(self, column: str | None = None) -> str:
        """Give the path of the line or of a column in it: `$.line[17].quantity`."""
        root = self.root or f"$.line[{self.number}]"
        return f"{root}.{column}" if column else root


@dataclass(frozen=True, slots=True)
class Line:
    """A good line. `local` is the time as the till wrote it, whose date is the receipt's; `moment` is it in UTC."""

    raw: Raw
    store: str
    till: str
    receipt: str
    local: datetime
    moment: datetime
    loyalty: str | None
    product: str
    category: str | None
    quantity: Decimal
    value: Decimal
    currency: str
    original: str | None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be read. `known` are the columns of it that are there, with the last one perhaps cut off.

    `told` is its time as the till wrote it, without a zone, None where that cannot be read.
    """

    raw: Raw
    problem: Problem
    known: tuple[tuple[str, str], ...]
    cut: bool
    told: datetime | None = None


def line_of(raw: Raw, layout: Layout, declared: Declared) -> Line | BadLine:
    """Read a line."""
    try:
        text = raw.content.decode()
        problem = None
    except UnicodeDecodeError as error:
        text = raw.content.decode(errors="replace")
        problem = Problem(raw.at(), f"not UTF-8 (byte {error.start + 1} of the line)")
    fields = layout.fields(text)
    columns = layout.columns(fields)
    try:
        if problem is not None:
            raise problem
        if raw.length > len(raw.content):
            raise Problem(raw.at(), f"{raw.length} bytes in one line")
        if not raw.ended:
            raise Problem(raw.at(), "cut off: the file's last line has no line break")
        if len(fields) != layout.width:
            raise Problem(raw.at(), f"{len(fields)} columns where the heading has {layout.width}")
        return line_of_columns(raw, columns, layout.writing, declared)
    except Problem as found:
        in_order = tuple(sorted(columns.items(), key=lambda column: layout.positions[column[0]]))
        told = told_time(in_order[:-1] if not raw.ended else in_order, layout.writing)
        return BadLine(raw, found, in_order, cut=not raw.ended, told=told)


def line_of_columns(raw: Raw, columns: Mapping[str, str], writing: Writing, declared: Declared) -> Line:
    """Read the values of a line, by our names.

    Raises:
        Problem: one is missing, or is not what it should be.
    """

    def text(name: str, *, required: bool = False) -> str | None:
        value = columns.get(name)
        if not value or (len(value) <= LONGEST_BLANK and is_blank(value)):
            if required:
                raise Problem(raw.at(name), "required, but blank")
            return None
        if len(value) > TEXT_LIMIT:
            raise Problem(raw.at(name), f"longer than {TEXT_LIMIT} characters")
        return value

    def number(name: str, default: Decimal | None = None) -> Decimal:
        value = text(name, required=default is None)
        if value is None:
            return default or Decimal(0)
        return decimal_of(_number(value, writing), raw.at(name))

    stated = text("currency") or declared.currency
    if stated is None:
        raise Problem(raw.at("currency"), "required: the file has none, and none was declared")
    currency = currency_of(stated, raw.at("currency"))
    local, moment = _times(text("timestamp", required=True), raw.at("timestamp"), declared.zone, writing.date_format)
    store, till = _required(text("store_id", required=True)), text("till") or ""
    return Line(
        raw=raw,
        store=store,
        till=till,
        receipt=_required(text("receipt", required=True)),
        local=local,
        moment=moment,
        loyalty=text("loyalty_id"),
        product=_required(text("product", required=True)),
        category=text("category"),
        quantity=number("quantity", Decimal(1)),
        value=rounded(number("value"), currency),
        currency=currency,
        original=_original(text, raw, store, till, writing),
    )


def _number(value: str, writing: Writing) -> str:
    decimal, group = (",", ".") if writing.decimal_comma else (".", ",")
    if writing.groups:
        value = value.replace(group, "").replace(" ", "").replace("\u00a0", "")
    elif "." in value:
        return value
    return value.replace(decimal, ".") if writing.decimal_comma else value


def _original(text: Callable[[str], str | None], raw: Raw, store: str, till: str, writing: Writing) -> str | None:
    """Give the receipt that a line takes back: store/till/date/number, put together where it stands in parts.

    A till or store that is not told is the line's own.
    """
    number, day = text("original_receipt"), text("original_date")
    if number is None or day is None or number.count("/") == 3:
        return number
    at = raw.at("original_date")
    date = _local(day, at, writing.date_format, day_only=True).date()
    return f"{text('original_store') or store}/{text('original_till') or till}/{date.isoformat()}/{number}"


def told_time(known: Iterable[tuple[str, str]], writing: Writing) -> datetime | None:
    """Give the time among the columns, as it is written and without a zone; None where none can be read."""
    for column, value in known:
        if column == "timestamp":
            try:
                return _local(value, column, writing.date_format).replace(tzinfo=None)
            except Problem:
                return None
    return None


def _required(value: str | None) -> str:
    return value or ""


def _local(value: str, path: str, date_format: str | None, *, day_only: bool = False) -> datetime:
    """Read a time in the format of the tills; a mere day may also be written as everywhere."""
    if date_format is not None:
        try:
            return datetime.strptime(value, date_format)  # noqa: DTZ007 # its zone is looked for by the caller
        except ValueError:
            if not day_only:
                raise Problem(path, f"not a time of the form {date_format}") from None
    return parsed(value, path)


def _times(value: str | None, path: str, zone: ZoneInfo | None, date_format: str | None) -> tuple[datetime, datetime]:
    """Give the time as written and in UTC.

    Where clocks go back, an hour comes twice: the first one is meant. Where they go forward, an hour is missing: a
    till that shows it has not been put forward yet, so the time counts by the offset before.
    """
    try:
        return _moments(value or "", zone, date_format)
    except Problem as problem:
        raise Problem(path, problem.message) from None


@lru_cache(maxsize=1024)
def _moments(value: str, zone: ZoneInfo | None, date_format: str | None) -> tuple[datetime, datetime]:
    """Remembered, since the lines of a receipt have one time."""
    local = _local(value, "", date_format)
    if local.tzinfo is None:
        if zone is None:
            raise Problem("", f"{value!r} has no time zone, and none was declared")
        local = local.replace(tzinfo=zone, fold=0)
    try:
        return local, local.astimezone(UTC)
    except OverflowError:
        raise Problem("", "not a time") from None
