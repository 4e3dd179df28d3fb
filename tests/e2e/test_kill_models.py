"""Workers are killed, crashed inside transactions and frozen while fits come and all is restated: nothing shows it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.settle import settle_models
from schemas import topics
from schemas.catalogue import load
from streams.core.fold import FoldStage
from streams.core.resolve import ResolveStage
from streams.core.stage import Stage
from streams.worker.app import EXIT_FENCED
from tests.e2e import kill_rig_scratch as scratch
from tests.e2e.kill_rig import WORKERS, Stack
from tests.e2e.kill_rig_expected import commands_in, expected, touchpoints_in
from tests.e2e.kill_rig_fits import MODEL, Fitter
from tests.e2e.kill_rig_people import Feed
from tests.e2e.test_kill_identity import chaos, every_end_was_met
from tests.properties.folding import end_state
from tests.properties.test_published_models import assert_split_by, sums_by_fit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEED = 20_266
HOUSEHOLDS = 40


@pytest.fixture
def stack(kafka_broker_factory: Callable[..., ApacheKafkaBroker], tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path, kafka_broker_factory().port, parts=WORKERS)
    print(f"logs are in {tmp_path}")  # noqa: T201 - pytest shows it when a test fails
    yield made
    made.stop()


async def test_kills_while_fits_come_and_all_is_restated_leave_no_trace(stack: Stack) -> None:
    await stack.prepare()
    stack.start()
    bootstrap = stack.settings.kafka.bootstrap_servers
    feed = Feed(bootstrap, SEED, HOUSEHOLDS, pause=0.2)
    fitter = Fitter(bootstrap, SEED, HOUSEHOLDS, pause=1.0)
    feed.start()
    fitter.start()
    try:
        chaos(stack, random.Random(SEED))
    finally:
        feed.finish()
        fitter.finish()
    await stack.at_rest(60)
    fitter.publish()
    await settle_models(stack.settings.kafka, worker_groups=[stack.settings.worker.app_id], timeout=60)
    fitter.ask()
    await stack.at_rest(60)
    exits = stack.stop()

    catalogue = load()
    stages: list[Stage] = [ResolveStage(catalogue), FoldStage(catalogue)]
    held = await scratch.held(bootstrap, stack.settings.worker.app_id, stages)
    names = [topic.name for topic in (topics.JOURNEYS, topics.CONVERSIONS, topics.CREDITS)]
    state = assert_split_by({MODEL: fitter.published[-1]}, end_state(scratch.written(held, *names)), catalogue)
    accepted = touchpoints_in(held.records(topics.COLLECTED.name))
    due = expected(accepted, commands_in(held.records(topics.IDENTITY.name)), catalogue)
    assert state.credits == due.ledger
    assert {conversion: one["net_minor"] for conversion, one in state.conversions.items()} == {
        conversion: net for conversion, (net, _) in due.conversions.items()
    }
    sums = sums_by_fit(held)
    assert set(sums.values()) == {0, 1}
    restated = len({fit for _, _, fit in sums})
    told = f"{len(accepted)} events, {len(due.conversions)} conversions, {restated} fits in the ledger"
    print(f"{told}; ended: {Counter(stack.exits)}")  # noqa: T201 - pytest shows it when a test fails
    assert restated > 2
    assert await scratch.aborted(bootstrap, [topics.RESOLVED.name, topics.CREDITS.name]) > 0
    every_end_was_met(stack)
    # Workers that stop at the same moment rebalance meanwhile; one may be given partitions that it cannot keep.
    assert set(exits.values()) <= {0, EXIT_FENCED}
