"""The way to ClickHouse, and the only importer of clickhouse_connect: query, command, insert, with retries."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError, OperationalError
from clickhouse_connect.driver.insert import InsertContext

from schemas.connection import ClickHouseConnection

log = logging.getLogger(__name__)
# It warns of each refused connection without a reason; what we raise and log has it.
logging.getLogger("clickhouse_connect.driver").setLevel(logging.ERROR)
Result = TypeVar("Result")

#: Pauses in seconds between tries while nobody answers; then the error is given up to the caller.
RETRIES: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0)


class StoreError(Exception):
    """ClickHouse could not do what it was asked.

    StoreError
    ├── StoreUnreachableError   nobody answered, or the answer broke off: the same again may work
    └── StoreRefusedError       ClickHouse said no: the message is its own
    """


class StoreUnreachableError(StoreError):
    """ClickHouse does not answer at its address."""


class StoreRefusedError(StoreError):
    """ClickHouse answered with an error."""


class Store:
    """A connection to ClickHouse. One thread at a time; names in SQL are written in full (`database.table`)."""

    def __init__(self, connection: ClickHouseConnection, *, retries: Sequence[float] = RETRIES) -> None:
        self.connection = connection
        self.database = connection.database
        self._retries = retries
        self._client: Client | None = None
        self._inserts: dict[str, InsertContext] = {}

    def twin(self) -> Store:
        """Give a store of the same database with a connection of its own, for another thread."""
        return Store(self.connection, retries=self._retries)

    @property
    def address(self) -> str:
        """`host:port`, for messages."""
        return f"{self.connection.host}:{self.connection.port}"

    def command(self, statement: str, settings: Mapping[str, Any] | None = None) -> None:
        """Run a statement that gives nothing back. It may run twice when an answer is lost: it must bear that."""
        self._tried(lambda client: client.command(statement, settings=dict(settings or {})))

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a query and give its rows, whole; `{name:Type}` in the query is filled from `parameters`."""
        found = self._tried(lambda client: client.query(statement, dict(parameters or {})).result_rows)
        return [tuple(row) for row in found]

    def table(self, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a user's statement, whose unqualified names are of our database; give column names and rows."""

        def asked(client: Client) -> tuple[list[str], list[tuple[Any, ...]]]:
            before, client.database = client.database, self.database
            try:
                result = client.query(statement)
            finally:
                client.database = before
            return list(result.column_names), [tuple(row) for row in result.result_rows]

        return self._tried(asked)

    def stream(
        self, statement: str, parameters: Mapping[str, Any] | None = None
    ) -> Generator[Sequence[Sequence[Any]], None, None]:
        """Run a query and give its rows block by block, so that memory holds one block. Not retried once begun."""
        opened = self._tried(lambda client: client.query_row_block_stream(statement, dict(parameters or {})))
        try:
            with opened as blocks:
                yield from blocks
        except OperationalError as error:
            raise StoreUnreachableError(f"ClickHouse at {self.address} broke off: {error}") from error
        except ClickHouseError as error:
            raise StoreRefusedError(str(error)) from error

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows into `table` of our database, in Native format. It may happen twice, when an answer is lost.

        Raises:
            StoreUnreachableError: nobody answered, after all retries.
            StoreRefusedError: the table or the data is not as it must be.
        """
        if rows:
            self._tried(lambda client: self._insert(client, table, columns, rows))

    def ping(self) -> bool:
        """Whether ClickHouse answers, tried once."""
        try:
            return bool(self._connected().ping())
        except (ClickHouseError, OSError):
            return False

    def close(self) -> None:
        """Let the connection go; the next call makes a new one."""
        client, self._client = self._client, None
        self._inserts.clear()
        if client is not None:
            client.close()

    def _insert(self, client: Client, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        context = self._inserts.get(table)
        if context is None or list(context.column_names) != list(columns):
            # The column types are asked for once, not with each insert.
            context = client.create_insert_context(table, list(columns), database=self.database, column_oriented=True)
            self._inserts[table] = context
        context.data = list(zip(*rows, strict=True))
        try:
            client.data_insert(context)
        finally:
            context.data = None

    def _connected(self) -> Client:
        if self._client is None:
            c = self.connection
            self._client = clickhouse_connect.get_client(
                host=c.host,
                port=c.port,
                username=c.username,
                password=c.password.get_secret_value(),
                secure=c.secure,
                ca_cert=str(c.ca_cert) if c.ca_cert else None,
                connect_timeout=int(c.connect_timeout) or 1,
                send_receive_timeout=int(c.send_receive_timeout) or 1,
                client_name="touchpath",
                # Two statements of one session may not run at once, and we need nothing that a session keeps.
                autogenerate_session_id=False,
                # Our retries, not urllib3's beneath them.
                query_retries=0,
            )
        return self._client

    def _tried(self, do: Callable[[Client], Result]) -> Result:
        pauses = iter(self._retries)
        while True:
            try:
                return do(self._connected())
            except DataError as error:
                raise StoreRefusedError(f"data that does not fit its column: {error}") from error
            except (OperationalError, OSError) as error:
                # A server that went away may come back as another one: forget what we know of its tables.
                self.close()
                pause = next(pauses, None)
                if pause is None:
                    raise StoreUnreachableError(
                        f"ClickHouse at {self.address} does not answer: {_root(error)}"
                    ) from error
                log.info("ClickHouse at %s does not answer, next try in %g s: %s", self.address, pause, _root(error))
                time.sleep(pause)
            except ClickHouseError as error:
                raise StoreRefusedError(str(error)) from error


def _root(error: BaseException) -> BaseException:
    """Give what the system said (connection refused, no such name), out of the errors that libraries laid around it."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.errno is not None:
            return inner
        inner = inner.__cause__ or inner.__context__
    return error
