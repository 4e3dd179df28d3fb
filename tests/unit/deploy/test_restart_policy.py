"""When a part that died is started again; the clock is a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.restart_policy import Deaths, RestartPolicy, died

POLICY = RestartPolicy(first=1, longest=8, healthy_after=60)


def test_the_pause_doubles_with_each_death_in_a_row_up_to_the_longest() -> None:
    deaths, now, pauses = Deaths(), 0.0, []
    for _ in range(6):
        deaths, pause = died(POLICY, deaths.started(now), now + 1)
        pauses.append(pause)
        now += 1 + pause
    assert pauses == [1, 2, 4, 8, 8, 8]


def test_a_part_that_ran_long_enough_begins_with_the_first_pause_again() -> None:
    deaths = Deaths(in_a_row=5, started_at=100)
    assert died(POLICY, deaths, 159.9)[1] == 8
    assert died(POLICY, deaths, 160)[1] == 1


def test_the_first_death_ever_waits_the_first_pause_however_soon() -> None:
    assert died(POLICY, Deaths().started(0), 0) == (Deaths(1, 0), 1)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_no_pause_is_ever_shorter_than_the_first_or_longer_than_the_longest(lifetimes: list[float]) -> None:
    deaths, now = Deaths(), 0.0
    for lifetime in lifetimes:
        deaths, pause = died(POLICY, deaths.started(now), now + lifetime)
        assert POLICY.first <= pause <= POLICY.longest
        now += lifetime + pause


def test_dying_for_weeks_does_not_overflow() -> None:
    assert died(POLICY, Deaths(in_a_row=10**9), 1)[1] == POLICY.longest


@pytest.mark.parametrize(("first", "longest"), [(0, 1), (2, 1), (-1, 1)])
def test_a_policy_that_could_not_be_meant_is_refused(first: float, longest: float) -> None:
    with pytest.raises(ValueError, match="pause"):
        RestartPolicy(first=first, longest=longest)
