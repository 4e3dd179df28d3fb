"""From an outcome to the record in Kafka."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from producers.adapters.sender import Sender
from producers.adapters.web.segment import outcome_of
from producers.records import record_of
from schemas.catalogue import load
from schemas.outcome import Accepted, Quarantined
from schemas.topics import COLLECTED, QUARANTINE
from schemas.touchpoint import Touchpoint

NOW = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


def test_a_touchpoint_is_keyed_by_its_strongest_identifier_at_the_time_of_ingest() -> None:
    raw = orjson.dumps({"event": "X", "userId": "ü", "anonymousId": "a", "timestamp": "2017-01-01T00:00:00Z"})
    outcome = outcome_of(raw, "track", Sender("s", "d"), NOW, load())
    assert isinstance(outcome, Accepted)
    record = record_of(outcome)
    assert (record.topic, record.key, record.timestamp) == (COLLECTED.name, "customer:ü".encode(), 1714564800123)
    assert Touchpoint.model_validate_json(record.value) == outcome.touchpoint


def test_what_is_bad_is_keyed_by_its_source() -> None:
    outcome = outcome_of(b"{", "track", Sender("s", "d"), NOW, load())
    assert isinstance(outcome, Quarantined)
    record = record_of(outcome)
    assert (record.topic, record.key, record.timestamp) == (QUARANTINE.name, b"s", 1714564800123)
