"""Times as real senders write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from producers.adapters.moments import moment_of
from producers.adapters.problem import Problem

MOMENT = datetime(2015, 2, 2, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2015-02-02T04:05:06Z",
        "2015-02-02T04:05:06",
        "2015-02-02 04:05:06+00:00",
        "2015-2-02T4:05:06Z",
        "2015-2-2 5:05:06 +01:00",
        "2015-2-2T03:05:06-0100",
        "02.02.2015 04:05:06",
        "2.2.2015 4:05:06Z",
        "20150202T040506Z",
        "Mon, 02 Feb 2015 04:05:06 +0000",
        "Mon, 02 Feb 2015 05:05:06 +0100",
        1422849906,
        1422849906.0,
        "1422849906",
        1422849906000,
        "1422849906000",
        1422849906000000,
    ],
)
def test_one_moment_has_many_writings(written: object) -> None:
    assert moment_of(written, "$.t") == MOMENT


@pytest.mark.parametrize(
    ("written", "microsecond"),
    [
        ("2015-02-02T04:05:06.1234567Z", 123456),
        ("2015-02-02T04:05:06.1Z", 100000),
        ("2015-2-02T4:05:06.1234567Z", 123456),
        (1422849906.25, 250000),
        ("1422849906123", 123000),
    ],
)
def test_parts_of_a_second_are_kept_to_the_microsecond(written: object, microsecond: int) -> None:
    assert moment_of(written, "$.t") == MOMENT.replace(microsecond=microsecond)


def test_a_date_alone_is_its_midnight() -> None:
    assert moment_of("2015-02-02", "$.t") == datetime(2015, 2, 2, tzinfo=UTC)
    assert moment_of("20150202", "$.t") == datetime(2015, 2, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "2015-13-01",
        "2015-2-30T1:00:00Z",
        "25:00",
        {},
        None,
        False,
        10**30,
        "9" * 5000,
        "1e9",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_what_is_no_time_is_refused_with_its_path(written: object) -> None:
    with pytest.raises(Problem, match=r"^\$\.t: not a time$"):
        moment_of(written, "$.t")
