"""What lands of the real stages' output agrees with their state, whatever the order, and in each life of a broker."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from schemas.money import Money
from schemas.touchpoint import Touchpoint
from sinks.client import Store
from sinks.sql import query, statements
from streams.core.loopback import Waiting
from tests.integration.sink_rig import count
from tests.unit.sinks.pipeline import Pipeline, an_event

CUSTOMERS = [f"customer:c{number}" for number in range(4)]
OTHERS = [f"{kind}:{number}" for kind in ("anonymous", "email", "loyalty") for number in range(4)]


def a_history(chance: random.Random, length: int) -> list[Touchpoint]:
    events = []
    for number in range(length):
        names = chance.sample(OTHERS, chance.choice([1, 1, 2])) + chance.sample(CUSTOMERS, chance.choice([0, 0, 1]))
        more: dict[str, Any] = {"properties": {"traits": {"n": number}}} if chance.random() < 0.3 else {}
        if chance.random() < 0.3:
            paid = Money(amount=Decimal(chance.randint(1, 9999)).scaleb(-2), currency="EUR")
            more |= {"touchpoint": "order_completed", "order_id": f"o{number}", "amount": paid}
        events.append(an_event(f"e{number}", *names, minute=chance.randint(0, 20_000), **more))
    return events


def lived(store: Store, history: Sequence[Touchpoint], seed: int, epoch: int, partitions: int) -> Pipeline:
    """Let a history come in, in pieces, with decisions between them; who may go next is chance."""
    chance = random.Random(seed)

    def choose(waiting: Sequence[Waiting]) -> tuple[int, int]:
        index = chance.randrange(len(waiting))
        return index, chance.randint(1, waiting[index].records)

    pipeline = Pipeline(store, partitions, epoch, choose=choose)
    step = max(1, len(history) // 4)
    for begin in range(0, len(history), step):
        pipeline.seen(*history[begin : begin + step])
    pipeline.decide("merge", CUSTOMERS[0], CUSTOMERS[1], minute=30_000)
    pipeline.decide("block", OTHERS[0], minute=30_001)
    pipeline.decide("unmerge", OTHERS[5], minute=30_002)
    pipeline.seen(*history[:step])  # once more: duplicates
    return pipeline


def end_state(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """What does not hang on the steps that led to it."""
    d = store.database
    return {
        name: store.rows(f"SELECT {columns} FROM {d}.{view} ORDER BY ALL")
        for name, columns, view in (
            ("touchpoints", "event_id, profile_id", "touchpoints"),
            ("identifiers", "identifier, policy, named_by, valid_from, valid_until", "identifiers"),
            ("journeys", "journey_id, profile_id, status, touchpoints, touches, channels", "journeys"),
            ("conversions", "conversion_id, profile_id, net, path.touchpoint_id", "conversions"),
            ("360", "profile_id, identifiers, attributes, touchpoints, journeys, conversions, value", "customer_360"),
            ("revenue", "*", "revenue_by_channel_and_model"),
        )
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_touchpoints_are_where_the_folds_count_them_and_identifiers_own_them_there(store: Store, seed: int) -> None:
    history = a_history(random.Random(seed), 80)
    lived(store, history, seed, epoch=1, partitions=3)
    d = store.database
    assert count(store, "touchpoints") == len(history)
    assert count(store, "placements_log FINAL") > 0
    counted = store.rows(f"SELECT profile_id, sum(touchpoints) FROM {d}.journeys GROUP BY 1 ORDER BY 1")
    assert store.rows(f"SELECT profile_id, count() FROM {d}.touchpoints GROUP BY 1 ORDER BY 1") == counted
    assert store.rows(
        f"SELECT profile_id, toUInt64(touchpoints) FROM {d}.profiles WHERE touchpoints > 0 ORDER BY 1"
    ) == (counted)
    astray = store.rows(
        f"SELECT t.event_id FROM {d}.touchpoints AS t LEFT JOIN {d}.identifiers AS i"
        " ON i.identifier = t.owner AND i.policy = t.policy"
        " AND i.profile_id = t.profile_id"
        " AND ifNull(i.valid_from <= t.occurred_at, true) AND ifNull(t.occurred_at < i.valid_until, true)"
        " WHERE i.identifier = ''"
    )
    assert astray == []
    assert count(store, "attribution_violations") == 0
    assert count(store, "quarantine") == 0


def test_a_new_life_of_the_broker_comes_to_the_same_end_by_other_steps(store: Store) -> None:
    history = a_history(random.Random(7), 60)
    lived(store, history, seed=3, epoch=1, partitions=2)
    before = end_state(store)
    # As a replay does it.
    for statement in statements(query("forget_derived", store.database)):
        store.command(statement)
    lived(store, history, seed=4, epoch=2, partitions=3)
    assert end_state(store) == before
    assert count(store, "attribution_violations") == 0
    assert count(store, "commands_log FINAL") == 3
