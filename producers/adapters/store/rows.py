"""Rows of files in which a row that was cut off would say something else: a count of 12 where 123 was meant."""

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from producers.adapters.adapter import Context, Piece
from producers.adapters.loose import file_rows
from producers.adapters.problem import Problem


def whole_rows(file: BinaryIO, context: Context) -> Iterator[Piece]:
    """Split a file of CSV or JSON lines. A last row of CSV without a line break is a bad piece; it is read again.

    Raises:
        Problem: nothing can be read of the file, or not to its end.
    """
    for piece in file_rows(file, context):
        # The end of an object of JSON is plain; that of a row is its line break, and only then its place is known.
        if piece.end is None and not isinstance(piece.value, Problem) and not piece.raw.startswith(b"{"):
            yield replace(piece, value=Problem(piece.path, "cut off: the file's last line has no line break"))
        else:
            yield piece
