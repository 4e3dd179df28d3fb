"""The collector as a process on real brokers: what is answered 200 lies in Kafka, what is bad in quarantine."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.broker import BrokerProcess
from schemas.topics import COLLECTED, QUARANTINE
from tests.integration.collector_rig import CollectorProcess, make_topics, read_all, read_source

QUICK = '{"request_timeout": 2, "delivery_timeout": 3, "metadata_timeout": 1}'


@pytest.fixture
def collector(broker: BrokerProcess, free_port: Callable[[], int], tmp_path: Path) -> Iterator[CollectorProcess]:
    source = f"shop-{uuid4().hex[:8]}"
    with CollectorProcess(broker.bootstrap, free_port(), source, tmp_path / "collector.log") as running:
        yield running


async def test_bad_input_is_refused_or_quarantined_and_the_good_beside_it_is_in_kafka(
    broker: BrokerProcess, collector: CollectorProcess
) -> None:
    def track(number: int, **more: object) -> dict[str, object]:
        return {"type": "track", "event": "X", "messageId": f"m{number}", "userId": f"u{number}", **more}

    batch = [
        track(1),
        track(2, timestamp="1989-01-01T00:00:00Z"),
        track(3, properties={"revenue": "x"}),
        track(4, somethingNew={"deep": [1]}),
        track(5, timestamp="2099-01-01T00:00:00Z"),
        track(6, userId={"id": 1}),
        track(1),
        "nonsense",
    ]
    answer = collector.post("/v1/batch", {"batch": batch})
    assert answer.status_code == 200
    assert [event["status"] for event in answer.json()["events"]] == [
        "accepted",
        "quarantined",
        "quarantined",
        "accepted",
        "quarantined",
        "quarantined",
        "duplicate",
        "quarantined",
    ]
    refused = {
        "broken JSON": collector.post("/v1/track", b'{"event":'),
        "no UTF-8": collector.post("/v1/track", b'{"event":"\xff\xfe"}'),
        "10 MB": collector.post("/v1/batch", b'{"batch":["' + b"x" * 10_000_000 + b'"]}'),
        "gzip bomb": collector.post("/v1/batch", gzip.compress(b"0" * 30_000_000)),
        "too deep": collector.post("/v1/batch", b'{"batch":' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
    }
    for name, answer in refused.items():
        assert answer.status_code == 400, name
        assert set(answer.json()) == {"code", "message"}, name
    assert collector.post("/v1/track", track(9), auth=("bad", "")).status_code == 401
    assert collector.post("/v1/track", track(7), headers={"content-type": "text/plain"}).status_code == 200

    source = collector.source
    collected = await read_source(broker.bootstrap, COLLECTED.name, source)
    assert sorted(value["identifiers"][0]["value"] for value in collected) == ["u1", "u4", "u7"]
    reasons = {value["reason"].split(" (")[0] for value in await read_source(broker.bootstrap, QUARANTINE.name, source)}
    assert len(reasons) == 5 + 5
    assert "$.batch[2].properties.revenue: not a number" in reasons
    assert "$.batch[5].userId: not text" in reasons
    assert "$.batch[7]: not an object" in reasons
    counts = {name: collector.metric(name) for name in ("received", "accepted", "duplicate", "quarantined")}
    assert counts == {"received": 14, "accepted": 3, "duplicate": 1, "quarantined": 10}


async def test_the_record_carries_key_and_the_time_of_ingest(
    broker: BrokerProcess, collector: CollectorProcess
) -> None:
    user = uuid4().hex
    before = time.time() * 1000 - 1
    collector.post("/v1/page", {"userId": user, "timestamp": "2017-01-01T00:00:00Z"})
    [record] = [r for r in await read_all(broker.bootstrap, COLLECTED.name) if r.key == f"customer:{user}".encode()]
    assert before <= record.timestamp <= time.time() * 1000


async def test_sigterm_finishes_what_is_in_flight_and_all_that_was_answered_200_is_in_kafka(
    broker: BrokerProcess, collector: CollectorProcess
) -> None:
    answered: list[str] = []
    others: list[object] = []
    stop = threading.Event()

    def send(worker: int) -> None:
        with httpx.Client(base_url=collector.url, auth=("good", ""), timeout=30) as client:
            number = 0
            while not stop.is_set():
                number += 1
                user = f"{worker}-{number}"
                try:
                    answer = client.post("/v1/track", json={"event": "X", "messageId": user, "userId": user})
                except httpx.ConnectError:
                    return  # the door is closed, and said so before it took anything
                except httpx.TransportError as error:
                    others.append(error)
                    return
                if answer.status_code == 200:
                    answered.append(user)
                elif answer.status_code != 503:
                    others.append(answer)

    threads = [threading.Thread(target=send, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    code = collector.terminate()
    stop.set()
    for thread in threads:
        thread.join()
    assert code == 0
    assert answered
    assert not [other for other in others if isinstance(other, httpx.Response)]
    collected = await read_source(broker.bootstrap, COLLECTED.name, collector.source)
    assert set(answered) <= {value["identifiers"][0]["value"] for value in collected}


def test_a_sender_that_goes_away_in_the_middle_harms_nobody(collector: CollectorProcess) -> None:
    port = int(collector.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as half:
        half.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    assert collector.post("/v1/track", {"event": "X"}).status_code == 200


def test_without_kafka_it_is_up_but_not_ready_and_sends_events_away(
    free_port: Callable[[], int], tmp_path: Path
) -> None:
    collector = CollectorProcess(f"127.0.0.1:{free_port()}", free_port(), "lonely", tmp_path / "log", QUICK)
    try:
        collector.start(ready=False)
        assert collector.client.get("/ready").status_code == 503
        answer = collector.post("/v1/track", {"event": "X"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert collector.metric("refused") == 1
        assert collector.terminate() == 0
    finally:
        collector.__exit__(None, None, None)


async def test_an_outage_of_kafka_loses_nothing_that_was_answered_200_and_a_retry_is_taken_once(
    kafka_broker_factory: Callable[..., ApacheKafkaBroker], free_port: Callable[[], int], tmp_path: Path
) -> None:
    broker = kafka_broker_factory()
    await make_topics(broker.bootstrap)
    with CollectorProcess(broker.bootstrap, free_port(), "shop", tmp_path / "log", QUICK) as collector:
        assert collector.post("/v1/track", {"event": "X", "messageId": "before", "userId": "1"}).status_code == 200
        broker.kill()
        during = {"event": "X", "messageId": "during", "userId": "2"}
        answer = collector.post("/v1/track", during)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert collector.post("/v1/track", b"{").status_code == 503
        assert collector.client.get("/ready").status_code == 503
        assert collector.client.get("/health").status_code == 200
        broker.start()
        broker.wait_ready()
        collector.wait_for("/ready", 200)
        again = collector.post("/v1/track", during)
        assert (again.status_code, again.json()["events"][0]["status"]) == (200, "accepted")
        assert collector.post("/v1/track", during).json()["duplicate"] == 1
        counts = {
            name: collector.metric(name) for name in ("received", "accepted", "duplicate", "quarantined", "refused")
        }
        assert counts == {"received": 3, "accepted": 2, "duplicate": 1, "quarantined": 0, "refused": 2}
    collected = await read_source(broker.bootstrap, COLLECTED.name, "shop")
    assert {value["identifiers"][0]["value"] for value in collected} == {"1", "2"}
    assert len({value["event_id"] for value in collected}) == 2
