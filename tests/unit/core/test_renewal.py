"""A profile under another catalogue than before: what it says anew, when, and what it leaves as it was."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from schemas.catalogue import Catalogue
from schemas.catalogue_digest import digest_of
from schemas.touchpoint import Touchpoint
from streams.core.fold import FoldStage, catalogue_key
from streams.core.head import decode_head, encode_head
from tests.properties.catalogues import RATES, catalogue_with
from tests.properties.changing import APPLIED, reread, revisit
from tests.properties.folding import ARRIVAL
from tests.properties.moving import World
from tests.properties.storing import bounded
from tests.unit.core.life import DAY, DEFAULT, HOUR, call, event, identifier, journeys, net, opening, purchase
from tests.unit.core.test_moves import ADA, COOKIE, LATER, end, forward, tell, to, written
from tests.unit.schemas.test_catalogue_change import catalogue

OWNER = "customer:ada"
SHORT = catalogue(attribution__look_back_days=1)
NO_PURCHASE = catalogue(
    conversions={
        name: one.model_dump(mode="json", exclude_unset=True)
        for name, one in DEFAULT.conversions.items()
        if name != "purchase"
    }
)
BY_PLAN = catalogue(
    conversions={
        "pro": {"touchpoints": ["call"], "where": [{"field": "properties.plan", "is": "pro"}]}
        | {"value": "field", "field": "properties.worth", "currency": "EUR"}
    }
)


def a_life(*events: Touchpoint, under: Catalogue = DEFAULT) -> World:
    world = World(1, under)
    tell(world, ADA, *events, owner=OWNER)
    world.drain()
    return world


def under(world: World, new: Catalogue) -> World:
    """Start the workers anew with another catalogue, and forget what was said before."""
    world.fold = FoldStage(new)
    world.outputs.clear()
    return world


def ask(world: World, new: Catalogue, *again: Touchpoint) -> None:
    """Let the profile look at itself again, and read some events again."""
    for output in (revisit(ADA, new), *(reread(ADA, one) for one in again)):
        world.logs[0].append(output)
    world.drain()


def said(world: World) -> list[str]:
    return sorted({output.topic.removeprefix("touchpath.") for output in world.outputs})


def entries(world: World, model: str = "linear") -> list[tuple[str, int, Any]]:
    """Cause, sign and event of each entry of a model."""
    return [
        (posting["cause"], entry["sign"], entry["touchpoint_id"] and UUID(entry["touchpoint_id"]).int)
        for posting in written(world, "credits")
        for entry in posting["entries"]
        if entry["model"] == model
    ]


def test_a_shorter_window_takes_back_what_lies_beyond_it_and_nothing_else() -> None:
    world = a_life(call(1, 0 * DAY), call(2, 9 * DAY), purchase(3, 10 * DAY, "o1"), purchase(4, 30 * DAY, "o2"))
    ask(under(world, SHORT), SHORT)
    assert said(world) == ["conversions", "credits"]  # the journeys are those of before
    assert {c["conversion_id"] for c in written(world, "conversions")} == {identifier(3), identifier(4)}
    assert entries(world) == [
        ("catalogue", -1, 1),
        ("catalogue", -1, 2),
        ("catalogue", 1, 2),
        ("catalogue", -1, 1),
        ("catalogue", -1, 2),
        ("catalogue", 1, None),
    ]
    assert {p["recorded_at"] for p in written(world, "credits")} == {APPLIED.isoformat().replace("+00:00", "Z")}


def test_a_profile_that_is_asked_and_renewed_by_that_looks_at_its_conversions_once() -> None:
    reporting = catalogue_with(RATES, currencies={"reporting": "EUR", "rates": "rates.csv"})
    world = under(a_life(call(1, 0 * DAY), purchase(2, DAY, "o1", currency="GBP"), under=DEFAULT), reporting)
    ask(world, reporting)
    assert (world.counts["renewed"], world.counts["revisited"], world.counts["no_rate.GBP"]) == (1, 1, 1)
    before = dict(world.stores[0])
    ask(world, reporting)  # a second look finds nothing that the first has left
    assert (world.counts["revisited"], world.counts["no_rate.GBP"]) == (2, 2)
    assert said(world) == []
    assert world.stores[0] == before


def test_an_event_that_comes_first_finds_the_profile_renewed_before_it_is_applied() -> None:
    world = under(a_life(call(1, 0 * DAY), call(2, 9 * DAY), purchase(3, 10 * DAY, "o1")), SHORT)
    tell(world, ADA, call(4, 10 * DAY - HOUR), owner=OWNER)
    world.drain()
    assert [posting["cause"] for posting in written(world, "credits")] == ["catalogue", "late_touchpoint"]
    assert written(world, "credits")[0]["recorded_at"] == ARRIVAL.isoformat().replace("+00:00", "Z")
    assert entries(world)[-2:] == [("late_touchpoint", 1, 2), ("late_touchpoint", 1, 4)]


def test_both_profiles_of_a_move_are_renewed_before_it() -> None:
    world = World(1, DEFAULT)
    tell(world, COOKIE, call(1, 0 * DAY), call(2, 9 * DAY), purchase(3, 10 * DAY, "o1"))
    tell(world, ADA, call(11, 0 * DAY), call(12, 9 * DAY), purchase(13, 10 * DAY, "o2"), owner=OWNER)
    world.drain()
    under(world, SHORT)
    forward(world, COOKIE, to(ADA))
    state = end(world)
    causes = [(p["conversion_id"], p["profile_id"], p["cause"]) for p in written(world, "credits")]
    assert causes[0] == (identifier(3), str(COOKIE), "catalogue")
    assert (identifier(13), str(ADA), "catalogue") in causes
    assert causes.index((identifier(13), str(ADA), "catalogue")) < causes.index((identifier(3), str(ADA), "merge"))
    assert {p["recorded_at"] for p in written(world, "credits")} == {LATER.isoformat().replace("+00:00", "Z")}
    assert [UUID(step["touchpoint_id"]).int for step in state.conversions[identifier(3)]["path"]] == [2, 12]


def test_a_conversion_that_the_catalogue_has_no_more_is_withdrawn_and_its_journey_is_open() -> None:
    world = a_life(call(1, 0 * DAY), purchase(2, DAY, "o1"), event(3, 2 * DAY))
    before = list(world.outputs)
    ask(under(world, NO_PURCHASE), NO_PURCHASE)
    (record,) = written(world, "conversions")
    assert record["withdrawn"]
    assert entries(world) == [("catalogue", -1, 1)]
    world.outputs[:0] = before
    state = end(world)
    assert [(opening(j), j["status"], j["touchpoints"]) for j in journeys(state)] == [(1, "open", 3)]
    assert not state.conversions
    assert not state.credits


def test_there_and_back_again_the_postings_count_on() -> None:
    world = a_life(call(1, 0 * DAY), purchase(2, DAY, "o1"))
    for new in (NO_PURCHASE, DEFAULT, NO_PURCHASE, DEFAULT):
        world.fold = FoldStage(new)
        ask(world, new)
    state = end(world)  # no two entries have one id
    assert net(state, 2) == 1000
    revisions = [
        entry["revision"] for p in written(world, "credits") for entry in p["entries"] if entry["model"] == "last"
    ]
    assert revisions == [1, 2, 3, 4, 5]


def test_what_a_condition_asks_is_not_known_until_it_is_read_again() -> None:
    pro, free = (
        call(n, n * DAY).model_copy(update={"properties": {"plan": plan, "worth": 5}})
        for n, plan in ((1, "pro"), (2, "free"))
    )
    world = under(a_life(pro, free), BY_PLAN)
    ask(world, BY_PLAN)
    assert said(world) == []
    ask(world, BY_PLAN, pro, free)
    (record,) = written(world, "conversions")
    assert (record["conversion_id"], record["net_minor"], record["source"]) == (identifier(1), 500, "test")
    assert world.counts["reread"] == 2
    assert world.counts["reread_otherwise"] == 1


def test_what_was_read_again_is_dated_by_its_record_and_what_nobody_holds_is_passed_over() -> None:
    pro = call(1, DAY).model_copy(update={"properties": {"plan": "pro", "worth": 5}})
    world = under(a_life(pro), BY_PLAN)
    ask(world, BY_PLAN, call(99, DAY), pro)
    assert [datetime.fromisoformat(c["recorded_at"]) for c in written(world, "conversions")] == [
        APPLIED.astimezone(UTC)
    ]
    assert world.counts["reread_otherwise"] == 1


def test_what_converts_by_its_name_today_gets_its_source_when_it_is_read_again() -> None:
    talked = catalogue(conversions={"talk": {"touchpoints": ["call"]}})
    world = under(a_life(call(1, DAY)), talked)
    ask(world, talked)
    assert [c["source"] for c in written(world, "conversions")] == [""]
    world.outputs.clear()
    ask(world, talked, call(1, DAY))
    assert [(c["source"], c["conversion"]) for c in written(world, "conversions")] == [("test", "talk")]
    assert written(world, "credits") == []


def test_a_name_that_becomes_a_visit_has_kept_its_device() -> None:
    calls_are_visits = catalogue(touchpoints__consent_changed__visit=True)
    told = [event(n, n * HOUR / 6, "consent_changed", device=f"a{n % 2}") for n in range(1, 5)]
    world = under(a_life(*told), calls_are_visits)
    ask(world, calls_are_visits)
    assert written(world, "journeys")[-1]["visits"] == 2


def test_what_is_sealed_stays_as_it_was_said() -> None:
    few, none = bounded(DEFAULT, 10), bounded(NO_PURCHASE, 10)
    world = a_life(call(1, 0 * DAY), purchase(2, DAY, "o1"), *(call(n, n * DAY) for n in range(3, 13)), under=few)
    world.drain()
    ask(under(world, none), none)
    assert "credits" not in said(world)
    assert "conversions" not in said(world)


def test_a_smaller_bound_drops_the_oldest_and_changes_no_credit() -> None:
    world = a_life(*(call(n, n * DAY) for n in range(1, 20)), purchase(20, 20 * DAY, "o1"))
    few = bounded(DEFAULT, 10)
    ask(under(world, few), few)
    assert said(world) == []
    assert decode_head(world.stores[0][str(ADA).encode()]).horizon is not None


def test_where_only_labels_differ_nothing_is_looked_at_and_nothing_written() -> None:
    world = a_life(call(1, 0 * DAY), purchase(2, DAY, "o1"))
    other = catalogue(touchpoints__call__label="Telephone")
    before = dict(world.stores[0])
    ask(under(world, other), other)
    assert said(world) == []
    assert "renewed" not in world.counts
    assert world.stores[0] == before


def test_a_state_from_before_catalogues_were_kept_counts_as_one_of_today() -> None:
    world = a_life(call(1, 0 * DAY), purchase(2, DAY, "o1"))
    key = str(ADA).encode()
    world.stores[0][key] = encode_head(msgspec.structs.replace(decode_head(world.stores[0][key]), catalogue=b""))
    del world.stores[0][catalogue_key(digest_of(DEFAULT))]
    ask(under(world, SHORT), SHORT)
    assert "renewed" not in world.counts


def test_a_lane_keeps_each_catalogue_once_as_text() -> None:
    world = a_life(call(1, 0 * DAY))
    ask(under(world, SHORT), SHORT)
    kept = {key: value for key, value in world.stores[0].items() if key.startswith(b"catalogue/")}
    assert set(kept) == {catalogue_key(digest_of(DEFAULT)), catalogue_key(digest_of(SHORT))}
    assert json.loads(kept[catalogue_key(digest_of(SHORT))])["attribution"]["look_back_days"] == 1
