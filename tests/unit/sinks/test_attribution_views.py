"""What marketing asks of the ledger, on the real engine: over the real stages where they matter, else made by hand."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas import topics
from schemas.base import derived_id
from schemas.bodies import LineItem, OtherBody, StoreBody, WebBody
from schemas.catalogue import load
from schemas.conversion import ConversionRecord, PathStep
from schemas.cost import Spend, SpendDay
from schemas.credit import CreditEntry, Posting
from schemas.journey import JourneySnapshot
from schemas.money import Money
from schemas.touchpoint import Campaign, Touchpoint
from sinks.catalogue import load_catalogue
from sinks.client import Store
from sinks.costs import write_costs
from sinks.rows import TOPICS
from tests.integration.sink_rig import count
from tests.unit.sinks.landing import Landing
from tests.unit.sinks.pipeline import AT, Pipeline, an_event

DAY = 24 * 60


@pytest.fixture
def store(store: Store) -> Store:
    load_catalogue(store, load())
    return store


def seen(store: Store, view: str, columns: str = "*", where: str = "1", order: str = "ALL") -> list[tuple[Any, ...]]:
    return store.rows(f"SELECT {columns} FROM {store.database}.{view} WHERE {where} ORDER BY {order}")


def euro(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


# ---- records made by hand


def a_path(*touches: tuple[str, float] | str, campaign: str | None = None) -> tuple[PathStep, ...]:
    """Touches by channel, and so many days before AT; a channel alone was met at AT."""
    pairs = [touch if isinstance(touch, tuple) else (touch, 0.0) for touch in touches]
    return tuple(
        PathStep(
            touchpoint_id=derived_id(channel, str(days), str(number)), touched_at=AT - timedelta(days=days),
            touchpoint="page_view", channel=channel, campaign=campaign,
        )
        for number, (channel, days) in enumerate(pairs)
    )  # fmt: skip


def a_conversion(name: str, *touches: tuple[str, float] | str, net: int = 1000, **more: Any) -> ConversionRecord:
    fields: dict[str, Any] = {
        "conversion_id": derived_id(name), "profile_id": derived_id("p"), "journey_id": derived_id("j"), "revision": 1,
        "conversion": "purchase", "closing": True, "occurred_at": AT, "touchpoint": "order_completed",
        "channel": "web", "source": "shop", "currency": "EUR", "minor_digits": 2, "gross_minor": 1000,
        "net_minor": net, "recorded_at": AT, "path": a_path(*touches),
    }  # fmt: skip
    return ConversionRecord(**fields | more)


def an_entry(model: str, credit: str, minor: int, channel: str | None, **more: Any) -> CreditEntry:
    sign = -1 if credit.startswith("-") else 1
    revision = more.pop("revision", 1)
    fields: dict[str, Any] = {
        "entry_id": derived_id(model, str(revision), str(channel), str(more.get("touchpoint")), str(sign)),
        "model": model, "revision": revision, "sign": sign, "touchpoint_id": derived_id(channel) if channel else None,
        "touchpoint": "page_view" if channel else None, "channel": channel,
        "touched_at": AT if channel else None, "credit": Decimal(credit), "value_minor": minor,
    }  # fmt: skip
    return CreditEntry(**fields | more)


def a_posting(name: str, *entries: CreditEntry, **more: Any) -> Posting:
    own = tuple(e.model_copy(update={"entry_id": derived_id(name, str(e.entry_id))}) for e in entries)
    fields: dict[str, Any] = {
        "conversion_id": derived_id(name), "profile_id": derived_id("p"), "conversion": "purchase", "occurred_at": AT,
        "cause": "conversion", "currency": "EUR", "minor_digits": 2, "entries": own, "recorded_at": AT,
    }  # fmt: skip
    return Posting(**fields | more)


# ---- attribution_violations


def a_life(chance: random.Random, number: int) -> list[Touchpoint]:
    """Visits, mails, calls and orders of a few people on several devices, with refunds; many of them late."""
    people = [f"customer:c{number}", f"email:{number}@example.org", f"anonymous:a{number}", "anonymous:shared"]
    events, orders = [], list[str]()
    for step in range(20):
        minute = chance.randint(0, 40 * DAY)
        late = chance.choice([0, 0, 5 * DAY])
        more: dict[str, Any] = {"received_at": AT + timedelta(minutes=minute + late)}
        kind = chance.random()
        if kind < 0.2:
            paid = euro(str(Decimal(chance.randint(1, 9999)).scaleb(-2)))
            more |= {"touchpoint": "order_completed", "order_id": f"o{number}-{step}", "amount": paid}
            orders.append(f"o{number}-{step}")
        elif kind < 0.35 and orders:
            more |= {"touchpoint": "order_refunded", "order_id": chance.choice(orders), "amount": euro("0.23")}
        elif kind < 0.45:
            more |= {"touchpoint": "newsletter_subscribed"}
        else:
            refused = {"context": {"consent": {"categoryPreferences": {"analytics": chance.random() < 0.8}}}}
            more |= {"channel": chance.choice(["web", "search", "email"]), "properties": refused}
        names = chance.sample(people, chance.randint(1, 2))
        events.append(an_event(f"e{number}-{step}", *names, minute=minute, **more))
    return events


@pytest.mark.parametrize("seed", [1, 2])
def test_the_ledger_of_the_real_stages_is_whole_and_each_entry_that_is_lost_or_doubled_shows(
    store: Store, seed: int
) -> None:
    chance = random.Random(seed)
    pipeline = Pipeline(store, partitions=2)
    events = [event for number in range(4) for event in a_life(chance, number)]
    chance.shuffle(events)
    half = len(events) // 2
    pipeline.seen(*events[:half])
    pipeline.decide("merge", "customer:c0", "email:1@example.org", minute=50 * DAY)
    pipeline.seen(*events[half:], *events[:5])
    pipeline.decide("unmerge", "email:1@example.org", minute=51 * DAY)
    assert count(store, "conversions") > 5
    assert {"refund", "late_touchpoint"} <= {row[0] for row in seen(store, "credits", "DISTINCT cause")}
    assert "withheld" in {row[0] for row in seen(store, "credits", "DISTINCT line")}
    assert count(store, "attribution_violations") == 0

    d = store.database
    # At every moment the books balance, though causes were worked off in another order than they had arrived in.
    moments = [row[0] for row in seen(store, "credits", "DISTINCT recorded_at")]
    assert len(moments) > 10
    for moment in moments:
        unbalanced = store.rows(
            "SELECT conversion_id, model, sum(earned), min(earned) FROM"
            " (SELECT conversion_id, model, sum(credit) AS earned"
            f" FROM {d}.credits_as_of(as_of = '{moment}') GROUP BY conversion_id, model, line, touchpoint_id)"
            " GROUP BY conversion_id, model HAVING sum(earned) NOT IN (0, 1) OR min(earned) < 0"
        )
        assert unbalanced == [], moment

    # One entry that carries value, and still counts for something: its like was not taken back.
    [(entry, conversion, model)] = store.rows(
        f"SELECT argMax(entry_id, (recorded_at, revision)), conversion_id, model FROM {d}.credits WHERE credit > 0"
        " GROUP BY conversion_id, model ORDER BY conversion_id, model LIMIT 1"
    )
    store.command(
        f"INSERT INTO {d}.credits_log SELECT * REPLACE (generateUUIDv4() AS entry_id)"
        f" FROM (SELECT * FROM {d}.credits_log FINAL WHERE entry_id = '{entry}')"
    )
    assert seen(store, "attribution_violations", "conversion_id, model, credit_posted > credit_due") == [
        (conversion, model, True)
    ]
    store.command(f"DELETE FROM {d}.credits_log WHERE conversion_id = '{conversion}' AND model = '{model}'")
    assert seen(store, "attribution_violations", "conversion_id, model, in_ledger, credit_posted") == [
        (conversion, model, False, Decimal(0))
    ]


def test_a_model_that_the_catalogue_has_no_more_owes_nothing_but_may_not_have_given_half(store: Store) -> None:
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a"), a_conversion("b"), a_conversion("c", net=500))
    land(topics.CREDITS, a_posting("a", an_entry("last", "1", 1000, "web"), an_entry("dropped", "1", 1000, "web")))
    land(topics.CREDITS, a_posting("b", an_entry("last", "1", 1000, "web")))
    # Half of it was refunded after the model had gone: its lines are those of before.
    land(topics.CREDITS, a_posting("c", an_entry("last", "1", 500, "web"), an_entry("dropped", "1", 1000, "web")))
    assert count(store, "attribution_violations") == 0
    land(topics.CREDITS, a_posting("b", an_entry("dropped", "0.5", 500, "web")))
    assert seen(store, "attribution_violations", "conversion_id, model") == [(derived_id("b"), "dropped")]


def test_without_a_catalogue_every_model_of_the_ledger_counts(store: Store) -> None:
    store.command(f"TRUNCATE TABLE {store.database}.catalogue_log")
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a"), a_conversion("b"))
    land(topics.CREDITS, a_posting("a", an_entry("last", "1", 1000, "web"), an_entry("mine", "1", 1000, "web")))
    land(topics.CREDITS, a_posting("b", an_entry("last", "1", 1000, "web")))
    assert seen(store, "attribution_violations", "conversion_id, model") == [(derived_id("b"), "mine")]


def test_what_a_newer_life_of_the_broker_posts_of_a_conversion_replaces_what_an_older_one_did(store: Store) -> None:
    old, new = Landing(store, epoch=1), Landing(store, epoch=2)
    old(topics.CONVERSIONS, a_conversion("a"), a_conversion("b"))
    old(topics.CREDITS, a_posting("a", an_entry("last", "1", 1000, "web")))
    old(topics.CREDITS, a_posting("b", an_entry("last", "1", 1000, "web")))
    # In the new life the path is another one, and the entry too.
    new(topics.CONVERSIONS, a_conversion("a"))
    new(topics.CREDITS, a_posting("a", an_entry("last", "1", 1000, "email")))
    assert count(store, "attribution_violations") == 0
    assert seen(store, "revenue_by_channel_and_model", "channel, revenue") == [("email", 10), ("web", 10)]
    assert seen(store, "revenue_as_of(as_of = '2030-01-01')", "channel, revenue") == [("email", 10), ("web", 10)]


def test_where_the_state_came_along_into_a_new_life_of_the_broker_its_postings_go_on(store: Store) -> None:
    old, new = Landing(store, epoch=1), Landing(store, epoch=2)
    second = a_posting(
        "a", an_entry("last", "-1", -1000, "web", revision=2), an_entry("last", "1", 1000, "email", revision=2),
        cause="late_touchpoint",
    )  # fmt: skip
    old(topics.CONVERSIONS, a_conversion("a"))
    old(topics.CREDITS, a_posting("a", an_entry("last", "1", 1000, "web")), second)
    # The new broker has a copy of the second posting; the first was too old for it.
    new(topics.CREDITS, second)
    back = an_entry("last", "-1", -1000, "email", revision=3)
    new(topics.CREDITS, a_posting("a", back, an_entry("last", "1", 1000, "print", revision=3), cause="merge"))
    assert count(store, "attribution_violations") == 0
    assert seen(store, "revenue_by_channel_and_model", "channel, revenue") == [("print", 10)]


# ---- as_of


def test_what_was_reported_on_a_day_is_what_had_been_recorded_by_then(store: Store) -> None:
    land = Landing(store)
    land(topics.CREDITS, a_posting("a", an_entry("last", "1", 1000, "web")))
    land(
        topics.CREDITS,
        a_posting(
            "a", an_entry("last", "-1", -1000, "web", revision=2), an_entry("last", "1", 600, "email", revision=2),
            cause="refund", recorded_at=AT + timedelta(days=2, microseconds=1),
        ),
    )  # fmt: skip

    def then(moment: str) -> list[tuple[Any, ...]]:
        return seen(store, f"revenue_as_of(as_of = '{moment}')", "channel, line, revenue, conversions")

    assert then("2026-03-01 11:59:59.999999") == []
    assert then("2026-03-01 12:00:00") == [("web", "touch", 10, 1)]
    assert then("2026-03-03 12:00:00.000000") == [("web", "touch", 10, 1)]
    assert then("2026-03-03 12:00:00.000001") == [("email", "touch", 6, 1)]
    assert len(seen(store, "credits_as_of(as_of = '2026-03-02')", "entry_id")) == 1
    assert len(seen(store, "credits_as_of(as_of = '2026-03-04')", "entry_id")) == 3


def test_unattributed_and_withheld_are_told_apart(store: Store) -> None:
    hidden = an_entry("last", "0.4", 400, None, touchpoint="withheld")
    Landing(store)(topics.CREDITS, a_posting("a", an_entry("last", "0.6", 600, None), hidden))
    wanted = [("unattributed", 6, Decimal("0.6")), ("withheld", 4, Decimal("0.4"))]
    assert seen(store, "revenue_by_channel_and_model", "line, revenue, conversions", "NOT attributed") == wanted
    assert seen(store, "revenue_by_campaign_and_model", "line, revenue, conversions", "NOT attributed") == wanted
    assert seen(store, "revenue_as_of(as_of = '2030-01-01')", "line, revenue, conversions") == wanted


def test_the_share_that_consent_hides_is_told_by_model(store: Store) -> None:
    hidden = an_entry("last", "0.4", 400, None, touchpoint="withheld")
    named = an_entry("linear", "1", 1000, "email")
    Landing(store)(topics.CREDITS, a_posting("a", an_entry("last", "0.6", 600, "email"), hidden, named))
    columns = "model, conversions, named, withheld, unattributed, withheld_share, revenue, withheld_revenue"
    assert seen(store, "attribution_by_consent", columns) == [
        ("last", 1, Decimal("0.6"), Decimal("0.4"), 0, 0.4, 10, 4),
        ("linear", 1, 1, 0, 0, 0, 10, 0),
    ]


# ---- paths


def three_purchases(store: Store) -> None:
    Landing(store)(
        topics.CONVERSIONS,
        a_conversion("a", ("search", 4), ("search", 3), ("email", 1)),
        a_conversion("b", ("search", 2), ("email", 1), net=500),
        a_conversion("c", ("email", 10), ("search", 5.5)),
        a_conversion("d"),
        a_conversion("w", ("search", 1), withdrawn=True),
    )


def test_a_channel_assists_where_another_one_is_the_last(store: Store) -> None:
    three_purchases(store)
    columns = "channel, conversions, assisted, last_touch, assisted_value, last_touch_value, assists_per_last_touch"
    assert seen(store, "assisted_conversions", columns) == [
        ("email", 3, 1, 2, 10, 15, 0.5),
        ("search", 3, 2, 1, 15, 10, 2.0),
    ]


def test_paths_are_ranked_with_repeats_folded(store: Store) -> None:
    three_purchases(store)
    assert seen(
        store, "top_paths", "rank, path_text, steps, conversions, revenue, share, running_share, median_days"
    ) == [
        (1, "search > email", 2, 2, 15, 0.5, 0.5, 4.0),
        (2, "(no touch)", 0, 1, 10, 0.25, 0.75, None),
        (3, "email > search", 2, 1, 10, 0.25, 1.0, 10.0),
    ]


def test_time_and_touches_to_conversion_with_their_distribution(store: Store) -> None:
    three_purchases(store)
    [row] = seen(store, "time_to_conversion")
    assert row[:3] == ("purchase", 4, 3)
    assert row[3:] == pytest.approx((4.0, 8.8, 2.0, 2.7, 1.75))
    assert seen(store, "conversions_by_days", "days, conversions, share") == [
        (2, 1, 0.25),
        (4, 1, 0.25),
        (10, 1, 0.25),
        (None, 1, 0.25),
    ]
    assert seen(store, "conversions_by_touches", "touches, conversions, share") == [
        (0, 1, 0.25),
        (2, 2, 0.5),
        (3, 1, 0.25),
    ]


def test_conversions_without_any_touch_have_no_days(store: Store) -> None:
    Landing(store)(topics.CONVERSIONS, a_conversion("d"))
    assert seen(store, "time_to_conversion", "conversions, with_touch, median_days, p90_days") == [(1, 0, None, None)]
    assert seen(store, "conversions_by_days") == [("purchase", None, 1, 1.0)]


def test_channels_overlap_in_conversions_and_in_customers(store: Store) -> None:
    three_purchases(store)

    def journey(name: str, profile: str, *channels: str) -> JourneySnapshot:
        return JourneySnapshot(
            journey_id=derived_id(name), profile_id=derived_id(profile), revision=1, status="open",
            opening_event=derived_id("o"), opened_at=AT, last_at=AT, touchpoints=1, touches=1, visits=1, conversions=0,
            first_touchpoint="page_view", last_touchpoint="page_view", channels=channels, recorded_at=AT,
        )  # fmt: skip

    Landing(store)(
        topics.JOURNEYS,
        # One customer met both, in two journeys.
        journey("1", "ada", "search"), journey("2", "ada", "email"), journey("3", "bo", "search"),
    )  # fmt: skip
    columns = "channel, other, profiles, channel_profiles, conversions, channel_conversions, profiles_share"
    assert seen(store, "channel_overlap", columns) == [
        ("email", "search", 1, 1, 3, 3, 1.0),
        ("search", "email", 1, 2, 3, 3, 0.5),
    ]


def test_what_was_bought_is_counted_by_path_and_by_channel(store: Store) -> None:
    items = (
        LineItem(product="Tea", category="drinks", quantity=Decimal(2), value=Decimal("6.00")),
        LineItem(product="Cup", category=None, value=Decimal("4.00")),
    )
    order: dict[str, Any] = {
        "touchpoint": "order_completed",
        "order_id": "W-1",
        "amount": euro("10"),
        "body": WebBody(items=items),
    }
    receipt: dict[str, Any] = {
        "touchpoint": "store_purchase", "channel": "store", "source": "till", "order_id": "R-1", "amount": euro("3"),
        "body": StoreBody(store="1", items=(LineItem(product="Tea", category="drinks", value=Decimal(3)),)),
    }  # fmt: skip
    Pipeline(store).seen(
        an_event("look", "customer:ada", channel="search"),
        an_event("order", "customer:ada", minute=5 * DAY, source="shop", **order),
        an_event("receipt", "customer:bo", **receipt),
    )
    by_path = seen(store, "products_by_path", "path_text, category, product, conversions, quantity, value")
    tail = [row for row in by_path if row[0] == "(no touch)"]
    assert tail == [("(no touch)", "drinks", "Tea", 1, 1, 3)]
    assert {row[1:] for row in by_path if row[0].startswith("search")} == {
        ("drinks", "Tea", 1, 2, 6),
        (None, "Cup", 1, 1, 4),
    }
    found = seen(store, "categories_by_channel", "channel, category, conversions, value", "channel != 'web'")
    assert found == [("(no touch)", "drinks", 1, 3), ("search", "drinks", 1, 6), ("search", None, 1, 4)]
    found = seen(store, "products_by_channel", "product, conversions, quantity", "channel = 'search'")
    assert found == [("Cup", 1, 1), ("Tea", 1, 2)]
    assert seen(store, "categories_by_path", "sum(value)") == [(13,)]


# ---- return on spend


def test_spend_stands_beside_what_it_earned_and_channels_without_credit_appear(store: Store) -> None:
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    write_costs(
        store, "ads",
        [
            SpendDay(first, (Spend("search", "spring", euro("4")), Spend("display", None, euro("7")))),
            SpendDay(second, (Spend("search", "spring", euro("1")),)),
        ],
    )  # fmt: skip
    spring = {"campaign": "spring"}
    Landing(store)(
        topics.CREDITS,
        a_posting("a", an_entry("last", "1", 1000, "search", **spring)),
        # From before the first day of spend: it flatters nobody.
        a_posting("b", an_entry("last", "1", 9000, "search", **spring, touched_at=AT - timedelta(days=3))),
        a_posting("c", an_entry("last", "1", 300, "email")),
        a_posting(
            "n", an_entry("last", "1", 0, "search", **spring), conversion="newsletter", currency=None, minor_digits=0
        ),
    )
    columns = (
        "channel, campaign, currency, revenue, conversions, spend, days, revenue_in_days, roas, cost_per_conversion"
    )
    assert seen(store, "roas_by_campaign", columns, "conversion = 'purchase'") == [
        ("display", None, "EUR", 0, 0, 7, 1, 0, 0.0, None),
        ("email", None, "EUR", 3, 1, 0, 0, 0, None, None),
        ("search", "spring", "EUR", 100, 2, 5, 2, 10, 2.0, 5.0),
    ]
    columns = "channel, spend, days, first_day, last_day, conversions_in_days, roas, cost_per_conversion"
    assert seen(store, "roas_by_channel", columns, "conversion = 'newsletter'") == [
        ("display", 7, 1, first, first, 0, 0.0, None),
        ("search", 5, 2, first, second, 1, 0.0, 5.0),
    ]
    by_day = seen(store, "roas_by_day", "day, revenue, spend, roas", "conversion = 'purchase' AND channel = 'search'")
    assert by_day == [(date(2026, 2, 26), 90, 0, None), (first, 10, 4, 2.5), (second, 0, 1, 0.0)]


def test_spend_before_the_first_conversion_is_shown_and_other_currencies_stay_apart(store: Store) -> None:
    dollars = Money(amount=Decimal(3), currency="USD")
    write_costs(store, "ads", [SpendDay(date(2026, 3, 1), (Spend("search", None, dollars),))])
    assert seen(store, "roas_by_channel", "model, channel, currency, spend, days") == [
        ("(ledger is empty)", "search", "USD", 3, 1)
    ]
    Landing(store)(topics.CREDITS, a_posting("a", an_entry("last", "1", 1000, "search")))
    assert seen(store, "roas_by_channel", "model, channel, currency, revenue, spend, roas") == [
        ("last", "search", "EUR", 10, 0, None),
        ("last", "search", "USD", 0, 3, 0.0),
    ]


def test_what_was_taken_back_earns_nothing(store: Store) -> None:
    write_costs(store, "ads", [SpendDay(date(2026, 3, 1), (Spend("search", None, euro("4")),))])
    land = Landing(store)
    land(topics.CREDITS, a_posting("a", an_entry("last", "1", 1000, "search")))
    land(topics.CREDITS, a_posting("a", an_entry("last", "-1", -1000, "search", revision=2), cause="merge"))
    assert seen(store, "roas_by_channel", "revenue, conversions, spend, roas, cost_per_conversion") == [
        (0, 0, 4, 0.0, None)
    ]


# ---- ROPO


def a_receipt(name: str, *who: str, minute: float, amount: str = "10") -> Touchpoint:
    return an_event(
        name, *who, minute=minute, touchpoint="store_purchase", channel="store", source="till", order_id=name,
        amount=euro(amount), body=StoreBody(store="1"),
    )  # fmt: skip


def ropo(store: Store, direction: str, view: str = "ropo") -> dict[str, Any]:
    columns = (
        "purchases", "known", "matched", "value", "matched_value", "matched_share", "matched_share_of_known",
        "matched_value_share", "buyer_coverage", "contacts", "linked_contacts", "contact_coverage",
    )  # fmt: skip
    [row] = seen(store, view, ", ".join(columns), f"direction = '{direction}'")
    return dict(zip(columns, row, strict=True))


def test_research_online_before_a_purchase_in_a_branch_with_coverage_and_bounds(store: Store) -> None:
    window = 30 * DAY
    Pipeline(store).seen(
        # Ada looks at the shop under her cookie, logs in, and buys in the branch exactly 30 days after the first look.
        an_event("look", "anonymous:a"),
        an_event("log-in", "anonymous:a", "customer:ada", minute=1, touchpoint="identified"),
        a_receipt("r-ada", "customer:ada", minute=window),
        # Bo's look was a microsecond more than 30 days before.
        an_event("look-bo", "customer:bo"),
        a_receipt("r-bo", "customer:bo", minute=window + 1 / 60_000_000, amount="20"),
        # Cy has only called: that is no research.
        an_event("call-cy", "customer:cy", touchpoint="call", channel="hotline"),
        a_receipt("r-cy", "customer:cy", minute=DAY, amount="30"),
        # A look after the purchase is none before it.
        a_receipt("r-dee", "customer:dee", minute=10, amount="5"),
        an_event("look-dee", "customer:dee", minute=11),
        # Nobody knows who bought this, and who looked there.
        a_receipt("r-nobody", minute=DAY, amount="35"),
        an_event("look-cookie", "anonymous:x", minute=3),
        an_event("look-cookie-2", "anonymous:x", minute=20),  # the same visit
        an_event("look-cookie-3", "anonymous:x", minute=50),  # exactly 30 minutes later: another one
    )  # fmt: skip
    assert ropo(store, "online_then_store") == {
        "purchases": 5, "known": 4, "matched": 1, "value": 100, "matched_value": 10,
        "matched_share": 0.2, "matched_share_of_known": 0.25, "matched_value_share": 0.1, "buyer_coverage": 0.8,
        "contacts": 5, "linked_contacts": 3, "contact_coverage": 0.6,
    }  # fmt: skip
    found = seen(store, "ropo_purchases", "event_id, last_contact, last_contact_touchpoint", "matched")
    assert found == [(derived_id("r-ada"), derived_id("look"), "page_view")]
    months = seen(store, "ropo_by_month", "month, purchases, matched, contacts")
    assert months == [(date(2026, 3, 1), 5, 1, 5)]


def test_a_contact_in_a_branch_before_a_purchase_online(store: Store) -> None:
    order: dict[str, Any] = {"touchpoint": "order_completed", "source": "shop", "amount": euro("10")}
    Pipeline(store).seen(
        an_event("talk", "customer:ada", touchpoint="sales_talk", channel="store"),
        an_event("o-ada", "customer:ada", minute=DAY, order_id="1", **order),
        # Neither a call nor an earlier purchase in the branch counts.
        an_event("call", "customer:bo", touchpoint="call", channel="hotline"),
        a_receipt("r-bo", "customer:bo", minute=1),
        an_event("o-bo", "customer:bo", minute=DAY, order_id="2", **order),
        # A guest: a cookie is nobody.
        an_event("o-guest", "anonymous:g", minute=DAY, order_id="3", **order),
        an_event("someone", touchpoint="branch_visit", channel="store"),
    )
    found = ropo(store, "store_then_online")
    assert (found["purchases"], found["known"], found["matched"]) == (3, 2, 1)
    assert (found["contacts"], found["linked_contacts"], found["contact_coverage"]) == (2, 1, 0.5)
    assert found["matched_share_of_known"] == 0.5


def test_machines_and_those_who_forbid_it_do_no_research(store: Store) -> None:
    refused = {"context": {"consent": {"categoryPreferences": {"analytics": False}}}}
    Pipeline(store).seen(
        an_event("bot", "customer:ada", body=WebBody(bot=True)),
        an_event("silent", "customer:ada", minute=1, properties=refused),
        a_receipt("r", "customer:ada", minute=DAY),
    )
    found = ropo(store, "online_then_store")
    assert (found["matched"], found["contacts"], found["contact_coverage"]) == (0, 0, None)


def test_what_a_person_decides_says_which_of_all_looks_are_research(store: Store) -> None:
    """As the worker has it for credit: a no hides what came before it, and what says nothing until the next yes."""
    pipeline = Pipeline(store)
    decided = {"touchpoint": "consent_changed", "channel": "web"}
    held = {"context": {"consent": {"categoryPreferences": {"analytics": True}}}}
    pipeline.seen(
        an_event("before", "customer:ada", properties=held),
        an_event("other", "customer:bo"),
        an_event("yes", "customer:ada", minute=1, properties={"analytics": True}, **decided),
        a_receipt("r", "customer:ada", minute=DAY),
    )
    looks = "event_id, touchpoint"

    def research() -> set[str]:
        names = {derived_id(name): name for name in ("before", "other", "silent", "says_yes", "after")}
        return {names[event_id] for event_id, name in seen(store, "ropo_contacts", looks) if name == "page_view"}

    assert research() == {"before", "other"}
    assert seen(store, "consent_withdrawals") == []
    pipeline.seen(an_event("no", "customer:ada", minute=2, properties={"analytics": False} | held, **decided))
    assert research() == {"other"}
    assert ropo(store, "online_then_store")["matched"] == 0
    pipeline.seen(
        an_event("silent", "customer:ada", minute=3),
        an_event("says_yes", "customer:ada", minute=4, properties=held),
        an_event("again", "customer:ada", minute=5, properties={"analytics": True}, **decided),
        an_event("after", "customer:ada", minute=6),
    )
    assert research() == {"other", "says_yes", "after"}
    withdrawn = seen(store, "consent_withdrawals", "withdrawn_by, given_again_by")
    assert withdrawn == [(derived_id("no"), derived_id("again"))]


def test_after_a_merge_the_look_of_the_cookie_counts_and_after_parting_no_more(store: Store) -> None:
    pipeline = Pipeline(store)
    pipeline.seen(an_event("look", "anonymous:a"), a_receipt("r", "customer:ada", minute=DAY))
    assert ropo(store, "online_then_store")["matched"] == 0
    pipeline.decide("merge", "anonymous:a", "customer:ada", minute=2 * DAY)
    assert ropo(store, "online_then_store")["matched"] == 1
    pipeline.decide("unmerge", "anonymous:a", minute=3 * DAY)
    assert ropo(store, "online_then_store")["matched"] == 0
    assert ropo(store, "online_then_store")["purchases"] == 1


def test_what_counts_is_the_catalogues_and_parts_count_with_their_whole(store: Store) -> None:
    catalogue = load()
    ropo_only = catalogue.ropo.model_copy(update={"research": ("chat",)})
    shorter = catalogue.attribution.model_copy(update={"look_back_days": 2})
    Pipeline(store).seen(
        an_event("look", "customer:ada"),
        an_event("talk", "customer:ada", minute=2, touchpoint="chat.video", channel="chat", body=OtherBody()),
        a_receipt("r", "customer:ada", minute=3 * DAY),
    )
    assert ropo(store, "online_then_store")["matched"] == 1
    load_catalogue(store, catalogue.model_copy(update={"ropo": ropo_only}))
    assert seen(store, "ropo_purchases", "last_contact_touchpoint") == [("chat.video",)]
    load_catalogue(store, catalogue.model_copy(update={"attribution": shorter}))
    assert ropo(store, "online_then_store")["matched"] == 0


# ---- all of them

VIEWS = (
    "revenue_by_campaign_and_model", "revenue_by_channel_and_model", "revenue_as_of", "credits_as_of", "credits",
    "assisted_conversions", "top_paths", "items_bought", "products_by_path", "categories_by_path",
    "products_by_channel", "categories_by_channel", "time_to_conversion", "conversions_by_days",
    "conversions_by_touches", "channel_overlap", "roas_by_day", "roas_by_campaign", "roas_by_channel",
    "ropo_touches", "ropo_contacts", "ropo_purchases", "ropo_by_month", "ropo", "known_profiles", "ledger_kinds",
    "attribution_violations",
    "attribution_by_consent", "consent_withdrawals",
)  # fmt: skip


def test_records_that_land_twice_or_late_change_no_view(store: Store) -> None:
    write_costs(store, "ads", [SpendDay(date(2026, 3, 1), (Spend("search", "spring", euro("4")),))])
    pipeline = Pipeline(store)
    chance = random.Random(5)
    for number in range(2):
        pipeline.seen(*a_life(chance, number))
    item = StoreBody(store="1", items=(LineItem(product="p", value=Decimal(10)),))
    receipt = a_receipt("r", "customer:c0", minute=20 * DAY).model_copy(update={"body": item})
    pipeline.seen(an_event("s", "customer:c0", channel="search", campaign=Campaign(name="spring")), receipt)
    pipeline.seen(an_event("no", "customer:c9", touchpoint="consent_changed", properties={"analytics": False}))

    def all_views() -> dict[str, list[tuple[Any, ...]]]:
        return {
            view: seen(store, view + ("(as_of = '2026-04-01')" if view.endswith("as_of") else "")) for view in VIEWS
        }

    before = all_views()
    assert [view for view, rows in before.items() if not rows] == ["attribution_violations"]
    land = Landing(store)
    for (topic, _), log in pipeline.loop.topics.items():
        if topic in TOPICS:
            land(topics.BY_NAME[topic], *(record.value or b"" for record in reversed(log)))
    assert all_views() == before


def test_every_view_and_column_is_explained(store: Store) -> None:
    named = "', '".join(VIEWS)
    bare = store.rows(
        f"SELECT table, name FROM system.columns WHERE database = '{store.database}' AND table IN ('{named}')"
        " AND comment = '' ORDER BY table, position"
    )
    assert bare == []
    told = store.rows(
        f"SELECT name FROM system.tables WHERE database = '{store.database}' AND name IN ('{named}') AND comment = ''"
    )
    assert told == []
