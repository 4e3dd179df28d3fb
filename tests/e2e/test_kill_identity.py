"""Workers are killed, crashed inside transactions and frozen while profiles merge and part, and nothing shows it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.apache_kafka import ApacheKafkaBroker
from schemas import topics
from schemas.catalogue import load
from streams.core.fold import FoldStage
from streams.core.resolve import ResolveStage
from streams.core.stage import Stage
from streams.worker.app import EXIT_FENCED
from tests.e2e import kill_rig_checks as checks
from tests.e2e import kill_rig_scratch as scratch
from tests.e2e.kill_rig import WORKERS, Stack
from tests.e2e.kill_rig_expected import commands_in, expected, shown_in, touchpoints_in, whose
from tests.e2e.kill_rig_people import Feed
from tests.e2e.kill_rig_worker import ENDS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEED = 20_265
HOUSEHOLDS = 60
SIGKILL = -9


@pytest.fixture
def stack(kafka_broker_factory: Callable[..., ApacheKafkaBroker], tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path, kafka_broker_factory().port, parts=WORKERS)
    print(f"logs are in {tmp_path}")  # noqa: T201 - pytest shows it when a test fails
    yield made
    made.stop()


def chaos(stack: Stack, chance: random.Random) -> None:
    """Crash, kill and freeze, each once, in an order that the seed decides."""

    def crash(end: str) -> Callable[[], None]:
        return lambda: stack.crash(chance.choice(WORKERS), end)

    def kill() -> None:
        stack.kill(chance.choice(WORKERS))

    def freeze() -> None:
        go_on = stack.freeze(chance.choice(WORKERS), in_transaction=True)
        go_on()

    steps = [kill, freeze, *(crash(end) for end, code in ENDS.items() if code)]
    chance.shuffle(steps)
    for step in steps:
        step()
        time.sleep(chance.uniform(0.2, 1.0))


def every_end_was_met(stack: Stack) -> None:
    ends = Counter(code for _, code in stack.exits)
    assert set(ends) == {SIGKILL, EXIT_FENCED, *(code for code in ENDS.values() if code)}, ends


async def test_kills_while_profiles_merge_and_part_leave_no_trace(stack: Stack) -> None:
    await stack.prepare()
    stack.start()
    bootstrap = stack.settings.kafka.bootstrap_servers
    feed = Feed(bootstrap, SEED, HOUSEHOLDS, pause=0.2)
    feed.start()
    try:
        chaos(stack, random.Random(SEED))
    finally:
        feed.finish()
    await stack.at_rest(60)
    exits = stack.stop()

    catalogue = load()
    stages: list[Stage] = [ResolveStage(catalogue), FoldStage(catalogue)]
    held = await scratch.held(bootstrap, stack.settings.worker.app_id, stages)
    accepted = touchpoints_in(held.records(topics.COLLECTED.name))
    commands = commands_in(held.records(topics.IDENTITY.name))
    forwardings, arrivals = checks.moves(held)
    told = f"{len(accepted)} events, {len(commands)} decisions, {forwardings} forwardings, {arrivals} arrivals"
    print(f"{told}; ended: {Counter(stack.exits)}")  # noqa: T201 - pytest shows it when a test fails

    due, shown = expected(accepted, commands, catalogue), shown_in(held)
    assert shown.profiles == due.profiles
    assert shown.journeys == due.journeys
    assert shown.conversions == due.conversions
    assert shown.ledger == due.ledger
    checks.nodes_are_those_of_the_reference(held, whose(accepted.values(), commands, catalogue.identity))
    checks.each_touchpoint_was_resolved_once(held)
    checks.every_message_was_folded_once(held, catalogue)

    assert min(forwardings, arrivals) > len(accepted) / 10
    assert await scratch.aborted(bootstrap, [topics.IDENTITY.name, topics.RESOLVED.name]) > 0
    every_end_was_met(stack)
    # Workers that stop at the same moment rebalance meanwhile; one may be given partitions that it cannot keep.
    assert set(exits.values()) <= {0, EXIT_FENCED}
