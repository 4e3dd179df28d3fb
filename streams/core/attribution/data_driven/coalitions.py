"""Paths as sets: which names a path has, in any order, and how often that set converted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.core.attribution.data_driven.arrays import Floats, Ints, tally
from streams.core.attribution.data_driven.paths import Paths


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """Distinct sets of names. Set i is `members[offsets[i]:offsets[i + 1]]`, in order of code; never empty.

    `of_path` is each path's set. The counts of a set are those of its paths, added up.
    """

    names: int
    members: Ints
    offsets: Ints
    of_path: Ints
    converting: Floats
    journeys: Floats

    def __len__(self) -> int:
        return len(self.converting)

    def counted(self, converting: Floats, journeys: Floats) -> Sets:
        """Give the same sets with other counts."""
        return Sets(self.names, self.members, self.offsets, self.of_path, converting, journeys)


def sets_of(paths: Paths) -> Sets:
    """Give the distinct sets of names that the paths have, with their counts; two paths of one set are one."""
    words = _words(paths)
    if not len(words):
        none = np.empty(0, np.int64)
        return Sets(len(paths.names), none, np.zeros(1, np.int64), none, np.empty(0), np.empty(0))
    order = np.lexsort(words.T)
    new = np.ones(len(order), np.bool_)
    new[1:] = np.any(words[order[1:]] != words[order[:-1]], axis=1)
    of_path = np.empty(len(order), np.int64)
    of_path[order] = np.cumsum(new) - 1
    kept = words[order[new]]
    members = np.nonzero(np.unpackbits(kept.view(np.uint8), axis=1, bitorder="little"))
    offsets = np.concatenate(([0], np.cumsum(np.bincount(members[0], minlength=len(kept)))))
    count = len(kept)
    return Sets(
        len(paths.names),
        members[1].astype(np.int64),
        offsets,
        of_path,
        tally(of_path, paths.converting, count),
        tally(of_path, paths.journeys, count),
    )


def _words(paths: Paths) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    """Give a row of 64-bit words for each path, a bit for each name."""
    width = max((len(paths.names) + 63) // 64, 1)
    words = np.zeros((len(paths), width), "<u8")
    for some, touches in paths.blocks():
        codes = paths.codes[touches].astype(np.uint64)
        begins = paths.offsets[some] - touches.start
        bit = np.left_shift(np.uint64(1), codes & np.uint64(63))
        for word in range(width):
            mine = bit if width == 1 else np.where(codes >> np.uint64(6) == word, bit, np.uint64(0))
            words[some, word] = np.bitwise_or.reduceat(mine, begins)
    return words
