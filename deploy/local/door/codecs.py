"""Content encodings of request and response bodies, piece by piece and bounded. Pure.

A compressed body may hold several frames one after the other: clients compress each block on its own.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import lz4.frame  # type: ignore[import-untyped] # ships no types

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from deploy.local.door.errors import DoorError

# The largest piece that decompression may make at once, whatever the body claims.
PIECE_BYTES = 1 << 20


class Frame(Protocol):
    """One frame being decompressed, as the standard library's decompressors do it."""

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether everything that could be made from the input so far was made."""

    @property
    def unused_data(self) -> bytes:
        """What came behind the frame's end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes."""


class _ZlibFrame:
    """zlib with the interface of the other decompressors."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits=wbits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


_FRAMES: dict[str, Callable[[], Frame]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
    "gzip": lambda: _ZlibFrame(31),
    "deflate": lambda: _ZlibFrame(15),
}


class Decoder:
    """Turns an encoded body into the plain one; `feed` what arrives, then `end`."""

    def __init__(self, encoding: str) -> None:
        if encoding not in _FRAMES:
            known = ", ".join(_FRAMES)
            raise DoorError(48, "NOT_IMPLEMENTED", f"Content-Encoding {encoding!r} is not known here, only {known}")
        self._encoding = encoding
        self._frame: Frame | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield plain pieces of at most `PIECE_BYTES`; raises `DoorError` for bytes that are no such encoding."""
        try:
            while data or (self._frame is not None and not self._frame.needs_input):
                if self._frame is None:
                    self._frame = _FRAMES[self._encoding]()
                piece = self._frame.decompress(data, PIECE_BYTES)
                data = b""
                if piece:
                    yield piece
                if self._frame.eof:
                    data, self._frame = self._frame.unused_data, None
        except (RuntimeError, zlib.error, zstd.ZstdError, EOFError) as cause:
            raise DoorError(271, "CANNOT_DECOMPRESS", f"The body is not valid {self._encoding}: {cause}") from cause

    def end(self) -> None:
        """Raise `DoorError` when the last frame is not whole."""
        if self._frame is not None:
            raise DoorError(271, "CANNOT_DECOMPRESS", f"The {self._encoding} body ends in the middle of a frame")


class Encoder(Protocol):
    """Turns a plain response body into an encoded one."""

    def feed(self, piece: bytes) -> bytes:
        """Return what can be sent so far, maybe nothing."""

    def end(self) -> bytes:
        """Return the rest."""


class Identity:
    """No encoding."""

    def feed(self, piece: bytes) -> bytes:
        """Return the piece itself."""
        return piece

    def end(self) -> bytes:
        """Return nothing."""
        return b""


class _Lz4:
    def __init__(self) -> None:
        self._inner: Any = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def feed(self, piece: bytes) -> bytes:
        head = b"" if self._begun else self._inner.begin()
        self._begun = True
        return bytes(head + self._inner.compress(piece))

    def end(self) -> bytes:
        return bytes(self._inner.flush()) if self._begun else bytes(lz4.frame.compress(b""))


class _Flushing:
    """An encoder out of any object with `compress` and `flush`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def feed(self, piece: bytes) -> bytes:
        return bytes(self._inner.compress(piece))

    def end(self) -> bytes:
        return bytes(self._inner.flush())


_ENCODERS: dict[str, Callable[[], Encoder]] = {
    "lz4": _Lz4,
    "zstd": lambda: _Flushing(zstd.ZstdCompressor(level=1)),
    "gzip": lambda: _Flushing(zlib.compressobj(level=3, wbits=31)),
    "deflate": lambda: _Flushing(zlib.compressobj(level=3, wbits=15)),
}


def choose_encoding(accepted: str) -> str | None:
    """Return the first known encoding of an Accept-Encoding header that is not refused with q=0."""
    for part in accepted.lower().split(","):
        name, _, quality = part.strip().partition(";")
        if name.strip() in _ENCODERS and quality.replace(" ", "") not in ("q=0", "q=0.0"):
            return name.strip()
    return None


def encoder(encoding: str | None) -> Encoder:
    """Return a new encoder; None means no encoding."""
    return Identity() if encoding is None else _ENCODERS[encoding]()
