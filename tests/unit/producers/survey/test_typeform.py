"""Forms of Typeform: each scored answer is one touchpoint, about what the hidden fields say."""

from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from producers.adapters.survey.typeform import ADAPTER, MOST
from schemas.touchpoint import Touchpoint
from tests.unit.producers.survey.rig import answer_in, hook, keys

FORM: dict[str, Any] = json.loads((Path(__file__).parents[3] / "examples" / "typeform" / "nps_form.json").read_bytes())


def changed(**form: Any) -> dict[str, Any]:
    return FORM | {"form_response": FORM["form_response"] | form}


def all_taken(payload: Any) -> list[Touchpoint]:
    found = hook(ADAPTER, payload)
    assert all(isinstance(one, Touchpoint) for one in found), found
    return [one for one in found if isinstance(one, Touchpoint)]


def scored(ref: str, kind: str, number: Any = 3, **properties: Any) -> dict[str, Any]:
    field = {"id": "f", "type": kind, "ref": ref}
    fields = [field | {"properties": properties}]
    return changed(answers=[{"type": "number", "number": number, "field": field}], definition={"fields": fields})


def test_each_scored_answer_is_a_touchpoint_with_the_comment_behind_it() -> None:
    nps, rating = all_taken(FORM)
    assert [one.touchpoint for one in (nps, rating)] == ["survey", "survey"]
    assert keys(nps) == keys(rating) == ["customer:abc123456", "email:ada@example.org"]
    first, second = answer_in(nps), answer_in(rating)
    assert (first.metric, first.score, first.scale_max, first.comment) == ("nps", 9, 10, "It came the next day")
    assert (second.metric, second.score, second.scale_max, second.comment) == ("stars", 3, None, None)
    assert first.about_event == UUID("7d2c8c55-0d8c-4c55-a7f0-8d3a5f7b1c05")
    assert (nps.order_id, first.about_order, first.survey) == ("W-88231", "W-88231", "lT4Z3j")
    assert nps.event_id != rating.event_id
    assert nps.properties["shelf"] == "7"
    assert nps.properties["answers"] == {"nps_after_order": 9, "why": "It came the next day", "readable_ref_rating": 3}


def test_a_retry_has_the_same_ids_whatever_the_event_id_of_the_delivery() -> None:
    again = deepcopy(FORM) | {"event_id": "another"}
    assert [one.event_id for one in all_taken(again)] == [one.event_id for one in all_taken(FORM)]


@pytest.mark.parametrize(
    ("form", "metric", "scale"),
    [
        (scored("q1", "nps"), "nps", ("0", "10")),
        (scored("NPS", "opinion_scale"), "nps", ("0", "10")),
        (scored("csat_delivery", "opinion_scale"), "csat", ("1", "5")),
        (scored("after-call-ces", "opinion_scale", steps=7, start_at_one=True), "ces", ("1", "7")),
        (scored("ces", "number"), "ces", ("1", "7")),
        (scored("q1", "opinion_scale", steps=6), "other", ("0", "5")),
        (scored("q1", "rating", 9, steps=10), "stars", ("1", "10")),
    ],
)
def test_the_question_says_what_is_measured(form: Any, metric: str, scale: tuple[str, str]) -> None:
    (touchpoint,) = all_taken(form)
    answer = answer_in(touchpoint)
    assert (answer.metric, answer.scale_min, answer.scale_max) == (metric, Decimal(scale[0]), Decimal(scale[1]))


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        (scored("nps", "opinion_scale", 11), "$.form_response.answers[0].number: 11 is not within 0 to 10"),
        (
            scored("nps", "opinion_scale", 3, steps=10, start_at_one=True),
            "$.form_response.answers[0].number: NPS is",
        ),
        (scored("nps", "opinion_scale", "many"), "$.form_response.answers[0].number: not a number"),
        (changed(token=None), "$.form_response.token: required, but missing or blank"),
        (changed(submitted_at="soon"), "$.form_response.submitted_at: not a time"),
        (changed(hidden=[1]), "$.form_response.hidden: not an object"),
        (changed(answers={"a": 1}), "$.form_response.answers: not a list"),
        (FORM | {"event_type": "form_deleted"}, "$.event_type: 'form_deleted' is none of form_response"),
        ({"event_type": "form_response"}, "$.form_response.token: required"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(form: Any, reason: str) -> None:
    found = hook(ADAPTER, form)
    assert found
    assert all(isinstance(one, str) and one.startswith(reason) for one in found), found


def test_a_bad_answer_leaves_its_neighbour_alone() -> None:
    answers = deepcopy(FORM["form_response"]["answers"])
    answers[0]["number"] = 77
    bad, good = hook(ADAPTER, changed(answers=answers))
    assert isinstance(bad, str)
    assert isinstance(good, Touchpoint)


def test_a_form_that_was_left_in_the_middle_is_no_answer_and_one_without_scores_is_taken() -> None:
    (left,) = all_taken(changed(answers=None) | {"event_type": "form_response_partial"})
    assert (left.touchpoint, answer_in(left).metric, answer_in(left).score) == ("survey_started", "other", None)


def test_a_form_with_more_answers_than_anybody_asks_is_one_bad_piece() -> None:
    answer = FORM["form_response"]["answers"][0]
    (reason,) = hook(ADAPTER, changed(answers=[answer] * (MOST + 1)))
    assert reason == f"$.form_response.answers: more than {MOST} scored answers"
