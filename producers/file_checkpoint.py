"""How far an import has come, on disk, so that the next one goes on there.

A checkpoint names a file by its content, not by its name: the SHA-256 of everything before the place. A file that was
renamed or has grown is known again; one that was changed before the place is another file, and read from its
beginning, which adds nothing either, since an event's id does not depend on the file. Of a gzip file the content
counts, not the packing.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from producers.adapters.pieces import BAD_GZIP, unzipped

CHUNK = 1 << 20
#: Places that are kept of files whose first lines are the same, as those of XML files are.
KEPT = 500


class Place(NamedTuple):
    """Everything before the byte `offset`, and the `pieces` that follow it, is done."""

    offset: int = 0
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What an earlier import left of a file: its place, the lines before it, and whether the file ended there."""

    place: Place
    lines: int
    finished: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    """One place on disk. `sha256` is of the first `hashed` bytes of the content; `size` is the file's own."""

    offset: int
    pieces: int
    size: int
    hashed: int
    sha256: str
    finished: bool


class Checkpoint:
    """The places of one file's import, in a directory that many share."""

    def __init__(self, directory: Path, path: Path, settings: str) -> None:
        self._directory = directory
        self._path = path
        self._settings = settings
        # As it is before a byte is read: a file that grows meanwhile is not taken for one that was read to its end.
        self._size = path.stat().st_size
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._reader: BinaryIO | None = None
        self._open = ExitStack()
        self._whole: tuple[int, str] | None = None
        self._mine: _Entry | None = None
        self._target: Path | None = None

    def find(self) -> Known | None:
        """Give what is known of a file with this content, None where that is nothing."""
        size, best, digest, hashed, lines = self._size, None, hashlib.sha256(), 0, 0
        with _content(self._path) as file:
            for entry in sorted(self._entries(), key=lambda entry: entry.hashed):
                for chunk in _chunks(file, entry.hashed - hashed):
                    digest.update(chunk)
                    lines += chunk.count(b"\n")
                    hashed += len(chunk)
                if hashed < entry.hashed:
                    break
                # By number of pieces only the very same file can be gone on with.
                if digest.hexdigest() == entry.sha256 and (entry.size == size or not entry.pieces):
                    self._mine = entry
                    known_lines = 0 if entry.pieces else lines
                    finished = entry.finished and entry.size == size
                    best = Known(Place(entry.offset, entry.pieces), known_lines, finished)
        return best

    def save(self, place: Place, *, finished: bool) -> None:
        """Write the place; the file's older one is replaced in one step."""
        if place.pieces:
            hashed, sha256 = self._whole = self._whole or _sha256_of_all(self._path)
        else:
            hashed, sha256 = place.offset, self._sha256(place.offset)
        entry = _Entry(place.offset, place.pieces, self._size, hashed, sha256, finished)
        others = [other for other in self._entries() if other not in (self._mine, entry)]
        self._directory.mkdir(parents=True, exist_ok=True)
        target = self._file()
        partial = target.with_suffix(f".{os.getpid()}.partial")  # another import may write its place there now
        partial.write_text(json.dumps([asdict(one) for one in (*others, entry)[-KEPT:]]), encoding="utf-8")
        partial.replace(target)
        self._mine = entry

    def close(self) -> None:
        """Let go of the file."""
        self._open.close()

    def _entries(self) -> list[_Entry]:
        try:
            return [_Entry(**entry) for entry in json.loads(self._file().read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            return []  # none, or something that is no checkpoint: the import then begins at the beginning

    def _file(self) -> Path:
        """Files that begin alike share one; the hashes in it say whose places they are."""
        if self._target is None:
            with _content(self._path) as file:
                beginning = file.readline(65536) + file.readline(65536)
            name = hashlib.sha256(self._settings.encode() + b"\0" + beginning).hexdigest()[:32]
            self._target = self._directory / f"{name}.json"
        return self._target

    def _sha256(self, length: int) -> str:
        """Hash on from where the last place was, so that a file is hashed once, not once for each place."""
        if length < self._hashed:
            self._open.close()
            self._reader, self._digest, self._hashed = None, hashlib.sha256(), 0
        if self._reader is None:
            self._reader = self._open.enter_context(_content(self._path))
        for chunk in _chunks(self._reader, length - self._hashed):
            self._digest.update(chunk)
        self._hashed = length
        return self._digest.hexdigest()


@contextmanager
def _content(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        yield unzipped(file)


def _chunks(file: BinaryIO, length: int) -> Iterator[bytes]:
    """Read so many bytes, fewer where the file ends or is broken before."""
    while length > 0:
        try:
            chunk = file.read(min(CHUNK, length))
        except BAD_GZIP:
            return
        if not chunk:
            return
        yield chunk
        length -= len(chunk)


def _sha256_of_all(path: Path) -> tuple[int, str]:
    digest, length = hashlib.sha256(), 0
    with _content(path) as file:
        for chunk in _chunks(file, 1 << 62):
            digest.update(chunk)
            length += len(chunk)
    return length, digest.hexdigest()
