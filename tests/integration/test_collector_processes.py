"""A collector of two processes: one port, one set of counts, one end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest

from deploy.local.broker import BrokerProcess
from schemas.topics import COLLECTED
from tests.integration.collector_rig import CollectorProcess, make_topics, read_source


@pytest.fixture
async def collector(tansu_broker: BrokerProcess, free_port: Callable[[], int], tmp_path: Path) -> CollectorProcess:
    await make_topics(tansu_broker.bootstrap)
    source = f"shop-{uuid4().hex[:8]}"
    return CollectorProcess(tansu_broker.bootstrap, free_port(), source, tmp_path / "log", processes=2)


@pytest.fixture
def running(collector: CollectorProcess) -> Iterator[CollectorProcess]:
    with collector:
        yield collector


def workers(collector: CollectorProcess) -> list[psutil.Process]:
    assert collector.process is not None
    children = psutil.Process(collector.process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def wait_until(so: Callable[[], bool]) -> None:
    """Wait; the test's own limit ends it where it never is."""
    while not so():
        time.sleep(0.05)


def answers(collector: CollectorProcess) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{collector.url}/health").status_code == 200
    return False


async def test_two_processes_share_the_port_and_count_together(
    tansu_broker: BrokerProcess, running: CollectorProcess
) -> None:
    assert len(workers(running)) == 2
    wait_until(lambda: all(worker.net_connections() for worker in workers(running)))  # both are there
    for number in range(200):  # each on a connection of its own, so that both processes get some
        event = {"messageId": f"m{number}", "userId": f"u{number}"}
        answer = httpx.post(f"{running.url}/v1/page", json=event, auth=("good", ""), timeout=30)
        assert answer.status_code == 200
    for _ in range(10):  # whichever process answers
        with httpx.Client(base_url=running.url) as client:
            running.client = client
            assert running.metric("received") == running.metric("accepted") == 200
    assert running.terminate() == 0
    collected = await read_source(tansu_broker.bootstrap, COLLECTED.name, running.source)
    assert sorted(value["identifiers"][0]["value"] for value in collected) == sorted(f"u{n}" for n in range(200))
    assert not answers(running)


def test_where_one_process_ends_by_itself_the_other_ends_too_and_the_exit_code_says_so(
    running: CollectorProcess,
) -> None:
    assert running.process is not None
    workers(running)[0].kill()
    assert running.process.wait(60) == 1
    assert not answers(running)


def test_where_whoever_started_them_is_killed_they_end_too(running: CollectorProcess) -> None:
    assert running.process is not None
    children = workers(running)
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.wait(10)
    gone, alive = psutil.wait_procs(children, timeout=60)
    assert (len(gone), alive) == (2, [])
    assert not answers(running)
