"""Which partition a key belongs to: murmur2, as Kafka's own clients in every language have it."""

from __future__ import annotations

import struct
from functools import lru_cache

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995
_SEED = 0x9747B28C


def murmur2(data: bytes) -> int:
    """Hash `data` to an unsigned 32-bit number."""
    length = len(data)
    h = _SEED ^ length
    whole = length >> 2
    for k in struct.unpack_from(f"<{whole}I", data):
        k = (k * _M) & _MASK  # noqa: PLW2901 - the mixing is clearest in place
        k = ((k ^ (k >> 24)) * _M) & _MASK  # noqa: PLW2901
        h = ((h * _M) & _MASK) ^ k
    rest = data[whole << 2 :]
    if rest:
        h = ((h ^ int.from_bytes(rest, "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """Partition of `key` in a topic of that many partitions; remembered, as keys come again and again."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
