"""Records' timestamps as moments: any number that a producer writes has one."""

from datetime import UTC, datetime

import pytest

from streams.core.clock import micros, stamped


def test_a_timestamp_is_exact_to_the_millisecond() -> None:
    assert stamped(1_700_000_000_123) == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
    assert micros(stamped(253_402_300_798_999)) == 253_402_300_798_999_000


@pytest.mark.parametrize(
    ("timestamp", "border"),
    [(-1, datetime(1970, 1, 1, tzinfo=UTC)), (2**62, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))],
)
def test_a_timestamp_beyond_the_calendar_is_its_border(timestamp: int, border: datetime) -> None:
    assert stamped(timestamp) == border
