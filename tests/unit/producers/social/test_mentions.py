"""Mentions as rows: what the sender says of their sentiment and reach, and who wrote them where."""

from __future__ import annotations

from typing import Any

import pytest

from producers.adapters.social.mentions import ADAPTER
from schemas.bodies import OtherBody
from tests.unit.producers.survey.rig import keys, refused, taken

ROW: dict[str, Any] = {"id": "114", "network": "Mastodon", "posted_at": "2026-03-08T10:00:00Z", "text": "Lovely"}


def test_a_mention_is_taken_with_its_author_sentiment_and_reach() -> None:
    more = {"handle": "@Ada", "sentiment": "Positive", "followers": "214", "hashtag": "spring", "topic": "tea"}
    mention = taken(ADAPTER, ROW | more | {"url": "https://social.example.org/@ada/114"})
    assert (mention.touchpoint, mention.channel, keys(mention)) == ("social_mention", "social", ["handle:mastodon:ada"])
    assert mention.body == OtherBody(text="Lovely", link="https://social.example.org/@ada/114", reach=214)
    assert mention.campaign is not None
    assert mention.campaign.name == "spring"
    assert mention.properties == {"network": "mastodon", "sentiment": "positive", "topic": "tea"}


@pytest.mark.parametrize(
    ("sentiment", "told"),
    [("neg", "negative"), ("Neutral", "neutral"), (-0.6, "negative"), ("0", "neutral"), (2, "positive"), (None, None)],
)
def test_the_senders_sentiment_is_taken_as_a_word_or_by_its_sign(sentiment: Any, told: str | None) -> None:
    assert taken(ADAPTER, ROW | {"sentiment": sentiment}).properties.get("sentiment") == told


@pytest.mark.parametrize(
    ("kind", "touchpoint"),
    [("dm", "social_message"), ("Post", "social_post"), ("forum", "forum_post"), ("reply", "social_mention")],
)
def test_the_type_says_which_touchpoint_it_is(kind: str, touchpoint: str) -> None:
    assert taken(ADAPTER, ROW | {"type": kind}).touchpoint == touchpoint


def test_a_user_of_the_network_is_no_customer_of_ours() -> None:
    assert keys(taken(ADAPTER, ROW | {"user_id": "77"})) == ["handle:mastodon:77"]
    assert keys(taken(ADAPTER, ROW | {"customer_id": "c1"})) == ["customer:c1"]


def test_the_same_id_on_another_network_is_another_mention() -> None:
    assert taken(ADAPTER, ROW).event_id != taken(ADAPTER, ROW | {"network": "Forum"}).event_id


def test_a_mention_of_an_order_or_a_touchpoint_is_tied_to_it() -> None:
    mention = taken(ADAPTER, ROW | {"order_id": "W-1", "touchpoint": "delivery"})
    assert (mention.order_id, mention.properties["about_touchpoint"]) == ("W-1", "delivery")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"type": "carving"}, "$.type: 'carving' is none of mention"),
        ({"sentiment": "meh"}, "$.sentiment: 'meh' is none of positive, neutral, negative"),
        ({"sentiment": True}, "$.sentiment: 'True' is none of positive, neutral, negative"),
        ({"reach": -1}, "$.reach: -1 is no number of people"),
        ({"reach": 1.5}, "$.reach: 1.5 is no number of people"),
        ({"posted_at": None}, "$.posted_at: required, but missing or blank"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(row: dict[str, Any], reason: str) -> None:
    assert refused(ADAPTER, ROW | row).startswith(reason)
