"""JSON that is kept otherwise than it came: one value, or several, a line each. Pure."""

from collections.abc import Callable
from typing import Any

import orjson


def json_changed(raw: bytes, change: Callable[[Any], Any]) -> bytes | None:
    """Give the bytes with each object and list changed; None where they are not JSON, nor lines that are JSON each.

    What `change` leaves as it was stays byte by byte.

    Raises:
        RecursionError: it is nested deeper than `change` can follow.
    """
    pieces = [raw] if _read(raw) is not None else raw.splitlines()
    if not pieces:
        return None
    kept = []
    for piece in pieces:
        found = _read(piece)
        if found is None:
            return None
        clean = change(found[0])
        kept.append(piece if clean == found[0] else orjson.dumps(clean))
    return raw if kept == pieces else b"\n".join(kept)


def _read(raw: bytes) -> tuple[Any] | None:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return (value,) if isinstance(value, dict | list) else None
