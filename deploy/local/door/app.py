"""The door as an ASGI application: requests in, statements to the engine, answers out piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import string
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread
from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from deploy.local.door import formats
from deploy.local.door.access import Access
from deploy.local.door.body import Body, Statement, read_statement
from deploy.local.door.call import Call, read_call
from deploy.local.door.codecs import Encoder, choose_encoding, encoder
from deploy.local.door.engine import Answer, Engine, EngineConnection, ResultStream
from deploy.local.door.errors import DoorError
from deploy.local.door.native_blocks import BlockWriter
from deploy.local.door.sessions import Session, Sessions
from deploy.local.door.sql_text import changes_session, is_select, is_several, only_reads, result_format

P = ParamSpec("P")
T = TypeVar("T")

READONLY = "2"  # reads, and settings of its own; what a server gives to GET
TAG_LETTERS = string.ascii_lowercase
NO_SUMMARY = Answer(b"")


@dataclass(frozen=True)
class Limits:
    """How much the door takes on: statements at the same time, and bytes of one unpacked body."""

    running: int = 32
    body_bytes: int = 4 << 30


@dataclass
class Lease:
    """A connection for one statement, with what must happen to it afterwards."""

    connection: EngineConnection
    session: Session | None
    restore: Mapping[str, str]


class Door:
    """ASGI application that speaks ClickHouse's HTTP interface for one engine."""

    def __init__(self, engine: Engine, access: Access, limits: Limits | None = None) -> None:
        self._engine = engine
        self._access = access
        self._limits = limits or Limits()
        self._sessions = Sessions()
        self._threads = anyio.CapacityLimiter(self._limits.running + 4)
        self._running = 0
        self._closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        answer = _Answer(send, self._engine, scope["method"] == "HEAD")
        try:
            await self._route(request, answer)
        except ClientDisconnect:
            return
        except DoorError as error:
            await answer.fail(error)
        await answer.release()

    async def close(self) -> None:
        """Take no more statements, cancel those that run, wait until they have ended, close all sessions."""
        self._closing = True
        while self._running:
            # Again and again: a statement may be just about to begin.
            await self._run(self._engine.cancel_all)
            await asyncio.sleep(0.05)
        for connection in self._sessions.all():
            await self._run(connection.close)

    async def _route(self, request: Request, answer: _Answer) -> None:
        path, method = request.url.path, request.method
        if path in ("/ping", "/replicas_status"):
            await answer.text(200, "Ok.\n")
        elif path != "/":
            await answer.text(404, f"There is no handle {path}\n")
        elif method not in ("GET", "HEAD", "POST", "PUT"):
            await answer.text(405, f"Method {method} is not supported\n")
        elif method == "HEAD" or (method == "GET" and "query" not in request.query_params):
            await answer.text(200, "Ok.\n")
        else:
            await self._statement(request, answer)

    async def _statement(self, request: Request, answer: _Answer) -> None:
        self._access.check_caller(request.headers)
        call = read_call(request.method, _pairs(request.query_params), request.headers)
        answer.call = call
        self._access.check_user(call)
        if "multipart/form-data" in request.headers.get("content-type", ""):
            raise DoorError(
                48, "NOT_IMPLEMENTED", "Multipart forms (external tables) are not supported by the local door"
            )
        if self._closing:
            raise DoorError(745, "SERVER_OVERLOADED", "The door is closing")
        if self._running >= self._limits.running:
            raise DoorError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"Already {self._running} statements are running")
        self._running += 1
        try:
            encoding = request.headers.get("content-encoding", "").lower()
            body = Body(request.stream(), encoding, native=call.native_in, limit=self._limits.body_bytes)
            statement = await read_statement(call.query, body.plain())
            _refuse(call, statement)
            tag = call.settings.get("log_comment") or secrets.token_hex(8)
            lease = await self._lease(call, statement, tag)
            try:
                await self._execute(request, answer, call, statement, lease, tag)
            finally:
                await self._give_back(lease)
        finally:
            self._running -= 1

    async def _lease(self, call: Call, statement: Statement, tag: str) -> Lease:
        for expired in self._sessions.expired():
            await self._run(expired.close)
        session = self._sessions.take(call.session_id) if call.session_id else None
        if session is None and call.session_check:
            raise DoorError(372, "SESSION_NOT_FOUND", f"Session {call.session_id} not found")
        settings = {"log_comment": tag, **call.settings}
        keeps = call.session_id is not None and changes_session(statement.text)
        if session is None and not keeps:
            if call.readonly:
                # Last: after it nothing else could be set, nor it be unset.
                settings["readonly"] = READONLY
            return Lease(await self._run(self._engine.connect, settings, call.database), None, {})
        connection = session.connection if session else await self._run(self._engine.connect)
        lease = Lease(connection, session, {})
        try:
            if session is None and call.session_id is not None:
                lease.session = self._sessions.keep(call.session_id, connection, call.session_timeout)
            lease.restore = await self._run(connection.setting_values, list(settings))
            await self._run(connection.apply, settings, call.database)
        except BaseException:
            await self._give_back(lease)
            raise
        return lease

    async def _give_back(self, lease: Lease) -> None:
        with anyio.CancelScope(shield=True):
            if lease.session is None:
                await self._run(lease.connection.close)
                return
            with contextlib.suppress(DoorError):
                await self._run(lease.connection.apply, lease.restore)
            self._sessions.give_back(lease.session)

    async def _execute(
        self, request: Request, answer: _Answer, call: Call, statement: Statement, lease: Lease, tag: str
    ) -> None:
        if statement.insert is not None and not call.params:
            written = await self._insert(statement, statement.insert.format, lease.connection)
            await answer.whole("", written)
            return
        text = statement.text
        if statement.insert is not None:
            # Values with parameters in them: only the engine's own parser can put them together.
            text = text + statement.insert.clause + b"".join([piece async for piece in statement.data])
        out = result_format(text) or call.default_format
        answer.encoding(request.headers)
        async with self._cancelled_when_gone(request, tag, only=is_select(text)):
            if is_select(text) and formats.can_stream(out) and not call.wait_end:
                await self._stream(answer, text, out, call, lease.connection)
            else:
                done = await self._run(lease.connection.query, text, out, call.params)
                await answer.whole(out, done)

    async def _insert(self, statement: Statement, in_format: str, connection: EngineConnection) -> Answer:
        sink = await self._run(connection.insert, statement.text, in_format)
        try:
            async for piece in statement.data:
                await self._run(sink.append, piece)
            return await self._run(sink.finish)
        finally:
            # A client that goes away in the middle has not inserted anything; after `finish` this does nothing.
            with anyio.CancelScope(shield=True), contextlib.suppress(DoorError, RuntimeError):
                await self._run(sink.cancel)

    async def _stream(self, answer: _Answer, text: bytes, out: str, call: Call, connection: EngineConnection) -> None:
        result = await self._run(connection.stream, text, out, call.params)
        try:
            # The first piece comes before the status, so that most errors still get one.
            piece = await self._run(result.fetch)
            if piece is None and formats.has_header(out):
                # No piece, no header; a driver wants the columns of an empty result too.
                await answer.whole(out, await self._run(connection.query, text, out, call.params))
                return
            await answer.begin(out, NO_SUMMARY)
            try:
                while piece is not None:
                    piece = await answer.piece_and_next(piece, result, out, self._run_fetch)
            except DoorError as error:
                await answer.break_off(error)
                return
            await answer.end()
        finally:
            with anyio.CancelScope(shield=True):
                await self._run(result.close)

    async def _run_fetch(self, result: ResultStream) -> bytes | None:
        return await self._run(result.fetch)

    @contextlib.asynccontextmanager
    async def _cancelled_when_gone(self, request: Request, tag: str, *, only: bool) -> AsyncIterator[None]:
        """Cancel a SELECT in the engine when its client closes the connection."""

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            await self._run(self._engine.cancel, tag)

        watcher = asyncio.create_task(watch()) if only else None
        try:
            yield
        finally:
            if watcher is not None:
                watcher.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watcher

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run in a thread: the engine blocks, and pings must be answered meanwhile."""
        return await anyio.to_thread.run_sync(lambda: function(*args, **kwargs), limiter=self._threads)


def _refuse(call: Call, statement: Statement) -> None:
    text = statement.text
    if not text.strip():
        raise DoorError(62, "SYNTAX_ERROR", "Empty query")
    if statement.insert is None and is_several(text):
        raise DoorError(62, "SYNTAX_ERROR", "Multi-statements are not allowed")
    if call.readonly and call.session_id and not only_reads(text):
        # A session's connection cannot be made readonly for one statement only.
        raise DoorError(164, "READONLY", "Cannot execute query in readonly mode. GET requests are readonly, use POST")


def _pairs(params: QueryParams) -> list[tuple[str, str]]:
    return params.multi_items()


class _Answer:
    """The response of one request: headers, encoding, and the ways to end badly.

    What completes a response is held until `release`: when a client has read an answer, its session and its
    connection must be free, for its next request may come at once.
    """

    def __init__(self, send: Send, engine: Engine, head_only: bool) -> None:
        self._send = send
        self._engine = engine
        self._head_only = head_only
        self._encoding: str | None = None
        self._encoder: Encoder = encoder(None)
        self._tag = "".join(secrets.choice(TAG_LETTERS) for _ in range(16))
        self._begun = False
        self._held: list[Message] = []
        self.call: Call | None = None

    def encoding(self, headers: Headers) -> None:
        """Choose the response's encoding: blocks of ClickHouse's own, or what HTTP agreed on."""
        assert self.call is not None  # noqa: S101 - set before any statement runs
        if self.call.native_out:
            self._encoder = BlockWriter()
        elif self.call.accept_compressed:
            self._encoding = choose_encoding(headers.get("accept-encoding", ""))
            self._encoder = encoder(self._encoding)

    async def text(self, status: int, text: str) -> None:
        await self._start(status, {"content-type": "text/plain; charset=UTF-8"}, len(text.encode()))
        await self._part(text.encode(), more=False)

    async def fail(self, error: DoorError) -> None:
        """Answer an error, which must be possible still."""
        if self._begun:
            return
        body = (error.text + "\n").encode()
        headers = {"content-type": "text/plain; charset=UTF-8", "x-clickhouse-exception-code": str(error.code)}
        if error.status in (401, 403):
            headers["www-authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        await self._start(error.status, headers | self._about(), len(body))
        await self._part(body, more=False)

    async def whole(self, out: str, done: Answer) -> None:
        """Answer a result that is complete."""
        body = self._encoder.feed(done.body) + self._encoder.end() if done.body else b""
        await self._start(200, self._result_headers(out, done, encoded=bool(body)), len(body))
        await self._part(body, more=False)

    async def begin(self, out: str, done: Answer) -> None:
        await self._start(200, self._result_headers(out, done, encoded=True), None)

    async def piece_and_next(
        self,
        piece: bytes,
        result: ResultStream,
        out: str,
        fetch: Callable[[ResultStream], Awaitable[bytes | None]],
    ) -> bytes | None:
        """Send a piece, return the next one without its header."""
        await self._part(self._encoder.feed(piece), more=True)
        following = await fetch(result)
        return None if following is None else formats.without_header(out, following)

    async def end(self) -> None:
        await self._part(self._encoder.end(), more=False)

    async def break_off(self, error: DoorError) -> None:
        """Write the exception behind what was sent, between the marks that the header announced."""
        text = error.text.encode() + b"\n"
        tag = self._tag.encode()
        mark = b"\r\n__exception__\r\n"
        block = mark + tag + b"\r\n" + text + b"%d " % len(text) + tag + mark
        await self._part(self._encoder.feed(block) + self._encoder.end(), more=False)

    def _result_headers(self, out: str, done: Answer, *, encoded: bool) -> dict[str, str]:
        headers = self._about() | {
            "content-type": formats.content_type(out),
            "x-clickhouse-summary": _summary(done),
            "x-clickhouse-exception-tag": self._tag,
        }
        if out:
            headers["x-clickhouse-format"] = out
        if encoded and self._encoding is not None:
            headers["content-encoding"] = self._encoding
        return headers

    def _about(self) -> dict[str, str]:
        if self.call is None:
            return {}
        return {
            "x-clickhouse-query-id": self.call.query_id,
            "x-clickhouse-timezone": self.call.settings.get("session_timezone") or self._engine.timezone,
            "x-clickhouse-server-display-name": self._engine.display_name,
        }

    async def release(self) -> None:
        """Send what completes the response."""
        held, self._held = self._held, []
        for message in held:
            await self._send(message)

    async def _start(self, status: int, headers: Mapping[str, str], length: int | None) -> None:
        self._begun = True
        if length is not None:
            headers = {**headers, "content-length": str(length)}
        raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        message: Message = {"type": "http.response.start", "status": status, "headers": raw}
        if length is None:
            await self._send(message)
        else:
            self._held.append(message)  # with an empty body it is the whole response

    async def _part(self, body: bytes, *, more: bool) -> None:
        if body or not more:
            content = b"" if self._head_only else body
            message: Message = {"type": "http.response.body", "body": content, "more_body": more}
            if more:
                await self._send(message)
            else:
                self._held.append(message)


def _summary(done: Answer) -> str:
    return json.dumps(
        {
            "read_rows": str(done.read_rows),
            "read_bytes": str(done.read_bytes),
            "written_rows": str(done.written_rows),
            "written_bytes": str(done.written_bytes),
            # Drivers expect all of these; what the engine does not tell is 0.
            "total_rows_to_read": "0",
            "result_rows": str(done.read_rows or done.written_rows),
            "result_bytes": str(len(done.body)),
            "elapsed_ns": "0",
        },
        separators=(",", ":"),
    )
