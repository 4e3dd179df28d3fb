"""Which result formats can be sent piece by piece, and how pieces are joined. Pure.

The engine formats each piece on its own, so a format with a beginning or an end (JSON, Arrow, CSVWithNames)
would repeat it. The binary formats that database drivers read have a header only: it is cut from later pieces.
"""

from __future__ import annotations

_PLAIN = {
    "native", "rowbinary", "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "csv", "jsoneachrow",
    "jsoncompacteachrow", "jsonstringseachrow", "ndjson", "jsonlines", "tskv", "lineasstring",
}  # fmt: skip
_HEADERS = {"rowbinarywithnames": 1, "rowbinarywithnamesandtypes": 2}
_CONTENT_TYPES = {
    "json": "application/json; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8",
    "tab": "text/tab-separated-values; charset=UTF-8",
    "tsv": "text/tab-separated-values; charset=UTF-8",
    "xml": "application/xml; charset=UTF-8",
    "pretty": "text/plain; charset=UTF-8",
}


def can_stream(name: str) -> bool:
    """Whether pieces of this format, joined by `join`, make the whole."""
    return name.lower() in _PLAIN or name.lower() in _HEADERS


def has_header(name: str) -> bool:
    """Whether an empty result in this streamable format still has bytes."""
    return name.lower() in _HEADERS


def without_header(name: str, piece: bytes) -> bytes:
    """Return a later piece without the header that it repeats."""
    lists = _HEADERS.get(name.lower())
    return piece if lists is None else piece[_header_length(piece, lists) :]


def content_type(name: str) -> str:
    """Return the HTTP content type of a format."""
    lower = name.lower()
    return next((kind for start, kind in _CONTENT_TYPES.items() if lower.startswith(start)), "application/octet-stream")


def _header_length(piece: bytes, lists: int) -> int:
    """A number of columns, then that many strings once (names) or twice (names, types)."""
    columns, at = _varint(piece, 0)
    for _ in range(columns * lists):
        length, at = _varint(piece, at)
        at += length
    return at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
