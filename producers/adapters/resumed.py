"""A file that an import reads: what its reader finds out about it, and what is known where it is gone on with."""

from typing import Any, BinaryIO


class ImportedFile:
    """Reads like the file. `heading` is the line that rows cannot be read without, once a reader has told of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.heading = b""
        self.read = file.read
        self.readline = file.readline
        self.tell = file.tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class ResumedFile(ImportedFile):
    """Reads like the file from where it stands. Knows what a reader that begins at the beginning would know.

    `lines_before` is the number of lines before that place. The first line of the file is kept for whoever needs a
    heading: readers of lines ask `kept_heading` and `lines_before`.
    """

    def __init__(self, file: BinaryIO, first: bytes, lines_before: int) -> None:
        super().__init__(file)
        self.first_line = first
        self.lines_before = lines_before


def lines_before(file: BinaryIO) -> int:
    """Give how many lines of the file stand before the place where it is read from."""
    return file.lines_before if isinstance(file, ResumedFile) else 0


def kept_heading(file: BinaryIO) -> bytes | None:
    """Give the first line of a file that is read from a later place; None where it is still to be read."""
    return file.first_line if isinstance(file, ResumedFile) else None


def tell_heading(file: BinaryIO, heading: bytes) -> None:
    """Tell an import which line stands for all rows, so that a bad row is kept with what it can be read by."""
    if isinstance(file, ImportedFile):
        file.heading = heading
