"""Table stores: the state of one partition of one stage, bytes to bytes.

Each knows how far of its changelog it has taken in, so that recovery goes on from there.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch

Change = tuple[bytes, bytes | None]  # key, new value; None removes


class PartitionStore(Protocol):
    """State of one partition. Only its owner writes to it, after the changelog has been committed."""

    @property
    def changelog_offset(self) -> int:
        """Next offset of the changelog to take in; 0 for a store that is empty."""

    def get(self, key: bytes) -> bytes | None:
        """Read a value; `None` where there is none."""

    def apply(self, changes: Iterable[Change], changelog_offset: int) -> None:
        """Write the changes and the changelog's next offset, both or neither."""

    def keys_estimate(self) -> int:
        """Count the keys, roughly."""

    def wipe(self) -> None:
        """Forget everything; recovery starts from the beginning."""

    def close(self) -> None:
        """Let go of memory and files; what is on disk stays."""


class MemoryStore:
    """A dict. Freed when the partition goes."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.changelog_offset = 0
        self.get = self.data.get

    def apply(self, changes: Iterable[Change], changelog_offset: int) -> None:
        """See `PartitionStore`."""
        data = self.data
        for key, value in changes:
            if value is None:
                data.pop(key, None)
            else:
                data[key] = value
        self.changelog_offset = changelog_offset

    def keys_estimate(self) -> int:
        """See `PartitionStore`."""
        return len(self.data)

    def wipe(self) -> None:
        """See `PartitionStore`."""
        self.data.clear()
        self.changelog_offset = 0

    def close(self) -> None:
        """See `PartitionStore`."""
        self.wipe()


_WRITE_BUFFER_BYTES = 8 * 1024 * 1024  # RocksDB's own 64 MB, times partitions, times two, is no ceiling
_BLOOM_BITS = 10  # most reads of a new key end here
_DATA = b"k"
_OFFSET = b"m:changelog-offset"
_CHANGELOG = b"m:changelog"
_TOUCHED = b"m:touched"


class DiskStore:
    """RocksDB. Data and changelog offset go in one write batch, so a kill at any moment leaves them in step.

    Args:
        path: folder of this partition.
        changelog: identity of the changelog, e.g. cluster id and topic; another one on disk means start anew.
        max_idle: seconds after which a store that nobody wrote to starts anew, because the changelog may
            have dropped tombstones that it never saw.
        cache: blocks of all stores that share it; without one, each has a small one of its own.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        path: Path,
        changelog: str,
        max_idle: float,
        *,
        cache: Cache | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cache = cache
        self._path = path
        self._changelog = changelog.encode()
        self._clock = clock
        self._db = self._open()
        touched = self._db.get(_TOUCHED)
        stale = touched is None or clock() - float(touched) > max_idle
        if stale or self._db.get(_CHANGELOG) != self._changelog:
            self.wipe()
        self.changelog_offset = int(self._db.get(_OFFSET) or b"0")

    def _open(self) -> Rdict:
        self._path.mkdir(parents=True, exist_ok=True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_max_open_files(256)
        options.set_keep_log_file_num(2)
        options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
        options.set_max_write_buffer_number(2)
        blocks = BlockBasedOptions()
        blocks.set_bloom_filter(_BLOOM_BITS, False)
        blocks.set_cache_index_and_filter_blocks(True)
        if self._cache is not None:
            blocks.set_block_cache(self._cache)
        options.set_block_based_table_factory(blocks)
        return Rdict(str(self._path), options)

    def get(self, key: bytes) -> bytes | None:
        """See `PartitionStore`."""
        value: bytes | None = self._db.get(_DATA + key)
        return value

    def apply(self, changes: Iterable[Change], changelog_offset: int) -> None:
        """See `PartitionStore`."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes:
            if value is None:
                batch.delete(_DATA + key)
            else:
                batch.put(_DATA + key, value)
        batch.put(_OFFSET, b"%d" % changelog_offset)
        batch.put(_CHANGELOG, self._changelog)
        batch.put(_TOUCHED, b"%f" % self._clock())
        self._db.write(batch)
        self.changelog_offset = changelog_offset

    def keys_estimate(self) -> int:
        """See `PartitionStore`."""
        return self._db.property_int_value("rocksdb.estimate-num-keys") or 0

    def wipe(self) -> None:
        """See `PartitionStore`."""
        self._db.close()
        shutil.rmtree(self._path)
        self._db = self._open()
        self.changelog_offset = 0

    def close(self) -> None:
        """See `PartitionStore`."""
        self._db.close()


class StoreShelf:
    """The open stores of a worker: one per stage and partition that it owns."""

    def __init__(self, make: Callable[[str, int], PartitionStore]) -> None:
        self._make = make
        self._open: dict[tuple[str, int], PartitionStore] = {}

    def keep_only(self, owned: set[tuple[str, int]]) -> None:
        """Close the stores of partitions that went to somebody else."""
        for place in set(self._open) - owned:
            self._open.pop(place).close()

    def take(self, stage: str, partition: int) -> PartitionStore:
        """Open a store, or give the one that is open."""
        place = (stage, partition)
        if place not in self._open:
            self._open[place] = self._make(stage, partition)
        return self._open[place]

    def items(self) -> list[tuple[tuple[str, int], PartitionStore]]:
        """List the open stores by stage and partition."""
        return sorted(self._open.items(), key=lambda item: item[0])
