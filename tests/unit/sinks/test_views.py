"""The public views on ledgers made by hand, on the real engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from schemas import topics
from schemas.base import derived_id
from schemas.catalogue import load
from schemas.conversion import ConversionRecord, PathStep
from schemas.credit import CreditEntry, Posting
from schemas.journey import JourneySnapshot
from schemas.mark import Mark
from schemas.quarantine import QuarantineRecord
from sinks.catalogue import load_catalogue
from sinks.client import Store
from tests.integration.sink_parts import collected, journeys_of, worked
from tests.integration.sink_rig import count
from tests.unit.sinks.landing import Landing

AT = datetime(2026, 3, 1, tzinfo=UTC)


def an_id(*parts: str) -> UUID:
    return derived_id(*parts)


def a_conversion(name: str, net: int = 1000, revision: int = 1, **more: Any) -> ConversionRecord:
    fields: dict[str, Any] = {
        "conversion_id": an_id(name), "profile_id": an_id("p"), "journey_id": an_id("j"), "revision": revision,
        "conversion": "purchase", "closing": True, "occurred_at": AT, "touchpoint": "order_completed",
        "channel": "web", "source": "shop", "currency": "EUR", "minor_digits": 2, "gross_minor": 1000,
        "net_minor": net, "recorded_at": AT + timedelta(minutes=revision),
    }  # fmt: skip
    return ConversionRecord(**fields | more)


def an_entry(
    model: str, credit: str, minor: int, campaign: str | None, channel: str | None = "web", revision: int = 1
) -> CreditEntry:
    sign = -1 if credit.startswith("-") else 1
    return CreditEntry(
        entry_id=an_id(model, str(revision), str(campaign), str(channel), str(sign)),
        model=model, revision=revision, sign=sign, touchpoint_id=an_id(str(campaign)) if channel else None,
        touchpoint="page_view" if channel else None, channel=channel, campaign=campaign,
        touched_at=AT if channel else None, credit=Decimal(credit), value_minor=minor,
    )  # fmt: skip


def a_posting(name: str, *entries: CreditEntry, **more: Any) -> Posting:
    own = tuple(e.model_copy(update={"entry_id": an_id(name, str(e.entry_id))}) for e in entries)
    fields: dict[str, Any] = {
        "conversion_id": an_id(name), "profile_id": an_id("p"), "conversion": "purchase", "occurred_at": AT,
        "cause": "conversion", "currency": "EUR", "minor_digits": 2, "entries": own, "recorded_at": AT,
    }  # fmt: skip
    return Posting(**fields | more)


SPLIT = (an_entry("linear", "0.5", 500, "spring"), an_entry("linear", "0.5", 500, "summer", "email"))
FIRST = (an_entry("first", "1", 1000, "spring"),)


def revenue(store: Store, view: str, by: str) -> list[tuple[Any, ...]]:
    columns = f"model, {by}, attributed, currency, revenue, conversions"
    return store.rows(f"SELECT {columns} FROM {store.database}.{view} ORDER BY ALL")


def test_revenue_is_summed_over_entries_and_reversals_with_what_no_touch_earned(store: Store) -> None:
    land = Landing(store)
    land(topics.CREDITS, a_posting("a", *SPLIT, *FIRST))
    land(topics.CREDITS, a_posting("b", an_entry("linear", "1", 250, None, None)))
    # A refund of half: all that was posted is reversed and posted anew.
    land(
        topics.CREDITS,
        a_posting(
            "a",
            an_entry("linear", "-0.5", -500, "spring"), an_entry("linear", "-0.5", -500, "summer", "email"),
            an_entry("linear", "0.5", 250, "spring", revision=2),
            an_entry("linear", "0.5", 250, "summer", "email", revision=2),
            cause="refund",
        ),
    )  # fmt: skip
    assert revenue(store, "revenue_by_campaign_and_model", "campaign") == [
        ("first", "spring", True, "EUR", Decimal(10), Decimal(1)),
        ("linear", "spring", True, "EUR", Decimal("2.5"), Decimal("0.5")),
        ("linear", "summer", True, "EUR", Decimal("2.5"), Decimal("0.5")),
        ("linear", None, False, "EUR", Decimal("2.5"), Decimal(1)),
    ]
    by_channel = revenue(store, "revenue_by_channel_and_model", "channel")
    assert [row[1] for row in by_channel] == ["web", "email", "web", None]
    assert sum(row[4] for row in by_channel if row[0] == "linear") == Decimal("7.5")


def test_a_full_ledger_has_no_violations(store: Store) -> None:
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a"), a_conversion("b", 0))
    land(topics.CREDITS, a_posting("a", *SPLIT, *FIRST))
    land(
        topics.CREDITS,
        a_posting("b", an_entry("linear", "1", 0, None, None), an_entry("first", "1", 0, None, None)),
    )
    assert count(store, "attribution_violations") == 0


def violations(store: Store) -> list[tuple[Any, ...]]:
    columns = "conversion_id, model, conversion_known, in_ledger, credit_due, credit_posted, value_minor_due"
    return store.rows(f"SELECT {columns}, value_minor_posted FROM {store.database}.attribution_violations")


def test_a_missing_entry_is_a_violation(store: Store) -> None:
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a"))
    land(topics.CREDITS, a_posting("a", SPLIT[0], *FIRST))
    assert violations(store) == [(an_id("a"), "linear", True, True, Decimal(1), Decimal("0.5"), 1000, 500)]


def test_a_model_without_any_entry_of_a_conversion_is_a_violation(store: Store) -> None:
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a"), a_conversion("b"))
    land(topics.CREDITS, a_posting("a", *SPLIT, *FIRST), a_posting("b", *SPLIT))
    assert violations(store) == [(an_id("b"), "first", True, False, Decimal(1), Decimal(0), 1000, 0)]


def test_a_conversion_without_any_ledger_is_a_violation(store: Store) -> None:
    Landing(store)(topics.CONVERSIONS, a_conversion("a"))
    assert count(store, "attribution_violations") == 1


def test_entries_of_a_conversion_that_nobody_knows_are_a_violation(store: Store) -> None:
    Landing(store)(topics.CREDITS, a_posting("a", *FIRST))
    assert violations(store) == [(an_id("a"), "first", False, True, Decimal(0), Decimal(1), 0, 1000)]


def test_a_value_that_is_not_the_net_revenue_is_a_violation(store: Store) -> None:
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a", 999))
    land(topics.CREDITS, a_posting("a", *FIRST))
    assert count(store, "attribution_violations") == 1


def test_a_withdrawn_conversion_must_have_its_credit_taken_back(store: Store) -> None:
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a"), a_conversion("a", revision=2, withdrawn=True))
    land(topics.CREDITS, a_posting("a", *FIRST))
    assert count(store, "attribution_violations") == 1
    land(topics.CREDITS, a_posting("a", an_entry("first", "-1", -1000, "spring")))
    assert count(store, "attribution_violations") == 0
    assert count(store, "conversions") == 0


def test_a_batch_that_comes_again_or_late_changes_nothing_and_what_was_withdrawn_stays_so(store: Store) -> None:
    raw = collected(journeys_of(3))
    values = [(topics.BY_NAME[o.topic], o.value or b"") for o in [*raw, *worked(raw)]]
    land = Landing(store)
    for topic, value in values:
        land(topic, value)
    land(topics.CONVERSIONS, a_conversion("w", revision=2, withdrawn=True))
    views = ("touchpoints", "journeys", "conversions", "credits", "revenue_by_campaign_and_model", "conversion_paths")

    def seen() -> list[list[tuple[Any, ...]]]:
        kept = "* EXCEPT (kafka_partition, kafka_offset)"
        return [
            store.rows(f"SELECT {kept if view == 'touchpoints' else '*'} FROM {store.database}.{view} ORDER BY ALL")
            for view in views
        ]

    before = seen()
    # The other way round: old revisions come after the newest.
    for topic, value in reversed(values):
        land(topic, value)
    land(topics.CONVERSIONS, a_conversion("w", revision=1))
    assert seen() == before
    store.command(f"OPTIMIZE TABLE {store.database}.conversions_log FINAL")
    assert seen() == before


def a_journey(name: str, last_at: datetime, **more: Any) -> JourneySnapshot:
    fields: dict[str, Any] = {
        "journey_id": an_id(name), "profile_id": an_id("p"), "revision": 1, "status": "open",
        "opening_event": an_id("o"), "opened_at": last_at - timedelta(days=3), "last_at": last_at, "touchpoints": 3,
        "touches": 2, "visits": 1, "conversions": 0, "first_touchpoint": "page_view", "last_touchpoint": "call",
        "recorded_at": AT,
    }  # fmt: skip
    return JourneySnapshot(**fields | more)


def test_an_open_journey_without_a_touch_for_so_long_is_idle_now(store: Store) -> None:
    now = datetime.now(UTC)
    done = {"status": "converted", "converted_at": now - timedelta(days=98), "conversions": 1}
    Landing(store)(
        topics.JOURNEYS,
        a_journey("new", now - timedelta(days=20)),
        a_journey("old", now - timedelta(days=31)),
        a_journey("done", now - timedelta(days=100), **done),
    )

    def status() -> dict[UUID, str]:
        return dict(store.rows(f"SELECT journey_id, status_now FROM {store.database}.journeys"))

    assert status() == {an_id("new"): "open", an_id("old"): "idle", an_id("done"): "converted"}
    catalogue = load()
    shorter = catalogue.journey.model_copy(update={"inactivity_days": 10})
    load_catalogue(store, catalogue.model_copy(update={"journey": shorter}))
    assert status()[an_id("new")] == "idle"
    days = store.rows(f"SELECT days, journeys FROM {store.database}.journeys_by_days_to_conversion")
    # Opened 103 days ago, converted 98 days ago.
    assert days == [(5, 1)]
    lengths = store.rows(f"SELECT length, journeys, converted FROM {store.database}.journeys_by_length")
    assert lengths == [(3, 3, 1)]


def test_paths_are_counted_as_they_were_walked(store: Store) -> None:
    steps = [PathStep(touchpoint_id=an_id(c), touched_at=AT, touchpoint="t", channel=c) for c in ("web", "email")]
    Landing(store)(
        topics.CONVERSIONS,
        a_conversion("a", path=tuple(steps)), a_conversion("b", 500, path=tuple(steps)),
        a_conversion("c", path=tuple(reversed(steps))), a_conversion("d"),
    )  # fmt: skip
    found = store.rows(f"SELECT path_text, touches, conversions, revenue FROM {store.database}.conversion_paths")
    assert found == [
        ("web > email", 2, 2, Decimal(15)),
        ("(no touch)", 0, 1, Decimal(10)),
        ("email > web", 2, 1, Decimal(10)),
    ]


def test_a_touchpoint_beyond_the_horizon_says_so(store: Store) -> None:
    raw = collected(journeys_of(1))
    land = Landing(store)
    for output in worked(raw):
        if output.topic == topics.RESOLVED.name:
            land(topics.RESOLVED, output.value or b"")
    event = store.rows(f"SELECT min(event_id) FROM {store.database}.touchpoints")[0][0]
    land(topics.MARKS, Mark(event_id=event, profile_id=an_id("p"), mark="beyond_horizon", recorded_at=AT))
    assert store.rows(f"SELECT event_id FROM {store.database}.touchpoints WHERE beyond_horizon") == [(event,)]


def test_quarantine_is_counted_by_reason_and_a_repeat_counts_once(store: Store) -> None:
    def bad(raw: bytes, reason: str) -> QuarantineRecord:
        return QuarantineRecord.of(source="s", door="d", reason=reason, raw=raw, received_at=AT)

    Landing(store)(topics.QUARANTINE, bad(b"1", "$: x"), bad(b"2", "$: x"), bad(b"2", "$: x"), bad(b"3", "$.a: y"))
    found = store.rows(f"SELECT reason, records FROM {store.database}.quarantine_by_reason")
    assert found == [("$: x", 2), ("$.a: y", 1)]


def test_a_new_catalogue_replaces_the_one_before_whole(store: Store) -> None:
    catalogue = load()
    assert load_catalogue(store, catalogue) == len(catalogue.touchpoints)
    assert count(store, "catalogue_touchpoints") == len(catalogue.touchpoints)
    fewer = dict(list(catalogue.touchpoints.items())[:3])
    load_catalogue(store, catalogue.model_copy(update={"touchpoints": fewer}))
    found = store.rows(f"SELECT name, phase, phase_position, credit FROM {store.database}.catalogue_touchpoints")
    assert sorted(found) == sorted((n, e.phase, catalogue.phases.index(e.phase) + 1, True) for n, e in fewer.items())
