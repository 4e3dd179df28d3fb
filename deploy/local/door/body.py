"""The request's body as plain bytes: decoded, bounded, with the statement's text split from an INSERT's data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from deploy.local.door.codecs import Decoder
from deploy.local.door.errors import DoorError
from deploy.local.door.native_blocks import BlockReader
from deploy.local.door.sql_text import Insert, insert_with_data

# An INSERT's head must end within this; a server's `max_query_size` is the same.
HEAD_BYTES = 256 * 1024
# A statement that is all text (INSERT … SELECT, a long IN list) may be longer, but is held in memory.
TEXT_BYTES = 16 * 1024 * 1024
# Data goes to the engine in pieces of at least this, except for the last one.
PIECE_BYTES = 1 << 20


@dataclass
class Statement:
    """A statement's text; when it is an INSERT with data, `data` yields the data and the text ends before it."""

    text: bytes
    insert: Insert | None
    data: AsyncIterator[bytes]


class Body:
    """Pieces of the request's body on their way from the wire's encoding to plain bytes."""

    def __init__(self, pieces: AsyncIterator[bytes], encoding: str, *, native: bool, limit: int) -> None:
        self._pieces = pieces
        self._decoder = Decoder(encoding) if encoding not in ("", "identity") else None
        self._blocks = BlockReader() if native else None
        self._limit = limit

    async def plain(self) -> AsyncIterator[bytes]:
        """Yield plain bytes; raises `DoorError` for a broken or too large body."""
        seen = 0
        async for arrived in self._pieces:
            for piece in self._decode(arrived):
                seen += len(piece)
                if seen > self._limit:
                    what = f"The request's body is larger than {self._limit} bytes when unpacked"
                    raise DoorError(1001, "REQUEST_TOO_LARGE", what)
                yield piece
        if self._decoder is not None:
            self._decoder.end()
        if self._blocks is not None:
            self._blocks.end()

    def _decode(self, arrived: bytes) -> Iterator[bytes]:
        decoded = self._decoder.feed(arrived) if self._decoder is not None else iter((arrived,))
        if self._blocks is None:
            return decoded
        return (plain for piece in decoded for plain in self._blocks.feed(piece))


async def read_statement(query: str, plain: AsyncIterator[bytes]) -> Statement:
    """Read as much of the body as the statement needs; raises `DoorError` when its text is too long."""
    text = bytearray(query.encode())
    if text:
        text += b"\n"
        insert = insert_with_data(bytes(text))
        if insert is not None:
            return Statement(insert.head, insert, _in_pieces(bytes(text[insert.data_at :]), plain))
    looked_for_insert = False
    async for piece in plain:
        text += piece
        if len(text) >= HEAD_BYTES and not looked_for_insert:
            looked_for_insert = True
            insert = insert_with_data(bytes(text))
            if insert is not None:
                return Statement(insert.head, insert, _in_pieces(bytes(text[insert.data_at :]), plain))
        if len(text) > TEXT_BYTES:
            raise DoorError(62, "QUERY_IS_TOO_LARGE", f"The statement is longer than {TEXT_BYTES} bytes")
    insert = None if looked_for_insert else insert_with_data(bytes(text))
    if insert is not None:
        return Statement(insert.head, insert, _in_pieces(bytes(text[insert.data_at :]), plain))
    return Statement(bytes(text), None, _in_pieces(b"", plain))


async def _in_pieces(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    gathered = bytearray(first)
    async for piece in rest:
        gathered += piece
        if len(gathered) >= PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
