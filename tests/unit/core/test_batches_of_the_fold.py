"""A batch of the fold ends where it has said enough; what is left comes again, and nothing else changes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from deploy.attribution_restate import revisit_of
from schemas import topics
from schemas.catalogue import load
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.integration.sink_parts import collected, journeys_of
from tests.unit.sinks.fits import a_fit

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def told(records: list[Output], most: int | None) -> tuple[Loopback, list[int]]:
    loop = Loopback([ResolveStage(load()), FoldStage(load(), most)])
    for record in records:
        loop.put(record)
    loop.run()
    fit = a_fit({"web": 1}).model_dump_json().encode()
    loop.put_everywhere(topics.MODELS.name, b"markov", fit, 0)
    loop.run()
    for profile in sorted({record.key or b"" for record in loop.records(topics.CONVERSIONS.name)}):
        revisit = revisit_of(UUID(profile.decode()), "model", UUID(int=1), NOW, NOW)
        loop.put(Output(*revisit[:4]))
    steps: list[int] = []
    before = len(loop.records(topics.CREDITS.name))
    for _ in range(10_000):
        if not loop._waiting():
            break
        loop._step(loop._waiting()[0], 10_000)
        steps.append(len(loop.records(topics.CREDITS.name)) - before)
    return loop, steps


def test_many_profiles_that_look_again_come_in_several_batches_with_the_same_end() -> None:
    records = collected(journeys_of(40))
    at_once, [every] = told(records, None)
    in_parts, steps = told(records, 300)
    assert every == 40
    assert len(steps) > 3
    assert steps[-1] == every
    assert at_once.states == in_parts.states
    for topic in (topics.CREDITS, topics.CONVERSIONS, topics.JOURNEYS):
        assert [one.value for one in at_once.records(topic.name)] == [one.value for one in in_parts.records(topic.name)]
    assert at_once.counts == in_parts.counts
