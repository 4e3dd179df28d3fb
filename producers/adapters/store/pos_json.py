"""Receipts as JSON: one object for each receipt, with its lines as a list, or one for each line of a receipt.

Fields have the names that columns of a CSV have (`columns.py`), or those that the catalogue's section `store` gives.
What stands at the receipt holds for each of its lines that does not say otherwise. In a file each object is a line; a
webhook sends one object or a list of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from producers.adapters.adapter import Adapter, Context, Hook, HookRequest, Piece
from producers.adapters.pieces import json_lines, json_pieces
from producers.adapters.problem import Problem
from producers.adapters.store.columns import Writing, folded, names_of, writing_of
from producers.adapters.store.grouping import Found, Grouping, Receipt, Whole
from producers.adapters.store.lines import BadLine, Declared, Line, Raw, line_of_columns, told_time
from producers.adapters.store.pos_csv import CLEAN_EVERY, WINDOW
from producers.adapters.store.receipts import MOST_LINES, pieces_of, read

#: What the lines of a receipt are called, folded.
_LINES = frozenset({"items", "lines", "positions", "lineitems", "products", "articles"})


def file(file: BinaryIO, context: Context, *, window: int = WINDOW) -> Iterator[Piece]:
    """Split a file of JSON lines into receipts."""
    return _split(json_lines(file, context.limits), context, file.tell(), window, b"\n")


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Split a request into receipts; its lines of a receipt need not stand together."""
    for piece in _split(json_pieces(request.body, context.limits), context, 0, WINDOW, b","):
        # Several objects are one receipt: they are kept as the list that they would be sent as.
        several = piece.raw.endswith(b",")
        yield replace(piece, raw=b"[" + piece.raw.rstrip(b",") + b"]") if several else piece


@dataclass(frozen=True, slots=True)
class _Reader:
    """What is known of all objects."""

    names: Mapping[str, str]
    joined: Mapping[str, tuple[str, ...]]
    writing: Writing
    declared: Declared

    def columns(self, values: Mapping[str, Any], path: str) -> dict[str, str]:
        """Give the values by our names.

        Raises:
            Problem: one is neither text nor a number.
        """
        found: dict[str, str] = {}
        by_name = {folded(name): name for name in reversed(list(values))}
        for name, theirs in by_name.items():
            ours = self.names.get(name)
            if ours is not None and ours not in found and (text := self._text(values[theirs], f"{path}.{theirs}")):
                found[ours] = text
        for ours, headings in self.joined.items():
            parts = [self._text(values.get(by_name.get(one, "")), f"{path}.{one}") for one in headings]
            if all(parts):
                found[ours] = " ".join(parts)
        return found

    def _text(self, value: Any, path: str) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Problem(path, "neither text nor a number")
        # A JSON number has a point, however the tills write numbers in texts.
        return repr(value).replace(".", ",") if self.writing.decimal_comma else repr(value)


def _split(rows: Iterable[Piece], context: Context, at: int, window: int, separator: bytes) -> Iterator[Piece]:
    settings = context.catalogue.store
    reader = _Reader(
        names_of(settings),
        {
            ours: tuple(folded(one) for one in theirs)
            for ours, theirs in settings.columns.items()
            if not isinstance(theirs, str)
        },
        writing_of(settings, comma=False),
        Declared(context.sender.zone, context.sender.default_currency),
    )
    grouping, unmarked, known = Grouping(window), 0, at
    for number, row in enumerate(rows):
        # The separator keeps the objects of one receipt apart where they are quarantined together.
        raw = Raw(number, at, row.raw + separator, length=len(row.raw) + 1, root=row.path)
        at = row.end if row.end is not None else at + 1  # only the order counts where there is no place
        known = row.end or known
        found = list(_row(row, raw, reader, grouping))
        unmarked += len(found)
        if found and unmarked >= CLEAN_EVERY and row.end is not None:
            found[-1] = replace(found[-1], end=grouping.clean(row.end))
            unmarked = 0
        yield from found
    found = list(_all(grouping.end()))
    if found and known:
        found[-1] = replace(found[-1], end=grouping.clean(known))
    yield from found


def _row(row: Piece, raw: Raw, reader: _Reader, grouping: Grouping) -> Iterator[Piece]:
    if isinstance(row.value, Problem):
        yield replace(row, end=None)
        return
    inner = next((name for name, value in row.value.items() if folded(name) in _LINES and value is not None), None)
    if inner is None:
        yield from _all(grouping.add(_line(row.value, raw, reader)))
        return
    try:
        receipt = _receipt(row.value, inner, raw, reader)
    except Problem as problem:
        yield replace(row, value=problem, end=None)
        return
    for piece in pieces_of(Whole(receipt)):
        yield replace(piece, raw=row.raw, path=row.path)


def _all(found: Iterable[Found]) -> Iterator[Piece]:
    for one in found:
        yield from pieces_of(one)


def _line(values: Mapping[str, Any], raw: Raw, reader: _Reader) -> Line | BadLine:
    columns: dict[str, str] = {}
    try:
        columns = reader.columns(values, raw.at())
        return line_of_columns(raw, columns, reader.writing, reader.declared)
    except Problem as problem:
        known = tuple(columns.items())
        return BadLine(raw, problem, known, cut=False, told=told_time(known, reader.writing))


def _receipt(values: Mapping[str, Any], inner: str, raw: Raw, reader: _Reader) -> Receipt:
    items = values[inner]
    path = raw.at(inner)
    if not isinstance(items, list) or not items:
        raise Problem(path, "not a list of lines")
    if len(items) > MOST_LINES:
        raise Problem(path, f"more than {MOST_LINES} lines in one receipt")
    head = reader.columns({name: value for name, value in values.items() if name != inner}, raw.at())
    # What the whole receipt is worth and how much it holds is not what each line does.
    head = {name: text for name, text in head.items() if name not in ("value", "quantity", "product", "category")}
    lines = []
    for index, item in enumerate(items):
        at = replace(raw, root=f"{path}[{index}]")
        if not isinstance(item, dict):
            raise Problem(at.at(), "not an object")
        lines.append(line_of_columns(at, head | reader.columns(item, at.at()), reader.writing, reader.declared))
    first = lines[0]
    receipt = Receipt(first.store, first.till, first.receipt, min(line.local.date() for line in lines), lines)
    for line in lines:
        if (line.store, line.till, line.receipt) != receipt.name:
            raise Problem(line.raw.at(), "a line of another receipt")
    return receipt


ADAPTER = Adapter(
    name="pos_json",
    about="receipts of store tills as JSON, one object for each receipt or for each of its lines",
    area="store",
    pieces=pieces,
    file=file,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
