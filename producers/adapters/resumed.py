"""A file that an import goes on with, somewhere behind its beginning."""

from typing import BinaryIO


class ResumedFile:
    """Reads like the file from where it stands. Knows what a reader that begins at the beginning would know.

    `lines_before` is the number of lines before that place. The first line of the file is kept for whoever needs a
    heading: readers of lines ask `kept_heading` and `lines_before`.
    """

    __slots__ = ("_first", "lines_before", "read", "readline", "seek", "tell")

    def __init__(self, file: BinaryIO, first: bytes, lines_before: int) -> None:
        self._first = first
        self.lines_before = lines_before
        self.read = file.read
        self.readline = file.readline
        self.seek = file.seek
        self.tell = file.tell

    @property
    def first_line(self) -> bytes:
        """The first line of the file."""
        return self._first


def lines_before(file: BinaryIO) -> int:
    """Give how many lines of the file stand before the place where it is read from."""
    return file.lines_before if isinstance(file, ResumedFile) else 0


def kept_heading(file: BinaryIO) -> bytes | None:
    """Give the first line of a file that is read from a later place; None where it is still to be read."""
    return file.first_line if isinstance(file, ResumedFile) else None
