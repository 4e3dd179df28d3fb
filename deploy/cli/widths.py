"""How a table of many columns finds room in a terminal: its bar shrinks, headings break, then it becomes several."""

from __future__ import annotations

from collections.abc import Sequence

#: What the table puts around each cell, and at its own edge.
AROUND, EDGE = 3, 1
#: A shorter bar says nothing.
SHORTEST = 4
#: Nor does a shorter part of a name.
SHORTEST_NAME = 12


def fitted(
    columns: Sequence[str], rows: Sequence[Sequence[str]], bar: int, longest: int, room: int
) -> tuple[list[str], int]:
    """Give the headings, broken where they must be, and how long the bar in the column `bar` may be; 0: no room.

    `rows` are the cells, `longest` the length that the bar would like, `room` the columns of the terminal.
    """
    cells = _cells(columns, rows)
    heads = list(columns)
    left = _left(heads, cells, bar, room)
    if left < SHORTEST:
        heads = [_broken(head, cells[place]) if place != bar else head for place, head in enumerate(heads)]
        left = _left(heads, cells, bar, room)
    return heads, min(longest, left) if left >= SHORTEST else 0


def apart(columns: Sequence[str], rows: Sequence[Sequence[str]], kept: int, bar: int, room: int) -> list[list[int]]:
    """Give which columns stand in which table, so that no cell breaks: the first `kept` in each, the others in turn.

    The column `bar`, one of those that are kept, takes what is left over, if anything. `kept` and one other need room.
    """
    cells = _cells(columns, rows)
    wide = [max(_width(_broken(head, cells[place])), cells[place]) + AROUND for place, head in enumerate(columns)]
    free = room - EDGE - sum(wide[place] for place in range(kept) if place != bar)
    tables: list[list[int]] = [[]]
    left = free
    for place in range(kept, len(columns)):
        if tables[-1] and wide[place] > left:
            tables.append([])
            left = free
        tables[-1].append(place)
        left -= wide[place]
    return [[*range(kept), *table] for table in tables]


def named(
    names: Sequence[str], columns: Sequence[str], rows: Sequence[Sequence[str]], bar: int, room: int
) -> list[str]:
    """Shorten names in the middle, where the first of `columns` would leave no room for the base and one other."""
    cells = _cells(columns, rows)
    others = [max(_width(_broken(head, cells[place])), cells[place]) for place, head in enumerate(columns)]
    others = [width for place, width in enumerate(others) if place not in (0, bar)]
    most = max(room - EDGE - AROUND - others[0] - AROUND - max(others[1:], default=0) - AROUND, SHORTEST_NAME)
    return [name if len(name) <= most else f"{name[: most - most // 2 - 1]}…{name[-(most // 2) :]}" for name in names]


def _cells(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Give how wide the cells of each column are."""
    return [max((len(row[place]) for row in rows), default=0) for place in range(len(columns))]


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
