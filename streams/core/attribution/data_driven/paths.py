"""Paths as flat arrays: what every model here is fitted on, and what it costs to hold a million of them.

The touches of all paths stand one behind the other as codes of names; `offsets` says where each path begins. So
transitions are counted by numpy, and no path is a Python object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from streams.core.attribution.data_driven.arrays import AnyInts, Flags, Ints

#: So many touches are worked on at once: what is calculated between two arrays stays in the processor's cache.
BLOCK = 1 << 16
#: So many (path, name) places are marked at once.
_PLACES = 1 << 22
#: Sums of counts are exact in float64 up to here.
MOST = 2**53


class PathError(ValueError):
    """The paths cannot be meant. The message says what is wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Distinct paths with how often each was walked with and without a conversion, and what it was worth.

    Path i is `codes[offsets[i]:offsets[i + 1]]`, at least one touch; a code is the place of its name in `names`.
    `value` is in minor units of one currency. Journeys without any touch are no paths; they are counted in
    `pathless` (with a conversion) so that nothing goes missing.
    """

    names: tuple[str, ...]
    codes: AnyInts
    offsets: Ints
    converting: Ints
    others: Ints
    value: Ints
    pathless: int = 0
    pathless_value: int = 0

    def __len__(self) -> int:
        return len(self.converting)

    @property
    def lengths(self) -> Ints:
        """Touches of each path."""
        return np.diff(self.offsets)

    @property
    def journeys(self) -> Ints:
        """How often each path was walked."""
        return self.converting + self.others

    @property
    def conversions(self) -> int:
        """Conversions that have a path."""
        return int(self.converting.sum())

    @property
    def rate(self) -> float:
        """The observed conversion rate of journeys with a path."""
        walked = int(self.journeys.sum())
        return self.conversions / walked if walked else 0.0

    def counted(self, converting: Ints, others: Ints) -> Paths:
        """Give the same paths walked as often as this; the value of a conversion of each path stays."""
        each = np.divide(self.value, self.converting, out=np.zeros(len(self)), where=self.converting > 0)
        return replace(self, converting=converting, others=others, value=np.rint(each * converting).astype(np.int64))

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[slice, slice]]:
        """Give (paths, their touches) in slices of about `size` touches."""
        first = 0
        while first < len(self):
            end = int(np.searchsorted(self.offsets, self.offsets[first] + size, side="right")) - 1
            end = min(max(end, first + 1), len(self))
            yield slice(first, end), slice(int(self.offsets[first]), int(self.offsets[end]))
            first = end

    def distinct(self) -> Flags:
        """Mark one touch of each name on each path: the last one."""
        marks = np.empty(len(self.codes), np.bool_)
        width = max(len(self.names), 1)
        places = np.empty(max(min(_PLACES, len(self) * width), width), np.int32)
        for paths, touches in self.blocks(min(BLOCK, max(_PLACES // width, 1))):
            lengths = np.diff(self.offsets[paths.start : paths.stop + 1])
            key = np.repeat(np.arange(len(lengths), dtype=np.int64) * width, lengths) + self.codes[touches]
            number = np.arange(len(key), dtype=np.int32)
            places[key] = number  # of equal keys the last one stays
            marks[touches] = places[key] == number
        return marks


def paths_of(
    names: Sequence[str],
    codes: AnyInts,
    offsets: AnyInts,
    converting: AnyInts,
    others: AnyInts,
    value: AnyInts | None = None,
) -> Paths:
    """Check arrays and give the paths that they are; those without a touch are counted apart.

    Raises:
        PathError: lengths that do not go together, a code without a name, offsets that fall, negative counts,
            a value without a conversion.
    """
    begins, converted, missed = (np.asarray(each, np.int64) for each in (offsets, converting, others))
    worth = np.zeros(len(converted), np.int64) if value is None else np.asarray(value, np.int64)
    _check(names, codes, begins, converted, missed, worth)
    lengths = np.diff(begins)
    pathless = pathless_value = 0
    if len(lengths) and not lengths.all():
        empty, full = lengths == 0, lengths > 0
        pathless, pathless_value = int(converted[empty].sum()), int(worth[empty].sum())
        converted, missed, worth, lengths = converted[full], missed[full], worth[full], lengths[full]
        begins = np.concatenate(([0], np.cumsum(lengths)))
    small = np.min_scalar_type(max(len(names) - 1, 0))
    return Paths(
        tuple(names), codes.astype(small, copy=False), begins, converted, missed, worth, pathless, pathless_value
    )


def _check(names: Sequence[str], codes: AnyInts, offsets: Ints, converting: Ints, others: Ints, value: Ints) -> None:
    if len(set(names)) != len(names):
        raise PathError("a name is there twice")
    if len(offsets) != len(converting) + 1 or len(converting) != len(others) or len(value) != len(others):
        raise PathError(
            f"{len(converting)} paths need {len(converting) + 1} offsets and as many counts and values,"
            f" not {len(offsets)}, {len(others)} and {len(value)}"
        )
    if offsets[0] != 0 or offsets[-1] != len(codes) or np.any(np.diff(offsets) < 0):
        raise PathError(f"offsets must rise from 0 to the {len(codes)} codes that there are")
    if len(codes) and (codes.min() < 0 or codes.max() >= len(names)):
        raise PathError(f"a code is not one of the {len(names)} names")
    if np.any(converting < 0) or np.any(others < 0):
        raise PathError("a path was walked less than 0 times")
    if np.any(value[converting == 0]):
        raise PathError("a path without a conversion has a value")
    if float(converting.sum(dtype=np.float64)) + float(others.sum(dtype=np.float64)) >= MOST:
        raise PathError("too many journeys to count exactly")


def from_sequences(rows: Iterable[tuple[Sequence[str], int, int, int]]) -> Paths:
    """Give paths from (names in order, converting count, other count, value); equal paths may come more than once.

    Names are sorted, so that neither their order nor that of the rows changes any figure.
    """
    kept = list(rows)
    names = sorted({name for path, *_ in kept for name in path})
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.fromiter((code_of[name] for path, *_ in kept for name in path), np.int64)
    offsets = np.concatenate(([0], np.cumsum([len(path) for path, *_ in kept], dtype=np.int64)))
    counts = np.array([row[1:] for row in kept], np.int64).reshape(-1, 3)
    return paths_of(names, codes, offsets, counts[:, 0], counts[:, 1], counts[:, 2])
