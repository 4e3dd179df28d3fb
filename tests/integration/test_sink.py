"""The sink on real brokers and the real engine: all of it lands, once, whatever dies in between."""

from __future__ import annotations

import asyncio
import random
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.broker import BrokerProcess
from deploy.local.door_process import ClickHouseDoor
from deploy.local.ports import LOOPBACK
from deploy.local.tansu import TansuBroker
from schemas import topics
from schemas.base import profile_id
from schemas.identity import Command, IdentityMessage
from sinks import positions
from sinks.client import Store
from sinks.positions import Position
from streams.core.stage import Output
from tests.integration.sink_parts import INGEST, collected, ends, journeys_of, make_topics, produce, worked
from tests.integration.sink_rig import SinkProcess, count, eventually, migrated
from tests.unit.sinks.pipeline import an_event


async def test_what_is_on_tansu_is_queryable(tansu: TansuBroker, store: Store, tmp_path: Path) -> None:
    await lands(tansu, store, tmp_path, transactional_id=None)


async def test_what_was_committed_on_apache_kafka_is_queryable(
    kafka: ApacheKafkaBroker, store: Store, tmp_path: Path
) -> None:
    await lands(kafka, store, tmp_path, transactional_id="writer")
    # Markers are read past: who waits for the end of a topic sees it reached.
    written = positions.load(store, kafka.cluster_id)
    for place, end in (await ends(kafka.bootstrap)).items():
        assert written[place].next_offset == end


async def lands(broker: BrokerProcess, store: Store, home: Path, transactional_id: str | None) -> None:
    await make_topics(broker.bootstrap)
    raw = collected(journeys_of(20))
    await produce(broker.bootstrap, raw)
    await produce(broker.bootstrap, worked(raw), transactional_id)
    with SinkProcess(home, broker.bootstrap, store.connection):
        await eventually(lambda: count(store, "credits") == 80 and count(store, "collected_log") == 80)
        await eventually(lambda: count(store, "touchpoints") == 80 and count(store, "conversions") == 20)
        await eventually(lambda: count(store, "journeys") == 20)
    assert count(store, "attribution_violations") == 0
    archived = store.rows(f"SELECT key, value, toUnixTimestamp64Milli(recorded_at) FROM {store.database}.collected_log")
    assert sorted(archived) == sorted((r.key.decode(), (r.value or b"").decode(), r.timestamp) for r in raw)


async def test_identity_lands_moves_log_and_decisions_and_a_batch_that_comes_again_changes_nothing(
    tansu: TansuBroker, store: Store, tmp_path: Path
) -> None:
    await make_topics(tansu.bootstrap)
    cookie, ada = "anonymous:a1", "customer:ada"
    seen = [
        an_event("look", cookie, received_at=INGEST),
        an_event("log-in", cookie, ada, minute=1, received_at=INGEST),
    ]
    command = Command(to=cookie, action="block", command_id=uuid4(), requested_at=INGEST, requested_by="data team")
    value = IdentityMessage(message=command).model_dump_json().encode()
    decision = Output(topics.IDENTITY.name, cookie.encode(), value, int(INGEST.timestamp() * 1000))
    raw = collected(seen)
    made = worked(raw)
    said = [one for one in made if one.topic == topics.IDENTITY.name]
    assert said
    for times in (1, 2):
        await produce(tansu.bootstrap, [*raw, *made, decision])
        # What the sink has read, it has written: its place stands at the end of every topic.
        with SinkProcess(tmp_path, tansu.bootstrap, store.connection):
            end = await ends(tansu.bootstrap)
            assert sum(end.values()) == times * len([*raw, *made, decision])
            await eventually(
                lambda end=end: (
                    {  # type: ignore[misc] # a default has no type
                        place: at.next_offset for place, at in positions.load(store, tansu.cluster_id).items()
                    }.items()
                    >= {place: offset for place, offset in end.items() if offset}.items()
                )
            )
        home = f"SELECT count(), uniqExact(profile_id), any(profile_id) FROM {store.database}.touchpoints"
        assert store.rows(home) == [(2, 1, profile_id(ada))]
        assert count(store, "placements_log FINAL") == 1
        assert count(store, "identifiers", f"named_by = '{ada}'") == 2
        assert store.rows(f"SELECT change, count() FROM {store.database}.profile_changes GROUP BY 1 ORDER BY 1") == [
            ("created", 2),
            ("merged", 1),
        ]
        assert count(store, "identity_commands") == 1
        assert count(store, "quarantine") == 0


@pytest.mark.slow
async def test_a_sink_killed_again_and_again_loses_nothing_and_doubles_nothing(
    kafka: ApacheKafkaBroker, store: Store, tmp_path: Path
) -> None:
    chance = random.Random(7)
    await make_topics(kafka.bootstrap)
    sink = SinkProcess(tmp_path, kafka.bootstrap, store.connection, flush_rows=200, flush_interval=0.05)
    customers, rounds = 60, 5
    for number in range(rounds):
        raw = collected(journeys_of(customers, start=number * customers))
        sink.start()
        await produce(kafka.bootstrap, raw)
        await produce(kafka.bootstrap, worked(raw), "writer")
        # Long enough to be in the middle of writing, at a point that differs each time.
        before = count(store, "collected_log")
        await eventually(lambda before=before: count(store, "collected_log") > before)  # type: ignore[misc] # a default has no type
        await asyncio.sleep(chance.uniform(0, 0.4))
        sink.kill()
    total = customers * rounds
    with sink:
        await eventually(lambda: count(store, "credits") >= 4 * total and count(store, "touchpoints") >= 4 * total)
        await eventually(lambda: count(store, "conversions") >= total and count(store, "journeys") >= total)
    for view, wanted in {"touchpoints": 4, "credits": 4, "conversions": 1, "journeys": 1, "quarantine": 0}.items():
        assert count(store, view) == wanted * total, view
    assert count(store, "attribution_violations") == 0
    assert store.rows(f"SELECT sum(net) FROM {store.database}.conversions") == [(total * Decimal("12.99"),)]


async def test_records_that_cannot_be_read_are_quarantined_beside_the_good_ones(
    tansu: TansuBroker, store: Store, tmp_path: Path
) -> None:
    await make_topics(tansu.bootstrap, partitions=1)
    good = worked(collected(journeys_of(1)))
    bad = [
        Output(topics.RESOLVED.name, b"k", b'{"profile_id":null,"touchpoint":{"event_id":5}}', 0),
        Output(topics.JOURNEYS.name, b"k", b"\xff\xfe", 0),
        Output(topics.CREDITS.name, b"k", b"", 0),
        Output(topics.COLLECTED.name, b"k", b"[" * 100_000, 0),
    ]
    await produce(tansu.bootstrap, [*bad, *good])
    with SinkProcess(tmp_path, tansu.bootstrap, store.connection):
        await eventually(lambda: count(store, "quarantine") == 4 and count(store, "credits") == 4)
        await eventually(lambda: count(store, "touchpoints") == 4)
    reasons = dict(store.rows(f"SELECT door, reason FROM {store.database}.quarantine"))
    assert reasons["topic:touchpath.resolved/0@0"] == "$.touchpoint.event_id: Expected `uuid`, got `int`"
    assert all(reason.startswith("$") for reason in reasons.values())


async def test_a_broker_that_lost_its_memory_is_read_from_the_start_and_doubles_nothing(
    tansu: TansuBroker, store: Store, tmp_path: Path
) -> None:
    raw = collected(journeys_of(10))
    with SinkProcess(tmp_path, tansu.bootstrap, store.connection, retry_longest=0.5):
        for epoch in (1, 2):
            await make_topics(tansu.bootstrap)
            # New ones first, so that in the second life every place in the topics is another.
            sent = raw if epoch == 1 else [*collected(journeys_of(1, start=99)), *raw]
            await produce(tansu.bootstrap, [*sent, *worked(sent)])
            await eventually(
                lambda epoch=epoch: count(store, "credits_log FINAL", f"epoch = {epoch}") == (40 if epoch == 1 else 44)  # type: ignore[misc] # a default has no type
            )
            if epoch == 1:
                await eventually(lambda: count(store, "collected_log FINAL") == 40)
                tansu.process.kill()
                tansu.start()
                tansu.wait_ready()
        await eventually(lambda: count(store, "collected_log FINAL") == 44)
    assert count(store, "conversions") == 11
    assert count(store, "attribution_violations") == 0
    # The first landing stays: only what was new in the second life is of epoch 2.
    assert count(store, "collected_log FINAL", "epoch = 2") == 4


async def test_an_offset_that_is_gone_is_warned_of_and_read_from_the_earliest(
    kafka: ApacheKafkaBroker, store: Store, tmp_path: Path
) -> None:
    await make_topics(kafka.bootstrap, partitions=1)
    await produce(kafka.bootstrap, collected(journeys_of(1)))
    positions.save(store, kafka.cluster_id, {(topics.COLLECTED.name, 0): Position(1000, 1)})
    with SinkProcess(tmp_path, kafka.bootstrap, store.connection) as sink:
        await eventually(lambda: count(store, "collected_log") == 4)
        await eventually(lambda: positions.load(store, kafka.cluster_id)[topics.COLLECTED.name, 0].next_offset == 4)
    assert re.search(r"WARNING .*touchpath.collected\[0\]: offset 1000 is not there", sink.log())


async def test_two_sinks_of_one_group_share_the_partitions(
    kafka: ApacheKafkaBroker, store: Store, tmp_path: Path
) -> None:
    await make_topics(kafka.bootstrap)
    sinks = [SinkProcess(tmp_path / name, kafka.bootstrap, store.connection, group="sinks") for name in ("a", "b")]
    with sinks[0], sinks[1]:
        raw = collected(journeys_of(20))
        await produce(kafka.bootstrap, [*raw, *worked(raw)])
        await eventually(lambda: count(store, "credits") == 80 and count(store, "touchpoints") == 80)
        # The other takes over what the killed one had.
        sinks[0].kill()
        raw = collected(journeys_of(20, start=20))
        await produce(kafka.bootstrap, [*raw, *worked(raw)])
        await eventually(lambda: count(store, "credits") == 160 and count(store, "touchpoints") == 160)
        await eventually(lambda: count(store, "collected_log FINAL") == 160)


async def test_a_sink_waits_for_clickhouse_and_says_so(
    tansu: TansuBroker, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    door = ClickHouseDoor(tmp_path / "data", free_port(), tmp_path / "door.log")
    door.start()
    door.wait_ready()
    store = migrated(door.port, "touchpath")
    await make_topics(tansu.bootstrap)
    port = free_port()
    try:
        with SinkProcess(tmp_path, tansu.bootstrap, store.connection, http_port=port, retry_longest=0.5) as sink:
            await eventually(lambda: answer(port, "/ready") == 200)
            store.close()
            door.stop()
            raw = collected(journeys_of(5))
            await produce(tansu.bootstrap, [*raw, *worked(raw)])
            await eventually(lambda: answer(port, "/ready") == 503)
            assert answer(port, "/health") == 200
            door.start()
            door.wait_ready()
            await eventually(lambda: count(store, "credits") == 20 and count(store, "collected_log") == 20)
            await eventually(lambda: answer(port, "/ready") == 200)
            numbers = urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics").read().decode()
            assert 'touchpath_sink_rows_total{table="credits_log"} 20.0' in numbers
            assert sink.stop() == 0
    finally:
        store.close()
        door.stop()


def answer(port: int, path: str) -> int | None:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=5) as found:
            return int(found.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


async def test_a_stopped_sink_has_written_what_it_held(
    tansu: TansuBroker, store: Store, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    await make_topics(tansu.bootstrap)
    port = free_port()
    with SinkProcess(tmp_path, tansu.bootstrap, store.connection, flush_interval=60, http_port=port) as sink:
        await produce(tansu.bootstrap, collected(journeys_of(5)))
        await eventually(lambda: taken(port) == 20)
        assert count(store, "collected_log") == 0
        assert sink.stop() == 0
    assert count(store, "collected_log") == 20


def taken(port: int) -> float:
    """How many records the sink has taken from the topics."""
    try:
        numbers = urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=5).read().decode()
    except OSError:
        return -1
    return sum(float(value) for value in re.findall(r"^touchpath_sink_records_total{.*} (.+)$", numbers, re.MULTILINE))
