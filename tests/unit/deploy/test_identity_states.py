"""What an identifier's decisions and stops come to: which merges are alive, and what keeps it from joining anybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from deploy.identity_states import State, blocked_by, living_merges
from deploy.identity_story import Decision, Stop, Why

AT = datetime(2026, 3, 1, tzinfo=UTC)
ID = UUID(int=1)
EMAIL, ADA, BO = "email:ada@example.org", "customer:ada", "customer:bo"


def decided(*actions: tuple[str, str, str | None]) -> list[Decision]:
    return [
        Decision(
            UUID(int=n), action, identifier, other, AT + timedelta(minutes=n), "Service desk", "why" if n else None
        )
        for n, (action, identifier, other) in enumerate(actions)
    ]


def stopped(guard: str, identifier: str = EMAIL) -> list[Stop]:
    return [Stop(AT, AT, guard, identifier, ADA, "", Why("event", ID))]


@pytest.mark.parametrize(
    ("actions", "alive"),
    [
        ([], []),
        ([("merge", EMAIL, ADA)], [0]),
        ([("merge", ADA, EMAIL), ("merge", EMAIL, BO)], [0, 1]),
        ([("merge", EMAIL, ADA), ("merge", EMAIL, BO), ("unmerge", EMAIL, None)], []),
        ([("unmerge", EMAIL, None), ("merge", EMAIL, ADA)], [1]),
        ([("merge", EMAIL, ADA), ("merge", EMAIL, BO), ("unmerge", ADA, None)], [1]),
        ([("merge", EMAIL, ADA), ("block", EMAIL, None)], [0]),
    ],
)
def test_a_merge_lives_until_a_later_unmerge_of_either_end(
    actions: list[tuple[str, str, str | None]], alive: list[int]
) -> None:
    decisions = decided(*actions)
    assert living_merges(EMAIL, decisions) == [decisions[n] for n in alive]


@pytest.mark.parametrize(
    ("actions", "stops", "listed", "says"),
    [
        ([], [], [], ""),
        ([], stopped("cap"), [], "as it was seen with more others than one person has"),
        ([], stopped("cap", ADA), [], ""),
        ([], stopped("unique"), [], ""),
        ([], [], [EMAIL], "by the catalogue's list"),
        ([("block", EMAIL, None)], [], [], "by Service desk"),
        ([("unblock", EMAIL, None), ("block", EMAIL, None)], [], [], "by Service desk: why"),
        ([("block", EMAIL, None), ("unblock", EMAIL, None)], stopped("cap"), [EMAIL], ""),
        ([("block", ADA, None), ("merge", EMAIL, ADA)], [], [], ""),
    ],
)
def test_a_persons_last_word_counts_then_the_list_then_the_cap(
    actions: list[tuple[str, str, str | None]], stops: list[Stop], listed: list[str], says: str
) -> None:
    assert blocked_by(EMAIL, decided(*actions), stops, listed) == says


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (Why("event", ID, touchpoint="identified", source="shop"), "identified from shop"),
        (Why("guard", ID, touchpoint="identified", source="shop"), "guard: identified from shop"),
        (Why("merge", ID, requested_by="Service desk"), "merge by Service desk"),
        (Why("merge", ID, requested_by="Service desk", reason="she called"), "merge by Service desk: she called"),
        (Why("event", ID), f"event {ID}"),
    ],
)
def test_what_is_behind_a_change_is_said_in_words_where_it_is_known(why: Why, words: str) -> None:
    assert str(why) == words


def test_a_state_of_what_is_not_known_is_empty() -> None:
    nothing: dict[str, Any] = {"identifier": EMAIL, "profile_id": None, "named_by": None}
    assert State(EMAIL).as_json() == nothing
