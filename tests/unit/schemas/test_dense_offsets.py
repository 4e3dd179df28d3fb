"""The guard against holes in a dense log."""

from schemas.dense_offsets import HoleWatch, has_dense_offsets


def test_records_without_a_hole_are_all_taken() -> None:
    assert HoleWatch[str]().sound("p", 5, [5, 6, 7], 0.0) == 3


def test_what_lies_before_the_expected_offset_is_no_hole() -> None:
    assert HoleWatch[str]().sound("p", 6, [4, 5, 6], 0.0) == 3


def test_a_hole_stops_before_the_record_behind_it() -> None:
    assert HoleWatch[str]().sound("p", 5, [5, 6, 9], 0.0) == 2


def test_a_hole_at_the_beginning_takes_nothing() -> None:
    assert HoleWatch[str]().sound("p", 0, [7], 0.0) == 0


def test_a_hole_that_stays_is_taken_for_good_after_the_patience() -> None:
    watch = HoleWatch[str](patience=5)
    assert watch.sound("p", 5, [5, 9], 0.0) == 1
    assert watch.sound("p", 6, [9, 10], 4.9) == 0
    assert watch.sound("p", 6, [9, 10], 5.0) == 2


def test_each_hole_and_each_partition_has_its_own_patience() -> None:
    watch = HoleWatch[str](patience=5)
    assert watch.sound("p", 5, [9], 0.0) == 0
    assert watch.sound("q", 5, [9], 6.0) == 0
    assert watch.sound("p", 5, [9, 20], 6.0) == 1


def test_only_the_laptop_s_broker_has_dense_offsets() -> None:
    assert has_dense_offsets("tansu-1ab0e674")
    assert not has_dense_offsets("4L6g3nShT-eMCtK--X86sw")
