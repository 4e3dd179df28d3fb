"""Receipts as CSV: one line for each line of a receipt, in any order, with a heading. Pure.

Columns go by many names (`columns.py`), or by those that the catalogue's section `store` gives. `grouping.py` makes
receipts of the lines, `receipts.py` touchpoints of those.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO
from zoneinfo import ZoneInfo

from producers.adapters.adapter import Adapter, Context, Piece
from producers.adapters.problem import Problem
from producers.adapters.resumed import kept_heading, lines_before, tell_heading
from producers.adapters.store.columns import Layout, LayoutError, layout_of
from producers.adapters.store.grouping import Grouping
from producers.adapters.store.lines import Declared, Line, Raw, line_of
from producers.adapters.store.receipts import pieces_of, read
from schemas.catalogue import StoreSettings

LONGEST_LINE = 64 * 1024
#: A receipt is whole after so many other lines.
WINDOW = 10_000
#: So many pieces may come before one says from where an import may go on; to find that takes a millisecond.
CLEAN_EVERY = 100


def file(
    file: BinaryIO,
    context: Context,
    *,
    window: int = WINDOW,
    clean_every: int = CLEAN_EVERY,
    on_line: Callable[[], None] = lambda: None,
) -> Iterator[Piece]:
    """Split a file into receipts. `on_line` is told of each line that is not blank.

    Raises:
        Problem: it is no file of receipt lines, or the zone or currency that its lines lack is not declared.
    """
    declared = Declared(context.sender.zone, context.sender.default_currency)
    layout = _layout(file, context, declared)
    grouping, unmarked = Grouping(window), 0
    at, cut = file.tell(), None
    for raw in _lines(file):
        at, cut = raw.offset + raw.length, None if raw.ended else raw
        if not raw.content.strip():
            continue
        on_line()
        found = [piece for one in grouping.add(line_of(raw, layout, declared)) for piece in pieces_of(one)]
        unmarked += len(found)
        if unmarked >= clean_every:
            found[-1] = replace(found[-1], end=grouping.clean(at))
            unmarked = 0
        yield from found
    if cut is not None:
        # The line may be whole next time; then the receipt that it spoils here is read again.
        at = grouping.first_spoilt_by(cut).offset
    found = [piece for one in grouping.end() for piece in pieces_of(one)]
    if found:
        found[-1] = replace(found[-1], end=grouping.clean(at))
    yield from found


def layout_in(first: bytes, settings: StoreSettings) -> Layout:
    """Read the heading.

    Raises:
        Problem: it is none of receipt lines.
    """
    if not first.strip():
        raise Problem("$", "the file is empty")
    try:
        return layout_of(first.decode("utf-8-sig"), settings)
    except UnicodeDecodeError as error:
        raise Problem("$.line[1]", f"not UTF-8 (byte {error.start + 1})") from None
    except LayoutError as error:
        raise Problem("$.line[1]", str(error).removeprefix("line 1: ")) from None


def zone_is_missing(second: bytes, layout: Layout, declared: Declared) -> bool:
    """Say whether the first line after the heading has a time that cannot be told without a declared zone."""
    if declared.zone is not None or not second.strip():
        return False
    line = line_of(Raw(2, 0, second), layout, Declared(ZoneInfo("UTC"), declared.currency))
    return isinstance(line, Line) and isinstance(line.local.tzinfo, ZoneInfo)


def _layout(file: BinaryIO, context: Context, declared: Declared) -> Layout:
    kept = kept_heading(file)
    first = file.readline(LONGEST_LINE) if kept is None else kept
    layout = layout_in(first, context.catalogue.store)
    tell_heading(file, first)
    if kept is not None:
        return layout
    if "currency" not in layout.positions and declared.currency is None:
        raise Problem("$.line[1]", "there is no column currency; declare the currency of the source")
    place = file.tell()
    second = file.readline(LONGEST_LINE)
    file.seek(place)
    if zone_is_missing(second, layout, declared):
        raise Problem("$.line[2]", "the time has no time zone; declare the time zone of the source")
    return layout


def _lines(file: BinaryIO) -> Iterator[Raw]:
    """Give the lines from where the file stands. Of a line above the bound the beginning is given: it is bad."""
    offset = file.tell()
    number = lines_before(file) or 1
    while content := file.readline(LONGEST_LINE):
        number += 1
        ended = content.endswith(b"\n")
        length = len(content)
        while not ended and length >= LONGEST_LINE and (rest := file.readline(LONGEST_LINE)):
            ended = rest.endswith(b"\n")
            length += len(rest)
        yield Raw(number, offset, content, ended, length)
        offset += length


ADAPTER = Adapter(
    name="pos_csv",
    about="receipts of store tills as CSV, one row for each line of a receipt",
    area="store",
    file=file,
    read=read,
)
