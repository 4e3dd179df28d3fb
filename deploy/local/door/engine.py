"""The only place of the door that calls chDB: connections, results in pieces, streaming inserts, cancelling.

Measured with chDB 4.4 on two cores: connections to one directory work side by side in threads and let go of the
interpreter's lock; two statements on ONE connection wait for each other. A connection has settings, a database
and temporary tables of its own, like a session on a server, and opening, setting and closing one costs about
1 ms. So each request gets a connection of its own, and no lock or pool is needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deploy.local.door.errors import DoorError, EngineError
from deploy.local.errors import LocalStackError

# An acknowledged insert is a part in the file system, not a place in a queue. And a typing error must not become
# a column: chDB takes a statement without SELECT for one, a server does not.
OWN_SETTINGS = {"async_insert": "0", "implicit_select": "0"}


class Answer(NamedTuple):
    """A whole result: its bytes, the rows and bytes in it as the engine counts them, and what was written."""

    body: bytes
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0


class ResultStream:
    """A result in pieces; `fetch()` returns None after the last one."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def fetch(self) -> bytes | None:
        """Return the next piece, never an empty one; raises `EngineError`."""
        try:
            piece = self._stream.fetch()
            return None if piece is None else bytes(piece.bytes())
        except Exception as cause:
            raise EngineError(str(cause)) from cause

    def close(self) -> None:
        """Give up what was not fetched."""
        self._stream.close()


class DataSink:
    """The data of one INSERT, pushed in pieces of any size; nothing is promised before `finish()`."""

    def __init__(self, inserter: Any) -> None:
        self._inserter = inserter

    def append(self, piece: bytes) -> None:
        """Push bytes in the insert's format; raises `EngineError`."""
        try:
            self._inserter.append(piece)
        except Exception as cause:
            raise EngineError(str(cause)) from cause

    def finish(self) -> Answer:
        """Commit; raises `EngineError`."""
        try:
            done = self._inserter.finish()
        except Exception as cause:
            raise EngineError(str(cause)) from cause
        return Answer(b"", written_rows=done.rows_written, written_bytes=done.bytes_written)

    def cancel(self) -> None:
        """Give the insert up; safe after `finish()`."""
        self._inserter.cancel()


class EngineConnection:
    """Settings, database and temporary tables of one session. Used by one statement at a time."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def apply(self, settings: Mapping[str, str], database: str | None = None) -> None:
        """Choose a database and change settings; raises `EngineError` for an unknown one."""
        if database:
            self.query(f"USE {quote_name(database)}")
        if settings:
            self.query("SET " + ", ".join(f"{quote_name(name)} = {quote(value)}" for name, value in settings.items()))

    def setting_values(self, names: Sequence[str]) -> dict[str, str]:
        """Return the values in force of those settings that the engine knows."""
        listed = ", ".join(quote(name) for name in names)
        sql = f"SELECT name, value FROM system.settings WHERE name IN ({listed})"  # noqa: S608 - quoted above
        rows = self.query(sql, "JSONCompactEachRow")
        return dict(json.loads(row) for row in rows.body.splitlines())

    def query(
        self, sql: str | bytes, out_format: str = "TabSeparated", params: Mapping[str, str] | None = None
    ) -> Answer:
        """Run one statement to its end; raises `EngineError`."""
        try:
            done = self._connection.query(sql, out_format, params=dict(params or {}))
        except Exception as cause:
            raise EngineError(str(cause)) from cause
        return Answer(
            bytes(done.bytes() or b""),
            done.rows_read(), done.bytes_read(), done.rows_written(), done.bytes_written(),
        )  # fmt: skip

    def stream(self, sql: bytes, out_format: str, params: Mapping[str, str]) -> ResultStream:
        """Begin a SELECT whose result comes in pieces; raises `EngineError`."""
        try:
            return ResultStream(self._connection.send_query(sql, out_format, params=dict(params)))
        except Exception as cause:
            raise EngineError(str(cause)) from cause

    def insert(self, head: bytes, in_format: str) -> DataSink:
        """Begin an INSERT whose data comes in pieces; raises `EngineError`."""
        try:
            return DataSink(self._connection.send_insert(head, in_format))
        except Exception as cause:
            raise EngineError(str(cause)) from cause

    def close(self) -> None:
        """Close the connection; its temporary tables go with it."""
        self._connection.close()


class Engine:
    """chDB on one data directory, which nobody else may use at the same time."""

    def __init__(self, data_dir: Path) -> None:
        self._path = str(data_dir.resolve())
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            # Kept open: the engine ends with its last connection.
            self._root = EngineConnection(_open(self._path))
        except RuntimeError as cause:
            raise LocalStackError(
                f"the data directory {data_dir} cannot be opened: another process uses it, or it is damaged. "
                f"The engine says: {cause}"
            ) from cause
        self.version, self.timezone, self.display_name = (
            self._root.query("SELECT version(), timezone(), displayName()").body.decode().rstrip("\n").split("\t")
        )

    def connect(self, settings: Mapping[str, str] | None = None, database: str | None = None) -> EngineConnection:
        """Open a connection with the door's own settings and those given; raises `EngineError`."""
        connection = EngineConnection(_open(self._path))
        try:
            connection.apply({**OWN_SETTINGS, **(settings or {})}, database)
        except BaseException:
            connection.close()
            raise
        return connection

    def cancel(self, tag: str) -> None:
        """Cancel the statement whose `log_comment` is `tag`; nothing happens when it has ended."""
        # Own connection: the statement's connection is busy, and its own cancel waits for the next piece.
        connection = self.connect()
        try:
            connection.query(f"KILL QUERY WHERE Settings['log_comment'] = {quote(tag)} ASYNC")
        finally:
            connection.close()

    def cancel_all(self) -> None:
        """Cancel every statement that runs."""
        self._root.query("KILL QUERY WHERE 1 ASYNC")

    def close(self) -> None:
        """Close the engine: tables are flushed and the directory is free again."""
        self._root.close()


def _open(path: str) -> Any:
    # Here, because chDB belongs to an extra and takes a third of a second to import.
    import chdb  # noqa: PLC0415

    return chdb.connect(path)  # type: ignore[no-untyped-call] # typed in part only


def quote(value: str) -> str:
    """Return an SQL string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """Return an SQL identifier."""
    if "\0" in name:
        raise DoorError(36, "BAD_ARGUMENTS", "A name with a zero byte")
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
