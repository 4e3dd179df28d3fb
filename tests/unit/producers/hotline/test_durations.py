"""Lengths are read in every writing, and refused with their path where they cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from producers.adapters.hotline.durations import check, seconds_of, span_of
from producers.adapters.problem import Problem
from tests.unit.producers.hotline.taking import CONTEXT, context


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (90, "90"),
        (90.5, "90.5"),
        ("90,5", "90.5"),
        (" 90 ", "90"),
        ("1:30", "90"),
        ("00:01:30", "90"),
        ("2:00:00.25", "7200.25"),
        ("0", "0"),
        (0.1 + 0.2, "0.3"),
        ("1e2", "100"),
    ],
)
def test_seconds_are_read(value: object, seconds: str) -> None:
    assert seconds_of(value, "$.x") == Decimal(seconds)
    assert "E" not in str(seconds_of(value, "$.x"))


@pytest.mark.parametrize("value", ["soon", "", True, None, [], "NaN", "inf", 1e12, "1:2:3:4", "12 s", "--1"])
def test_what_is_no_number_of_seconds_is_refused(value: object) -> None:
    with pytest.raises(Problem, match=r"^\$\.x: not a number of seconds$|^\$\.x: more than"):
        seconds_of(value, "$.x")


@pytest.mark.parametrize("value", [-1, "-0.5", "-1:30"])
def test_a_negative_length_is_refused(value: object) -> None:
    with pytest.raises(Problem, match=r"^\$\.x: negative$"):
        seconds_of(value, "$.x")


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(Problem, match=r"^\$\.end: before the start$"):
        span_of(datetime(2026, 3, 2, 9, 0), datetime(2026, 3, 2, 8, 59), "$.end", CONTEXT)  # noqa: DTZ001 # local


def test_a_call_while_the_clocks_go_back_ends_after_it_began() -> None:
    start, end = datetime(2026, 10, 25, 2, 59, 50), datetime(2026, 10, 25, 2, 0, 10)  # noqa: DTZ001 # local
    assert span_of(start, end, "$.end", CONTEXT) == 20


def test_times_without_a_zone_need_one_of_the_source() -> None:
    with pytest.raises(Problem, match="declare the time zone"):
        span_of(datetime(2026, 3, 2), datetime(2026, 3, 2, tzinfo=UTC), "$.end", context(zone=None))  # noqa: DTZ001


def test_a_part_cannot_be_longer_than_the_call_nor_all_parts_together() -> None:
    with pytest.raises(Problem, match=r"^\$\.talk: talk 100 s is longer than the call of 60 s$"):
        check({"talk": (Decimal(100), "$.talk")}, Decimal(60))
    with pytest.raises(Problem, match=r"^\$\.talk: waiting and talk together are 100 s"):
        check({"waiting": (Decimal(50), "$.w"), "talk": (Decimal(50), "$.talk")}, Decimal(60))
    check({"waiting": (Decimal(31), "$.w"), "talk": (Decimal(30), "$.talk")}, Decimal(60))  # each was rounded
    check({"talk": (Decimal(100), "$.talk")}, None)
