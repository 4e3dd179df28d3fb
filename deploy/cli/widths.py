"""How a table with many columns and a bar finds room in a terminal: first the bar shrinks, then headings break."""

from __future__ import annotations

from collections.abc import Sequence

#: What the table puts around each cell, and at its own edge.
AROUND, EDGE = 3, 1
#: A shorter bar says nothing.
SHORTEST = 4


def fitted(
    columns: Sequence[str], rows: Sequence[Sequence[str]], bar: int, longest: int, room: int
) -> tuple[list[str], int]:
    """Give the headings, broken where they must be, and how long the bar in the column `bar` may be; 0: no room.

    `rows` are the cells, `longest` the length that the bar would like, `room` the columns of the terminal.
    """
    cells = [max((len(row[place]) for row in rows), default=0) for place in range(len(columns))]
    heads = list(columns)
    left = _left(heads, cells, bar, room)
    if left < SHORTEST:
        heads = [_broken(head, cells[place]) if place != bar else head for place, head in enumerate(heads)]
        left = _left(heads, cells, bar, room)
    return heads, min(longest, left) if left >= SHORTEST else 0


def _left(heads: Sequence[str], cells: Sequence[int], bar: int, room: int) -> int:
    """Give what the other columns leave for the bar."""
    others = [max(_width(heads[place]), cells[place]) for place in range(len(heads)) if place != bar]
    return room - EDGE - sum(width + AROUND for width in others) - AROUND


def _broken(head: str, cells: int) -> str:
    """Break a name behind its underscores into lines that are no wider than the cells, as far as that goes."""
    lines = [""]
    for part in head.replace("_", "_\0").split("\0"):
        if lines[-1] and len(lines[-1]) + len(part) > cells:
            lines.append(part)
        else:
            lines[-1] += part
    return "\n".join(lines)


def _width(head: str) -> int:
    return max(len(line) for line in head.split("\n"))
