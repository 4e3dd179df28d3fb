"""Offsets without holes: a reader's guard against a broker that shows a later batch before an earlier one.

Tansu gives offsets in order, but two producers' batches may become visible in the other order; a reader that goes on
behind the later one never sees the earlier. Its offsets have no holes (no transactions, no compaction of these topics),
so a hole is a batch that is about to appear: read again from there. Apache Kafka shows batches in order, and its holes
are markers.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

#: How the laptop's Tansu names its clusters.
DENSE_CLUSTERS = "tansu-"
#: Seconds after which a hole is taken for good: its producer has failed and sent the batch anew.
PATIENCE = 5.0

P = TypeVar("P")


def has_dense_offsets(cluster_id: str) -> bool:
    """Say whether a hole in the offsets of this cluster means records that are not visible yet."""
    return cluster_id.startswith(DENSE_CLUSTERS)


class HoleWatch(Generic[P]):
    """Finds holes; `P` names a partition. Time is an argument, in seconds."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._holes: dict[P, tuple[int, float]] = {}

    def sound(self, place: P, expected: int, offsets: Sequence[int], now: float) -> int:
        """Give how many of the records, in order, may be taken; before the next one there is a hole.

        Less than all: read again from behind the last that may be taken. Offsets below `expected` are no hole.
        """
        for index, offset in enumerate(offsets):
            if offset > expected:
                hole, since = self._holes.get(place, (-1, now))
                if hole != expected:
                    self._holes[place] = expected, now
                    return index
                if now - since < self._patience:
                    return index
            expected = max(expected, offset + 1)
        self._holes.pop(place, None)
        return len(offsets)
