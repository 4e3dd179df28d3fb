"""Responses of Formbricks: each scored answer is one touchpoint, and a response that goes on is told as a change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from producers.adapters.survey.formbricks import ADAPTER, MOST
from schemas.touchpoint import Touchpoint
from tests.unit.producers.survey.rig import answer_in, hook, keys

EVENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "examples" / "formbricks" / "response_finished.json").read_bytes()
)[0]


def changed(event: str = "responseFinished", **data: Any) -> dict[str, Any]:
    return EVENT | {"event": event, "data": EVENT["data"] | data}


def all_taken(payload: Any) -> list[Touchpoint]:
    found = hook(ADAPTER, payload)
    assert all(isinstance(one, Touchpoint) for one in found), found
    return [one for one in found if isinstance(one, Touchpoint)]


def test_each_scored_answer_is_a_touchpoint_about_what_the_hidden_fields_say() -> None:
    nps, csat = all_taken([EVENT])
    assert keys(nps) == keys(csat) == ["customer:c1", "email:ada@example.org"]
    first, second = answer_in(nps), answer_in(csat)
    assert (first.metric, first.score, first.comment, first.language) == ("nps", 9, "Quick", "en")
    assert (second.metric, second.score, second.scale_max) == ("csat", 4, 5)
    assert (first.about_order, first.about_touchpoint, nps.order_id) == ("W-88231", "call", "W-88231")
    assert (first.response, second.response) == ("responseId/nps", "responseId/csat_delivery")
    assert nps.properties["answers"] == {"nps": 9, "csat_delivery": 4, "comment": "Quick", "q1": "clicked"}
    assert nps.properties["title"] == "Customer Satisfaction Survey"


def test_created_updated_and_finished_are_three_records_of_one_answer() -> None:
    data = {"nps": 9}
    updated = "2025-07-24T07:47:33.696Z"
    records = [
        all_taken(changed("responseCreated", data=data))[0],
        all_taken(changed("responseUpdated", data=data, updatedAt=updated))[0],
        all_taken(changed("responseFinished", data=data))[0],
    ]
    assert [one.touchpoint for one in records] == ["survey_started", "survey_changed", "survey"]
    assert len({one.event_id for one in records}) == 3
    assert {answer_in(one).response for one in records} == {"responseId/nps"}
    assert sorted(records, key=lambda one: one.occurred_at) == records


def test_a_single_event_that_is_no_list_is_taken_too() -> None:
    assert [one.event_id for one in all_taken(EVENT)] == [one.event_id for one in all_taken([EVENT])]


def test_a_comment_that_names_its_metric_belongs_to_it() -> None:
    data = {"nps": 9, "csat": 1, "nps_comment": "good", "csat_comment": "cold", "comment": "bye"}
    nps, csat = all_taken(changed(data=data))
    assert (answer_in(nps).comment, answer_in(csat).comment) == ("good", "cold")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (changed(data={"nps": 11}), "$.data.data.nps: 11 is not within 0 to 10"),
        (changed(data={"ces_call": "8"}), "$.data.data.ces_call: 8 is not within 1 to 7"),
        (changed("responseLost"), "$.event: 'responseLost' is none of responseCreated"),
        (changed(id=None), "$.data.id: required, but missing or blank"),
        (changed(updatedAt="soon"), "$.data.updatedAt: not a time"),
        (changed(data="x"), "$.data.data: not an object"),
        (changed(contact=[1]), "$.data.contact: not an object"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(event: Any, reason: str) -> None:
    found = hook(ADAPTER, event)
    assert found
    assert all(isinstance(one, str) and one.startswith(reason) for one in found), found


def test_a_bad_event_of_a_list_leaves_its_neighbours_alone() -> None:
    found = hook(ADAPTER, [changed(data={"nps": 11}), 5, changed(data={"nps": 3})])
    assert found[0] == "$[0].data.data.nps: 11 is not within 0 to 10, the scale of nps"
    assert found[1] == "$[1]: not an object"
    assert isinstance(found[2], Touchpoint)


def test_a_response_with_more_answers_than_anybody_asks_is_one_bad_piece() -> None:
    (reason,) = hook(ADAPTER, changed(data={f"nps_{n}": 9 for n in range(MOST + 1)}))
    assert reason == f"$.data.data: more than {MOST} scored answers"
