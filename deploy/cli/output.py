"""How results are written: rich tables on a terminal, tab-separated values elsewhere, JSON when asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Literal

Format = Literal["table", "tsv", "json"]
FORMATS: tuple[Format, ...] = ("table", "tsv", "json")


def chosen(as_json: bool = False, wanted: str | None = None) -> Format:
    """Give the format: what was asked for, else a table on a terminal and TSV elsewhere."""
    if as_json:
        return "json"
    for form in FORMATS:
        if form == wanted:
            return form
    return "table" if sys.stdout.isatty() else "tsv"


def rows_out(columns: Sequence[str], rows: Iterable[Sequence[object]], form: Format, title: str | None = None) -> None:
    """Write rows to standard output; JSON is one list of objects."""
    if form == "json":
        json_out([dict(zip(columns, row, strict=True)) for row in rows])
    elif form == "tsv":
        sys.stdout.write("\t".join(columns) + "\n")
        for row in rows:
            sys.stdout.write("\t".join(_escaped(cell) for cell in row) + "\n")
    else:
        from rich.console import Console

        Console().print(table(columns, rows, title))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> object:
    """Make a rich table; columns of numbers are set to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    kept = [list(row) for row in rows]
    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        cells = [row[index] for row in kept if row[index] is not None]
        number = bool(cells) and all(_is_number(cell) for cell in cells)
        made.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in kept:
        made.add_row(*(Text(_text(cell)) for cell in row))
    return made


def terminal_width() -> int:
    """Give the columns of the terminal that tables are written for."""
    from rich.console import Console

    return Console().width


def json_out(value: object) -> None:
    """Write one JSON document."""
    sys.stdout.write(json.dumps(value, indent=2, default=_plain, ensure_ascii=False) + "\n")


def say(message: str) -> None:
    """Tell a person something that is not the result; it goes to standard error."""
    sys.stderr.write(message + "\n")


def _is_number(cell: object) -> bool:
    from decimal import Decimal

    return isinstance(cell, (int, float, Decimal)) and not isinstance(cell, bool)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    # Thousands in groups where a number is long; never in a year or a port.
    return f"{cell:,}" if _is_number(cell) and abs(cell) >= 100_000 else _plain(cell)  # type: ignore[arg-type] # a number


def _plain(cell: object) -> str:
    """Write a value as text; a Decimal without an exponent: 0E-9 is a zero with nine decimals, which few can read."""
    from decimal import Decimal

    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def _escaped(cell: object) -> str:
    text = "" if cell is None else _plain(cell)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
