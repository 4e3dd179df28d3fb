"""A table of many models in terminals of many widths."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from deploy.cli.attribution_report import BAR, _in, _tables
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


def printed(width: int, rows: list[tuple[str, ...]]) -> list[list[str]]:
    """The lines of each table in so narrow a terminal, without those of its heading."""
    found = []
    for heads, cells in _tables(width, COLUMNS, rows):
        paper = io.StringIO()
        Console(file=paper, width=width).print(table(heads, cells))
        lines = [line.rstrip() for line in paper.getvalue().splitlines() if line.strip()]
        found.append(lines[-len(rows) :])
    return found


CAMPAIGN = "social/" + "a-long-name-of-a-campaign-" * 4 + "2026"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 130, 200])
@pytest.mark.parametrize("rows", [ROWS, [(CAMPAIGN, *ROWS[0][1:]), *ROWS[1:]]], ids=["channels", "campaigns"])
def test_a_terminal_too_narrow_for_all_models_has_them_in_several_tables_and_no_name_breaks(
    width: int, rows: list[tuple[str, ...]]
) -> None:
    tables = printed(width, rows)
    for lines in tables:
        for line, row in zip(lines, rows, strict=True):
            name = line.split()[0]
            assert name == row[0] or (row is rows[0] and "…" in name and name.endswith("2026"))
            assert row[2] in line
    points = sum(lines[0].count("-1.8") for lines in tables)
    assert points == len(MODELS) - 1
    assert len(printed(200, ROWS)) == 1
    assert len(printed(80, ROWS)) == 2


def test_a_narrow_terminal_breaks_headings_at_their_underscores() -> None:
    heads, rows = _in(115, COLUMNS, ROWS)
    assert "last_non_\ndirect" in heads
    assert len(heads) == len(rows[0])
