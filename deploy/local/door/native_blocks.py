"""ClickHouse's own block compression, which JDBC asks for with compress=1 and decompress=1. Pure.

A block: 16 bytes checksum (CityHash128, the version that ClickHouse froze), then method (1 byte), size with
these 9 bytes and size of the plain data (4 bytes each, little endian), then the packed data.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator

import lz4.block  # type: ignore[import-untyped] # ships no types

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from deploy.local.door.cityhash import cityhash128
from deploy.local.door.errors import DoorError

_HEAD = struct.Struct("<BII")
_CHECKSUM_BYTES = 16
_LZ4, _ZSTD, _NONE = 0x82, 0x90, 0x02
# Blocks that we write are small, since the checksum is plain Python; those that we read may be large.
_WRITE_BYTES = 64 * 1024
_READ_BYTES = 1 << 28


class BlockReader:
    """Unpacks a stream of blocks, cut anywhere."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the plain data of each block that is whole; raises `DoorError`."""
        self._buffer += data
        while len(self._buffer) >= _CHECKSUM_BYTES + _HEAD.size:
            method, packed_size, plain_size = _HEAD.unpack_from(self._buffer, _CHECKSUM_BYTES)
            if packed_size < _HEAD.size or max(packed_size, plain_size) > _READ_BYTES:
                raise _broken("the sizes in a block's head are impossible")
            end = _CHECKSUM_BYTES + packed_size
            if len(self._buffer) < end:
                return
            # The checksum is not verified: it guards against networks and disks, and this is one machine.
            packed = bytes(self._buffer[_CHECKSUM_BYTES + _HEAD.size : end])
            del self._buffer[:end]
            yield _unpack(method, packed, plain_size)

    def end(self) -> None:
        """Raise `DoorError` when the last block is not whole."""
        if self._buffer:
            raise _broken("the body ends in the middle of a block")


class BlockWriter:
    """Packs a response into blocks with LZ4; an `Encoder`."""

    def feed(self, piece: bytes) -> bytes:
        """Return the piece as blocks."""
        return b"".join(_pack(piece[start : start + _WRITE_BYTES]) for start in range(0, len(piece), _WRITE_BYTES))

    def end(self) -> bytes:
        """Return nothing: blocks are whole."""
        return b""


def _pack(plain: bytes) -> bytes:
    packed = lz4.block.compress(plain, store_size=False)
    block: bytes = _HEAD.pack(_LZ4, _HEAD.size + len(packed), len(plain)) + packed
    low, high = cityhash128(block)
    return struct.pack("<QQ", low, high) + block


def _unpack(method: int, packed: bytes, plain_size: int) -> bytes:
    try:
        if method == _LZ4:
            plain = bytes(lz4.block.decompress(packed, uncompressed_size=plain_size))
        elif method == _ZSTD:
            plain = zstd.ZstdDecompressor().decompress(packed, max_length=plain_size + 1)
        elif method == _NONE:
            plain = packed
        else:
            raise _broken(f"method {method:#x} is neither LZ4 (0x82) nor ZSTD (0x90) nor none (0x02)")
    except (RuntimeError, ValueError, lz4.block.LZ4BlockError, zstd.ZstdError) as cause:
        raise _broken(str(cause)) from cause
    if len(plain) != plain_size:
        raise _broken("a block's data is not as long as its head says")
    return plain


def _broken(why: str) -> DoorError:
    return DoorError(271, "CANNOT_DECOMPRESS", f"decompress=1 wants ClickHouse's compressed blocks: {why}")
