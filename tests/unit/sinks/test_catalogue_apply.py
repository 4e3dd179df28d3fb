"""A changed catalogue reaches all that was said: real stages, real tables, and ClickHouse says who is asked."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from deploy.catalogue_apply import Applied, apply, change_to, plan, take_over
from producers.publisher import Publisher
from producers.records import Record
from schemas.catalogue import Catalogue, load
from schemas.catalogue_digest import digest_of
from schemas.touchpoint import Touchpoint
from sinks.catalogue import catalogue_in_force, load_catalogue
from sinks.client import Store
from streams.core.fold import FoldStage
from streams.core.stage import Output
from tests.integration.sink_rig import count
from tests.properties.changing import ChangingFold
from tests.unit.schemas.test_catalogue_change import catalogue
from tests.unit.sinks.pipeline import AT, Pipeline, an_event

OLD = load()
LATER = AT + timedelta(days=30)
SHORT = catalogue(attribution__look_back_days=1)
PRO = catalogue(
    conversions={
        "pro": {"touchpoints": ["account_created"], "where": [{"field": "properties.plan", "is": "pro"}]}
        | {"value": "field", "field": "properties.worth", "currency": "EUR"},
        **OLD.model_dump(mode="json", exclude_unset=True)["conversions"],
    }
)


class Wires:
    """In place of Kafka: what is published goes straight into the pipeline, and settling lands what came of it."""

    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self.store = store
        self.pipeline = Pipeline(store, partitions=2, catalogue=catalogue)
        resolve, _ = self.pipeline.loop.stages
        self.fold = ChangingFold(FoldStage(catalogue))
        self.pipeline.loop.stages = [resolve, self.fold]
        self.sent: list[Record] = []
        load_catalogue(store, catalogue)
        take_over(store, catalogue, AT)

    def publish(self, records: list[Record]) -> Future[None]:
        self.sent += records
        for record in records:
            self.pipeline.loop.put(Output(*record[:4]))
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def apply(self, new: Catalogue, at: datetime = LATER, *, everything: bool = False) -> Applied:
        self.fold.stage = FoldStage(new)
        self.sent = []
        publisher, found = cast(Publisher, self), plan(self.store, new, everything=everything)
        return apply(self.store, publisher, self.pipeline.run, lambda: at, found)

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        return self.store.table(text)[1]

    @property
    def is_whole(self) -> bool:
        return count(self.store, "attribution_violations") == 0


@pytest.fixture
def wires(store: Store) -> Wires:
    return Wires(store, OLD)


def bought(name: str) -> list[Touchpoint]:
    who = f"customer:{name}"
    return [
        an_event(f"{name}-search", who, channel="search"),
        an_event(f"{name}-web", who, minute=5 * 24 * 60),
        an_event(f"{name}-order", who, minute=5 * 24 * 60 + 1, touchpoint="order_completed", order_id=f"o-{name}"),
    ]


def joined(name: str, plan: str) -> Touchpoint:
    properties = {"plan": plan, "worth": 12}
    return an_event(f"{name}-joined", f"customer:{name}", touchpoint="account_created", properties=properties)


LINEAR = "SELECT channel, sum(credit) FROM credits WHERE model = 'linear' GROUP BY channel ORDER BY channel"


def test_what_was_booked_by_a_longer_window_is_booked_by_the_shorter_one(wires: Wires) -> None:
    wires.pipeline.seen(*bought("ada"), *bought("bo"), an_event("look", "customer:cy"))
    assert wires.sql(LINEAR) == [("search", 1), ("web", 1)]
    found = plan(wires.store, SHORT)
    assert (found.profiles, found.touchpoints, found.only_conversions) == (2, 0, True)

    done = wires.apply(SHORT)
    assert (done.profiles, done.touchpoints, done.violations) == (2, 0, 0)
    assert wires.sql(f"SELECT * FROM ({LINEAR}) WHERE `sum(credit)` != 0") == [("web", 2)]
    taken = "FROM credits WHERE sign = -1 GROUP BY ALL"
    (cause, recorded_at, conversions) = wires.sql(f"SELECT cause, recorded_at, uniqExact(conversion_id) {taken}")[0]
    assert (cause, recorded_at.replace(tzinfo=UTC), conversions) == ("catalogue", LATER, 2)
    as_of = "SELECT channel, sum(credit) FROM credits_as_of(as_of = '2026-03-20 00:00:00') WHERE model = 'linear'"
    assert wires.sql(f"{as_of} GROUP BY channel ORDER BY channel") == [("search", 1), ("web", 1)]
    in_force = catalogue_in_force(wires.store)
    assert in_force is not None
    assert (in_force.digest, in_force.since) == (digest_of(SHORT).hex(), LATER)
    assert wires.is_whole


def test_applied_again_nothing_is_sent_and_nothing_changes(wires: Wires) -> None:
    wires.pipeline.seen(*bought("ada"))
    wires.apply(SHORT)
    entries = count(wires.store, "credits")
    again = wires.apply(SHORT, LATER + timedelta(days=1))
    assert (again.profiles, again.touchpoints, wires.sent) == (0, 0, [])
    assert count(wires.store, "credits") == entries


def test_what_a_condition_asks_is_read_again_from_what_was_accepted(wires: Wires) -> None:
    wires.pipeline.seen(joined("ada", "pro"), joined("bo", "free"), an_event("look", "customer:ada", minute=-30))
    found = plan(wires.store, PRO)
    assert (found.profiles, found.touchpoints, found.change.reread) == (2, 2, frozenset({"account_created"}))
    done = wires.apply(PRO)
    assert (done.profiles, done.touchpoints, done.violations) == (2, 2, 0)
    conversions = wires.sql("SELECT conversion, net_minor, source FROM conversions ORDER BY conversion")
    assert conversions == [("account", 0, "web"), ("pro", 1200, "web")]
    assert [record.timestamp for record in wires.sent] == [int(LATER.timestamp() * 1000)] * 4

    wires.apply(OLD, LATER + timedelta(days=1))
    assert wires.sql("SELECT DISTINCT conversion, net_minor FROM conversions") == [("account", 0)]
    assert wires.is_whole


def test_what_moves_while_it_is_read_again_is_read_at_its_new_home(wires: Wires) -> None:
    """Between the look at ClickHouse and the profiles two identifiers are joined."""
    pro = joined("ada", "pro").model_copy(update={"identifiers": an_event("x", "anonymous:a1").identifiers})
    wires.pipeline.seen(pro)
    late: list[Touchpoint] = [an_event("together", "customer:ada", "anonymous:a1", minute=5)]
    publish = wires.publish

    def moved_first(records: list[Record]) -> Future[None]:
        if late and b'"reread"' in records[0].value:
            wires.pipeline.seen(late.pop())
        return publish(records)

    wires.publish = moved_first  # type: ignore[method-assign] # somebody comes in between
    wires.apply(PRO)
    assert wires.sql("SELECT conversion, net_minor FROM conversions") == [("pro", 1200)]
    assert wires.is_whole


def test_who_comes_between_the_plan_and_its_application_is_asked_too(wires: Wires) -> None:
    wires.pipeline.seen(*bought("ada"))
    found = plan(wires.store, SHORT)
    wires.pipeline.seen(*bought("bo"))
    wires.fold.stage = FoldStage(SHORT)
    done = apply(wires.store, cast(Publisher, wires), wires.pipeline.run, lambda: LATER, found)
    assert (found.profiles, done.profiles, done.violations) == (1, 2, 0)
    assert wires.sql(f"SELECT * FROM ({LINEAR}) WHERE `sum(credit)` != 0") == [("web", 2)]
    assert wires.is_whole


def test_a_label_is_in_force_at_once_and_asks_nobody(wires: Wires) -> None:
    wires.pipeline.seen(*bought("ada"))
    other = catalogue(touchpoints__page_view__label="Page")
    assert take_over(wires.store, other, LATER)
    assert change_to(wires.store, other)[0].differences == ()
    assert not take_over(wires.store, SHORT, LATER)
    assert wires.apply(other).profiles == 0


def test_what_came_under_a_catalogue_that_was_never_applied_follows_on_demand(wires: Wires) -> None:
    wires.fold.stage = FoldStage(PRO)
    wires.pipeline.seen(joined("ada", "pro"))
    assert wires.sql("SELECT conversion FROM conversions") == [("pro",)]
    assert wires.apply(OLD).profiles == 0
    assert wires.sql("SELECT conversion FROM conversions") == [("pro",)]
    done = wires.apply(OLD, everything=True)
    assert (done.profiles, done.touchpoints) == (1, 1)
    assert wires.sql("SELECT conversion, net_minor FROM conversions") == [("account", 0)]
    assert wires.is_whole
