"""What paths may be, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streams.core.attribution.data_driven.paths import PathError, from_sequences, paths_of


def test_codes_are_kept_as_small_as_their_names_allow() -> None:
    paths = from_sequences([(("b", "a"), 1, 2, 300), (("a",), 0, 4, 0)])
    assert paths.names == ("a", "b")
    assert paths.codes.dtype == np.uint8
    assert paths.codes.tolist() == [1, 0, 0]
    assert paths.offsets.tolist() == [0, 2, 3]
    assert paths.journeys.tolist() == [3, 4]
    assert paths.rate == 1 / 7


def test_conversions_without_a_touch_are_counted_apart() -> None:
    paths = from_sequences([((), 3, 5, 900), (("a",), 1, 1, 100), ((), 0, 2, 0)])
    assert len(paths) == 1
    assert (paths.pathless, paths.pathless_value, paths.conversions) == (3, 900, 1)


def test_no_paths_at_all_are_paths_too() -> None:
    paths = from_sequences([])
    assert (len(paths), paths.names, paths.rate) == (0, (), 0.0)
    assert list(paths.blocks()) == []


def test_blocks_hold_whole_paths_and_every_one_of_them() -> None:
    rows = [(("a",) * length, 1, 0, 0) for length in (3, 1, 9, 2, 2, 5)]
    paths = from_sequences(rows)
    found = [(some.start, some.stop, touches.start, touches.stop) for some, touches in paths.blocks(4)]
    assert found == [(0, 2, 0, 4), (2, 3, 4, 13), (3, 5, 13, 17), (5, 6, 17, 22)]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_one_touch_of_each_name_of_a_path_is_marked_whatever_the_blocks(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck = np.random.default_rng(3)
    rows = [(tuple(luck.choice(list("abcdefg"), luck.integers(1, 20))), 1, 0, 0) for _ in range(50)]
    paths = from_sequences(rows)
    monkeypatch.setattr("streams.core.attribution.data_driven.paths.BLOCK", size)
    marks = paths.distinct()
    for (path, *_), begin, end in zip(rows, paths.offsets[:-1], paths.offsets[1:], strict=True):
        marked = paths.codes[begin:end][marks[begin:end]].tolist()
        assert sorted(paths.names[code] for code in marked) == sorted(set(path))


def test_with_other_counts_a_conversion_keeps_its_value() -> None:
    paths = from_sequences([(("a",), 2, 0, 300), (("b",), 0, 1, 0)])
    again = paths.counted(np.array([4, 1]), np.array([0, 0]))
    assert again.value.tolist() == [600, 0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"names": ["a", "a"]}, "a name is there twice"),
        ({"codes": [0, 2, 1]}, "a code is not one of the 2 names"),
        ({"codes": [0, -1, 1]}, "a code is not one of the 2 names"),
        ({"offsets": [0, 2]}, "2 paths need 3 offsets"),
        ({"offsets": [0, 3, 2]}, "offsets must rise from 0 to the 3 codes"),
        ({"offsets": [1, 2, 3]}, "offsets must rise from 0"),
        ({"converting": [1, -1]}, "less than 0 times"),
        ({"value": [5, 1]}, "without a conversion has a value"),
        ({"others": [1]}, "as many counts"),
        ({"converting": [2**53, 0]}, "too many journeys"),
    ],
)
def test_arrays_that_cannot_be_meant_are_refused(changes: dict[str, Any], reason: str) -> None:
    good: dict[str, Any] = {
        "names": ["a", "b"], "codes": [0, 1, 1], "offsets": [0, 2, 3], "converting": [1, 0], "others": [0, 1],
    }  # fmt: skip
    given: dict[str, Any] = {
        name: value if name == "names" else np.array(value) for name, value in (good | changes).items()
    }
    with pytest.raises(PathError, match=reason):
        paths_of(**given)
