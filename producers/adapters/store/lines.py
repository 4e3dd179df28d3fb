"""One line of a POS file, read. A line is one line: line breaks inside quotes are not read."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from producers.adapters.amounts import currency_of, decimal_of, rounded
from producers.adapters.moments import parsed
from producers.adapters.problem import Problem
from producers.adapters.store.columns import Layout
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

    def at(self, column: str | None = None) -> str:
        """Give the path of the line or of a column in it: `$.line[17].quantity`."""
        return f"$.line[{self.number}].{column}" if column else f"$.line[{self.number}]"


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
    columns = {name: fields[at].strip() for name, at in layout.positions.items() if at < len(fields)}
    try:
        if problem is not None:
            raise problem
        if raw.length > len(raw.content):
            raise Problem(raw.at(), f"{raw.length} bytes in one line")
        if not raw.ended:
            raise Problem(raw.at(), "cut off: the file's last line has no line break")
        if len(fields) != layout.width:
            raise Problem(raw.at(), f"{len(fields)} columns where the heading has {layout.width}")
        return _read(raw, columns, layout, declared)
    except Problem as found:
        in_order = tuple(sorted(columns.items(), key=lambda column: layout.positions[column[0]]))
        return BadLine(raw, found, in_order, cut=not raw.ended, told=_told(in_order, cut=not raw.ended))


def _read(raw: Raw, columns: dict[str, str], layout: Layout, declared: Declared) -> Line:
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
        if layout.decimal_comma and "." not in value:
            value = value.replace(",", ".")
        return decimal_of(value, raw.at(name))

    stated = text("currency") or declared.currency
    if stated is None:
        raise Problem(raw.at("currency"), "required: the file has none, and none was declared")
    currency = currency_of(stated, raw.at("currency"))
    local, moment = _times(text("timestamp", required=True), raw.at("timestamp"), declared.zone)
    return Line(
        raw=raw,
        store=_required(text("store_id", required=True)),
        till=text("till") or "",
        receipt=_required(text("receipt", required=True)),
        local=local,
        moment=moment,
        loyalty=text("loyalty_id"),
        product=_required(text("product", required=True)),
        category=text("category"),
        quantity=number("quantity", Decimal(1)),
        value=rounded(number("value"), currency),
        currency=currency,
        original=text("original_receipt"),
    )


def _told(known: tuple[tuple[str, str], ...], *, cut: bool) -> datetime | None:
    for column, value in known[:-1] if cut else known:
        if column == "timestamp":
            try:
                return parsed(value, column).replace(tzinfo=None)
            except Problem:
                return None
    return None


def _required(value: str | None) -> str:
    return value or ""


def _times(value: str | None, path: str, zone: ZoneInfo | None) -> tuple[datetime, datetime]:
    """Give the time as written and in UTC.

    Where clocks go back, an hour comes twice: the first one is meant. Where they go forward, an hour is missing: a
    till that shows it has not been put forward yet, so the time counts by the offset before.
    """
    try:
        return _moments(value, zone)
    except Problem as problem:
        raise Problem(path, problem.message) from None


@lru_cache(maxsize=1024)
def _moments(value: str | None, zone: ZoneInfo | None) -> tuple[datetime, datetime]:
    """Remembered, since the lines of a receipt have one time."""
    local = parsed(value, "")
    if local.tzinfo is None:
        if zone is None:
            raise Problem("", f"{value!r} has no time zone, and none was declared")
        local = local.replace(tzinfo=zone, fold=0)
    try:
        return local, local.astimezone(UTC)
    except OverflowError:
        raise Problem("", "not a time") from None
