"""The columns of a POS file: what they are called, and where they stand in this one.

The catalogue's section `store` may say what the tills call them; a heading that is not there is looked for under the
common names, so that several kinds of tills can be read beside each other.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field

from producers.adapters.pieces import delimiter_of
from schemas.catalogue import StoreSettings


class LayoutError(ValueError):
    """The file cannot be read as receipt lines at all. The message says what is wrong with its first line."""


#: Our name of a column and what tills call it, compared without case, blanks and underscores.
NAMES: Mapping[str, tuple[str, ...]] = {
    "store_id": ("store", "store_nr", "store_number", "branch", "branch_id"),
    "till": ("till_id", "till_number", "register", "register_id", "terminal", "terminal_id", "pos"),
    "receipt": ("receipt_id", "receipt_number", "receipt_no", "basket_id", "transaction_id"),
    "timestamp": ("time", "datetime", "date_time", "transaction_timestamp", "sold_at"),
    "loyalty_id": ("loyalty", "loyalty_card", "loyalty_number", "card", "customer_card"),
    "product": ("product_id", "sku", "article", "article_id", "ean", "gtin"),
    "category": ("product_category", "department", "merchandise_group"),
    "quantity": ("qty", "pieces"),
    "value": ("sales_value", "line_total", "amount", "total"),
    "currency": ("currency_code",),
    "original_receipt": ("original_receipt_id", "returned_receipt"),
    "original_store": ("original_store_id",),
    "original_till": ("original_register", "original_terminal"),
    "original_date": ("original_day", "original_business_day"),
}
REQUIRED = ("store_id", "receipt", "timestamp", "product", "value")


@dataclass(frozen=True, slots=True)
class Writing:
    """How numbers and times are written."""

    decimal_comma: bool = False
    groups: bool = False
    """May a number have thousands apart (`1.234,56`)? Only where the catalogue says which sign is the decimal one."""
    date_format: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each column stands, and how lines are split. Columns that we do not know are passed by.

    `joined` are the columns that stand in several, a date beside a time.
    """

    positions: Mapping[str, int]
    width: int
    delimiter: str
    writing: Writing
    joined: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def fields(self, line: str) -> list[str]:
        """Split one line. What cannot stand in one (a lone carriage return, a NUL) counts as a letter."""
        return _split(line, self.delimiter)

    def columns(self, fields: list[str]) -> dict[str, str]:
        """Give the values by our names, as far as the line has them."""
        found = {name: fields[at].strip() for name, at in self.positions.items() if at < len(fields)}
        for name, places in self.joined.items():
            if places[-1] < len(fields):
                found[name] = " ".join(fields[at].strip() for at in places).strip()
        return found


def layout_of(first_line: str, settings: StoreSettings | None = None) -> Layout:
    """Read the first line of a file.

    Raises:
        LayoutError: a column is missing or stands twice.
    """
    settings = settings or StoreSettings()
    line = first_line.removeprefix("\ufeff")
    delimiter = settings.delimiter or delimiter_of(line.encode())
    headings = _split(line, delimiter)
    places = {folded(heading): place for place, heading in reversed(list(enumerate(headings)))}
    positions: dict[str, int] = {}
    joined: dict[str, tuple[int, ...]] = {}
    for name, told in settings.columns.items():
        at = tuple(places.get(folded(heading), -1) for heading in ((told,) if isinstance(told, str) else told))
        if at and min(at) >= 0:
            positions[name] = at[0]
            if len(at) > 1:
                joined[name] = at
    taken = {place for name, place in positions.items()} | {place for many in joined.values() for place in many}
    mapped = frozenset(positions)
    for place, heading in enumerate(headings):
        common = COMMON.get(folded(heading))
        if common is None or common in mapped or place in taken:
            continue
        if common in positions:
            raise LayoutError(f"line 1: the columns {headings[positions[common]]!r} and {heading!r} both mean {common}")
        positions[common] = place
    missing = [name for name in REQUIRED if name not in positions]
    if missing:
        raise LayoutError(f"line 1: no column {', '.join(missing)}; the file has {', '.join(headings) or 'none'}")
    return Layout(positions, len(headings), delimiter, writing_of(settings, comma=delimiter != ","), joined)


def writing_of(settings: StoreSettings, *, comma: bool) -> Writing:
    """Give how numbers and times are written; `comma` says whether `12,99` is a number where nothing is told."""
    told = settings.decimal_comma
    return Writing(comma if told is None else told, told is not None, settings.date_format)


def names_of(settings: StoreSettings) -> dict[str, str]:
    """Give our name for each folded name that an object's field may have."""
    told = {
        folded(theirs): name
        for name, their in settings.columns.items()
        for theirs in ((their,) if isinstance(their, str) else ())
    }
    return COMMON | told


def folded(heading: str) -> str:
    """Give a heading without case, blanks and signs."""
    return "".join(letter for letter in heading.lower() if letter.isalnum())


def _split(line: str, delimiter: str) -> list[str]:
    text = line.rstrip("\r\n").replace("\r", "\ufffd").replace("\n", "\ufffd").replace("\0", "\ufffd")
    return next(csv.reader([text], delimiter=delimiter), [])


#: Our name by every common one, folded.
COMMON = {folded(alias): name for name, aliases in NAMES.items() for alias in (name, *aliases)}
