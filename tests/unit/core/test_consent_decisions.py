"""A person gives or withdraws consent: what that says of all touches, also of those whose credit is booked already."""

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from producers.adapters.sender import Sender
from producers.adapters.web.segment import outcome_of
from schemas.base import profile_id
from schemas.outcome import Accepted
from schemas.resolved import Resolved
from schemas.touchpoint import Touchpoint
from streams.core.conditions import Consent
from streams.core.fold import FoldStage
from streams.core.stage import Output
from tests.properties.folding import ARRIVAL, START, ARecord, EndState, end_state, essence, run
from tests.properties.moving import World
from tests.properties.storing import bounded, head_of, run_and_store
from tests.unit.core.life import (
    DAY,
    DEFAULT,
    HOUR,
    attributing,
    call,
    event,
    identifier,
    purchase,
    refund,
    tell,
)
from tests.unit.core.test_consent import lines, said, visit
from tests.unit.core.test_moves import ADA, COOKIE, TABLET, forward, held, to, written
from tests.unit.core.test_moves import tell as send

BOUGHT = purchase(9, DAY, "o1", "10.00")
HIDDEN = {"withheld": (Decimal(1), 1000)}


def decision(n: int, at: timedelta, word: object, held: object = None) -> Touchpoint:
    """What our snippet sends: what holds from now on, and in its context what held before."""
    properties = {"level": "none", "source": "page"} | ({} if word is None else {"analytics": word})
    return event(n, at, "consent_changed", properties=properties | ({} if held is None else said(held)))


def no(n: int, at: timedelta) -> Touchpoint:
    return decision(n, at, False, held=True)


def yes(n: int, at: timedelta) -> Touchpoint:
    return decision(n, at, True, held=True)


def silent(n: int, at: timedelta) -> Touchpoint:
    """A visit that says nothing of consent."""
    return event(n, at, "page_view", "search")


def named(state: EndState) -> set[str | None]:
    return set(lines(state, "linear"))


def causes(outputs: Sequence[Output]) -> list[str]:
    return [json.loads(output.value)["cause"] for output in outputs if output.topic == "touchpath.credits"]


def test_a_withdrawal_takes_back_what_was_booked_by_name() -> None:
    outputs = run([visit(1), visit(2), BOUGHT, no(3, 2 * DAY)], range(4), DEFAULT)
    assert lines(end_state(outputs), "linear") == HIDDEN
    assert causes(outputs) == ["conversion", "consent"]
    last = json.loads([output for output in outputs if output.topic == "touchpath.credits"][-1].value)
    assert {(entry["sign"], entry["touchpoint"]) for entry in last["entries"]} == {
        (-1, "page_view"),
        (1, "withheld"),
    }


def test_the_conversions_record_names_nobody_any_more() -> None:
    path = tell([visit(1, campaign="spring"), BOUGHT, no(3, 2 * DAY)]).conversions[identifier(9)]["path"]
    assert [(step["channel"], step["touchpoint"], step["campaign"]) for step in path] == [
        ("withheld", "withheld", None)
    ]


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_it_does_not_matter_in_which_order_they_arrive(order: tuple[int, ...]) -> None:
    events = [silent(1, HOUR), no(2, 2 * HOUR), yes(3, 4 * HOUR), BOUGHT]
    state = tell([events[n] for n in order])
    assert essence(state) == essence(tell(events))
    assert lines(state, "linear") == HIDDEN


def test_a_later_yes_speaks_of_the_future_alone() -> None:
    state = tell([silent(1, HOUR), no(2, 2 * HOUR), yes(3, 3 * HOUR), silent(4, 4 * HOUR), BOUGHT])
    assert lines(state, "linear") == {identifier(4): (Decimal("0.5"), 500), "withheld": (Decimal("0.5"), 500)}


def test_behind_a_no_only_what_itself_says_yes_has_a_name() -> None:
    state = tell([no(1, HOUR), silent(2, 2 * HOUR), visit(3, True), visit(4, False), BOUGHT])
    assert named(state) == {identifier(3), "withheld"}


def test_a_touch_at_the_moment_of_the_decision_counts_by_its_id() -> None:
    """Moments that are the same have an order: that of the ids."""
    assert named(tell([silent(1, HOUR), no(2, HOUR), silent(3, HOUR), yes(4, HOUR), BOUGHT])) == {"withheld"}
    assert named(tell([no(2, HOUR), yes(3, HOUR), silent(4, HOUR), BOUGHT])) == {identifier(4)}


def test_a_no_of_its_own_stays_a_no_whatever_the_person_decides() -> None:
    assert named(tell([yes(1, HOUR), visit(2, False), yes(3, 3 * HOUR), BOUGHT])) == {"withheld"}


def test_a_yes_is_no_consent_for_touches_that_must_say_so_themselves() -> None:
    consent = DEFAULT.attribution.consent.model_copy(update={"unknown": "withheld"})
    state = tell([yes(1, HOUR), silent(2, 2 * HOUR), visit(3, True), BOUGHT], attributing(consent=consent))
    assert named(state) == {identifier(3), "withheld"}


def test_segments_event_says_it_at_the_fields_of_every_event() -> None:
    updated = event(3, 2 * DAY, "consent_changed", properties=said(False))
    assert lines(tell([visit(1), BOUGHT, updated]), "linear") == HIDDEN


def test_a_catalogue_that_asks_for_another_purpose_finds_our_snippets_word_on_it() -> None:
    consent = DEFAULT.attribution.consent.model_copy(
        update={"fields": ("context.consent.categoryPreferences.advertising",)}
    )
    assert consent.decision_places == ("ads", "advertising")
    before = {"context": {"consent": {"categoryPreferences": {"advertising": True}}}}
    told = event(3, 2 * DAY, "consent_changed", properties={"ads": False, "analytics": True} | before)
    assert lines(tell([visit(1), BOUGHT, told], attributing(consent=consent)), "linear") == HIDDEN
    assert named(tell([visit(1), BOUGHT, told])) == {identifier(1)}


@pytest.mark.parametrize("word", [None, "maybe", {}, [False], 7, -1, ""])
def test_a_decision_about_something_else_or_with_nonsense_is_none(word: object) -> None:
    outputs = run([silent(1, HOUR), BOUGHT, decision(3, 2 * DAY, word)], range(3), DEFAULT)
    assert causes(outputs) == ["conversion"]
    assert named(end_state(outputs)) == {identifier(1)}


def test_a_decision_that_nobody_can_read_is_none_and_is_counted() -> None:
    stage = FoldStage(DEFAULT)
    told = Resolved(profile_id=UUID(int=7), touchpoint=no(1, HOUR)).model_dump_json().encode()
    odd = told.replace(b'"properties":{', b'"properties":{"odd":' + b"9" * 5000 + b",")
    result = stage.process(0, [ARecord(0, b"k", odd, 0, "touchpath.resolved")], lambda _: None)
    assert dict(result.counts) == {"applied": 1, "unreadable_decision.consent_changed": 1}
    assert Consent(DEFAULT.attribution.consent).is_decision("consent_changed.app")


def test_what_a_touchpoint_says_that_is_no_decision_is_not_heard() -> None:
    told = event(3, 2 * DAY, "page_view", properties={"analytics": False})
    assert named(tell([visit(1), BOUGHT, told])) == {identifier(1)}


def test_refunds_and_decisions_cross() -> None:
    back, withdrawn = refund(10, 2 * DAY, "o1", "4.00"), no(3, 3 * DAY)
    for order in permutations([visit(1), BOUGHT, back, withdrawn]):
        assert lines(tell(order), "linear") == {"withheld": (Decimal(1), 600)}


def test_a_conversion_by_which_the_person_decides_is_judged_like_any_other() -> None:
    consent = DEFAULT.attribution.consent.model_copy(update={"decisions": ("account_created",)})
    told = event(3, DAY, "account_created", properties={"analytics": False})
    outputs = run([visit(1), told], range(2), attributing(consent=consent))
    assert causes(outputs) == ["conversion"]
    assert named(end_state(outputs)) == {"withheld"}


def test_every_conversion_whose_window_holds_a_touch_that_is_hidden_now_is_told_anew() -> None:
    sales = [purchase(9 + n, day * DAY, f"o{n}") for n, day in enumerate((1, 11, 29, 36, 41))]
    visits = [silent(1, HOUR), silent(2, 35 * DAY)]
    for order in ([*visits, *sales, no(3, 36 * DAY)], [no(3, 36 * DAY), *visits, *sales]):
        assert named(tell(order)) == {"withheld"}
    assert named(tell([*visits, *sales, no(3, 2 * HOUR)])) == {"withheld"}  # and all behind it, until the next yes
    state = tell([*visits, *sales, no(3, 2 * HOUR), yes(4, 3 * HOUR)])
    assert {c for c, m, line in state.credits if line == identifier(2)} == {identifier(12), identifier(13)}


#: As producers/snippet/src/tracker.ts sends a withdrawal: with what still held when it was sent.
SNIPPET: dict[str, Any] = {
    "event": "Consent Preference Updated",
    "properties": {"analytics": False, "ads": False, "level": "none", "source": "tcf"},
    "context": {"consent": {"level": "persistent", "categoryPreferences": {"analytics": True, "advertising": True}}},
}
#: As Segment's wrappers for banners send it, without properties
#: (https://www.twilio.com/docs/segment/privacy/consent-management/consent-in-unify); its name was a shorter one until
#: https://github.com/segmentio/analytics-next/pull/1072.
SEGMENT = {"context": {"consent": {"categoryPreferences": {"analytics": False, "advertising": True}}}}
SENT = {
    "our snippet": SNIPPET,
    "segment": {"event": "Segment Consent Preference Updated", **SEGMENT},
    "segment's first wrapper": {"event": "Segment Consent Preference", **SEGMENT},
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
def test_what_banners_send_passes_the_door_as_a_decision(sent: dict[str, Any]) -> None:
    when = (START + 2 * DAY).isoformat()
    raw = {"type": "track", "messageId": "m1", "userId": "ada", "originalTimestamp": when, **sent}
    outcome = outcome_of(json.dumps(raw).encode(), None, Sender("web", "http:/v1/t", public=True), ARRIVAL, DEFAULT)
    assert isinstance(outcome, Accepted)
    assert lines(tell([visit(1), BOUGHT, outcome.touchpoint]), "linear") == HIDDEN


# --- who moves takes what he has decided along


def test_a_decision_of_a_cookie_speaks_of_all_touches_of_the_profile_that_it_joins() -> None:
    world = World(1, DEFAULT)
    send(world, ADA, call(1, HOUR), purchase(9, DAY, "o1"), owner="customer:ada")
    send(world, COOKIE, no(2, 2 * DAY))
    forward(world, COOKIE, to(ADA))
    world.drain()
    assert lines(end_state(world.outputs), "linear") == HIDDEN
    assert [p["cause"] for p in written(world, "credits")] == ["conversion", "merge"]


def test_what_a_tenant_decided_leaves_with_it_and_comes_back_with_it() -> None:
    world = World(1, DEFAULT)
    send(world, ADA, call(1, HOUR), purchase(9, DAY, "o1"), owner="customer:ada")
    send(world, ADA, no(2, 2 * DAY), version=1)
    world.drain()
    assert lines(end_state(world.outputs), "linear") == HIDDEN
    forward(world, ADA, to(COOKIE), version=2, cause="unmerge")
    world.drain()
    assert named(end_state(world.outputs)) == {identifier(1)}
    assert [p["cause"] for p in written(world, "credits")] == ["conversion", "consent", "unmerge"]
    forward(world, COOKIE, to(ADA), version=3)
    world.drain()
    assert lines(end_state(world.outputs), "linear") == HIDDEN


# --- the bound of a profile

FEW = bounded(DEFAULT, 4)


def filler(*days: int) -> list[Touchpoint]:
    """Events that earn nothing."""
    return [event(100 + day, day * DAY, "email_opened", "email", device=None) for day in days]


LATE = [silent(5, 42 * DAY), purchase(9, 43 * DAY, "o1", "10.00")]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_a_no_that_was_dropped_still_hides_what_says_nothing_until_the_next_yes(order: tuple[int, ...]) -> None:
    parts = [[no(1, HOUR)], filler(3, 4, 5, 6), LATE]
    outputs, store = run_and_store([e for n in order for e in parts[n]], range(9), FEW)
    assert lines(end_state(outputs), "linear") == HIDDEN
    remembered = head_of(store, str(profile_id("customer:ada"))).consents
    assert remembered is not None
    assert [touch.id for touch in remembered.dropped] == [UUID(int=1).bytes]
    allowed, _ = run_and_store([*(e for n in order for e in parts[n]), yes(2, 41 * DAY)], range(9), FEW)
    assert named(end_state(allowed)) == {identifier(5)}


def test_a_no_that_arrives_too_late_to_be_kept_is_heard_nevertheless() -> None:
    outputs, _ = run_and_store([*filler(3, 4, 5, 6), *LATE, no(1, HOUR)], range(9), FEW)
    assert lines(end_state(outputs), "linear") == HIDDEN
    assert causes(outputs) == ["conversion", "consent"]
    marks = [json.loads(output.value) for output in outputs if output.topic == "touchpath.marks"]
    assert [(mark["event_id"], mark["mark"]) for mark in marks] == [(identifier(1), "beyond_horizon")]
    again, _ = run_and_store([*filler(3, 4, 5, 6), *LATE, no(1, HOUR), yes(2, 2 * HOUR)], range(9), FEW)
    assert named(end_state(again)) == {identifier(5)}


def test_a_sealed_conversion_keeps_what_was_said() -> None:
    events = [silent(1, HOUR), purchase(9, DAY, "o1", "10.00"), *filler(3, 4, 5, 6), no(2, 7 * DAY)]
    outputs, _ = run_and_store(events, range(9), FEW)
    assert named(end_state(outputs)) == {identifier(1)}


def test_a_dropped_decision_moves_with_its_tenant_and_hides_at_the_new_home() -> None:
    world = World(1, FEW)
    send(world, COOKIE, no(1, HOUR))
    send(world, COOKIE, *filler(3, 4, 5, 6))
    send(world, ADA, *LATE, owner="customer:ada")
    world.drain()
    assert named(end_state(world.outputs)) == {identifier(5)}
    forward(world, COOKIE, to(ADA))
    world.drain()
    assert lines(end_state(world.outputs), "linear") == HIDDEN
    assert 1 not in held(world, ADA)
    forward(world, ADA, to(TABLET), version=2, cause="unmerge")
    world.drain()
    assert named(end_state(world.outputs)) == {identifier(5)}


def test_a_life_without_decisions_keeps_nothing_for_them() -> None:
    _, store = run_and_store([silent(1, HOUR), BOUGHT], range(2), DEFAULT)
    assert head_of(store, str(profile_id("customer:ada"))).consents is None


def test_no_ledger_line_of_today_says_what_the_person_has_forbidden() -> None:
    events = [visit(1, campaign="spring"), visit(2, channel="display"), BOUGHT, no(3, 2 * DAY)]
    sums: dict[str, Any] = {}
    for output in run(events, range(4), DEFAULT):
        if output.topic == "touchpath.credits":
            for entry in json.loads(output.value)["entries"]:
                sums[entry["channel"]] = sums.get(entry["channel"], Decimal(0)) + Decimal(entry["credit"])
    assert sums == {"search": 0, "display": 0, None: len(DEFAULT.attribution.models)}


def test_a_late_decision_that_moves_a_conversion_to_another_journey_says_it_once() -> None:
    """It opens the journey now, and hides a path beyond its own reach: both change the record of one revision."""
    no = event(1, 0 * DAY, "consent_changed", properties={"analytics": False})
    outputs = run([call(2, 20 * DAY), call(3, 40 * DAY), purchase(4, 45 * DAY, "o1"), no], [1, 2, 3, 4], DEFAULT)
    records = [json.loads(output.value) for output in outputs if output.topic == "touchpath.conversions"]
    assert [record["revision"] for record in records] == [3, 4]
    assert {step["touchpoint"] for step in records[0]["path"]} == {"call"}
    assert {step["touchpoint"] for step in records[1]["path"]} == {"withheld"}
    assert records[0]["journey_id"] != records[1]["journey_id"]
