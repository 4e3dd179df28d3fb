"""The replay on a real Tansu: a broker that lost its memory gets back what was accepted, in the first order, once.

People's decisions come back before the touchpoints, and are not made again of what identifiers say to each other.
"""

from __future__ import annotations

from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy import replay as replay_module
from deploy.local.tansu import TansuBroker
from deploy.replay import ReplayError, replay
from schemas import topics
from schemas.connection import KafkaConnection
from schemas.identity import Action, Command, IdentityMessage
from sinks import positions
from sinks.cells import Rows
from sinks.client import Store
from sinks.rows import COLUMNS, read
from streams.core.stage import Output
from streams.worker.partitioning import partition_of
from tests.integration.sink_parts import INGEST, ARecord, collected, ends, journeys_of, make_topics, produce
from tests.integration.sink_rig import count

Landed = dict[int, list[tuple[bytes, bytes, int]]]


def archive(store: Store, cluster_id: str, records: list[Output]) -> Landed:
    """Land records as a sink would have, of two partitions; give them by partition."""
    epoch = positions.epoch_of(store, cluster_id)
    by_partition: Landed = {0: [], 1: []}
    rows: Rows = {}
    for record in records:
        partition = partition_of(record.key, 2)
        landed = by_partition[partition]
        value = record.value or b""
        read(topics.COLLECTED.name, partition, [ARecord(len(landed), record.key, value, record.timestamp)], epoch, rows)
        landed.append((record.key, value, record.timestamp))
    store.insert("collected_log", COLUMNS["collected_log"], rows["collected_log"])
    return by_partition


def a_decision(identifier: str, action: Action = "block") -> Output:
    command = Command(to=identifier, action=action, command_id=uuid4(), requested_at=INGEST, requested_by="data team")
    value = IdentityMessage(message=command).model_dump_json().encode()
    return Output(topics.IDENTITY.name, identifier.encode(), value, int(INGEST.timestamp() * 1000))


def decide(store: Store, cluster_id: str, decisions: list[Output], first: int = 0) -> Landed:
    """Land decisions as a sink would have, of two partitions, with other messages between them."""
    epoch = positions.epoch_of(store, cluster_id)
    by_partition: Landed = {0: [], 1: []}
    rows: Rows = {}
    for number, record in enumerate(decisions):
        partition = partition_of(record.key, 2)
        value = record.value or b""
        given = ARecord(first + 3 * number, record.key, value, record.timestamp)
        read(topics.IDENTITY.name, partition, [given], epoch, rows)
        by_partition[partition].append((record.key, value, record.timestamp))
    store.insert("commands_log", COLUMNS["commands_log"], rows["commands_log"])
    return by_partition


async def on_topic(broker: TansuBroker, wanted: topics.Topic = topics.COLLECTED) -> Landed:
    found: Landed = {}
    async with AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest") as consumer:
        for (topic, partition), end in (await ends(broker.bootstrap)).items():
            if topic != wanted.name:
                continue
            tp = TopicPartition(topic, partition)
            consumer.assign([tp])
            consumer.seek(tp, 0)
            found[partition] = []
            while len(found[partition]) < end:
                for record in (await consumer.getmany(timeout_ms=200)).get(tp, []):
                    found[partition].append((record.key, record.value, record.timestamp))
    return found


def of(broker: TansuBroker) -> KafkaConnection:
    return KafkaConnection(bootstrap_servers=broker.bootstrap)


async def test_the_archive_comes_back_in_the_first_order_with_its_keys_and_times(
    tansu: TansuBroker, store: Store
) -> None:
    first = archive(store, "first life", collected(journeys_of(20)))
    second = archive(store, "second life", collected(journeys_of(5, start=20)))
    # A replay of old lands again in the second life; its copies must neither come twice nor change the order.
    epoch = positions.epoch_of(store, "second life")
    rows: Rows = {}
    for partition, landed in first.items():
        again = [ARecord(900 - n, key, value, at) for n, (key, value, at) in enumerate(landed)]
        read(topics.COLLECTED.name, partition, again, epoch, rows)
    store.insert("collected_log", COLUMNS["collected_log"], rows["collected_log"])
    await make_topics(tansu.bootstrap)
    heard: list[tuple[int, int]] = []
    assert await replay(of(tansu), store.connection, on_progress=lambda *now: heard.append(now)) == (100, 0)
    assert await on_topic(tansu) == {partition: first[partition] + second[partition] for partition in (0, 1)}
    assert heard[-1] == (100, 100)


async def test_a_second_replay_writes_nothing(tansu: TansuBroker, store: Store) -> None:
    landed = archive(store, "first life", collected(journeys_of(20)))
    await make_topics(tansu.bootstrap)
    for _ in range(2):
        assert await replay(of(tansu), store.connection) == (80, 0)
    assert await on_topic(tansu) == landed


async def test_a_replay_that_was_interrupted_goes_on_where_it_was(
    tansu: TansuBroker, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed = archive(store, "first life", collected(journeys_of(20)))
    await make_topics(tansu.bootstrap)
    monkeypatch.setattr(replay_module, "CHUNK", 7)

    def interrupt(done: int, _total: int) -> None:
        if done > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await replay(of(tansu), store.connection, on_progress=interrupt)
    assert 0 < sum(len(records) for records in (await on_topic(tansu)).values()) < 80
    assert await replay(of(tansu), store.connection) == (80, 0)
    assert await on_topic(tansu) == landed


async def test_where_something_else_is_on_the_topic_all_of_the_archive_is_written_behind_it(
    tansu: TansuBroker, store: Store
) -> None:
    landed = archive(store, "first life", collected(journeys_of(20)))
    await make_topics(tansu.bootstrap)
    await produce(tansu.bootstrap, collected(journeys_of(10, start=500)))
    assert await replay(of(tansu), store.connection) == (80, 0)
    found = await on_topic(tansu)
    assert sum(len(records) for records in found.values()) == 80 + 40
    for partition, records in landed.items():
        assert found[partition][-len(records) :] == records


async def test_what_this_cluster_accepted_itself_is_not_replayed_onto_it(tansu: TansuBroker, store: Store) -> None:
    archive(store, tansu.cluster_id, collected(journeys_of(3)))
    await make_topics(tansu.bootstrap)
    assert not await replay(of(tansu), store.connection)


async def test_decisions_come_back_with_their_keys_and_times_and_are_counted(tansu: TansuBroker, store: Store) -> None:
    archive(store, "first life", collected(journeys_of(2)))
    first = [a_decision(f"email:a{number}@example.org") for number in range(6)]
    landed = decide(store, "first life", first)
    # What was replayed into the second life landed again there: it is one decision still, in its first place.
    decide(store, "second life", first[::-1], first=900)
    later = decide(store, "second life", [a_decision(first[0].key.decode(), "unblock")], first=2000)
    await make_topics(tansu.bootstrap)
    heard: list[tuple[int, int]] = []
    assert await replay(of(tansu), store.connection, on_progress=lambda *now: heard.append(now)) == (8, 7)
    assert await on_topic(tansu, topics.IDENTITY) == {n: landed[n] + later[n] for n in (0, 1)}
    assert (heard[0], heard[-1]) == ((7, 15), (15, 15))


async def test_of_decisions_only_those_are_written_that_are_not_there_whatever_else_is(
    tansu: TansuBroker, store: Store
) -> None:
    decisions = [a_decision(f"email:a{number}@example.org") for number in range(6)]
    decide(store, "first life", decisions)
    await make_topics(tansu.bootstrap)
    said = Output(topics.IDENTITY.name, b"email:b@example.org", b'{"message":{"type":"labelled"}}', 0)
    odd = Output(topics.IDENTITY.name, b"email:b@example.org", b'"command"', 0)
    await produce(tansu.bootstrap, [said, decisions[4], odd, decisions[1], said])
    for _ in range(2):
        assert await replay(of(tansu), store.connection) == (0, 6)
        there = await on_topic(tansu, topics.IDENTITY)
        assert sum(len(records) for records in there.values()) == 3 + 6
        assert {(d.key, d.value) for d in decisions} <= {(k, v) for records in there.values() for k, v, _ in records}


async def test_decisions_that_were_taken_on_this_cluster_are_not_replayed_onto_it(
    tansu: TansuBroker, store: Store
) -> None:
    decide(store, tansu.cluster_id, [a_decision("email:a@example.org")])
    await make_topics(tansu.bootstrap)
    assert not await replay(of(tansu), store.connection)


async def test_onto_an_empty_topic_tables_are_empty_first_and_a_replay_that_goes_on_leaves_them(
    tansu: TansuBroker, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(store, "first life", collected(journeys_of(5)))
    decide(store, "first life", [a_decision("email:a@example.org")])
    derived = ("touchpoints_log", "placements_log", "profiles_log", "credits_log")

    def derive() -> None:
        for table in derived:
            store.command(f"INSERT INTO {store.database}.{table} (profile_id, version) VALUES (generateUUIDv4(), 1)")

    derive()
    await make_topics(tansu.bootstrap)
    monkeypatch.setattr(replay_module, "CHUNK", 7)

    def interrupt(done: int, _total: int) -> None:
        if done > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await replay(of(tansu), store.connection, on_progress=interrupt)
    assert [count(store, table) for table in derived] == [0, 0, 0, 0]
    derive()  # what workers made meanwhile of the part that is there
    assert await replay(of(tansu), store.connection) == (20, 1)
    assert [count(store, table) for table in derived] == [1, 1, 1, 1]
    assert count(store, "commands_log") == 1


async def test_a_rebuild_forgets_what_workers_made_and_keeps_the_archive(tansu: TansuBroker, store: Store) -> None:
    archive(store, "first life", collected(journeys_of(1)))
    store.command(f"INSERT INTO {store.database}.marks_log (event_id) VALUES (generateUUIDv4())")
    await make_topics(tansu.bootstrap)
    assert await replay(of(tansu), store.connection, rebuild=True) == (4, 0)
    assert count(store, "marks_log") == 0
    assert count(store, "collected_log") == 4


async def test_a_cluster_without_the_topic_is_refused(tansu: TansuBroker, store: Store) -> None:
    with pytest.raises(ReplayError, match=r"has no topic touchpath\.collected"):
        await replay(of(tansu), store.connection)
