from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sinks.versions import MAX_EPOCH, by_revision, first_ever, first_in_epoch

EPOCHS = st.integers(1, MAX_EPOCH)
OFFSETS = st.integers(0, 2**50)


@given(EPOCHS, st.integers(0, 5000), OFFSETS, st.integers(1, 2**60))
def test_every_version_fits_64_bits_whatever_the_place(epoch: int, partition: int, offset: int, revision: int) -> None:
    for version in (
        by_revision(epoch, revision),
        first_in_epoch(epoch, partition, offset),
        first_ever(epoch, partition, offset),
    ):
        assert 0 <= version < 2**64


def test_the_higher_revision_stays_and_the_newer_epoch_before_it() -> None:
    assert by_revision(1, 2) > by_revision(1, 1)
    assert by_revision(2, 1) > by_revision(1, 99)


def test_in_one_epoch_the_first_landing_stays() -> None:
    assert first_in_epoch(1, 0, 5) > first_in_epoch(1, 0, 6) > first_in_epoch(1, 0, 10**9)
    assert first_in_epoch(2, 0, 10**9) > first_in_epoch(1, 0, 0)


def test_of_the_archive_the_first_landing_of_all_stays() -> None:
    assert first_ever(1, 0, 5) > first_ever(1, 0, 6) > first_ever(2, 0, 0)


def test_two_places_never_tie() -> None:
    assert first_in_epoch(1, 0, 5) != first_in_epoch(1, 1, 5)
