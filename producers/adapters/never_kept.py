"""Fields that a source never wants kept, taken out of the bytes that quarantine keeps. Pure.

What is good loses them when it is made a touchpoint. What is bad is kept as it came, so they are taken out there:
of JSON (also of several objects, a line each), of a form, and of CSV with its heading. Where such a name stands in
bytes that can be read as none of these, nobody can say where the field ends: then none of the bytes are kept.
"""

import csv
import io
from typing import Any
from urllib.parse import unquote_plus

from producers.adapters.changed_json import json_changed
from producers.adapters.pieces import delimiter_of


def without_fields(raw: bytes, names: frozenset[str]) -> bytes | None:
    """Give the bytes without the fields of these names (lower case); None where they cannot be told from the rest."""
    try:
        if (found := json_changed(raw, lambda value: without(value, names))) is not None:
            return found
    except RecursionError:  # it is JSON, nested deeper than we can follow
        return None
    text = unquote_plus(raw.decode(errors="replace")).lower()
    if not any(name in text for name in names):
        return raw
    found = _form(raw, names)
    return _table(raw, names) if found is None else found


def without(value: Any, names: frozenset[str]) -> Any:
    """Give JSON values without the fields of these names (lower case), at any depth."""
    if not names:
        return value
    if isinstance(value, dict):
        return {name: without(inner, names) for name, inner in value.items() if str(name).lower() not in names}
    if isinstance(value, list):
        return [without(inner, names) for inner in value]
    return value


def _form(raw: bytes, names: frozenset[str]) -> bytes | None:
    if b"=" not in raw or raw.strip(b"\r\n \t").count(b"\n") or raw.lstrip()[:1] in (b"<", b"{", b"[", b'"'):
        return None
    fields = raw.split(b"&")
    if any(b"=" not in field for field in fields if field):
        return None
    kept = [field for field in fields if unquote_plus(field.partition(b"=")[0].decode("latin-1")).lower() not in names]
    return b"&".join(kept)


def _table(raw: bytes, names: frozenset[str]) -> bytes | None:
    heading, _, rest = raw.partition(b"\n")
    delimiter = delimiter_of(heading)
    try:
        text = raw.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    columns = [index for index, cell in enumerate(rows[0]) if cell.strip().lower() in names]
    if not columns or not rest:
        return None
    for row in rows[1:]:
        if len(row) > len(rows[0]):
            return None  # who knows which cell belongs to which column
        for index in columns:
            if index < len(row):
                row[index] = ""
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return written.getvalue().encode()
