"""CityHash128 in the version that ClickHouse froze (1.0.2), for the checksums of compressed blocks. Pure.

Later versions of CityHash give other values. A test compares with blocks that the engine itself wrote.
"""

from __future__ import annotations

import struct

_MASK = (1 << 64) - 1
_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F
_K3 = 0xC949D7C7509E6557
_MUL = 0x9DDFEA08EB382D69
_LONG = 128


def cityhash128(data: bytes) -> tuple[int, int]:
    """Return the lower and the upper 64 bits of the hash."""
    if len(data) >= 16:
        low, high = struct.unpack_from("<QQ", data)
        return _seeded(data[16:], low ^ _K3, high)
    if len(data) >= 8:
        low, high = _u64(data, 0), _u64(data, len(data) - 8)
        return _seeded(b"", low ^ (len(data) * _K0) & _MASK, high ^ _K1)
    return _seeded(data, _K0, _K1)


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _rotate(value: int, by: int) -> int:
    return (value >> by) | (value << (64 - by)) & _MASK


def _mix(value: int) -> int:
    return value ^ (value >> 47)


def _fold(low: int, high: int) -> int:
    """Fold 128 bits into 64."""
    first = _mix((low ^ high) * _MUL & _MASK)
    return _mix((high ^ first) * _MUL & _MASK) * _MUL & _MASK


def _seeded(data: bytes, low: int, high: int) -> tuple[int, int]:
    return _short(data, low, high) if len(data) < _LONG else _long(data, low, high)


def _up_to_16(data: bytes) -> int:
    size = len(data)
    if size > 8:
        first, last = _u64(data, 0), _u64(data, size - 8)
        return _fold(first, _rotate((last + size) & _MASK, size)) ^ last
    if size >= 4:
        first, last = (int.from_bytes(part, "little") for part in (data[:4], data[-4:]))
        return _fold((size + (first << 3)) & _MASK, last)
    if size:
        pair = data[0] + (data[size >> 1] << 8)
        tail = size + (data[-1] << 2)
        return _mix((pair * _K2 ^ tail * _K3) & _MASK) * _K2 & _MASK
    return _K2


def _short(data: bytes, a: int, b: int) -> tuple[int, int]:
    size = len(data)
    if size <= 16:
        a = _mix(a * _K1 & _MASK) * _K1 & _MASK
        c = (b * _K1 + _up_to_16(data)) & _MASK
        d = _mix((a + (_u64(data, 0) if size >= 8 else c)) & _MASK)
    else:
        c = _fold((_u64(data, size - 8) + _K1) & _MASK, a)
        d = _fold((b + size) & _MASK, (c + _u64(data, size - 16)) & _MASK)
        a = (a + d) & _MASK
        for at in range(0, size - 16, 16):
            a = (a ^ _mix(_u64(data, at) * _K1 & _MASK) * _K1 & _MASK) * _K1 & _MASK
            b ^= a
            c = (c ^ _mix(_u64(data, at + 8) * _K1 & _MASK) * _K1 & _MASK) * _K1 & _MASK
            d ^= c
    a, b = _fold(a, c), _fold(d, b)
    return a ^ b, _fold(b, a)


def _weak(words: tuple[int, ...], a: int, b: int) -> tuple[int, int]:
    """Mix 32 bytes, as four words, into two seeds."""
    first, second, third, fourth = words
    a = (a + first) & _MASK
    b = _rotate((b + a + fourth) & _MASK, 21)
    kept = a
    a = (a + second + third) & _MASK
    b = (b + _rotate(a, 44)) & _MASK
    return (a + fourth) & _MASK, (b + kept) & _MASK


def _long(data: bytes, low: int, high: int) -> tuple[int, int]:
    size = len(data)
    x, y, z = low, high, size * _K1 & _MASK
    v0 = (_rotate(y ^ _K1, 49) * _K1 + _u64(data, 0)) & _MASK
    v1 = (_rotate(v0, 42) * _K1 + _u64(data, 8)) & _MASK
    w0 = (_rotate((y + z) & _MASK, 35) * _K1 + x) & _MASK
    w1 = _rotate((x + _u64(data, 88)) & _MASK, 53) * _K1 & _MASK
    whole = size - size % _LONG
    eight = struct.Struct("<8Q")
    for at in range(0, whole, 64):
        s = eight.unpack_from(data, at)
        x = _rotate((x + y + v0 + s[2]) & _MASK, 37) * _K1 & _MASK
        y = _rotate((y + v1 + s[6]) & _MASK, 42) * _K1 & _MASK
        x ^= w1
        y ^= v0
        z = _rotate(z ^ w0, 33)
        v0, v1 = _weak(s[:4], v1 * _K1 & _MASK, (x + w0) & _MASK)
        w0, w1 = _weak(s[4:], (z + w1) & _MASK, y)
        z, x = x, z
    y = (y + _rotate(w0, 37) * _K0 + z) & _MASK
    x = (x + _rotate((v0 + z) & _MASK, 49) * _K0) & _MASK
    # What is left goes in from the end, 32 bytes at a time; the last step may reach back into hashed bytes.
    left = size - whole
    done = 0
    while done < left:
        done += 32
        at = size - done
        y = (_rotate((y - x) & _MASK, 42) * _K0 + v1) & _MASK
        w0 = (w0 + _u64(data, at + 16)) & _MASK
        x = (_rotate(x, 49) * _K0 + w0) & _MASK
        w0 = (w0 + v0) & _MASK
        v0, v1 = _weak(struct.unpack_from("<4Q", data, at), v0, v1)
    x, y = _fold(x, v0), _fold(y, w0)
    return (_fold((x + v1) & _MASK, w1) + y) & _MASK, _fold((x + w1) & _MASK, (y + v1) & _MASK)
