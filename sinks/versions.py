"""The version of a row: which of several copies stays. Pure; one place, since every table's truth hangs on it.

    64 bits = epoch (12) | revision, or the place in the topic (52)

The epoch is the ordinal of the broker cluster, so what a newer cluster says of the same id replaces what an older one
said: revisions begin anew where the worker's state does.
"""

from __future__ import annotations

MAX_EPOCH = (1 << 12) - 1
_REST = (1 << 52) - 1
_MAX_PARTITION = (1 << 12) - 1
_MAX_OFFSET = (1 << 40) - 1


def by_revision(epoch: int, revision: int) -> int:
    """Give the version under which the highest revision of the newest epoch stays."""
    return epoch << 52 | min(revision, _REST)


def first_in_epoch(epoch: int, partition: int, offset: int) -> int:
    """Give the version under which the first landing in the newest epoch stays: the fold, too, counts the first."""
    return epoch << 52 | _place_backwards(partition, offset)


def first_ever(epoch: int, partition: int, offset: int) -> int:
    """Give the version under which the first landing in the oldest epoch stays."""
    return (MAX_EPOCH - epoch) << 52 | _place_backwards(partition, offset)


def _place_backwards(partition: int, offset: int) -> int:
    return (_MAX_OFFSET - min(offset, _MAX_OFFSET)) << 12 | (_MAX_PARTITION - min(partition, _MAX_PARTITION))
