"""Where a life is cut into sealed chunks, nothing else is: what concerns a conversion does so across the cut."""

from uuid import UUID

import pytest

from schemas.base import profile_id
from schemas.catalogue import Catalogue, IdentitySettings
from schemas.identity import Command
from schemas.touchpoint import Touchpoint
from streams.core import touch_log
from streams.core.loopback import first_all
from tests.properties.folding import ARRIVAL
from tests.properties.identity_histories import History, identifier
from tests.properties.identity_running import assert_as_from_scratch, catalogue_of, end_of, incoming, run
from tests.unit.core.life import DAY, DEFAULT, HOUR, call, event, journeys, opening, path, purchase, tell


def test_a_late_event_reaches_a_conversion_of_the_same_moment_from_which_it_is_cut_off_as_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(touch_log, "TAIL", 5)
    monkeypatch.setattr(touch_log, "SEALED", 3)
    life = [call(1, HOUR), call(2, 2 * HOUR), purchase(3, 3 * HOUR), call(5, 5 * HOUR), call(6, 6 * HOUR)]
    late = call(4, 3 * HOUR)  # behind the purchase by its id, and in its window by its time
    assert path(tell([*life, late]), 3) == [1, 2, 4]


def test_a_late_event_finds_its_place_where_all_that_was_not_sealed_has_gone_to_another_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(touch_log, "TAIL", 5)
    monkeypatch.setattr(touch_log, "SEALED", 3)
    own = [seen(n, "customer:ada", "device:d1") for n in (2, 3, 4)]
    leaving = [seen(n, "device:d1") for n in (5, 6, 7)]
    parted = Command(
        to="device:d1", action="unmerge", command_id=UUID(int=1), requested_at=ARRIVAL, requested_by="an admin"
    )
    history = History(IdentitySettings(), (*own, *leaving))
    late = seen(1, "customer:ada")
    loop = run(history, 1, first_all)
    for number, arrival in enumerate((parted, late)):
        loop.put(incoming(arrival, 1_790_000_000_000 + number))
        loop.run()
    lives = {str(profile_id("customer:ada")): [*own, late], str(profile_id("device:d1")): leaving}
    assert_as_from_scratch(end_of(loop), lives, catalogue_of(history))


def touchpoints(*events: Touchpoint, catalogue: Catalogue = DEFAULT) -> list[int]:
    """How many touchpoints the journeys have, in order of their beginning."""
    return [journey["touchpoints"] for journey in journeys(tell(events, catalogue))]


def test_what_names_an_order_in_front_of_a_late_event_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touch_log, "TAIL", 5)
    monkeypatch.setattr(touch_log, "SEALED", 3)
    first = [purchase(1, HOUR, "o1"), event(2, 2 * HOUR, "delivery", "store", order="o1")]
    second = [*(call(n, n * HOUR) for n in (3, 4, 5, 7)), purchase(8, 8 * HOUR)]
    third = [call(n, 60 * DAY + n * HOUR) for n in range(9, 15)]  # out of the late event's reach
    late = event(6, 6 * HOUR, "complaint", "hotline")  # after the first sale, so it is of its journey
    assert touchpoints(*first, *second, *third, late) == [3, 5, 6]


def test_what_names_an_order_that_has_closed_twice_belongs_to_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touch_log, "TAIL", 5)
    monkeypatch.setattr(touch_log, "SEALED", 3)
    closing = DEFAULT.conversions["account"].model_copy(update={"closing": True})
    catalogue = DEFAULT.model_copy(update={"conversions": {**DEFAULT.conversions, "account": closing}})
    first = [purchase(1, HOUR, "o1")]
    second = [*(call(n, n * HOUR) for n in (3, 4, 5, 6)), event(7, 7 * HOUR, "account_created", order="o1")]
    third = [call(n, 60 * DAY + n * HOUR) for n in range(8, 13)]  # out of the late event's reach
    after = [event(13, 60 * DAY + 13 * HOUR, "delivery", "store", order="o1")]
    late = event(2, 2 * HOUR, "complaint", "hotline")
    assert touchpoints(*first, *second, *third, *after, late, catalogue=catalogue) == [2, 6, 5]


def seen(hour: int, *keys: str) -> Touchpoint:
    """A call at that hour, of whom the keys name."""
    return call(hour, hour * HOUR).model_copy(update={"identifiers": tuple(map(identifier, keys))})


def test_where_a_late_order_seals_a_chunk_the_journey_that_its_events_had_opened_is_withdrawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(touch_log, "TAIL", 5)
    monkeypatch.setattr(touch_log, "SEALED", 3)
    late = purchase(1, DAY, "o1")
    others = [
        purchase(2, 4 * DAY, "o2"),
        event(3, 10 * DAY, order="o1"),
        event(4, 10 * DAY, "call", "hotline", order="o1"),
        event(5, 31 * DAY, order="o2"),
        event(6, 70 * DAY, order="o1"),
    ]
    in_order, at_last = tell([late, *others]), tell([*others, late])
    assert [opening(journey) for journey in journeys(at_last)] == [1, 2]
    assert set(at_last.journeys) == set(in_order.journeys)
