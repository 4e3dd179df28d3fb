"""The laws of the fold, on drawn histories."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.base import profile_id
from schemas.touchpoint import Touchpoint
from streams.core import touch_log
from streams.core.ids import derived
from tests.properties.catalogues import CATALOGUES, DEFAULT
from tests.properties.folding import HISTORIES, end_state, essence, run
from tests.properties.long_lives import long_life
from tests.properties.reference import calculate

NAMES = st.sampled_from(sorted(CATALOGUES))
BORDERS = st.lists(st.integers(0, 100), max_size=6)


def by_profile(events: list[Touchpoint]) -> dict[str, list[Touchpoint]]:
    found: dict[str, list[Touchpoint]] = {}
    for event in events:
        found.setdefault(str(profile_id(event.key)), []).append(event)
    return found


@pytest.fixture(params=["short chunks", "long chunks"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short chunks make a history of a few events as rich in chunks as a life of hundreds."""
    if request.param == "short chunks":
        monkeypatch.setattr(touch_log, "TAIL", 5)
        monkeypatch.setattr(touch_log, "SEALED", 3)


@pytest.mark.usefixtures("chunks")
@given(HISTORIES, BORDERS, NAMES)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_fold_ends_where_a_calculation_from_scratch_ends(
    events: list[Touchpoint], borders: list[int], name: str
) -> None:
    catalogue = CATALOGUES[name]
    state = end_state(run(events, borders, catalogue))
    seen_journeys: set[str] = set()
    seen_credits = {}
    for profile, history in by_profile(events).items():
        expected = calculate(history, catalogue)
        for journey in expected.journeys:
            journey_id = derived("journey", profile, journey.opening)
            seen_journeys.add(journey_id)
            snapshot = state.journeys[journey_id]
            assert snapshot["touchpoints"] == len(journey.events)
            assert snapshot["closing_conversion"] == journey.closing
            status = "converted" if journey.closing else "idle" if journey.idle else "open"
            assert snapshot["status"] == status
            assert snapshot["visits"] == sum(str(e.event_id) in expected.openers for e in journey.events)
            assert snapshot["conversions"] == sum(str(e.event_id) in expected.conversions for e in journey.events)
            assert snapshot["channels"] == list(dict.fromkeys(e.channel for e in journey.events))
        for conversion, journey in expected.conversions.items():
            record = state.conversions.pop(conversion)
            assert record["journey_id"] == derived("journey", profile, journey.opening)
            assert [step["touchpoint_id"] for step in record["path"]] == expected.paths[conversion]
            assert (record["gross_minor"], record["net_minor"]) == (
                expected.gross[conversion],
                expected.net[conversion],
            )
            assert record["currency"] == expected.currency[conversion]
            assert record.get("verified", True) is expected.verified[conversion]
        seen_credits |= expected.credits
    assert set(state.journeys) == seen_journeys
    assert not state.conversions
    assert state.credits == seen_credits


@given(HISTORIES, st.randoms(use_true_random=False), NAMES)
@settings(max_examples=150, deadline=None)
def test_the_order_of_arrival_does_not_change_the_result(events, random, name) -> None:
    catalogue = CATALOGUES[name]
    shuffled = list(events)
    random.shuffle(shuffled)
    assert essence(end_state(run(shuffled, [], catalogue))) == essence(end_state(run(events, [], catalogue)))


@given(HISTORIES, BORDERS, BORDERS)
@settings(max_examples=150, deadline=None)
def test_batch_borders_change_no_byte_of_the_output(events, borders, others) -> None:
    assert run(events, borders, DEFAULT) == run(events, others, DEFAULT)


@given(HISTORIES, st.data())
@settings(max_examples=150, deadline=None)
def test_duplicates_change_no_byte_of_the_output(events, data) -> None:
    doubled = list(events)
    for place in data.draw(st.lists(st.integers(0, len(events) - 1), max_size=5)):
        again = data.draw(st.integers(place + 1, len(doubled)))
        first = doubled.index(events[place])
        doubled.insert(max(again, first + 1), events[place])
    values = [o.value for o in run(doubled, [3, 7], DEFAULT)]
    assert values == [o.value for o in run(events, [3, 7], DEFAULT)]


@given(HISTORIES, NAMES)
@settings(max_examples=150, deadline=None)
def test_credit_sums_to_one_and_value_to_the_net_revenue(events: list[Touchpoint], name: str) -> None:
    catalogue = CATALOGUES[name]
    state = end_state(run(events, [], catalogue))
    for conversion_id, record in state.conversions.items():
        for model in catalogue.attribution.models:
            lines = [v for (c, m, _), v in state.credits.items() if (c, m) == (conversion_id, model)]
            assert sum(credit for credit, _ in lines) == Decimal(1)
            assert sum(value for _, value in lines) == record["net_minor"]
    assert {c for c, _, _ in state.credits} == set(state.conversions)


@pytest.mark.parametrize("late", [False, True])
@given(history=st.lists(st.integers(0, 3), min_size=110, max_size=150), random=st.randoms(use_true_random=False))
@settings(max_examples=3, deadline=None)
def test_a_long_life_in_chunks_ends_where_a_calculation_from_scratch_ends(late, history, random) -> None:
    events = long_life(history)
    if late:
        for _ in range(20):
            events.insert(random.randrange(len(events)), events.pop(random.randrange(len(events))))
    state = end_state(run(events, [50, 99, 130], DEFAULT))
    expected = calculate(events, DEFAULT)
    assert state.credits == expected.credits
    assert len(state.journeys) == len(expected.journeys)
