"""The transport on real brokers, one worker at a time: what it does when nothing is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.tansu import TansuBroker
from streams.worker import clients
from streams.worker.app import EXIT_DEFECT, EXIT_SETUP, EXIT_STOPPED
from streams.worker.clients import TopicPartition as Place
from streams.worker.partitioning import partition_of
from streams.worker.recovery import replay
from streams.worker.stores import MemoryStore
from tests.integration.transport_rig import INPUT_PARTITIONS, OUTPUT_PARTITIONS, Rig, eventually


@pytest.fixture
def rig(kafka_broker: ApacheKafkaBroker, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(kafka_broker.bootstrap, tmp_path)
    made.create_topics()
    yield made
    made.close()


def outputs(rig: Rig) -> list[tuple[bytes, bytes]]:
    return sorted((r.key, r.value) for r in rig.read(rig.output))


def wait_for_outputs(rig: Rig, count: int) -> None:
    eventually(f"{count} outputs", lambda: len(rig.read(rig.output)) >= count)


def committed(rig: Rig, topic: str | None = None) -> list[int]:
    consumer = KafkaConsumer(bootstrap_servers=rig.bootstrap, group_id=rig.options["app_id"])
    offsets = [consumer.committed(TopicPartition(topic or rig.input, p)) for p in range(INPUT_PARTITIONS)]
    consumer.close()
    return [o.offset if isinstance(o, OffsetAndMetadata) else (o or 0) for o in offsets]


def test_the_first_record_of_each_partition_comes_through_and_is_committed(rig: Rig) -> None:
    for partition in range(INPUT_PARTITIONS):
        rig.producer.send(rig.input, key=b"k%d" % partition, value=b"%d" % partition, partition=partition)
    rig.producer.flush()
    rig.start("a")
    wait_for_outputs(rig, INPUT_PARTITIONS)
    assert rig.stop() == {"a": EXIT_STOPPED}
    assert outputs(rig) == [(b"out:k%d" % p, b"%d" % p) for p in range(INPUT_PARTITIONS)]
    assert committed(rig) == [1] * INPUT_PARTITIONS


def test_outputs_go_where_their_own_key_belongs_with_the_time_of_their_cause(rig: Rig) -> None:
    rig.producer.send(rig.input, key=b"a", value=b"1", timestamp_ms=1_500_000_000_123)
    rig.send((b"k%d" % i, b"%d" % i) for i in range(60))
    rig.start("a")
    wait_for_outputs(rig, 61)
    records = rig.read(rig.output)
    assert {r.partition for r in records} == set(range(OUTPUT_PARTITIONS))
    for record in records:
        assert record.partition == partition_of(record.key, OUTPUT_PARTITIONS)
    assert [r.timestamp for r in records if r.key == b"out:a"] == [1_500_000_000_123]


def test_a_worker_that_is_told_to_stop_in_the_middle_goes_on_from_there(rig: Rig) -> None:
    count = 6000
    rig.send((b"k%d" % (i % 50), b"%d" % i) for i in range(count))
    rig.options["max_batch_records"] = 100
    rig.start("a", linger=0.1)
    eventually("it has begun", lambda: len(rig.read(rig.output)) > 0)
    assert rig.stop() == {"a": EXIT_STOPPED}
    done = len(rig.read(rig.output))
    assert 0 < done < count
    assert sum(committed(rig)) == done
    rig.start("a")
    wait_for_outputs(rig, count)
    assert len({value for _, value in outputs(rig)}) == len(outputs(rig)) == count


def test_a_second_worker_takes_over_half_and_gives_it_back_without_doubling(rig: Rig) -> None:
    rig.start("a", linger=0.02)
    eventually("the first owns all", lambda: rig.owns("a") == INPUT_PARTITIONS)
    rig.send((b"k%d" % (i % 50), b"%d" % i) for i in range(2000))
    rig.start("b", linger=0.02)
    eventually("they share", lambda: (rig.owns("a"), rig.owns("b")) == (2, 2))
    rig.send((b"k%d" % (i % 50), b"%d" % i) for i in range(2000, 4000))
    rig.workers["b"].terminate()
    assert rig.workers.pop("b").wait(20) == EXIT_STOPPED
    eventually("the first owns all again", lambda: rig.owns("a") == INPUT_PARTITIONS)
    rig.send((b"k%d" % (i % 50), b"%d" % i) for i in range(4000))  # all known, but for nothing
    rig.send((b"k%d" % (i % 50), b"%d" % i) for i in range(4000, 4100))
    wait_for_outputs(rig, 4100)
    assert len({value for _, value in outputs(rig)}) == len(outputs(rig)) == 4100


def test_stages_of_one_worker_follow_each_other_whatever_their_partitions(rig: Rig) -> None:
    middle, last = f"{rig.input}-middle", f"{rig.input}-last"
    rig.create_topic(middle, 5)
    rig.create_topic(last, 2)
    rig.create_topic(f"{rig.options['app_id']}-again-changelog", 5)
    rig.stages = [["count", rig.input, middle], ["again", middle, last], ["copy", last, rig.output]]
    count = 1000
    rig.start("a")
    rig.start("b")
    rig.send((b"k%d" % (i % 50), b"%d" % i) for i in range(count))
    rig.send((b"k%d" % (i % 50), b"%d" % i) for i in range(count))
    wait_for_outputs(rig, count)
    everything = INPUT_PARTITIONS + 5 + 2
    eventually(
        "both have their part of all that there is",
        lambda: rig.owns("a") > 0 < rig.owns("b") and rig.owns("a") + rig.owns("b") == everything,
    )
    assert set(rig.stop().values()) == {EXIT_STOPPED}
    assert sorted(outputs(rig)) == sorted((b"out:out:k%d" % (i % 50), b"%d" % i) for i in range(count))


def test_two_workers_do_not_share_a_folder(rig: Rig) -> None:
    rig.stores = {"a": "disk", "b": "disk"}
    rig.start("a")
    eventually("it is ready", lambda: rig.ask("a", "/ready")[0] == 200)
    rig.options["data_dir"] = str(rig.settings("a").data_dir)
    assert rig.start("b").wait(30) == EXIT_SETUP
    assert "is in use by another worker" in rig.log("b").read_text()
    del rig.workers["b"]


def test_a_stage_that_raises_stops_the_worker_and_says_where(rig: Rig) -> None:
    rig.producer.send(rig.input, key=b"k", value=b"1", partition=2)
    rig.producer.send(rig.input, key=b"k", value=b"poison", partition=2)
    rig.producer.flush()
    process = rig.start("a")
    assert process.wait(30) == EXIT_DEFECT
    log = rig.log("a").read_text()
    assert f"stage count raised on {rig.input}[2] offsets 0-1: ValueError: poison" in log
    assert (outputs(rig), committed(rig)[2]) == ([], 0)


def test_a_worker_that_cannot_recover_says_why_and_ends(rig: Rig) -> None:
    rig.stores = {"a": "disk"}
    folder = rig.settings("a").data_dir
    assert folder is not None
    folder.mkdir()
    (folder / rig.changelog.name).write_text("no folder")
    assert rig.start("a").wait(30) == EXIT_SETUP
    assert "the worker cannot go on: [Errno 20] Not a directory" in rig.log("a").read_text()


def test_a_stage_that_gives_a_record_too_large_stops_the_worker_and_says_so(rig: Rig) -> None:
    rig.options["max_request_bytes"] = 50_000
    rig.send([(b"k", b"x" * 60_000)])
    assert rig.start("a").wait(30) == EXIT_DEFECT
    assert f"bytes for {rig.output}[" in rig.log("a").read_text()
    assert outputs(rig) == []


def test_a_worker_without_its_topics_says_which_and_ends(kafka_broker: ApacheKafkaBroker, tmp_path: Path) -> None:
    rig = Rig(kafka_broker.bootstrap, tmp_path)
    try:
        assert rig.start("a").wait(30) == EXIT_SETUP
        assert f"topics are missing: {rig.changelog.name}, {rig.input}" in rig.log("a").read_text()
    finally:
        rig.close()


def test_a_worker_is_ready_when_it_has_recovered_and_counts_what_it_does(rig: Rig) -> None:
    rig.send([(b"k", b"1"), (b"k", b"1"), (b"k", b"2")])
    rig.start("a")
    eventually("it is ready", lambda: rig.ask("a", "/ready")[0] == 200)
    wait_for_outputs(rig, 2)
    eventually("records are counted", lambda: rig.metric("a", "touchpath_worker_records_total") == 3)
    assert rig.ask("a", "/health") == (200, "ok\n")
    metrics = rig.ask("a", "/metrics")[1]
    assert 'touchpath_worker_stage_events_total{event="duplicate",stage="count"} 1.0' in metrics
    assert rig.metric("a", "touchpath_worker_outputs_total") == 2
    eventually("the lag is known", lambda: "touchpath_worker_lag_records{" in rig.ask("a", "/metrics")[1])
    assert rig.metric("a", "touchpath_worker_lag_records") == 0


def test_a_tombstone_takes_the_key_out_of_a_recovered_table(rig: Rig) -> None:
    rig.start("a")
    rig.send([(b"k", b"1"), (b"other", b"2"), (b"k", b"forget")])
    rig.send([(b"k", b"1")])
    wait_for_outputs(rig, 3)
    assert rig.stop() == {"a": EXIT_STOPPED}
    rig.start("b")
    rig.send([(b"k", b"1"), (b"other", b"2"), (b"k", b"forget"), (b"k", b"3")])
    wait_for_outputs(rig, 4)
    assert rig.stop() == {"b": EXIT_STOPPED}
    assert rig.state() == {b"k": b"3", b"other": b"2"}


async def _replayed(rig: Rig, options: dict[str, Any]) -> dict[bytes, bytes]:
    reader = clients.AIOKafkaConsumer(bootstrap_servers=rig.bootstrap, auto_offset_reset="earliest", **options)
    await reader.start()
    try:
        stores = {Place(rig.changelog.name, p): MemoryStore() for p in range(INPUT_PARTITIONS)}
        await replay(reader, dict(stores))
        ends = await reader.end_offsets(list(stores))
        for tp, store in stores.items():
            # The log ends with a transaction's marker, an offset that no record has.
            assert store.changelog_offset < ends[tp] or ends[tp] == 0
        return {key: value for store in stores.values() for key, value in store.data.items()}
    finally:
        await reader.stop()


async def test_recovery_ends_where_the_last_offset_is_a_marker_and_sees_nothing_uncommitted(rig: Rig) -> None:
    rig.send((b"k%d" % i, b"%d" % i) for i in range(40))
    rig.start("a")
    wait_for_outputs(rig, 40)
    rig.stop()
    producer = clients.AIOKafkaProducer(bootstrap_servers=rig.bootstrap, transactional_id=rig.input)
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(rig.changelog.name, key=b"k1", value=b"aborted", partition=0)
    await producer.abort_transaction()
    await producer.begin_transaction()
    await producer.send_and_wait(rig.changelog.name, key=b"k2", value=b"open", partition=1)
    try:
        state = await _replayed(rig, {"isolation_level": "read_committed"})
    finally:
        await producer.abort_transaction()
        await producer.stop()
    assert state == {b"k%d" % i: b"%d" % i for i in range(40)}


def test_without_transactions_one_worker_does_the_same_work(tansu_broker: TansuBroker, tmp_path: Path) -> None:
    rig = Rig(tansu_broker.bootstrap, tmp_path, guarantee="unfenced", session_timeout=2)
    rig.create_topics()
    try:
        rig.start("a")
        rig.send((b"k%d" % (i % 20), b"%d" % i) for i in range(500))
        wait_for_outputs(rig, 500)
        assert rig.stop() == {"a": EXIT_STOPPED}
        rig.start("b")
        rig.send((b"k%d" % (i % 20), b"%d" % i) for i in range(400, 600))
        wait_for_outputs(rig, 600)
        assert rig.stop() == {"b": EXIT_STOPPED}
        assert len({value for _, value in outputs(rig)}) == len(outputs(rig)) == 600
    finally:
        rig.close()


def lengths(rig: Rig, topic: str) -> list[int]:
    consumer = KafkaConsumer(bootstrap_servers=rig.bootstrap)
    ends = consumer.end_offsets([TopicPartition(topic, p) for p in range(INPUT_PARTITIONS)])
    consumer.close()
    return [end for _, end in sorted(ends.items())]


def both(start: int, stop: int) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Events for two topics: an id in three goes to both, so that one state has to know what came from the other."""
    events = [(b"k%d" % (i * 7919 % 200), b"%d" % i) for i in range(start, stop)]
    return [e for i, e in enumerate(events) if i % 3 < 2], [e for i, e in enumerate(events) if i % 3]


def test_a_stage_of_two_topics_keeps_one_state_and_redoes_neither_after_a_crash(rig: Rig) -> None:
    rig.read_two_topics()
    rig.options["max_batch_records"] = 200
    count = 6000
    first, second = both(0, count)
    rig.send(first)
    rig.send(second, rig.second)
    rig.supervise("ab", dies_in_commit=4, linger=0.02)
    eventually("workers died in the middle of commits", lambda: rig.exits[9] >= 2)
    rig.calm()
    wait_for_outputs(rig, count)
    for topic in (rig.input, rig.second):
        eventually(f"all of {topic} is committed", lambda topic=topic: committed(rig, topic) == lengths(rig, topic))  # type: ignore[misc] # a name more
    # A process that is still importing knows no SIGTERM yet.
    eventually("they share again", lambda: (rig.owns("a"), rig.owns("b")) == (2, 2))
    assert set(rig.stop().values()) == {EXIT_STOPPED}
    assert outputs(rig) == sorted((b"out:" + key, value) for key, value in {*first, *second})
    state = {(key, value) for key, values in rig.state().items() for value in values.split()}
    assert state == {*first, *second}
    # A worker that starts from nothing recovers one state, whichever topic an id had come by.
    rig.start("c")
    again, more = both(count - 300, count + 300)
    rig.send(more)
    rig.send(again, rig.second)
    wait_for_outputs(rig, count + 300)
    assert rig.stop() == {"c": EXIT_STOPPED}
    assert len({value for _, value in outputs(rig)}) == len(outputs(rig)) == count + 300


def test_topics_of_unequal_partitions_are_not_read_as_one(rig: Rig) -> None:
    rig.read_two_topics(INPUT_PARTITIONS - 1)
    assert rig.start("a").wait(30) == EXIT_SETUP
    assert (
        f"{rig.second} has 3 partitions, but {rig.input}, which stage count reads with it, has 4"
        in rig.log("a").read_text()
    )


def test_a_worker_that_shares_its_group_with_one_that_reads_less_writes_nothing_and_says_why(rig: Rig) -> None:
    rig.start("old")
    eventually("it owns all", lambda: rig.owns("old") == INPUT_PARTITIONS)
    rig.read_two_topics()
    rig.send([(b"k%d" % i, b"%d" % i) for i in range(40)], rig.second)
    assert rig.start("new").wait(30) == EXIT_SETUP
    assert f"of {rig.second} and not of {rig.input}" in rig.log("new").read_text()
    del rig.workers["new"]
    assert outputs(rig) == []
    eventually("the old one has all again", lambda: rig.owns("old") == INPUT_PARTITIONS)
    assert rig.stop() == {"old": EXIT_STOPPED}
    rig.start("new")
    wait_for_outputs(rig, 40)
    assert rig.stop() == {"new": EXIT_STOPPED}


def test_without_transactions_two_topics_are_one_lane_too(tansu_broker: TansuBroker, tmp_path: Path) -> None:
    rig = Rig(tansu_broker.bootstrap, tmp_path, guarantee="unfenced", session_timeout=2)
    rig.create_topics()
    rig.read_two_topics()
    try:
        for start, worker in ((0, "a"), (400, "b")):
            rig.start(worker)
            first, second = both(start, start + 600)
            rig.send(first)
            rig.send(second, rig.second)
            wait_for_outputs(rig, start + 600)
            assert rig.stop() == {worker: EXIT_STOPPED}
        assert len({value for _, value in outputs(rig)}) == len(outputs(rig)) == 1000
        assert (sum(committed(rig)), sum(committed(rig, rig.second))) == (800, 800)
    finally:
        rig.close()
