"""Every part of the pipeline is killed, crashed inside transactions and frozen, and in the end nothing shows it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaProducer

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.door_process import ClickHouseDoor
from schemas import topics
from schemas.catalogue import Catalogue, load
from schemas.connection import ClickHouseConnection
from schemas.quarantine import QuarantineRecord
from schemas.touchpoint import Touchpoint
from sinks.client import Store
from streams.core.fold import FoldStage
from streams.core.resolve import ResolveStage
from streams.core.stage import Stage
from streams.worker.app import EXIT_FENCED
from tests.e2e import kill_rig_checks as checks
from tests.e2e import kill_rig_scratch as scratch
from tests.e2e.kill_rig import WORKERS, Stack
from tests.e2e.kill_rig_expected import expected, shown_by, touchpoints_in, whose
from tests.e2e.kill_rig_sender import Plan, Sender, Told, make_plan
from tests.e2e.kill_rig_worker import ENDS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEED = 20_260
CUSTOMERS = 180
GARBAGE = [b"\xff\xfe no UTF-8 %d" % n for n in range(8)] + [b'{"event_id": %d}' % n for n in range(8)]
SIGKILL = -9


@pytest.fixture
def stack(
    kafka_broker_factory: Callable[..., ApacheKafkaBroker],
    clickhouse_door: ClickHouseDoor,
    door_database: str,
    tmp_path: Path,
) -> Iterator[Stack]:
    broker = kafka_broker_factory()
    made = Stack(tmp_path, broker.port, ClickHouseConnection(port=clickhouse_door.port, database=door_database))
    print(f"logs are in {tmp_path}")  # noqa: T201 - pytest shows it when a test fails
    yield made
    made.stop()


def chaos(stack: Stack, chance: random.Random) -> None:
    """Kill, crash and freeze, in an order that the seed decides; each kind happens at least once."""

    def kill(name: str) -> Callable[[], None]:
        return lambda: stack.kill(name)

    def crash(end: str) -> Callable[[], None]:
        return lambda: stack.crash(chance.choice(WORKERS), end)

    def freeze(*, in_transaction: bool) -> Callable[[], None]:
        def frozen() -> None:
            go_on = stack.freeze(chance.choice(WORKERS), in_transaction=in_transaction)
            for name in chance.sample(["sink", "collector"], 2):
                time.sleep(chance.uniform(1, 3))
                stack.kill(name)
            go_on()

        return frozen

    steps = [kill(name) for name in (*WORKERS, "sink", "collector")]
    steps += [crash(end) for end, code in ENDS.items() if code]
    steps += [freeze(in_transaction=True), freeze(in_transaction=False)]
    chance.shuffle(steps)
    for step in steps:
        step()
        time.sleep(chance.uniform(0.5, 3))


def put_garbage(bootstrap: str) -> set[str]:
    """Put onto the first topic what no producer of ours would; give the ids that it must have in quarantine."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for value in GARBAGE:
        producer.send(topics.COLLECTED.name, key=value, value=value)
    producer.close()
    source, now = f"topic:{topics.COLLECTED.name}", datetime.now(UTC)
    records = [QuarantineRecord.of(source=source, door="", reason="", raw=v, received_at=now) for v in GARBAGE]
    return {str(record.quarantine_id) for record in records}


def every_part_was_hit(stack: Stack, told: Told) -> None:
    """The chaos was real: the processes say so themselves, by how they ended."""
    for name in (*WORKERS, "sink", "collector"):
        assert stack.ended(name, SIGKILL) >= 1, name
    crashes = {end: sum(stack.ended(worker, code) for worker in WORKERS) for end, code in ENDS.items() if code}
    assert all(crashes.values()), crashes
    assert sum(stack.ended(worker, EXIT_FENCED) for worker in WORKERS) >= 1
    assert told.sent_again > 0
    # Nobody ended for a reason that we did not give.
    foreseen = {SIGKILL, EXIT_FENCED, *ENDS.values()}
    assert {code for name, code in stack.exits if name in WORKERS} <= foreseen
    assert {code for name, code in stack.exits if name not in WORKERS} == {SIGKILL}


def what_was_accepted_is_there_once(store: Store, plan: Plan, told: Told, garbage: set[str]) -> None:
    assert told.accepted | told.duplicate == plan.good
    assert len(told.quarantined) == plan.bad
    landed = [row[0] for row in store.table("SELECT toString(event_id) FROM touchpoints")[1]]
    assert len(landed) == len(plan.good)
    assert set(landed) == plan.good
    kept = dict(store.table("SELECT toString(quarantine_id), reason FROM quarantine")[1])
    assert set(kept) == set(told.quarantined) | garbage
    assert {id_: kept[id_] for id_ in told.quarantined} == told.quarantined
    assert all(reason.startswith("$") for reason in kept.values())


def the_views_are_exact(store: Store, accepted: dict[str, Touchpoint], catalogue: Catalogue) -> None:
    due, shown = expected(accepted, [], catalogue), shown_by(store)
    assert shown.profiles == due.profiles
    assert shown.journeys == due.journeys
    assert shown.conversions == due.conversions
    assert shown.ledger == due.ledger
    assert store.table("SELECT * FROM attribution_violations")[1] == []


async def test_kills_crashes_in_transactions_and_freezes_leave_no_trace(stack: Stack) -> None:
    await stack.prepare()
    stack.start()
    plan = make_plan(SEED, CUSTOMERS)
    sender = Sender(stack.url, plan, burst=40, pause=1.0)
    sender.start()
    bootstrap = stack.settings.kafka.bootstrap_servers
    garbage = put_garbage(bootstrap)
    chaos(stack, random.Random(SEED))
    told = sender.finish()
    await stack.settle(120)
    exits = stack.stop()
    print(f"{len(plan.good)} events; ended: {Counter(stack.exits)}; sent again: {told.sent_again}")  # noqa: T201

    store = Store(stack.settings.clickhouse)
    what_was_accepted_is_there_once(store, plan, told, garbage)
    catalogue = load()
    stages: list[Stage] = [ResolveStage(catalogue), FoldStage(catalogue)]
    held = await scratch.held(bootstrap, stack.settings.worker.app_id, stages)
    accepted = touchpoints_in(held.records(topics.COLLECTED.name), leave_out=GARBAGE)
    assert set(accepted) == plan.good
    the_views_are_exact(store, accepted, catalogue)
    store.close()
    checks.each_touchpoint_was_resolved_once(held, GARBAGE)
    assert checks.every_message_was_folded_once(held, catalogue) > 0
    checks.nodes_are_those_of_the_reference(held, whose(accepted.values(), [], catalogue.identity))
    assert await scratch.aborted(bootstrap, [topic.name for topic in checks.FOLDED]) > 0
    every_part_was_hit(stack, told)
    # Workers that stop at the same moment rebalance meanwhile; one may be given partitions that it cannot keep.
    assert all(code == 0 or (name in WORKERS and code == EXIT_FENCED) for name, code in exits.items()), exits
