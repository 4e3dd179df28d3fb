"""Answers as rows: the metric and its scale, what they are about, and one outcome for each."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from producers.adapters.survey.surveys import ADAPTER
from schemas.base import event_id
from tests.unit.producers.survey.rig import answer_in, file, keys, refused, taken

ROW: dict[str, Any] = {"response_id": "r1", "metric": "nps", "score": 9, "answered_at": "2026-03-06T08:00:00Z"}


def test_an_answer_is_taken_with_who_gave_it_and_what_it_is_about() -> None:
    call = "7d2c8c55-0d8c-4c55-a7f0-8d3a5f7b1c05"
    about = {"touchpoint_id": call, "touchpoint": "Call", "order_id": "W-1", "ticket_id": 512}
    touchpoint = taken(ADAPTER, ROW | about | {"Customer Number": "c1", "phone": "030 123456", "shelf": 7})
    answer = answer_in(touchpoint)
    assert (touchpoint.touchpoint, touchpoint.channel, touchpoint.order_id) == ("survey", "email", "W-1")
    assert keys(touchpoint) == ["customer:c1", "phone:+4930123456"]
    assert (answer.metric, answer.score, answer.scale_min, answer.scale_max) == ("nps", 9, 0, 10)
    assert (answer.about_event, answer.about_touchpoint) == (UUID(call), "call")
    assert (answer.about_order, answer.about_ticket, answer.response) == ("W-1", "512", "r1")
    assert touchpoint.properties == {"shelf": 7}


def test_the_touchpoint_that_it_is_about_is_named_by_id_of_its_own_sender_or_by_the_catalogue() -> None:
    own = answer_in(taken(ADAPTER, ROW | {"touchpoint_id": "call-17"}))
    assert own.about_event == event_id("desk", "call-17")
    other = answer_in(taken(ADAPTER, ROW | {"touchpoint_id": "call-17", "touchpoint_source": "pbx"}))
    assert other.about_event == event_id("pbx", "call-17")
    kind = answer_in(taken(ADAPTER, ROW | {"touchpoint_id": "call"}))
    assert (kind.about_event, kind.about_touchpoint) == (None, "call")
    part = answer_in(taken(ADAPTER, ROW | {"about_touchpoint": "bar.drinks"}))
    assert part.about_touchpoint == "bar.drinks"
    unknown = answer_in(taken(ADAPTER, ROW | {"about_touchpoint": "Coat check!"}))
    assert unknown.about_touchpoint == "coat_check"


def test_an_answer_about_nothing_is_about_the_relationship() -> None:
    answer = answer_in(taken(ADAPTER, ROW))
    assert (answer.about_event, answer.about_touchpoint, answer.about_order, answer.about_ticket) == (None,) * 4


@pytest.mark.parametrize(
    ("row", "metric", "score", "scale"),
    [
        ({"metric": "NPS", "score": 0}, "nps", "0", ("0", "10")),
        ({"metric": "nps", "score": "10", "scale": "0-10"}, "nps", "10", ("0", "10")),
        ({"metric": "csat", "score": 5}, "csat", "5", ("1", "5")),
        ({"metric": "CSAT", "score": 7, "scale": "1 to 10"}, "csat", "7", ("1", "10")),
        ({"metric": "customer effort score", "score": "7"}, "ces", "7", ("1", "7")),
        ({"metric": "stars", "score": "4,5"}, "stars", "4.5", ("1", "5")),
        ({"metric": "stars", "score": 7, "scale": "10"}, "stars", "7", ("1", "10")),
        ({"metric": "other", "score": -2, "scale_min": -3, "scale_max": 3}, "other", "-2", ("-3", "3")),
        ({"metric": None, "score": None, "ces": 2}, "ces", "2", ("1", "7")),
        ({"metric": "nps", "score": None, "NPS": 2}, "nps", "2", ("0", "10")),
    ],
)
def test_a_score_stands_on_its_scale(row: dict[str, Any], metric: str, score: str, scale: tuple[str, str]) -> None:
    answer = answer_in(taken(ADAPTER, ROW | row))
    assert (answer.metric, answer.score) == (metric, Decimal(score))
    assert (answer.scale_min, answer.scale_max) == (Decimal(scale[0]), Decimal(scale[1]))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"score": 11}, "$.score: 11 is not within 0 to 10, the scale of nps"),
        ({"score": -1}, "$.score: -1 is not within 0 to 10, the scale of nps"),
        ({"score": 8.5}, "$.score: 8.5 is no whole number, as NPS is"),
        ({"scale": "1-10"}, "$.scale: NPS is asked on 0 to 10, here on 1 to 10: refused, not rescaled"),
        ({"scale_min": 1, "scale_max": 10}, "$.scale_min: NPS is asked on 0 to 10, here on 1 to 10"),
        ({"score": "nine"}, "$.score: not a number"),
        ({"score": None}, "$.score: required, but missing or blank"),
        ({"score": [9]}, "$.score: not a number"),
        ({"metric": "csat", "score": 0}, "$.score: 0 is not within 1 to 5, the scale of csat"),
        ({"metric": "ces", "score": 8}, "$.score: 8 is not within 1 to 7, the scale of ces"),
        ({"metric": "stars", "scale": "5-1"}, "$.scale: a scale from 5 to 1"),
        ({"metric": "stars", "scale": "good-bad"}, "$.scale: 'good-bad' is no scale"),
        ({"metric": "stars", "scale_max": 5}, "$.scale_min: required beside the other end"),
        ({"metric": "mood"}, "$.metric: 'mood' is none of nps, csat, ces, stars, other"),
        ({"metric": None}, "$.metric: required, but missing or blank"),
        ({"metric": None, "score": None, "nps": 9, "ces": 3}, "$.ces: a second score beside 'nps'"),
        ({"answered_at": None}, "$.answered_at: required, but missing or blank"),
        ({"answered_at": "soon"}, "$.answered_at: not a time"),
        ({"answered_at": "2027-03-06T08:00:00Z"}, "$.answered_at: 2027-03-06T08:00:00+00:00 is more than a day ahead"),
        ({"status": "lost"}, "$.status: 'lost' is none of answered"),
        ({"channel": "pigeon"}, "$.channel: 'pigeon' is none of the catalogue's channels"),
        ({"order_id": {"a": 1}}, "$.order_id: not text"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(row: dict[str, Any], reason: str) -> None:
    assert refused(ADAPTER, ROW | row).startswith(reason)


def test_a_correction_is_another_record_of_the_same_answer() -> None:
    first, again = taken(ADAPTER, ROW), taken(ADAPTER, ROW | {"score": 2})
    changed = taken(ADAPTER, ROW | {"status": "updated", "score": 2, "updated_at": "2026-03-07T08:00:00Z"})
    assert first.event_id == again.event_id  # a retry, or the sender's own contradiction: the first counts
    assert changed.event_id != first.event_id
    assert (changed.touchpoint, answer_in(changed).response, answer_in(first).response) == (
        "survey_changed",
        "r1",
        "r1",
    )
    assert changed.occurred_at == datetime(2026, 3, 7, 8, tzinfo=UTC)


def test_a_survey_that_was_sent_needs_no_metric_and_is_no_answer() -> None:
    sent = taken(ADAPTER, {"id": "r1", "status": "sent", "sent_at": "2026-03-06T08:00:00Z", "email": "Ada@example.org"})
    assert (sent.touchpoint, keys(sent), answer_in(sent).score) == ("survey_sent", ["email:ada@example.org"], None)
    assert sent.event_id != taken(ADAPTER, ROW).event_id


def test_ids_of_another_system_of_the_same_source_are_not_mixed_up_and_a_uuid_is_the_id() -> None:
    assert taken(ADAPTER, ROW | {"response_id": "17"}).event_id != event_id("desk", "17")
    uuid = "0b8f2f4e-6a35-4c5e-9d0a-1f6f3a1c2d31"
    assert taken(ADAPTER, ROW | {"response_id": uuid}).event_id == UUID(uuid)


def test_without_an_id_the_content_stands_for_it() -> None:
    row = {name: value for name, value in ROW.items() if name != "response_id"}
    assert taken(ADAPTER, row).event_id == taken(ADAPTER, row).event_id
    assert taken(ADAPTER, row).event_id != taken(ADAPTER, row | {"score": 8}).event_id


def test_a_csv_file_has_one_outcome_a_line_and_a_bad_line_leaves_its_neighbours_alone() -> None:
    text = "id,metric,score,date\n1,nps,9,2026-03-06 09:00\n2,nps,99,2026-03-06 09:00\n3,nps,9\n4,nps,8,06.03.2026\n"
    first, second, third, fourth = file(ADAPTER, text)
    assert not isinstance(first, str)
    assert first.occurred_at == datetime(2026, 3, 6, 8, tzinfo=UTC)  # the zone of the source
    assert second == "$.line[3].score: 99 is not within 0 to 10, the scale of nps"
    assert third == "$.line[4].answered_at: required, but missing or blank"
    assert not isinstance(fourth, str)


def test_a_second_address_of_a_row_does_not_end_up_in_its_properties() -> None:
    touchpoint = taken(ADAPTER, ROW | {"email": "ada@example.org", "E-Mail Address": "ada@example.net", "mobile": "x"})
    assert keys(touchpoint) == ["email:ada@example.org"]
    assert touchpoint.properties == {}
