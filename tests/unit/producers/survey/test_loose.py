"""Files of rows: found out to be CSV or JSON lines, unpacked where they are packed, and gone on with in the middle."""

from __future__ import annotations

import gzip
from io import BytesIO
from typing import BinaryIO, cast

import pytest

from producers.adapters.adapter import Piece
from producers.adapters.loose import Loose, file_rows, identifiers_of
from producers.adapters.problem import Problem
from producers.adapters.resumed import ImportedFile, ResumedFile
from tests.unit.producers.survey.rig import CONTEXT

CSV = b'\xef\xbb\xbfid;Order ID\r\n1;W-1\r\n2;"W;2"\r\n3;W-3\r\n'
LINES = b'\xef\xbb\xbf\n {"id":"1"}\n{"id":"2"}\n{"id":"3"}\n'
BOTH = pytest.mark.parametrize("content", [CSV, LINES], ids=["csv", "json lines"])


def rows(file: BinaryIO | ImportedFile) -> list[Piece]:
    return list(file_rows(cast(BinaryIO, file), CONTEXT))


@BOTH
def test_a_packed_file_reads_as_the_plain_one(content: bytes) -> None:
    plain = rows(BytesIO(content))
    assert [piece.value["id"] for piece in plain] == ["1", "2", "3"]
    assert rows(BytesIO(gzip.compress(content))) == plain


@BOTH
def test_a_file_is_gone_on_with_behind_any_piece(content: bytes) -> None:
    whole = rows(ImportedFile(BytesIO(content)))
    for done, piece in enumerate(whole, start=1):
        assert piece.end is not None
        file = BytesIO(content)
        first = file.readline()
        file.seek(piece.end)
        resumed = ResumedFile(file, first, content[: piece.end].count(b"\n"))
        assert rows(resumed) == whole[done:]


def test_an_import_is_told_the_heading_of_its_rows() -> None:
    file = ImportedFile(BytesIO(CSV))
    rows(file)
    assert file.heading == b"\xef\xbb\xbfid;Order ID\r\n"


def test_a_packed_file_that_is_broken_says_so() -> None:
    packed = gzip.compress(LINES * 5000)
    with pytest.raises(Problem, match=r"\$: the gzip file is broken behind \$\.line\["):
        rows(BytesIO(packed[:-9]))
    with pytest.raises(Problem, match=r"\$: cannot be unpacked"):
        rows(BytesIO(packed[:12]))


def test_columns_are_compared_without_case_blanks_and_signs_and_what_nobody_asked_for_is_left() -> None:
    row = Loose({"Order-ID": " W-1 ", "orderId": "W-2", "note": "", "shelf": 7, "E-Mail": "x", "none": "N/A"}, "$")
    assert row.text("order_id") == "W-1"
    assert row.at("order_id") == "$.Order-ID"
    assert row.rest() == {"orderId": "W-2", "shelf": 7}
    assert identifiers_of((row,), None) == []
