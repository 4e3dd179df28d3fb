"""A broker loses its memory: the ledger that is derived anew answers for each day what was reported on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from deploy.attribution_again import in_force
from schemas import topics
from schemas.catalogue import load
from schemas.touchpoint import Touchpoint
from sinks.catalogue import load_catalogue
from sinks.client import Store
from sinks.sql import query, statements
from tests.integration.sink_rig import count
from tests.unit.sinks.fits import Models, a_fit
from tests.unit.sinks.pipeline import AT, Pipeline, an_event

FIT = a_fit({"web": 3, "search": 1, "email": 5})
OTHER = a_fit({"web": 1, "search": 2}, name="shapley")
PUBLISHED, OTHER_PUBLISHED = 1000, 1110


def life(name: str, at: float, order: str) -> list[Touchpoint]:
    """A search, a visit, an order; then a click that comes late, and a part of the money back."""
    who = f"customer:{name}"
    money = {"currency": "EUR"}
    return [
        an_event(f"{order}-search", who, minute=at, channel="search"),
        an_event(f"{order}-web", who, minute=at + 60),
        an_event(
            f"{order}-order",
            who,
            minute=at + 61,
            touchpoint="order_completed",
            order_id=order,
            amount=money | {"amount": "90.00"},
        ),
        an_event(
            f"{order}-mail",
            who,
            minute=at + 10,
            touchpoint="email_clicked",
            channel="email",
            received_at=AT + timedelta(minutes=at + 100),
        ),
        an_event(
            f"{order}-refund",
            who,
            minute=at + 200,
            touchpoint="order_refunded",
            order_id=order,
            amount=money | {"amount": "30.00"},
        ),
    ]


def answers(store: Store, minutes: Sequence[float]) -> list[list[tuple[Any, ...]]]:
    """What was reported of each conversion at these moments."""
    found = []
    for minute in minutes:
        moment = f"{AT + timedelta(minutes=minute):%Y-%m-%d %H:%M:%S}"
        view = f"{store.database}.credits_as_of(as_of = '{moment}')"
        split = (
            "SELECT conversion_id, model, channel, fit_id, sum(credit) AS credit, sum(value) AS value"
            f" FROM {view} GROUP BY ALL"
        )
        found.append(store.rows(f"SELECT * FROM ({split}) WHERE credit != 0 OR value != 0 ORDER BY ALL"))
    return found


def test_of_what_came_before_a_fit_and_behind_it_each_day_has_the_same_answer_after_a_replay(store: Store) -> None:
    load_catalogue(store, load())
    # Refunded before the fit; late and refunded behind it; all of it behind it.
    early, between, late = life("a", 0, "A"), life("b", PUBLISHED - 80, "B"), life("c", PUBLISHED + 500, "C")
    every = sorted([*early, *between, *late], key=lambda event: event.received_at)
    pipeline = Pipeline(store)
    models = Models(store, pipeline)
    for fit, at in ((FIT, PUBLISHED), (OTHER, OTHER_PUBLISHED)):
        moment = AT + timedelta(minutes=at)
        pipeline.seen(*(event for event in every if event.received_at < moment))
        models.publish(fit, minute=at)
        models.restate(minute=at)
    pipeline.seen(*every)  # those of before are known
    minutes = [
        0,
        61,
        100,
        150,
        200,
        900,
        981,
        999,
        1000,
        1019,
        1021,
        1100,
        1109,
        1110,
        1121,
        1561,
        1600,
        1650,
        1700,
        9000,
    ]
    reported = answers(store, minutes)
    assert len({len(answer) for answer in reported}) > 4
    for name, at in (("markov", PUBLISHED), ("shapley", OTHER_PUBLISHED)):
        earned = [any(line[1] == name for line in answer) for answer in reported]
        assert earned == [minute >= at for minute in minutes]

    for statement in statements(query("forget_derived", store.database)):
        store.command(statement)
    again = Pipeline(store, epoch=2)
    for name, record in in_force(store):
        again.loop.put_everywhere(topics.MODELS.name, name.encode(), record.encode(), 0)
    again.run()
    again.seen(*every)
    assert answers(store, minutes) == reported
    assert count(store, "attribution_violations") == 0
    assert count(store, "attribution_stale") == 0
    causes = (
        f"SELECT cause, uniqExact(conversion_id) FROM {store.database}.credits WHERE model = 'markov' GROUP BY cause"
    )
    found = dict(store.rows(causes))
    assert (found["model"], found["conversion"]) == (2, 1)
