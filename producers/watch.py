"""A folder that is watched: what tills and other systems put there is imported, then moved to `done/` or `failed/`.

Looked at again and again, since not every file system tells of changes. Files that come days late are the normal case:
nothing here depends on when a file comes. Killed at any moment it goes on where it was: a file stays in its place
until all of it is acknowledged, and the importer's checkpoints say how far it was.
"""

import logging
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from producers.adapters.adapter import Adapter
from producers.adapters.sender import Sender
from producers.file_import import FileImportError, FileImportSummary, KafkaAwayError, Pace, Progress, import_file
from producers.publisher import Publisher
from schemas.catalogue import Catalogue

log = logging.getLogger(__name__)

DONE, FAILED, NOTE, LOCK = "done", "failed", ".reason.txt", ".touchpath-watch.lock"
#: Endings of files that somebody is still writing, and will rename when they are whole.
TEMPORARY = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".swp", "~")


class WatchError(Exception):
    """The folder cannot be watched. The message is for the user and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which files are read by which adapter, and whose they are. The first rule that fits a file counts.

    `pattern` is compared with the path below the folder, with `/` between its parts: `pos/*.csv`; a `*` stands for
    anything, also for `/`. `keep` leaves the file where it is, and reads what was added to it: for a file that a
    till goes on writing to.
    """

    pattern: str
    adapter: Adapter
    sender: Sender
    keep: bool = False


def rules_of_folders(adapters: Iterable[Adapter], sender_of: Callable[[Adapter], Sender]) -> list[Rule]:
    """Give a rule for each adapter that reads files: what is in the folder of its name is read by it."""
    return [
        Rule(pattern=f"{adapter.name}/*", adapter=adapter, sender=sender_of(adapter))
        for adapter in adapters
        if adapter.file is not None
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """How often is looked, and when a file is whole."""

    every: float = 2.0
    """Seconds between two looks."""
    quiet: float = 5.0
    """Seconds in which size and time of a file have not changed: then it is whole."""
    pace: Pace = field(default_factory=lambda: Pace(give_up_after=10))
    """Without Kafka a file waits for the next look: so a watcher that is asked to stop need not wait longer."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file. `path` is where it was, `now_at` where it is. `reason` says why it failed."""

    path: Path
    now_at: Path
    adapter: str
    outcome: Literal["done", "failed", "waiting"]
    summary: FileImportSummary | None
    reason: str | None = None


class Stopped(Exception):  # noqa: N818 # an order, not an error
    """The watcher was asked to stop in the middle of a file."""


def watch(
    directory: Path,
    rules: Sequence[Rule],
    catalogue: Catalogue,
    publisher: Publisher,
    *,
    state_dir: Path,
    settings: WatchSettings | None = None,
    stop: threading.Event | None = None,
    told: Callable[[Taken], None] = lambda _taken: None,
    progress: Callable[[Path, Progress], None] | None = None,
    once: bool = False,
) -> None:
    """Watch a folder until `stop` is set. Blocks. `told` is called for each file, from this thread.

    `state_dir` holds the checkpoints of the importer. `once`: import what is whole, and return.

    Raises:
        WatchError: there is no such folder, no rule, or another watcher has it.
    """
    settings = settings or WatchSettings()
    stop = stop or threading.Event()
    with locked(directory):
        watcher = Watcher(
            directory, rules, catalogue, publisher, state_dir=state_dir, settings=settings, stop=stop, progress=progress
        )
        while not stop.is_set():
            for taken in watcher.look():
                told(taken)
            if once:
                return
            stop.wait(settings.every)


class Watcher:
    """One folder. `look` goes through it once; the folder must be `locked`."""

    def __init__(
        self,
        directory: Path,
        rules: Sequence[Rule],
        catalogue: Catalogue,
        publisher: Publisher,
        *,
        state_dir: Path,
        settings: WatchSettings | None = None,
        stop: threading.Event | None = None,
        progress: Callable[[Path, Progress], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not rules:
            raise WatchError("nothing says which files are read by which adapter")
        self._directory, self._rules = directory, tuple(rules)
        self._catalogue, self._publisher, self._state_dir = catalogue, publisher, state_dir
        self._settings = settings or WatchSettings()
        self._stop, self._progress, self._clock = stop or threading.Event(), progress, clock
        self._seen: dict[Path, tuple[tuple[int, float], float]] = {}
        self._left: dict[Path, tuple[int, float]] = {}
        self._unfinished: set[tuple[int, int]] = set()

    def look(self) -> Iterator[Taken]:
        """Import each file that is whole, the oldest first."""
        for path, rule in self._whole():
            if self._stop.is_set():
                return
            try:
                taken = self._take(path, rule)
            except Stopped:
                return
            if taken is not None:
                yield taken
                if taken.outcome == "waiting":
                    return  # without Kafka the others would wait as long

    # ---- which files

    def _whole(self) -> list[tuple[Path, Rule]]:
        """Give the files that a rule fits and that nobody writes any more."""
        now, found = self._clock(), []
        files = dict(self._files())
        self._seen = {path: seen for path, seen in self._seen.items() if path in files}
        self._left = {path: seen for path, seen in self._left.items() if path in files}
        unfinished = set()
        for path, status in files.items():
            inode = (status.st_dev, status.st_ino)
            if path.name.endswith(NOTE):
                continue
            if path.name.endswith(TEMPORARY):
                unfinished.add(inode)
                continue
            rule = self._rule(path)
            state = (status.st_size, status.st_mtime)
            if rule is None or self._left.get(path) == state:
                continue
            if self._is_whole(path, state, now, renamed=inode in self._unfinished):
                found.append((status.st_mtime, path, rule))
        self._unfinished = unfinished
        return [(path, rule) for _, path, rule in sorted(found, key=lambda one: (one[0], one[1]))]

    def _is_whole(self, path: Path, state: tuple[int, float], now: float, *, renamed: bool) -> bool:
        """Say whether a file is whole: quiet for long enough, or renamed from a name for files that are written.

        A file whose time lies so far back when it is first seen was moved here when it was whole.
        """
        before, since = self._seen.get(path, (None, now))
        if renamed or (before is None and now - state[1] >= self._settings.quiet):
            since = now - self._settings.quiet
        elif before != state:
            since = now
        self._seen[path] = (state, since)
        return now - since >= self._settings.quiet

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Give the regular files below the folder; none that is hidden, a link, or was moved away by us."""
        for folder, folders, names in os.walk(self._directory):
            at_top = Path(folder) == self._directory
            folders[:] = [
                name for name in folders if not name.startswith(".") and not (at_top and name in (DONE, FAILED))
            ]
            for name in names:
                path = Path(folder, name)
                try:
                    status = path.lstat()
                except OSError:
                    continue  # it has gone
                if stat.S_ISREG(status.st_mode) and not name.startswith("."):
                    yield path, status

    def _rule(self, path: Path) -> Rule | None:
        name = path.relative_to(self._directory).as_posix()
        return next((rule for rule in self._rules if fnmatchcase(name, rule.pattern)), None)

    # ---- one file

    def _take(self, path: Path, rule: Rule) -> Taken | None:
        try:
            before = path.stat()
        except OSError:
            return None  # it has gone
        summary, reason = None, None
        try:
            summary = import_file(
                rule.adapter,
                path,
                rule.sender,
                self._catalogue,
                self._publisher,
                state_dir=self._state_dir,
                progress=lambda at: self._going_on(path, at),
                pace=self._settings.pace,
            )
        except KafkaAwayError as error:
            log.warning("%s", error)
            return Taken(path, path, rule.adapter.name, "waiting", error.summary, str(error))
        except FileImportError as error:
            summary, reason = error.summary, str(error)
        except Stopped:
            raise
        except Exception as error:
            # One file that an adapter stumbles over must not keep all others from coming in.
            log.exception("%s: a defect in the adapter %s", path, rule.adapter.name)
            reason = f"{path}: a defect in the adapter {rule.adapter.name}: {type(error).__name__}: {error}"
        if reason is None and summary is not None and summary.received and summary.received == summary.quarantined:
            reason = f"{path}: nothing in it could be taken; all of it is in quarantine"
        return self._away(path, rule, before, summary, reason)

    def _going_on(self, path: Path, at: Progress) -> None:
        if self._progress is not None:
            self._progress(path, at)
        if self._stop.is_set():
            raise Stopped

    def _away(
        self, path: Path, rule: Rule, before: os.stat_result, summary: FileImportSummary | None, reason: str | None
    ) -> Taken | None:
        """Move a file to where it belongs now; one that has changed in the meantime is looked at again."""
        state = (before.st_size, before.st_mtime)
        try:
            after = path.stat()
            if (after.st_size, after.st_mtime) != state:
                return None
            if rule.keep:
                self._left[path] = state
                target = path
            else:
                target = self._free(Path(FAILED if reason else DONE) / path.relative_to(self._directory))
                target.parent.mkdir(parents=True, exist_ok=True)
                if reason is not None:
                    # Before the file is moved: one that has failed is never without its reason.
                    note = target.with_name(target.name + NOTE)
                    note.write_text(_note(reason, rule.adapter.name, summary), encoding="utf-8")
                shutil.move(path, target)
        except OSError as error:
            self._left[path] = state
            log.warning("%s is imported but stays where it is: %s", path, error)
            target, reason = path, reason or f"imported, but cannot be moved: {error}"
        self._seen.pop(path, None)
        return Taken(path, target, rule.adapter.name, "failed" if reason else "done", summary, reason)

    def _free(self, relative: Path) -> Path:
        """Give a name that no file has."""
        target, number = self._directory / relative, 1
        while target.exists():
            number += 1
            target = self._directory / relative.with_name(f"{relative.stem}~{number}{relative.suffix}")
        return target


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a folder, so that no two watchers import the same file at once.

    Raises:
        WatchError: there is no such folder, it cannot be written to, or another watcher has it.
    """
    if not directory.is_dir():
        raise WatchError(f"{directory}: there is no such folder")
    try:
        file = (directory / LOCK).open("w")
    except OSError as error:
        raise WatchError(f"{directory}: files cannot be moved there: {error.strerror}") from error
    with file:
        try:
            import fcntl  # noqa: PLC0415 # not everywhere; there two watchers of one folder are nobody's business
        except ImportError:
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WatchError(f"{directory}: another watcher has this folder") from error
        yield


def _note(reason: str, adapter: str, summary: FileImportSummary | None) -> str:
    lines = [f"{datetime.now(UTC).isoformat(timespec='seconds')} by the adapter {adapter}", reason]
    if summary is not None:
        lines.append(
            f"{summary.received} read: {summary.accepted} accepted, {summary.duplicate} duplicate, "
            f"{summary.quarantined} quarantined"
        )
        lines += [f"quarantined: {one}" for one in summary.reasons]
    lines.append("Mended, put it back into the folder: what was accepted is not counted twice.")
    return "\n".join(lines) + "\n"
