"""What comes with a key that anybody can read says so, and all other records stay what they were."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from producers.adapters.sender import Sender
from producers.adapters.web.segment import outcome_of
from producers.records import record_of
from schemas.catalogue import load
from schemas.outcome import Accepted
from schemas.touchpoint import Touchpoint

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SECRET = Sender("shop", "http:/v1/track")
PUBLIC = replace(SECRET, public=True)
ORDER = b'{"event":"Order Completed","anonymousId":"a1","properties":{"order_id":"W-1","revenue":5,"currency":"EUR"}}'


def collected(sender: Sender) -> bytes:
    outcome = outcome_of(ORDER, "track", sender, NOW, load())
    assert isinstance(outcome, Accepted)
    return record_of(outcome).value


def test_a_purchase_with_a_public_key_is_unverified_and_stays_so_through_kafka() -> None:
    assert json.loads(collected(PUBLIC))["verified"] is False
    assert Touchpoint.model_validate_json(collected(PUBLIC)).verified is False


def test_a_record_of_a_trusted_source_has_no_word_about_it_and_is_verified() -> None:
    assert b"verified" not in collected(SECRET)
    assert Touchpoint.model_validate_json(collected(SECRET)).verified is True


def test_both_name_the_same_event_so_that_a_public_copy_is_a_duplicate_not_a_second_purchase() -> None:
    first, second = (json.loads(collected(sender)) for sender in (SECRET, PUBLIC))
    assert second.pop("verified") is False
    assert first == second
