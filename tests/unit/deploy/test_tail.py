"""What `tail` says of records and of a collector's counters. Nothing runs here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from deploy.tail import Duplicates, Filter, Reading, Seen
from producers.collector.metrics import Metrics
from schemas.topics import COLLECTED, QUARANTINE

AT = datetime(2026, 3, 1, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples"


def exposed(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def test_a_touchpoint_that_comes_again_is_a_duplicate() -> None:
    reading = Reading()
    value = (EXAMPLES / COLLECTED.name / "v1" / "store_receipt_of_2017.json").read_bytes()
    first, again = (reading.seen(COLLECTED.name, value, AT) for _ in range(2))
    assert (first.outcome, again.outcome) == ("accepted", "duplicate")
    assert first.touchpoint == "store_purchase"
    assert first.amount is not None


def test_a_quarantined_record_says_its_door_and_reason_and_what_is_no_record_says_that() -> None:
    value = (EXAMPLES / QUARANTINE.name / "v1" / "http_currency_unknown.json").read_bytes()
    seen = Reading().seen(QUARANTINE.name, value, AT)
    assert (seen.outcome, seen.door) == ("quarantined", "http:/v1/track")
    assert seen.reason is not None
    stranger = Reading().seen(COLLECTED.name, b"{}", AT)
    assert (stranger.outcome, stranger.source) == ("quarantined", f"topic:{COLLECTED.name}")


def test_duplicates_are_what_the_collectors_counters_grow_by() -> None:
    metrics, duplicates = Metrics(), Duplicates()
    metrics.duplicate.labels("shop").inc(5)
    assert duplicates.grown(exposed(metrics), AT) == [], "what was before is not told"
    assert duplicates.grown(exposed(metrics), AT) == []
    metrics.duplicate.labels("shop").inc(2)
    metrics.duplicate.labels("mail").inc()
    grown = {seen.source: seen.count for seen in duplicates.grown(exposed(metrics), AT)}
    assert grown == {"shop": 2, "mail": 1}
    anew = Metrics()
    anew.duplicate.labels("shop").inc()
    assert [seen.count for seen in duplicates.grown(exposed(anew), AT)] == [1]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Filter(), ["accepted", "duplicate", "quarantined"]),
        (Filter(source="shop"), ["accepted", "quarantined"]),
        (Filter(quarantined=True), ["quarantined"]),
    ],
)
def test_a_filter_leaves_out_what_is_not_asked_for(wanted: Filter, told: list[str]) -> None:
    events = [Seen("accepted", AT, "shop"), Seen("duplicate", AT, "mail"), Seen("quarantined", AT, "shop")]
    assert [seen.outcome for seen in events if wanted.takes(seen)] == told
