"""The columns of a POS file: what they are called, and where they stand in this one."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass


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
}
REQUIRED = ("store_id", "receipt", "timestamp", "product", "value")
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each column stands, and how lines are split. Columns that we do not know are passed by."""

    positions: Mapping[str, int]
    width: int
    delimiter: str

    @property
    def decimal_comma(self) -> bool:
        """Is `12,99` a number here? Only where the comma does not part the columns."""
        return self.delimiter != ","

    def fields(self, line: str) -> list[str]:
        """Split one line. What cannot stand in one (a lone carriage return, a NUL) counts as a letter."""
        return _split(line, self.delimiter)


def layout_of(first_line: str) -> Layout:
    """Read the first line of a file.

    Raises:
        LayoutError: a column is missing or stands twice.
    """
    line = first_line.removeprefix("\ufeff")
    delimiter = max(_DELIMITERS, key=line.count)
    headings = _split(line, delimiter)
    known = {_folded(alias): name for name, aliases in NAMES.items() for alias in (name, *aliases)}
    positions: dict[str, int] = {}
    for position, heading in enumerate(headings):
        name = known.get(_folded(heading))
        if name is None:
            continue
        if name in positions:
            raise LayoutError(f"line 1: the columns {headings[positions[name]]!r} and {heading!r} both mean {name}")
        positions[name] = position
    missing = [name for name in REQUIRED if name not in positions]
    if missing:
        raise LayoutError(f"line 1: no column {', '.join(missing)}; the file has {', '.join(headings) or 'none'}")
    return Layout(positions, len(headings), delimiter)


def _split(line: str, delimiter: str) -> list[str]:
    text = line.rstrip("\r\n").replace("\r", "\ufffd").replace("\n", "\ufffd").replace("\0", "\ufffd")
    return next(csv.reader([text], delimiter=delimiter), [])


def _folded(heading: str) -> str:
    return "".join(letter for letter in heading.lower() if letter.isalnum())
