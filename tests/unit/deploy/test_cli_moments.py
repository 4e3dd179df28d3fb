"""Times as people type them, and those that no calendar holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deploy.cli.attribution import _pause
from deploy.cli.exits import CommandError, Exit
from deploy.cli.moments import moment

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_an_age_counts_from_now_and_a_time_without_a_zone_is_utc() -> None:
    assert moment("90m", "--since", NOW) == NOW - timedelta(minutes=90)
    assert moment("2026-02-01", "--since", NOW) == datetime(2026, 2, 1, tzinfo=UTC)
    assert moment("2026-02-01T10:00+02:00", "--since", NOW) == datetime(2026, 2, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["9999999d", "9999999999999d", "9999-12-31T23:59-10:00", "0001-01-01T00:00+10:00"])
def test_a_time_beyond_the_calendar_is_refused_with_its_option(text: str) -> None:
    with pytest.raises(CommandError, match=f"^--since: '{text[:4]}") as refused:
        moment(text, "--since", NOW)
    assert refused.value.code is Exit.USAGE


@pytest.mark.parametrize("text", ["", "now", "-3d", "1.5d", "²d", "2026-13-01"])
def test_what_is_neither_a_time_nor_an_age_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="neither a time"):
        moment(text, "--since", NOW)


@pytest.mark.parametrize("text", ["9999999999999d", "0s", "nan", "²d"])
def test_a_pause_that_no_clock_holds_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="no time span"):
        _pause(text)
