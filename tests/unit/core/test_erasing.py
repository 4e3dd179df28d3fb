"""An erased profile: what it says of nobody, what it forgets, and what may come afterwards."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from schemas.attribution_model import AttributionModel
from schemas.base import profile_id
from schemas.catalogue import Catalogue, load
from schemas.erasure import NOBODY, Erasure
from schemas.moves import Forwarding, Route
from schemas.resolved import Resolved
from schemas.revisit import Revisit
from schemas.topics import MODELS, QUARANTINE, RESOLVED
from schemas.touchpoint import Touchpoint
from streams.core import touch_log
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback
from streams.core.stage import Output
from tests.properties.erasing import totals
from tests.properties.folding import ARRIVAL, START, ARecord, end_state
from tests.properties.moving import World
from tests.properties.storing import bounded, kept, live_keys, no_state
from tests.properties.test_published_models import a_fit
from tests.unit.core.life import DAY, HOUR, call, event, identifier, purchase, refund

DEFAULT = load()
ADA, BO = profile_id("customer:ada"), profile_id("customer:bo")
DEMAND = UUID("b0d6d4f4-0f0f-4a51-9d52-0c7a8f3c1e01")
RECORDED = datetime(2026, 5, 6, 13, 14, 15, 16, tzinfo=UTC)


def come(n: Touchpoint, to: UUID = ADA, *, owner: str | None = "customer:ada", version: int = 0) -> Resolved:
    return Resolved(profile_id=to, owner=owner, version=version, touchpoint=n)


def erase(whom: UUID = ADA, demand: UUID = DEMAND) -> Resolved:
    return Resolved(profile_id=whom, erasure=Erasure(evidence=demand, recorded_at=RECORDED))


def moved_to_bo(version: int = 1, *, final: bool = False) -> Resolved:
    forwarding = Forwarding(
        owner="customer:ada", version=version, cause="merge", evidence=UUID(int=9), recorded_at=ARRIVAL,
        routes=(Route(profile_id=BO),), final=final,
    )  # fmt: skip
    return Resolved(profile_id=ADA, forwarding=forwarding)


def tell(*messages: Resolved, catalogue: Catalogue = DEFAULT, at_once: int = 1) -> World:
    world = World(1, catalogue)
    world.write(messages)
    while world.behind():
        world.batch(0, at_once)
    return world


def said(world: World, topic: str, of: UUID | None = None) -> list[dict[str, Any]]:
    """The records of a topic, of one profile."""
    records = [json.loads(o.value) for o in world.outputs if o.topic == f"touchpath.{topic}"]
    return [record for record in records if of is None or record["profile_id"] == str(of)]


def life() -> list[Touchpoint]:
    """A click, a call, an order on two channels, its refund, and a look afterwards."""
    return [
        event(1, HOUR, "email_clicked", "email", campaign="spring", device=None),
        call(2, 2 * DAY),
        purchase(3, 3 * DAY + HOUR, order="o1", amount="10.01"),
        refund(4, 5 * DAY, "o1", "3.00"),
        event(5, 40 * DAY, campaign="summer"),
    ]


def totals_of(world: World) -> dict[tuple[Any, ...], Decimal]:
    return totals(end_state(world.outputs), world.outputs)


def test_every_total_stays_what_it_was_and_all_of_it_is_nobodys() -> None:
    before, after = tell(*map(come, life())), tell(*map(come, life()), erase())
    assert totals_of(after) == totals_of(before)
    state = end_state(after.outputs)
    assert {one["profile_id"] for one in state.conversions.values()} == {str(NOBODY)}
    assert {one["profile_id"] for one in state.journeys.values()} == {str(NOBODY)}
    assert len(state.journeys) == 2
    [conversion] = state.conversions.values()
    assert (conversion["net_minor"], conversion["gross_minor"], conversion["order_id"]) == (701, 1001, None)
    assert {by[0] for by in state.credits} == {conversion["conversion_id"]}
    assert conversion["journey_id"] in state.journeys


def test_no_id_no_order_and_no_time_of_day_is_told_of_nobody() -> None:
    world = tell(*map(come, life()), erase())
    ids = {identifier(n) for n in range(1, 6)} | {str(ADA), str(DEMAND)}
    of_ada = {one[name] for topic, name in (("journeys", "journey_id"),) for one in said(world, topic, ADA)}
    texts = [json.dumps(one) for topic in ("journeys", "conversions", "credits") for one in said(world, topic, NOBODY)]
    assert len(texts) == 4
    for text in texts:
        assert not any(known in text for known in (*ids, *of_ada, "o1"))
    for topic in ("journeys", "conversions", "credits"):
        for one in said(world, topic, NOBODY):
            assert one.get("revision", 1) == 1
            for name, value in one.items():
                if name.endswith("_at"):
                    assert value is None or value[10:] == "T00:00:00Z", name
            for part in (*one.get("path", ()), *one.get("entries", ())):
                assert part["touched_at"][10:] == "T00:00:00Z"


def test_what_is_taken_back_and_what_is_said_of_nobody_is_recorded_on_the_same_day_so_that_the_books_balance() -> None:
    world = tell(*map(come, life()), erase())
    erasures = [one for one in said(world, "credits") if one["cause"] == "erasure"]
    assert {one["recorded_at"] for one in erasures} == {"2026-05-06T00:00:00Z"}
    back, forth = erasures
    assert {entry["sign"] for entry in back["entries"]} == {-1}
    assert {entry["sign"] for entry in forth["entries"]} == {1}
    assert back["conversion_id"] == identifier(3)


def test_one_event_has_one_id_among_all_that_is_said_of_nobody() -> None:
    """A purchase that opens a journey, and a visit that is on a path and opens one."""
    world = tell(come(event(1, HOUR)), come(purchase(2, 2 * HOUR)), come(purchase(3, DAY)), erase())
    state = end_state(world.outputs)
    first, second = sorted(state.conversions.values(), key=lambda one: one["occurred_at"])
    journeys = state.journeys
    assert journeys[first["journey_id"]]["opening_event"] == first["path"][0]["touchpoint_id"]
    assert journeys[first["journey_id"]]["closing_conversion"] == first["conversion_id"]
    assert journeys[second["journey_id"]]["opening_event"] == second["conversion_id"]


def test_the_ids_of_nobody_are_others_for_another_demand_and_another_profile() -> None:
    def ids(whom: UUID, demand: UUID) -> set[str]:
        told = tell(*(come(one, whom) for one in life()), erase(whom, demand))
        return {one["conversion_id"] for one in said(told, "conversions", NOBODY)}

    assert ids(ADA, DEMAND) == ids(ADA, DEMAND)
    assert not ids(ADA, DEMAND) & ids(BO, DEMAND)
    assert not ids(ADA, DEMAND) & ids(ADA, UUID(int=5))


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_the_profile_forgets_and_only_its_counts_and_the_hash_of_the_demand_stay(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(touch_log, "TAIL", 4)
    monkeypatch.setattr(touch_log, "SEALED", 2)
    visits = [event(n, n * HOUR, order=f"o{n}") for n in range(10, 30)]
    world = tell(*map(come, [*life(), *visits]), erase(), at_once=at_once)
    [store] = world.stores
    left = {key: value for key, value in store.items() if not key.startswith((b"catalogue/", b"models"))}
    assert set(left) == {str(ADA).encode()} == {key for key in live_keys(store) if b"catalogue" not in key}
    [head] = left.values()
    assert len(head) < 100
    for telling in (b"o1", b"customer:ada", b"spring", DEMAND.bytes, UUID(int=3).bytes):
        assert telling not in head
    assert kept(store, str(ADA), DEFAULT) == []


def test_a_second_copy_of_the_demand_changes_nothing_also_where_a_new_life_has_begun() -> None:
    once = tell(*map(come, life()), erase(), come(event(7, 50 * DAY)))
    twice = tell(*map(come, life()), erase(), come(event(7, 50 * DAY)), erase())
    assert twice.outputs == once.outputs
    assert twice.stores == once.stores
    assert twice.counts["erasures"] == 2


def test_a_demand_for_whom_nobody_has_met_says_nothing_and_is_remembered() -> None:
    world = tell(erase(), come(event(7, HOUR)), erase())
    assert [one["profile_id"] for one in said(world, "journeys")] == [str(ADA)]
    assert end_state(world.outputs).journeys


def test_what_comes_later_is_a_new_life_also_where_it_is_a_copy_of_what_was_erased() -> None:
    world = tell(*map(come, life()), erase(), *map(come, life()))
    alone, twice = totals_of(tell(*map(come, life()))), totals_of(world)
    assert twice == {by: 2 * total for by, total in alone.items()}
    state = end_state(world.outputs)
    own = [one for one in state.conversions.values() if one["profile_id"] == str(ADA)]
    assert [one["conversion_id"] for one in own] == [identifier(3)]
    again = tell(*map(come, life()), erase(), *map(come, life()), erase(demand=UUID(int=6)))
    assert totals_of(again) == twice
    assert {one["profile_id"] for one in end_state(again.outputs).conversions.values()} == {str(NOBODY)}


def test_the_numbers_of_postings_go_on_however_high_those_were_that_came_with_a_move() -> None:
    [*_, bought, returned, _] = life()
    first = [come(bought, version=3), come(returned, version=3), erase()]
    world = tell(*first, come(bought, version=3), come(returned, version=3))
    numbers = [one["entries"][0]["revision"] for one in said(world, "credits", ADA)]
    assert numbers == sorted(set(numbers))


def test_a_sealed_conversion_is_taken_back_and_what_was_dropped_for_the_bound_stays_as_it_was_said() -> None:
    few = bounded(DEFAULT, 10)
    dropped, sealed = purchase(1, HOUR, amount="1.00"), purchase(3, 2 * DAY, amount="2.00")
    visits = [event(n, n * DAY) for n in range(4, 13)]
    told = [come(dropped), come(call(2, DAY)), come(sealed), *map(come, visits)]
    before, world = tell(*told, catalogue=few), tell(*told, erase(), catalogue=few)
    assert kept(before.stores[0], str(ADA), few)[0].id == UUID(int=3).bytes
    state = end_state(world.outputs)
    assert {one["net_minor"]: one["profile_id"] for one in state.conversions.values()} == {
        100: str(ADA),
        200: str(NOBODY),
    }
    assert state.conversions[identifier(1)]["net_minor"] == 100
    # The journey that the dropped one closed is known still, as the last that converted.
    assert [one["profile_id"] for one in state.journeys.values()] == [str(NOBODY)] * 3
    assert totals_of(world) == totals_of(before)


@pytest.mark.parametrize("at_once", [1, 100])
def test_a_life_after_one_that_outgrew_its_bound_begins_as_any_other(at_once: int) -> None:
    few = bounded(DEFAULT, 10)
    long = [come(purchase(1, HOUR)), *(come(event(n, n * DAY)) for n in range(2, 20))]
    new = [come(purchase(31, 2 * HOUR, order="o2")), come(event(30, HOUR))]  # one of them comes late
    after = end_state(tell(*long, erase(), *new, catalogue=few, at_once=at_once).outputs)
    fresh = end_state(tell(*new, catalogue=few).outputs)
    own = {id_: one for id_, one in after.conversions.items() if id_ in fresh.conversions}
    assert [one["path"] for one in own.values()] == [one["path"] for one in fresh.conversions.values()]
    assert set(fresh.journeys) <= set(after.journeys)
    assert sum(one["profile_id"] == str(ADA) for one in after.journeys.values()) == 1


def test_a_life_after_an_erasure_is_not_bound_by_what_was_decided_before_it() -> None:
    """Who decided that is forgotten, and so is that anybody did."""
    withdrawn = event(1, HOUR, "consent_changed", properties={"analytics": False})
    new = [come(call(2, 2 * DAY)), come(purchase(3, 3 * DAY, "o1"))]
    for before in ([withdrawn], [withdrawn, *(event(n, n * DAY) for n in range(10, 16))]):
        world = tell(*map(come, before), erase(), *new, catalogue=bounded(DEFAULT, 3))
        (path,) = [one["path"] for one in said(world, "conversions", ADA)]
        assert [step["touchpoint"] for step in path] == ["call"]


def test_the_address_of_who_has_moved_on_outlives_the_erasure() -> None:
    there = [come(event(1, HOUR)), come(call(2, 2 * HOUR), owner="email:ada@example.org")]
    world = tell(*there, moved_to_bo(), erase(), come(purchase(3, DAY)))
    held = {profile: [t.id for t in kept(world.stores[0], str(profile), DEFAULT)] for profile in (ADA, BO)}
    assert held == {ADA: [], BO: [UUID(int=1).bytes, UUID(int=3).bytes]}
    assert end_state(world.outputs).conversions[identifier(3)]["profile_id"] == str(BO)


@pytest.mark.parametrize("final", [True, False])
def test_a_move_that_is_told_after_the_erasure_moves_what_has_come_since(final: bool) -> None:
    world = tell(come(event(1, HOUR)), erase(), come(call(2, DAY)), moved_to_bo(final=final), come(call(3, 2 * DAY)))
    held = {profile: {t.id for t in kept(world.stores[0], str(profile), DEFAULT)} for profile in (ADA, BO)}
    late = UUID(int=3).bytes
    assert held[BO] == {UUID(int=2).bytes} | (set() if final else {late})
    assert held[ADA] == ({late} if final else set())
    journeys = end_state(world.outputs).journeys.values()
    assert sum(one["touchpoints"] for one in journeys) == 3


def test_what_is_on_its_way_out_when_the_erasure_comes_is_no_longer_the_profiles() -> None:
    world = World(1, DEFAULT)
    world.write([come(purchase(1, HOUR)), moved_to_bo(), erase()])
    world.batch(0, 3)  # the arrival stands behind the erasure
    world.drain()
    assert end_state(world.outputs).conversions[identifier(1)]["profile_id"] == str(BO)
    assert said(world, "conversions", NOBODY) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("evidence", "4711"), ("recorded_at", "2026-05-06T13:14:15"), ("recorded_at", "0001-01-01T00:00:00+14:00")],
)
def test_a_demand_that_breaks_the_contract_is_quarantined_with_its_reason(field: str, value: str) -> None:
    record = json.loads(erase().model_dump_json())
    record["erasure"][field] = value
    found = FoldStage(DEFAULT).process(0, [ARecord(0, b"k", json.dumps(record).encode(), 0)], no_state)
    [output] = found.outputs
    assert output.topic == QUARANTINE.name
    assert json.loads(output.value)["reason"].startswith(f"$.erasure.{field}: ")
    assert not [key for key in found.state if str(ADA).encode() in key]


def test_days_are_those_of_utc() -> None:
    late = START.replace(hour=23, minute=59) - START
    world = tell(come(purchase(1, late)), erase())
    [one] = said(world, "conversions", NOBODY)
    assert one["occurred_at"] == f"{START:%Y-%m-%d}T00:00:00Z"
    assert timedelta(0) < late


def test_the_fit_by_which_it_was_split_stays_said_and_later_fits_change_nothing_of_nobodys() -> None:
    first, second = (a_fit(n, "markov", random.Random(n)) for n in (1, 2))
    loop = Loopback([FoldStage(DEFAULT)])

    def hear(*messages: Resolved | AttributionModel) -> None:
        for one in messages:
            value = one.model_dump_json().encode()
            if isinstance(one, AttributionModel):
                loop.put_everywhere(MODELS.name, one.name.encode(), value, 0)
            else:
                loop.put(Output(RESOLVED.name, str(ADA).encode(), value, 0))
            loop.run()

    revisit = Revisit(cause="model", evidence=UUID(int=8), recorded_at=RECORDED)
    hear(first, *map(come, life()), erase(), second, Resolved(profile_id=ADA, revisit=revisit))
    conversions = [json.loads(one.value or b"") for one in loop.records("touchpath.conversions")]
    credits_ = [json.loads(one.value or b"") for one in loop.records("touchpath.credits")]
    [nobodys] = [one for one in conversions if one["profile_id"] == str(NOBODY)]
    assert nobodys["fits"] == {"markov": str(first.fit_id)}
    [posting] = [one for one in credits_ if one["profile_id"] == str(NOBODY)]
    fits = {entry["model"]: entry.get("fit_id") for entry in posting["entries"]}
    assert fits.pop("markov") == str(first.fit_id)
    assert set(fits.values()) == {None}


def test_a_profile_that_is_erased_under_another_catalogue_is_told_anew_first_and_all_of_it_on_that_day() -> None:
    no_mail = DEFAULT.touchpoints | {
        "email_clicked": DEFAULT.touchpoints["email_clicked"].model_copy(update={"credit": False})
    }
    other = DEFAULT.model_copy(update={"touchpoints": no_mail})
    world = tell(*map(come, life()))
    told = len(world.outputs)
    world.fold = FoldStage(other)
    world.write([erase()])
    world.drain()
    records = [json.loads(output.value) for output in world.outputs[told:]]
    assert {record["recorded_at"] for record in records} == {"2026-05-06T00:00:00Z"}
    causes = [record["cause"] for record in records if "cause" in record]
    assert causes == ["catalogue", "erasure", "erasure"]
    assert totals_of(world) == totals_of(tell(*map(come, life()), catalogue=other))
