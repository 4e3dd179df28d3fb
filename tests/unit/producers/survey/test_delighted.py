"""Answers of Delighted and of tools that send the same: the score first, its comment as a change of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from producers.adapters.survey.delighted import ADAPTER
from tests.unit.producers.survey.rig import answer_in, keys, refused, taken

EXAMPLES = Path(__file__).parents[3] / "examples" / "delighted"
CREATED, UPDATED, UNSUBSCRIBED = (
    json.loads((EXAMPLES / f"{name}.json").read_bytes())
    for name in ("response_created", "response_updated", "unsubscribed")
)


def changed(**data: Any) -> dict[str, Any]:
    event: dict[str, Any] = CREATED | {"event_data": CREATED["event_data"] | data}
    return event


def test_the_comment_is_a_change_of_the_answer_that_was_created() -> None:
    created, updated = taken(ADAPTER, CREATED), taken(ADAPTER, UPDATED)
    assert [one.touchpoint for one in (created, updated)] == ["survey", "survey_changed"]
    assert answer_in(created).response == answer_in(updated).response == "5435"
    assert (answer_in(updated).score, answer_in(updated).comment) == (9, "Your service is fast and flawless!")
    assert updated.occurred_at == datetime.fromtimestamp(1732187444, UTC)
    assert keys(updated) == ["email:ada@example.org"]
    assert (updated.order_id, answer_in(updated).about_order) == ("W-88231", "W-88231")
    assert updated.properties["Purchase Experience"] == "Mobile App"
    assert created.event_id != updated.event_id


def test_who_no_longer_wants_to_be_asked_is_told_and_is_no_answer() -> None:
    touchpoint = taken(ADAPTER, UNSUBSCRIBED)
    assert (touchpoint.touchpoint, keys(touchpoint)) == ("survey_unsubscribed", ["email:ada@example.org"])
    assert answer_in(touchpoint).score is None


@pytest.mark.parametrize(
    ("kind", "score", "metric", "scale"),
    [
        ("csat", 5, "csat", (1, 5)),
        ("ces", 4, "ces", (1, 5)),
        ("5-star", 2, "stars", (1, 5)),
        ("smileys", 1, "other", (1, 5)),
        ("thumbs", 0, "other", (0, 1)),
    ],
)
def test_every_kind_of_survey_stands_on_its_own_scale(
    kind: str, score: int, metric: str, scale: tuple[int, int]
) -> None:
    answer = answer_in(taken(ADAPTER, changed(survey_type=kind, score=score)))
    assert answer.metric == metric
    assert [answer.score, answer.scale_min, answer.scale_max] == [score, *scale]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (changed(score=11), "$.event_data.score: 11 is not within 0 to 10"),
        (changed(score=None), "$.event_data.score: not a number"),
        (changed(survey_type="mood"), "$.event_data.survey_type: 'mood' is none of nps"),
        (changed(created_at=None), "$.event_data.created_at: not a time"),
        (changed(person="ada"), "$.event_data.person: not an object"),
        (CREATED | {"event_type": "person.created"}, "$.event_type: 'person.created' is none of survey_response"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(event: Any, reason: str) -> None:
    assert refused(ADAPTER, event).startswith(reason)
