"""Exactly once on Apache Kafka: two workers that die in every way, and every event still counts once."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.apache_kafka import ApacheKafkaBroker
from streams.worker.app import EXIT_FENCED
from tests.integration.transport_rig import INPUT_PARTITIONS, Rig, eventually

KEYS = 1_000
HALF = INPUT_PARTITIONS // 2
FROZEN_SECONDS = 10.0  # the session ends after 6
DIED = 9  # os._exit inside a transaction; -9 is kill -9


def events(start: int, stop: int) -> list[tuple[bytes, bytes]]:
    return [(b"k%d" % (i * 7919 % KEYS), b"%d" % i) for i in range(start, stop)]


def by_key(count: int) -> dict[bytes, list[bytes]]:
    by_key: dict[bytes, list[bytes]] = defaultdict(list)
    for key, value in events(0, count):
        by_key[key].append(value)
    return dict(by_key)


@pytest.mark.slow
def test_every_event_counts_once_whatever_happens_to_the_workers(
    kafka_broker: ApacheKafkaBroker, tmp_path: Path
) -> None:
    rig = Rig(kafka_broker.bootstrap, tmp_path)
    rig.stores = {"b": "disk", "new disk": "disk"}
    rig.create_topics()
    chance = random.Random(1)
    feed = Feed(rig)
    try:
        feed.start()
        rig.supervise("ab", dies_in_commit=9, linger=0.05)
        eventually("workers died in the middle of commits", lambda: rig.exits[DIED] >= 4)
        # No more deaths by themselves, but long transactions: a frozen worker is frozen inside one.
        rig.calm(linger=0.3)
        for worker in "abab":
            rig.kill(worker)
            time.sleep(chance.uniform(1.0, 3.0))
        eventually("both new workers work", lambda: rig.owns("a") + rig.owns("b") == INPUT_PARTITIONS)
        assert rig.owns("a") > 0
        rig.freeze("a", FROZEN_SECONDS)
        eventually("the worker that was frozen is fenced, and ends", lambda: rig.exits[EXIT_FENCED] > 0)
        total = feed.stop()
        eventually("all outputs are there", lambda: len(rig.read(rig.output)) >= total)
        assert rig.exits[-9] >= 3, f"too few kills: {rig.exits}"
        # A process that is still importing knows no SIGTERM yet.
        eventually("the fenced worker is back", lambda: rig.ask("a", "/ready")[0] == 200)
        assert set(rig.stop().values()) == {0}

        assert_each_once(rig, total)

        # Workers that start from nothing, and one with what its disk has kept, know every event.
        for number, worker in enumerate(("new memory", "new disk", "b")):
            rig.start(worker)
            rig.send(events(0, total)[number::7])
            marks = [(b"mark%d" % m, b"%d" % (total + 100 * number + m)) for m in range(8 * INPUT_PARTITIONS)]
            rig.send(marks)
            count = total + len(marks) * (number + 1)
            eventually("the marks came through", lambda c=count: len(rig.read(rig.output)) >= c)
            assert len(rig.read(rig.output)) == count
            assert rig.stop() == {worker: 0}
    finally:
        feed.stop()
        rig.close()


@pytest.mark.slow
def test_a_broker_that_is_killed_and_comes_back_loses_and_doubles_nothing(
    kafka_broker_factory: Callable[[], ApacheKafkaBroker], tmp_path: Path
) -> None:
    broker = kafka_broker_factory()
    rig = Rig(broker.bootstrap, tmp_path)
    rig.create_topics()
    feed = Feed(rig)
    try:
        feed.start()
        rig.supervise("ab", linger=0.02)
        eventually("both workers work", lambda: rig.owns("a") + rig.owns("b") == INPUT_PARTITIONS)
        broker.kill()
        broker.start()
        broker.wait_ready()
        eventually("the feed goes on", feed.goes_on)
        total = feed.stop()
        eventually("all outputs are there", lambda: len(rig.read(rig.output)) >= total)
        assert set(rig.stop().values()) == {0}
        assert_each_once(rig, total)
    finally:
        feed.stop()
        rig.close()


def assert_each_once(rig: Rig, total: int) -> None:
    wanted = by_key(total)
    got: dict[bytes, list[bytes]] = defaultdict(list)
    for record in rig.read(rig.output):
        got[record.key.removeprefix(b"out:")].append(record.value)
    assert got == wanted, "outputs: each once, and in the order of their key"
    assert {key: value.split() for key, value in rig.state().items()} == wanted


class Feed(threading.Thread):
    """Sends events at an even pace until it is stopped."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(daemon=True)
        self.rig = rig
        self.sent = 0
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(0.1):
            self.rig.send(events(self.sent, self.sent + 100))
            self.sent += 100

    def goes_on(self) -> bool:
        sent = self.sent
        time.sleep(1)
        return self.sent > sent

    def stop(self) -> int:
        self._end.set()
        if self.is_alive():
            self.join()
        return self.sent
