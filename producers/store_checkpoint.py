"""How far an import has come, on disk, so that the next one goes on there.

A checkpoint names a file by its content, not by its name: the SHA-256 of everything before the place. A file that was
renamed or has grown is known again; one that was changed before the place is another file, and read from its
beginning, which adds nothing either, since a receipt's id does not depend on the file.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Everything before the byte `offset` is done; the line there has the number `line`. `size` is the file's."""

    offset: int
    line: int
    size: int
    sha256: str
    finished: bool


class Checkpoints:
    """The places of a source's imports in a directory, one small file each."""

    def __init__(self, directory: Path, settings: str) -> None:
        self._directory = directory
        self._settings = settings

    def find(self, path: Path) -> Place | None:
        """Give the place of a file with this content, None where it has none."""
        try:
            place = Place(**json.loads(self._file(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None  # none, or one that was half written: the import then begins at the beginning
        same = path.stat().st_size >= place.offset and _sha256(path, place.offset) == place.sha256
        return place if same else None

    def save(self, path: Path, offset: int, line: int, *, finished: bool) -> None:
        """Write the place; the old one is replaced in one step."""
        self._directory.mkdir(parents=True, exist_ok=True)
        size = path.stat().st_size
        place = Place(offset, line, size, _sha256(path, offset), finished)
        target = self._file(path)
        partial = target.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(place)), encoding="utf-8")
        partial.replace(target)

    def _file(self, path: Path) -> Path:
        """Files that begin alike share a checkpoint; the hash in it says whether it is theirs."""
        with path.open("rb") as file:
            beginning = file.readline(65536) + file.readline(65536)
        name = hashlib.sha256(self._settings.encode() + b"\0" + beginning).hexdigest()[:32]
        return self._directory / f"{name}.json"


def _sha256(path: Path, length: int) -> str:
    digest, left = hashlib.sha256(), length
    with path.open("rb") as file:
        while left and (chunk := file.read(min(CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()
