"""The local stack's folder: what lies where in it, and that one stack at a time uses it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from deploy.local.errors import LocalStackError
from schemas.catalogue import DEFAULT


class DataDir:
    """A folder with `clickhouse/`, `kafka/`, `logs/`, `state/` and `run/`; locked while a `with` holds it.

    The lock is the kernel's: it goes with the process, however that ends, so no stale lock is ever left.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    @property
    def clickhouse(self) -> Path:
        """Of the ClickHouse engine; survives a restart."""
        return self.path / "clickhouse"

    @property
    def kafka(self) -> Path:
        """Of Apache Kafka; Tansu keeps nothing."""
        return self.path / "kafka"

    @property
    def logs(self) -> Path:
        """One file per part."""
        return self.path / "logs"

    @property
    def settings_file(self) -> Path:
        """What the parts were told at this start."""
        return self.path / "run" / "settings.json"

    def rules_changed(self, catalogue: Path | None) -> bool:
        """Say whether what ClickHouse holds was derived with another catalogue than this one."""
        known = self._rules.read_text() if self._rules.exists() else None
        return known is not None and known != _checksum(catalogue)

    def remember_rules(self, catalogue: Path | None) -> None:
        """Remember the catalogue that everything was derived with."""
        self._rules.write_text(_checksum(catalogue))

    @property
    def _rules(self) -> Path:
        return self.path / "catalogue.sha256"

    def state(self, worker: str) -> Path:
        """Of one worker's disk store."""
        return self.path / "state" / worker

    def log_of(self, part: str) -> Path:
        """The log file of a part."""
        return self.logs / f"{part}.log"

    def __enter__(self) -> Self:
        """Take the folder.

        Raises:
            LocalStackError: another stack uses it, or it cannot be made.
        """
        try:
            for folder in (self.path, self.clickhouse, self.logs, self.settings_file.parent):
                folder.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+")
        except OSError as error:
            raise LocalStackError(f"data dir {self.path} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            message = f"data dir {self.path} is in use by process {owner}: stop that stack (Ctrl-C, or kill {owner}), "
            raise LocalStackError(message + "or give this one a folder of its own with --data-dir") from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()
            self._lock = None


def _checksum(catalogue: Path | None) -> str:
    return hashlib.sha256((catalogue or DEFAULT).read_bytes()).hexdigest()
