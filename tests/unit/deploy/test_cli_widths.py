"""A table of many models in terminals of many widths."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from deploy.cli.attribution_report import BAR, _in
from deploy.cli.output import table

MODELS = ("last", "first", "last_non_direct", "linear", "linear_channel", "position_based", "time_decay")
COLUMNS = ("channel", "by last", *MODELS)
ROWS = [
    ("social", "█" * BAR, "1,338", *["1,251   -1.8"] * 6),
    ("search", "█" * 12, "699", *["774   +1.5"] * 6),
    ("(withheld)", "", "125", *["125"] * 6),
]


def lines(width: int) -> list[str]:
    heads, rows = _in(width, COLUMNS, ROWS)
    paper = io.StringIO()
    Console(file=paper, width=width).print(table(heads, rows))
    return [line for line in paper.getvalue().splitlines() if line.strip()]


def test_where_there_is_room_the_bar_is_whole() -> None:
    assert "█" * BAR in lines(200)[2]
    assert "last_non_direct" in lines(200)[0]


@pytest.mark.parametrize("width", [115, 120, 132, 140, 150, 160, 200])
def test_no_row_takes_two_lines_and_the_bar_keeps_its_proportion(width: int) -> None:
    printed = [line for line in lines(width) if line.lstrip().startswith(("social", "search", "(withheld)"))]
    after = lines(width)[lines(width).index(printed[0]) :]
    assert after == printed
    longest, half = printed[0].count("█"), printed[1].count("█")
    assert abs(half - longest / 2) <= 0.5


def test_a_narrow_terminal_breaks_headings_at_their_underscores() -> None:
    heads, rows = _in(115, COLUMNS, ROWS)
    assert "last_non_\ndirect" in heads
    assert len(heads) == len(rows[0])
