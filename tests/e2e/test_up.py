"""`touchpath up` from outside: what a person with a terminal sees, kills and finds again."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.up_rig import Up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ORDERS = "SELECT order_id, toFloat64(sum(value)) FROM credits c JOIN conversions v USING (conversion_id) "
OF_MARKOV = (
    "SELECT cause, uniqExact(conversion_id), toFloat64(sum(credit)) FROM credits"
    " WHERE model = 'markov' GROUP BY cause ORDER BY cause"
)
LEARNED = (
    "SELECT uniqExact(c.conversion_id), min(c.recorded_at >= p.since) FROM credits AS c"
    " JOIN models_published AS p ON p.model = c.model"
)
LEDGER = ORDERS + "WHERE model = 'linear' GROUP BY order_id ORDER BY order_id"


@pytest.fixture
def make_up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    made: list[Up] = []

    def make(*options: str) -> Up:
        made.append(Up(tmp_path / f"stack-{len(made)}", *options))
        return made[-1]

    yield make
    for up in made:
        up.end()


def refused(up: Up) -> str:
    done = subprocess.run(up.argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_what_is_in_clickhouse_survives_a_stop_and_a_start(make_up: Callable[..., Up]) -> None:
    up = make_up()
    up.start()
    assert up.track("order-1") == "accepted"
    assert up.settle() | {"seconds": 0} == {"accepted": 1, "queryable": 1, "quarantined": 0, "seconds": 0}
    assert up.sql(LEDGER) == [("order-1", 12.5)]
    assert "curl -u local:" in up.said()

    # Meanwhile nobody else may have the folder or a port.
    assert f"in use by process {up.pid}" in refused(up)
    other = make_up()
    other.collector = up.collector
    assert f"port {up.collector}" in (message := refused(other))
    assert "--collector-port" in message

    parts = up.children()
    assert up.stop(signal.SIGINT) == 0
    assert [part for part in parts if part.is_running() and part.status() != psutil.STATUS_ZOMBIE] == []

    up.start()
    assert up.sql(LEDGER) == [("order-1", 12.5)]
    up.track("order-1")
    up.track("order-2")
    assert up.settle()["queryable"] == 2
    assert up.sql(LEDGER) == [("order-1", 12.5), ("order-2", 12.5)]
    assert up.sql("SELECT count() FROM attribution_violations") == [(0,)]
    assert up.stop() == 0


def test_parts_that_are_killed_come_back_and_a_killed_supervisor_leaves_none(make_up: Callable[..., Up]) -> None:
    up = make_up()
    up.start()
    up.track("order-1")
    up.settle()

    for name in ("worker", "sink", "collector", "clickhouse"):
        os.kill(up.part(name), signal.SIGKILL)
        up.until(lambda name=name: f"{name} is up again" in up.said(), 120)  # type: ignore[misc] # a default's type
        up.track(f"after-{name}")
    up.settle()
    names = ["after-clickhouse", "after-collector", "after-sink", "after-worker", "order-1"]
    assert up.sql(LEDGER) == [(name, 12.5) for name in names]

    # Tansu loses everything with its process: a new one gets the models in force, and then what ClickHouse has.
    up.touchpath("attribution", "fit", "--with-open", "--bootstrap", "0")
    assert up.sql(OF_MARKOV) == [("model", 5, 5.0)]
    os.kill(up.part("broker"), signal.SIGKILL)
    up.until(lambda: "the door is open" in up.said(), 180)
    up.track("after-broker")
    up.settle()
    assert up.sql(LEDGER) == [(name, 12.5) for name in ["after-broker", *names]]
    assert "models in force, published again: markov" in up.said()
    assert up.sql(OF_MARKOV) == [("conversion", 1, 1.0), ("model", 5, 5.0)]
    # What was reported before the fit is reported of that moment still, though all is derived anew.
    assert up.sql(f"{LEARNED} WHERE c.fit_id IS NOT NULL GROUP BY ALL") == [(6, True)]
    assert up.sql("SELECT count() FROM attribution_violations") == [(0,)]

    parts = up.children()
    os.kill(up.pid, signal.SIGKILL)
    gone, alive = psutil.wait_procs(parts, timeout=20)
    assert alive == []
    assert len(gone) == len(parts)


@pytest.mark.usefixtures("_kafka_is_possible")
def test_on_apache_kafka_two_workers_share_the_work_and_topics_survive_a_restart(make_up: Callable[..., Up]) -> None:
    up = make_up("--broker", "kafka", "--workers", "2")
    up.start()
    for number in range(8):
        up.track(f"order-{number}", user=f"user-{number}")
    up.settle()
    assert up.stop() == 0

    up.start()
    up.track("order-8", user="user-0")
    assert up.settle()["queryable"] == 9
    assert up.sql(LEDGER) == [(f"order-{number}", 12.5) for number in range(9)]
    # user-0's first order is still in the state: the second is the same profile's.
    assert up.sql("SELECT uniqExact(profile_id) FROM conversions WHERE order_id IN ('order-0', 'order-8')") == [(1,)]
    assert up.stop() == 0
