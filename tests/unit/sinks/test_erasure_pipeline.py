"""Every view before an erasure and after it, over the real stages: which figures stay, and which do not."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from deploy.attribution_paths import Window, read_paths
from schemas.base import profile_id
from schemas.catalogue import load
from schemas.cost import Spend, SpendDay
from schemas.erasure import NOBODY, Erasure
from schemas.money import Money
from schemas.resolved import Resolved
from schemas.topics import RESOLVED
from schemas.touchpoint import Campaign, Touchpoint
from sinks.catalogue import load_catalogue
from sinks.client import Store
from sinks.costs import write_costs
from streams.core.attribution.data_driven.paths import Paths
from streams.core.stage import Output
from tests.integration.sink_rig import count
from tests.unit.sinks.pipeline import AT, Pipeline, an_event

DAY = 24 * 60
#: All that these say must stay: views, and columns where some of them go by the hour or by the customer.
STAY = {
    "revenue_by_campaign_and_model": "*",
    "revenue_by_channel_and_model": "*",
    "revenue_as_of(as_of = '2030-01-01')": "*",
    "conversion_paths": "*",
    "assisted_conversions": "*",
    "top_paths": "conversion, rank, path_text, currency, conversions, revenue, running_share",
    "conversions_by_touches": "*",
    "time_to_conversion": "conversion, conversions, with_touch, median_touches, p90_touches, mean_touches",
    "journeys_by_length": "*",
    "roas_by_day": "*",
    "roas_by_campaign": "*",
    "channel_overlap": "channel, other, conversions, channel_conversions",
    "ropo": "direction, currency, purchases, value",
    "attribution_by_consent": "*",
}
#: Of these the sum stays, as hours are told no more.
SUMS = {"conversions_by_days": "conversions", "journeys_by_days_to_conversion": "journeys"}


def euro(minor: int) -> Money:
    return Money.from_minor(minor, "EUR")


def a_life(chance: random.Random, number: int) -> list[Touchpoint]:
    """Visits, mails and orders of one customer, some refused by consent, with refunds."""
    events, orders = [], list[str]()
    for step in range(25):
        minute = chance.randint(0, 50 * DAY)
        more: dict[str, Any] = {}
        kind = chance.random()
        if kind < 0.2:
            orders.append(f"o{number}-{step}")
            more = {"touchpoint": chance.choice(["order_completed", "store_purchase"]), "order_id": orders[-1]}
            more["amount"] = euro(chance.randint(1, 9999))
        elif kind < 0.3 and orders:
            more = {"touchpoint": "order_refunded", "order_id": chance.choice(orders), "amount": euro(23)}
        else:
            refused = {"context": {"consent": {"categoryPreferences": {"analytics": chance.random() < 0.8}}}}
            campaign = Campaign(name="spring") if chance.random() < 0.5 else None
            more = {"channel": chance.choice(["web", "search", "email"]), "properties": refused, "campaign": campaign}
        events.append(an_event(f"e{number}-{step}", f"customer:c{number}", minute=minute, **more))
    return events


def all_that_stays(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    d = store.database
    found = {view: store.rows(f"SELECT {columns} FROM {d}.{view} ORDER BY ALL") for view, columns in STAY.items()}
    return found | {view: store.rows(f"SELECT sum({column}) FROM {d}.{view}") for view, column in SUMS.items()}


def erase(pipeline: Pipeline, key: str, demand: int) -> None:
    erasure = Erasure(evidence=UUID(int=demand), recorded_at=AT + timedelta(days=80))
    whom = str(profile_id(key))
    value = Resolved(profile_id=UUID(whom), erasure=erasure).model_dump_json().encode()
    pipeline.loop.put(Output(RESOLVED.name, whom.encode(), value, 1_790_000_000_000))
    pipeline.run()


@dataclass(frozen=True)
class Seen:
    """What the tables say at one time."""

    stays: dict[str, list[tuple[Any, ...]]]
    customers: int
    paths: Paths


def seen(store: Store) -> Seen:
    [(customers,)] = store.rows(f"SELECT max(channel_profiles) FROM {store.database}.channel_overlap")
    return Seen(all_that_stays(store), customers, read_paths(store, load(), Window(AT + timedelta(days=100))).paths)


def test_what_is_summed_up_stays_to_the_cent_on_every_day_and_who_is_counted_does_not(store: Store) -> None:
    """Four customers, then two of them erased."""
    chance = random.Random(11)
    load_catalogue(store, load())
    write_costs(store, "ads", [SpendDay((AT + timedelta(days=1)).date(), (Spend("search", None, euro(500)),))])
    pipeline = Pipeline(store, partitions=2)
    pipeline.seen(*(event for number in range(4) for event in a_life(chance, number)))
    assert count(store, "conversions") > 10
    before = seen(store)
    erase(pipeline, "customer:c0", 1)
    erase(pipeline, "customer:c1", 2)
    after = seen(store)
    assert count(store, "quarantine") == count(store, "attribution_violations") == 0

    for view, rows in before.stays.items():
        assert after.stays[view] == rows, view
    assert (before.customers, after.customers) == (4, 2)
    assert NOBODY not in {row[0] for row in store.rows(f"SELECT profile_id FROM {store.database}.customer_360")}
    [(purchases, erased, known)] = store.rows(
        f"SELECT sum(purchases), sum(erased), sum(known) FROM {store.database}.ropo"
    )
    assert purchases - erased == known > 0 < erased

    # Fits learn from as many conversions as before.
    assert sum(after.paths.converting) == sum(before.paths.converting) > 10
    assert sum(after.paths.value) == sum(before.paths.value)
    assert sum(after.paths.others) <= sum(before.paths.others)
    assert_the_books_of_each_day_balance(store)


def assert_the_books_of_each_day_balance(store: Store) -> None:
    """Before the erasure as after it, and over its midnight nothing changes."""
    d = store.database
    moments = [row[0] for row in store.rows(f"SELECT DISTINCT recorded_at FROM {d}.credits ORDER BY 1")]
    day = (AT + timedelta(days=80)).replace(hour=0)
    for moment in (*moments[::20], day - timedelta(microseconds=1), day, day + timedelta(hours=20)):
        unbalanced = store.rows(
            "SELECT conversion_id, model FROM (SELECT conversion_id, model, sum(credit) AS earned, min(credit) AS least"
            f" FROM {d}.credits_as_of(as_of = '{moment:%Y-%m-%d %H:%M:%S.%f}') GROUP BY conversion_id, model)"
            " WHERE earned NOT IN (0, 1)"
        )
        assert unbalanced == [], moment
    sums = [
        store.rows(
            f"SELECT model, sum(value), sum(credit) FROM {d}.credits_as_of(as_of = '{at}') GROUP BY 1 ORDER BY 1"
        )
        for at in (f"{day - timedelta(microseconds=1):%Y-%m-%d %H:%M:%S.%f}", f"{day:%Y-%m-%d %H:%M:%S}")
    ]
    assert sums[0] == sums[1] != []
    assert all(credit > Decimal(10) for _, _, credit in sums[0])
