"""Splitting payloads and files into pieces: JSON bodies, forms, JSON lines, CSV. Of a file never more than one line.

A line above the bound is one bad piece, and its rest is passed over: a file without line ends takes no memory.
"""

import csv
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

import msgspec
import orjson

from producers.adapters.adapter import Context, HookRequest, Piece
from producers.adapters.payload import deeper_than
from producers.adapters.problem import Problem
from producers.adapters.resumed import kept_heading, lines_before, tell_heading
from producers.adapters.sender import Limits

_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
BOM = b"\xef\xbb\xbf"


def json_value(raw: bytes, path: str, limits: Limits) -> Any:
    """Read one JSON value.

    Raises:
        Problem: it is no JSON, or nested deeper than the bound.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem(path, f"not JSON: {error}") from None
    if raw.count(b"{") + raw.count(b"[") > limits.depth and deeper_than(value, limits.depth):
        raise Problem(path, f"nested more than {limits.depth} deep")
    return value


def json_piece(raw: bytes, path: str, limits: Limits, end: int | None = None) -> Piece:
    """Give the piece of one JSON object; its value is a `Problem` where it is none."""
    try:
        value = json_value(raw, path, limits)
        return Piece(raw, path, value if isinstance(value, dict) else Problem(path, "not an object"), end)
    except Problem as problem:
        return Piece(raw, path, problem, end)


def json_pieces(body: bytes, limits: Limits) -> Iterator[Piece]:
    """Split a body that is a JSON object (one piece) or a list of objects, each piece with its own bytes.

    Raises:
        Problem: the body is neither.
    """
    stripped = body.removeprefix(BOM).strip()
    if not stripped.startswith(b"["):
        value = json_value(stripped, "$", limits)
        if not isinstance(value, dict):
            raise Problem("$", "neither an object nor a list of objects")
        yield Piece(stripped, "$", value)
        return
    for index, raw in enumerate(raw_items(stripped, "$")):
        yield json_piece(raw, f"$[{index}]", limits)


def body_pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Split a webhook's body as `json_pieces` does: the `pieces` of an adapter whose events stand in it as they are."""
    return json_pieces(request.body, context.limits)


def raw_items(raw: bytes, path: str) -> list[bytes]:
    """Split a JSON list into the bytes of its items.

    Raises:
        Problem: it is no JSON list.
    """
    try:
        return [bytes(item) for item in _split(raw)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(path, f"not a JSON list: {error}") from None
    except RecursionError:
        raise Problem(path, "nested too deep") from None


def form_piece(body: bytes) -> Piece:
    """Give the piece of a form (`a=1&b=`). Empty fields are kept; of a field that comes twice the last counts.

    Raises:
        Problem: it is no UTF-8, or has more than a thousand fields.
    """
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000)
    except UnicodeDecodeError as error:
        raise Problem("$", f"not UTF-8 (byte {error.start + 1})") from None
    except ValueError as error:
        raise Problem("$", f"not a form: {error}") from None
    return Piece(body, "$", dict(pairs))


def lines(file: BinaryIO, limit: int) -> Iterator[tuple[int, int, bytes]]:
    """Give (number from 1, byte behind it, content) of each line from where the file stands.

    Of a line above `limit` its first bytes are given, one more than the limit.
    """
    end, number = file.tell(), lines_before(file)
    while content := file.readline(limit + 1):
        number += 1
        end += len(content)
        while not content.endswith(b"\n") and len(content) > limit and (rest := file.readline(limit)):
            end += len(rest)
            if rest.endswith(b"\n"):
                break
        yield number, end, content


def json_lines(file: BinaryIO, limits: Limits) -> Iterator[Piece]:
    """Split a file of JSON lines; blank lines are none. Paths are `$.line[17]`, from the line where the file stood."""
    for number, end, content in lines(file, limits.event_bytes):
        raw = content.removeprefix(BOM).strip()
        if raw:
            # A last line without a line break may have been cut off: an import must not go on behind it.
            yield json_piece(raw, f"$.line[{number}]", limits, end if content.endswith(b"\n") else None)


def csv_rows(file: BinaryIO, limits: Limits, *, delimiter: str | None = None) -> Iterator[Piece]:
    """Split a CSV file with a heading into rows: dicts by the heading's names, in lower case, blanks stripped.

    The delimiter is taken from the heading: the most frequent of comma, semicolon, tab and bar. A cell may hold line
    ends, if it is quoted. A row with more cells than the heading is a bad piece; of one with fewer the rest is missing.

    Raises:
        Problem: there is no heading, or it is no UTF-8, or names a column twice.
    """
    source = lines(file, limits.event_bytes)
    first = kept_heading(file) or next(source, (0, 0, b""))[2]
    separator = delimiter or delimiter_of(first)
    names = _heading(first, separator)
    tell_heading(file, first)
    for number, end, content in source:
        raw = content
        while raw.count(b'"') % 2 and len(raw) <= limits.event_bytes:
            following = next(source, None)
            if following is None:
                break
            end, raw = following[1], raw + following[2]  # noqa: PLW2901 # the row goes on there
        if raw.strip():
            row = _row(raw, f"$.line[{number}]", names, separator)
            yield Piece(raw, f"$.line[{number}]", row, end if raw.endswith(b"\n") else None)


def _heading(first: bytes, delimiter: str) -> list[str]:
    try:
        text = first.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem("$.line[1]", f"not UTF-8 (byte {error.start + 1})") from None
    if not text.strip():
        raise Problem("$", "the file is empty: a heading with the columns' names is needed")
    try:
        row = next(csv.reader([text], delimiter=delimiter))
    except csv.Error as error:
        raise Problem("$.line[1]", f"not CSV: {error}") from None
    names = [name.strip().lower() for name in row]
    for name in names:
        if name and names.count(name) > 1:
            raise Problem("$.line[1]", f"the column {name!r} is there twice")
    return names


def delimiter_of(heading: bytes) -> str:
    """Give the sign that parts a heading's columns: the most frequent of comma, semicolon, tab and bar."""
    return max(",;\t|", key=lambda sign: heading.count(sign.encode()))


def _row(raw: bytes, path: str, names: list[str], delimiter: str) -> dict[str, str] | Problem:
    try:
        rows = list(csv.reader(raw.decode().splitlines(keepends=True), delimiter=delimiter, strict=True))
    except UnicodeDecodeError as error:
        return Problem(path, f"not UTF-8 (byte {error.start + 1})")
    except csv.Error as error:
        return Problem(path, f"not CSV: {error}")
    if len(rows) != 1 or len(rows[0]) > len(names):
        return Problem(path, f"{len(rows[0]) if rows else 0} cells, where the heading has {len(names)}")
    return {name: cell.strip() for name, cell in zip(names, rows[0], strict=False) if name}


def unzipped(file: BinaryIO) -> BinaryIO:
    """Give the file, gunzipped as it is read if it begins like gzip. It must be seekable."""
    import gzip  # noqa: PLC0415 # only files need it

    begin = file.read(2)
    file.seek(0)
    return gzip.GzipFile(fileobj=file, mode="rb") if begin == b"\x1f\x8b" else file  # type: ignore[return-value] # it reads as one


BAD_GZIP = (EOFError, zlib.error, OSError)
"""What reading a broken gzip file raises."""
