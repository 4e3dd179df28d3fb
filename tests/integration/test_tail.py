"""`touchpath tail` beside a running collector: what is said of each event, and how it stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.ports import free_port
from deploy.local.tansu import TansuBroker
from tests.integration.collector_rig import CollectorProcess, make_topics
from tests.integration.sink_rig import eventually


class Tail:
    """A running `touchpath tail --json`, and what it has said so far."""

    def __init__(self, collector: CollectorProcess, bootstrap: str, folder: Path, *words: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOUCHPATH_")}
        words = ("tail", "--json", "--collector", collector.url, "--source", collector.source, *words)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", *words],
            cwd=folder,
            env={
                **kept,
                "TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
                "PYTHONPATH": str(Path(__file__).parents[2]),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []
        self.said: list[str] = []
        for stream, take in (
            (self.process.stdout, lambda line: self.events.append(json.loads(line))),
            (self.process.stderr, self.said.append),
        ):
            assert stream is not None
            threading.Thread(target=lambda s=stream, t=take: [t(line) for line in s], daemon=True).start()

    async def begun(self) -> None:
        await eventually(lambda: any("following" in line for line in self.said))


@pytest.fixture
async def collector(tansu_broker: TansuBroker, tmp_path: Path) -> Any:
    await make_topics(tansu_broker.bootstrap)
    source = f"tail-{uuid4().hex[:8]}"
    with CollectorProcess(tansu_broker.bootstrap, free_port(), source, tmp_path / "collector.log") as running:
        yield running


@pytest.fixture
def make_tail(collector: CollectorProcess, tansu_broker: TansuBroker, tmp_path: Path) -> Iterator[Callable[..., Tail]]:
    made: list[Tail] = []

    def make(*words: str) -> Tail:
        made.append(Tail(collector, tansu_broker.bootstrap, tmp_path, *words))
        return made[-1]

    yield make
    for tail in made:
        if tail.process.poll() is None:
            tail.process.kill()
        tail.process.wait()


def order(id_: str, revenue: object) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": id_,
        "userId": "ada",
        "properties": {"order_id": id_, "revenue": revenue},
    }


async def test_each_event_is_shown_as_it_arrives_with_what_became_of_it(
    collector: CollectorProcess, make_tail: Callable[..., Tail]
) -> None:
    collector.post("/v1/batch", {"batch": [order("before", 1)]})
    tail = make_tail()
    await tail.begun()
    collector.post("/v1/batch", {"batch": [order("a", 12.5), order("b", "many")]})
    await eventually(lambda: len(tail.events) == 2)
    by_outcome = {event["outcome"]: event for event in tail.events}
    accepted, bad = by_outcome["accepted"], by_outcome["quarantined"]
    assert (accepted["touchpoint"], accepted["channel"]) == ("order_completed", "web")
    assert (accepted["identifier"], accepted["amount"]) == ("customer:ada", "12.50 EUR")
    assert bad["reason"] == "$.batch[1].properties.revenue: not a number"
    assert bad["door"] == "http:/v1/batch"

    collector.post("/v1/batch", {"batch": [order("a", 12.5), order("before", 1)]})
    await eventually(lambda: len(tail.events) == 3)
    assert (tail.events[2]["outcome"], tail.events[2]["count"]) == ("duplicate", 2)

    tail.process.send_signal(signal.SIGINT)
    assert tail.process.wait(20) == 0
    assert "Traceback" not in "".join(tail.said)


async def test_only_what_was_not_taken_is_shown_where_that_is_asked(
    collector: CollectorProcess, make_tail: Callable[..., Tail]
) -> None:
    tail = make_tail("--quarantined", "--limit", "1")
    await tail.begun()
    collector.post("/v1/batch", {"batch": [order("a", 1), order("b", "many")]})
    assert tail.process.wait(20) == 0
    await eventually(lambda: [event["outcome"] for event in tail.events] == ["quarantined"])
