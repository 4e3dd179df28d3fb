"""Reviews as rows: stars on their scale, who wrote them, and what about."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from producers.adapters.survey.reviews import ADAPTER
from tests.unit.producers.survey.rig import answer_in, keys, refused, taken

ROW: dict[str, Any] = {"id": "v1", "rating": 4.5, "date": "2026-03-06T08:00:00Z", "text": "Good tea", "site": "Shop"}


def test_a_review_is_an_answer_in_stars() -> None:
    review = taken(ADAPTER, ROW | {"author": "@Ada", "email": "ada@example.org", "order_id": "W-1", "product": "P-7"})
    answer = answer_in(review)
    assert (review.touchpoint, review.channel, review.order_id) == ("review", "web", "W-1")
    assert keys(review) == ["email:ada@example.org", "handle:shop:ada"]
    assert (answer.metric, answer.score, answer.scale_max) == ("stars", Decimal("4.5"), 5)
    assert (answer.comment, answer.survey, answer.response) == ("Good tea", "Shop", "v1")
    assert review.properties == {"product": "P-7"}


def test_a_name_without_its_network_is_nobodys() -> None:
    assert keys(taken(ADAPTER, ROW | {"site": None, "author": "ada"})) == []


def test_a_changed_review_is_another_record_of_the_same_one_and_text_alone_is_one() -> None:
    changed = taken(ADAPTER, ROW | {"status": "edited", "rating": 2, "updated_at": "2026-03-07T08:00:00Z"})
    assert (changed.touchpoint, answer_in(changed).response) == ("review_changed", "v1")
    assert changed.event_id != taken(ADAPTER, ROW).event_id
    assert answer_in(taken(ADAPTER, ROW | {"rating": None})).score is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"rating": 6}, "$.rating: 6 is not within 1 to 5, the scale of stars"),
        ({"rating": None, "text": None}, "$.stars: required where there is no text either"),
        ({"date": None}, "$.reviewed_at: required, but missing or blank"),
        ({"status": "lost"}, "$.status: 'lost' is none of new"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(row: dict[str, Any], reason: str) -> None:
    assert refused(ADAPTER, ROW | row).startswith(reason)
