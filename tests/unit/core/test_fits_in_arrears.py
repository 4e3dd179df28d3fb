"""Conversions that arrived before a fit was put in force, and are booked behind that: they earn by it since then."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from deploy.attribution_publish import json_of
from deploy.attribution_restate import revisit_of
from producers.records import record_of
from schemas import topics
from schemas.attribution_model import AttributionModel
from schemas.base import derived_id, profile_id
from schemas.catalogue import load
from schemas.outcome import Accepted
from schemas.touchpoint import Touchpoint
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.unit.sinks.fits import a_fit
from tests.unit.sinks.pipeline import AT, an_event

FIT = a_fit({"web": 3, "search": 1})
OTHER = a_fit({"web": 1, "search": 1})


def minute(number: float) -> datetime:
    return AT + timedelta(minutes=number)


def put_in_force(loop: Loopback, fit: AttributionModel, at: float) -> None:
    loop.put_everywhere(topics.MODELS.name, fit.name.encode(), json_of(fit, minute(at)).encode(), 0)
    loop.run()


def tell(loop: Loopback, *events: Touchpoint) -> None:
    for event in events:
        loop.put(Output(*record_of(Accepted(event))[:4]))
    loop.run()


def bought(*, at: float) -> list[Touchpoint]:
    return [
        an_event("search", "customer:a", minute=at - 60, channel="search"),
        an_event("web", "customer:a", minute=at - 1),
        an_event("order", "customer:a", minute=at, touchpoint="order_completed", order_id="o"),
    ]


def postings(loop: Loopback) -> list[tuple[datetime, str, set[int], set[str]]]:
    """When and why something was posted, under which numbers, and by which models."""
    said: list[dict[str, Any]] = [json.loads(one.value or b"") for one in loop.records(topics.CREDITS.name)]
    return [
        (
            datetime.fromisoformat(one["recorded_at"]),
            one["cause"],
            {entry["revision"] for entry in one["entries"]},
            {entry["model"] for entry in one["entries"]},
        )
        for one in said
    ]


def a_loop() -> Loopback:
    return Loopback([ResolveStage(load()), FoldStage(load())])


RULES = set(load().attribution.models)


def test_a_conversion_from_before_the_fit_earns_by_it_since_the_publication_because_of_the_model() -> None:
    loop = a_loop()
    put_in_force(loop, FIT, 100)
    tell(loop, *bought(at=10))
    assert postings(loop) == [(minute(10), "conversion", {1}, RULES), (minute(100), "model", {2}, {"markov"})]


def test_a_conversion_from_after_the_fit_earns_by_it_at_once() -> None:
    loop = a_loop()
    put_in_force(loop, FIT, 100)
    tell(loop, *bought(at=100))
    assert postings(loop) == [(minute(100), "conversion", {1}, {*RULES, "markov"})]


def test_a_fit_of_which_nobody_said_when_it_was_published_is_of_any_time() -> None:
    loop = a_loop()
    loop.put_everywhere(topics.MODELS.name, b"markov", FIT.model_dump_json().encode(), 0)
    loop.run()
    tell(loop, *bought(at=10))
    assert postings(loop) == [(minute(10), "conversion", {1}, {*RULES, "markov"})]


def test_two_fits_of_two_times_are_two_postings() -> None:
    loop = a_loop()
    put_in_force(loop, a_fit({"web": 1}, name="shapley"), 200)
    put_in_force(loop, FIT, 100)
    tell(loop, *bought(at=10))
    assert [(at, cause, models) for at, cause, _, models in postings(loop)][1:] == [
        (minute(100), "model", {"markov"}),
        (minute(200), "model", {"shapley"}),
    ]


def test_what_comes_late_and_arrived_before_the_fit_books_by_it_as_of_the_fit() -> None:
    """The conversion was booked before the fit was heard of, and nobody has asked its profile to look again."""
    loop = a_loop()
    tell(loop, *bought(at=10))
    put_in_force(loop, FIT, 100)
    tell(loop, an_event("mail", "customer:a", minute=5, channel="email", received_at=minute(20)))
    assert [(at, cause) for at, cause, _, models in postings(loop) if "markov" in models] == [(minute(100), "model")]
    assert postings(loop)[1][:2] == (minute(20), "late_touchpoint")
    tell(loop, an_event("again", "customer:a", minute=-200, channel="search", received_at=minute(30)))
    assert [(at, cause) for at, cause, _, models in postings(loop) if "markov" in models] == [
        (minute(100), "model"),
        (minute(100), "late_touchpoint"),
    ]


def test_what_comes_late_and_arrived_behind_the_fit_is_of_its_arrival() -> None:
    loop = a_loop()
    tell(loop, *bought(at=10))
    put_in_force(loop, FIT, 100)
    tell(loop, an_event("mail", "customer:a", minute=5, channel="email", received_at=minute(120)))
    last = postings(loop)[-1]
    assert (last[0], last[1], "markov" in last[3]) == (minute(120), "late_touchpoint", True)


def test_a_cancellation_from_before_the_fit_takes_back_what_was_booked_as_it_arrived() -> None:
    loop = a_loop()
    put_in_force(loop, FIT, 100)
    tell(loop, *bought(at=10))
    earlier = an_event(
        "sooner", "customer:a", minute=9, touchpoint="order_completed", order_id="o", received_at=minute(20)
    )
    tell(loop, earlier)
    assert [(at, cause, models) for at, cause, _, models in postings(loop)][2:] == [
        (minute(20), "late_touchpoint", {*RULES, "markov"}),
        (minute(20), "conversion", RULES),
        (minute(100), "model", {"markov"}),
    ]


def test_a_revisit_sent_twice_posts_once_and_when_it_was_asked_for() -> None:
    loop = a_loop()
    tell(loop, *bought(at=10))
    put_in_force(loop, FIT, 100)
    look = revisit_of(UUID(str(profile_id("customer:a"))), "model", derived_id("fit"), minute(500), minute(500))
    for _ in range(2):
        loop.put(Output(*look[:4]))
        loop.run()
    assert postings(loop)[1:] == [(minute(500), "model", {2}, {"markov"})]
