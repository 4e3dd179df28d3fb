"""Lines become calls within a window, and an import may go on at every place that a piece names."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import cast

import pytest

from producers.adapters.adapter import Piece
from producers.adapters.hotline import asterisk_queue
from producers.adapters.hotline.legs import LINE_BYTES, MOST_LINES, MOST_OPEN, calls
from producers.adapters.problem import Problem
from producers.adapters.resumed import ResumedFile
from producers.file_import import import_file
from producers.publisher import Publisher
from schemas.catalogue import load
from schemas.outcome import Accepted
from tests.unit.producers.accepting import AcceptingPublisher
from tests.unit.producers.hotline.taking import CONTEXT, SENDER, of


def split(line: str, path: str) -> tuple[str | None, tuple[str, ...]]:
    """`call text`; `-` stands for itself."""
    name, blank, text = line.partition(" ")
    if not blank:
        raise Problem(path, "no blank")
    return None if name == "-" else name, (text,)


def lines(*names: str) -> bytes:
    return b"".join(f"{name} {number}\n".encode() for number, name in enumerate(names))


def found(content: bytes, window: int = 1000) -> list[Piece]:
    return list(calls(BytesIO(content), split, window))


def texts(piece: Piece) -> list[str] | str:
    return str(piece.value) if isinstance(piece.value, Problem) else [leg.cells[0] for leg in piece.value]


def test_lines_of_a_call_need_not_stand_together() -> None:
    pieces = found(lines("a", "b", "a", "-", "b"))
    assert [texts(piece) for piece in pieces] == [["3"], ["0", "2"], ["1", "4"]]
    assert [piece.path for piece in pieces] == ["$.line[4]", "$.line[1]", "$.line[2]"]
    assert b"".join(sorted(b"".join(piece.raw for piece in pieces).splitlines(True))) == b"".join(
        sorted(lines("a", "b", "a", "-", "b").splitlines(True))
    )


def test_what_comes_after_the_window_is_refused_with_its_reason() -> None:
    pieces = found(lines("a", "b", "b", "b", "a"), window=3)
    assert texts(pieces[0]) == ["0"]
    assert texts(pieces[-1]) == "$.line[5]: the call 'a' was complete long before; sort the file by time"
    assert ["0", "3"] in [texts(piece) for piece in found(lines("a", "b", "b", "a"), window=3)]


def test_the_same_lines_again_are_the_same_call() -> None:
    pieces = found(b"a 0\nb 1\nb 2\nb 3\nb 4\na 0\n", window=3)
    assert [texts(piece) for piece in pieces] == [["0"], ["1", "2", "3", "4"], ["0"]]


def test_a_place_to_go_on_is_never_behind_a_call_that_is_open() -> None:
    content = lines("a", "b", "b", "-", "b", "b", "b")
    pieces = found(content, window=3)
    assert [(texts(piece), piece.end) for piece in pieces] == [
        (["3"], None),  # the first line of the file belongs to an open call
        (["0"], content.index(b"b 1")),
        (["1", "2", "4", "5", "6"], content.index(b"b 1")),  # the file may grow, and the call with it
    ]


def test_a_line_that_cannot_be_read_leaves_its_neighbours_alone() -> None:
    pieces = found(b"a 0\nnothing\n\xff\xfe x\n" + b"x" * (LINE_BYTES + 5) + b"\n\n  \na 1\nb")
    assert [texts(piece) for piece in pieces] == [
        "$.line[2]: no blank",
        "$.line[3]: not UTF-8 (byte 1 of the line)",
        f"$.line[4]: longer than {LINE_BYTES} bytes",
        "$.line[8]: cut off: the file's last line has no line break",
        ["0", "1"],
    ]


def test_a_call_of_too_many_lines_is_refused() -> None:
    pieces = found(b"".join(b"a %d\n" % number for number in range(MOST_LINES + 2)))
    assert [texts(piece) for piece in pieces] == [
        f"$.line[1]: more than {MOST_LINES} lines in one call",
        f"$.line[{MOST_LINES + 2}]: the call 'a' was complete long before; sort the file by time",
    ]


def test_open_calls_are_bounded_in_all() -> None:
    held, most = set(), 0

    def content() -> Iterator[bytes]:
        for number in range(MOST_OPEN + 1000):
            yield b"%d x\n" % (number % (MOST_OPEN - 5000))

    for piece in calls(BytesIO(b"".join(content())), split, window=10**9):
        if isinstance(piece.value, list):
            held |= {leg.path for leg in piece.value}
            most = max(most, len(piece.value))
    assert most == 2
    assert len(held) == MOST_OPEN + 1000


# Calls that overlap all the time, as in any busy house: there is no place where none is open.
LOG = "".join(
    f"{1366720000 + number}|c{number}|Q|NONE|ENTERQUEUE||0301234{number:04}|1\n"
    + (f"{1366720000 + number}|c{number - 1}|Q|A|CONNECT|1|m|1\n" if number else "")
    + (f"{1366720000 + number}|c{number - 2}|Q|A|COMPLETECALLER|1|1|1\n" if number > 1 else "")
    for number in range(60)
)


def ids(pieces: list[Piece]) -> list[str]:
    return [str(one.touchpoint.event_id) for one in of(asterisk_queue.ADAPTER, pieces) if isinstance(one, Accepted)]


@pytest.mark.parametrize("window", [6, 8, 20])
def test_an_import_that_goes_on_anywhere_loses_no_call_and_tears_none(window: int) -> None:
    content = LOG.encode()
    whole = list(calls(BytesIO(content), asterisk_queue.split, window))
    every = {one.event_id: one for one in map(_touchpoint, whole) if one}
    assert len(every) == 58
    for at, piece in enumerate(whole):
        if piece.end is None:
            continue
        file = BytesIO(content)
        file.seek(piece.end)
        lines_before = content[: piece.end].count(b"\n")
        resumed = ResumedFile(file, b"", lines_before)
        rest = list(calls(resumed, asterisk_queue.split, window))  # type: ignore[arg-type] # it reads like a file
        assert set(ids(whole[: at + 1])) | set(ids(rest)) == set(map(str, every))
        for again in filter(None, map(_touchpoint, rest)):
            assert again == every[again.event_id]
        assert {one.path for one in rest if isinstance(one.value, Problem)} <= {one.path for one in whole}


def test_blank_lines_are_not_counted_where_an_import_goes_on() -> None:
    content = b"b 0\n\n\na 1\nb 2\na 3\na 4\n"
    whole = found(content, window=2)
    assert [(texts(piece), piece.end) for piece in whole] == [(["0", "2"], content.index(b"a 1")), (["1", "3", "4"], 6)]
    file = BytesIO(content)
    file.seek(6)
    rest = calls(ResumedFile(file, b"", 3), split, 2)  # type: ignore[arg-type] # it reads like a file
    assert [texts(piece) for piece in rest] == [["1", "3", "4"]]


def _touchpoint(piece: Piece):  # type: ignore[no-untyped-def] # a touchpoint or None
    [outcome] = of(asterisk_queue.ADAPTER, [piece])
    return outcome.touchpoint if isinstance(outcome, Accepted) else None


def test_the_importer_reads_a_log_once_and_goes_on_when_it_has_grown(tmp_path: Path) -> None:
    path, state = tmp_path / "queue_log", tmp_path / "state"
    publisher = AcceptingPublisher()

    def run() -> tuple[int, int, int]:
        summary = import_file(
            asterisk_queue.ADAPTER,
            path,
            SENDER,
            load(),
            cast(Publisher, publisher),
            state_dir=state,
            now=lambda: CONTEXT.received_at,
        )
        return summary.accepted, summary.quarantined, int(summary.already_imported)

    half = len(LOG) // 2
    path.write_text(LOG[: LOG.index("\n", half) + 1])
    accepted, quarantined, _ = run()
    assert accepted > 20
    assert quarantined > 0  # the calls that go on
    assert run() == (0, 0, 1)
    path.write_text(LOG)
    run()
    assert {record.key for record in publisher.taken if b'"call"' in record.value} == {
        f"phone:+4930123{4}{number:04}".encode() for number in range(58)
    }
