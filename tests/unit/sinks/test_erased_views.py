"""What the views make of nobody: totals stay, and nobody is no customer. Rows are made by hand, as by the fold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from deploy.attribution_paths import Window, read_paths
from schemas import topics
from schemas.base import derived_id
from schemas.catalogue import load
from schemas.conversion import ConversionRecord, PathStep
from schemas.credit import CreditEntry, Posting
from schemas.erasure import NOBODY
from schemas.journey import JourneySnapshot
from sinks.catalogue import load_catalogue
from sinks.client import Store
from sinks.sql import query, statements
from tests.integration.sink_rig import count
from tests.unit.sinks.landing import Landing

DAY = datetime(2026, 3, 1, tzinfo=UTC)
LATER = DAY + timedelta(days=400)


@pytest.fixture
def store(store: Store) -> Store:
    load_catalogue(store, load())
    return store


def seen(store: Store, view: str, columns: str = "*", where: str = "1") -> list[tuple[Any, ...]]:
    return store.rows(f"SELECT {columns} FROM {store.database}.{view} WHERE {where} ORDER BY ALL")


def a_step(channel: str, days: float) -> PathStep:
    return PathStep(
        touchpoint_id=derived_id(channel, str(days)), touched_at=DAY - timedelta(days=days), touchpoint="page_view",
        channel=channel,
    )  # fmt: skip


def a_conversion(name: str, *path: PathStep, of: str | None = None, **more: Any) -> ConversionRecord:
    """A purchase of 10 euros; without `of` nobody's."""
    fields: dict[str, Any] = {
        "conversion_id": derived_id(name), "profile_id": derived_id(of) if of else NOBODY, "revision": 1,
        "journey_id": derived_id("journey", name), "conversion": "purchase", "closing": True, "occurred_at": DAY,
        "touchpoint": "order_completed", "channel": "web", "source": "shop", "currency": "EUR", "minor_digits": 2,
        "gross_minor": 1000, "net_minor": 1000, "recorded_at": LATER, "path": path,
    }  # fmt: skip
    return ConversionRecord(**fields | more)


def a_posting(name: str, *channels: str, of: str | None = None, models: str = "first last", **more: Any) -> Posting:
    """Each model gives all to the touches in equal parts."""
    entries = tuple(
        CreditEntry(
            entry_id=derived_id(name, model, channel), model=model, revision=1, sign=1,
            touchpoint_id=derived_id(name, channel), touchpoint="page_view", channel=channel, touched_at=DAY,
            credit=1 / Decimal(len(channels)), value_minor=1000 // len(channels),
        )
        for model in models.split() for channel in channels
    )  # fmt: skip
    fields: dict[str, Any] = {
        "conversion_id": derived_id(name), "profile_id": derived_id(of) if of else NOBODY, "conversion": "purchase",
        "occurred_at": DAY, "cause": "conversion" if of else "erasure", "currency": "EUR", "minor_digits": 2,
        "entries": entries, "recorded_at": LATER,
    }  # fmt: skip
    return Posting(**fields | more)


def a_journey(name: str, *channels: str, of: str | None = None, **more: Any) -> JourneySnapshot:
    fields: dict[str, Any] = {
        "journey_id": derived_id("journey", name), "profile_id": derived_id(of) if of else NOBODY, "revision": 1,
        "status": "open", "opening_event": derived_id("opening", name), "opened_at": DAY, "last_at": DAY,
        "touchpoints": 3, "touches": 2, "visits": 1, "conversions": 0, "channels": channels,
        "first_touchpoint": "page_view", "last_touchpoint": "page_view", "recorded_at": LATER,
    }  # fmt: skip
    return JourneySnapshot(**fields | more)


def test_nobody_is_no_customer_however_many_journeys_are_his(store: Store) -> None:
    land = Landing(store)
    land(
        topics.JOURNEYS, a_journey("a", "web", "email"), a_journey("b", "web"), a_journey("c", "web", "email", of="ada")
    )
    land(topics.CONVERSIONS, a_conversion("a"), a_conversion("c", of="ada"))
    assert count(store, "profiles") == count(store, "customer_360") == 0  # ada has no identifier here
    assert seen(store, "channel_overlap", "channel, other, profiles, channel_profiles") == [
        ("email", "web", 1, 1), ("web", "email", 1, 1),
    ]  # fmt: skip
    assert seen(store, "journeys_by_length", "length, journeys") == [(3, 3)]


def test_what_nobody_has_brought_is_in_every_total(store: Store) -> None:
    land = Landing(store)
    both = a_step("web", 2), a_step("email", 1)
    land(topics.CONVERSIONS, a_conversion("a", *both), a_conversion("b", *both, of="ada"))
    land(topics.CREDITS, a_posting("a", "web", "email"), a_posting("b", "web", "email", of="ada"))
    assert count(store, "attribution_violations") == 0
    revenue = [("first", "email", 10), ("first", "web", 10), ("last", "email", 10), ("last", "web", 10)]
    assert seen(store, "revenue_by_channel_and_model", "model, channel, revenue") == revenue
    assert seen(store, f"revenue_as_of(as_of = '{LATER:%F %T}')", "model, channel, revenue") == revenue
    assert seen(store, "roas_by_channel", "model, channel, revenue") == revenue
    assert seen(store, "top_paths", "path_text, conversions, median_days") == [("web > email", 2, 2)]
    assert seen(store, "assisted_conversions", "channel, assisted, last_touch") == [("email", 0, 2), ("web", 2, 0)]
    assert seen(store, "time_to_conversion", "conversions, median_days") == [(2, 2)]


def test_nobody_owes_no_entry_of_a_model_that_came_later_but_all_of_his_posting(store: Store) -> None:
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a"), a_conversion("b", of="ada"))
    land(topics.CREDITS, a_posting("a", "web"), a_posting("b", "web", of="ada", models="first last linear"))
    assert count(store, "attribution_violations") == 0
    land(topics.CONVERSIONS, a_conversion("lost"))
    models = [("first",), ("last",), ("linear",)]
    assert seen(store, "attribution_violations", "model", f"conversion_id = '{derived_id('lost')}'") == models


def test_nobodys_record_of_the_day_on_which_the_ledger_began_must_have_its_posting(store: Store) -> None:
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a", of="ada"), a_conversion("b", recorded_at=DAY))
    land(topics.CREDITS, a_posting("a", "web", of="ada", models="first", recorded_at=DAY + timedelta(hours=9)))
    assert [row[0] for row in seen(store, "attribution_violations", "conversion_id")] == [derived_id("b")]


def test_an_erased_purchase_is_neither_one_of_a_known_nor_of_an_unknown_buyer(store: Store) -> None:
    land = Landing(store)
    in_branch = {"touchpoint": "store_purchase", "channel": "store"}
    land(topics.CONVERSIONS, a_conversion("a", **in_branch), a_conversion("b", of="ada", **in_branch))
    assert seen(store, "ropo_purchases", "event_id, known, matched, erased", "erased") == [
        (derived_id("a"), False, False, True)
    ]
    for view in ("ropo", "ropo_by_month"):
        [row] = seen(store, view, "purchases, value, erased, erased_value, known, buyer_coverage, matched_share")
        assert row == (2, 20, 1, 10, 0, 0.0, 0.0)  # ada's is one of an unknown buyer: no identifier of hers is there
    land(topics.CONVERSIONS, a_conversion("b", of="ada", revision=2, withdrawn=True, **in_branch))
    assert seen(store, "ropo", "purchases, buyer_coverage, matched_share, matched_value_share") == [
        (1, None, None, None)
    ]


def test_a_fit_learns_from_each_of_nobodys_conversions_by_its_own_path(store: Store) -> None:
    land = Landing(store)
    land(
        topics.CONVERSIONS,
        a_conversion("a", a_step("web", 2), a_step("email", 1)), a_conversion("b", a_step("web", 3)),
    )  # fmt: skip
    land(topics.JOURNEYS, a_journey("a", "web", "email", conversions=1), a_journey("b", "web", conversions=1))
    land(topics.JOURNEYS, a_journey("c", "web"))  # it did not convert, and what it had met is gone
    found = read_paths(store, load(), Window(LATER)).paths
    names = [found.names[code] for code in found.codes]
    paths = {tuple(names[begin:end]) for begin, end in zip(found.offsets[:-1], found.offsets[1:], strict=True)}
    assert paths == {("web",), ("web", "email")}
    assert (sum(found.converting), sum(found.others)) == (2, 0)


def test_a_replay_makes_all_anew_but_what_is_said_of_nobody(store: Store) -> None:
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a"), a_conversion("b", of="ada"))
    land(topics.CREDITS, a_posting("a", "web"), a_posting("b", "web", of="ada"))
    land(topics.JOURNEYS, a_journey("a", "web"), a_journey("b", "web", of="ada"))
    for statement in statements(query("forget_derived", store.database)):
        store.command(statement)
    for view in ("conversions", "journeys", "credits"):
        assert seen(store, view, "DISTINCT profile_id") == [(NOBODY,)]
    assert count(store, "attribution_violations") == 0
