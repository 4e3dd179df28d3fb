"""Every path of the collector, by its own OpenAPI document: no 5xx, and every answer is as documented.

And whatever a batch holds, no good event in it is lost and every event has one outcome.
"""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from producers.collector.app import Collector
from producers.settings import CollectorSettings
from schemas.catalogue import load
from schemas.topics import COLLECTED, QUARANTINE
from tests.unit.producers.accepting import AcceptingPublisher

KEY = {"key": "k", "source": "shop", "default_currency": "EUR", "timezone": "Europe/Berlin", "snowplow_app_ids": ["*"]}
ADMIN = {"key": "an-admin", "name": "tests"}
CATALOGUE = load()


def collector(publisher: AcceptingPublisher, **more: Any) -> Collector:
    chosen = CollectorSettings.model_validate({"write_keys": [KEY], "admin_keys": [ADMIN], **more})
    return Collector(chosen, publisher, CATALOGUE, lambda: datetime(2024, 5, 1, 12, tzinfo=UTC), lookup=dict)  # type: ignore[arg-type] # the fake


schema = schemathesis.openapi.from_asgi("/openapi.json", collector(AcceptingPublisher()).app)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@schema.parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_every_path_answers_as_it_is_documented(case: Any) -> None:
    for auth in (("k", ""), ("an-admin", ""), None):
        case.call_and_validate(auth=auth, checks=CHECKS)


# ---- batches

good_events = st.fixed_dictionaries(
    {"type": st.sampled_from(["page", "screen", "identify"]), "anonymousId": st.sampled_from(["a", "b", "c"])},
    optional={"messageId": st.sampled_from(["1", "2", "3"]), "context": st.just({"locale": "de"})},
)
bad_events: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            None,
            7,
            "text",
            [],
            {},
            {"type": "video"},
            {"type": "track"},
            {"type": "page", "timestamp": "yesterday"},
            {"type": "page", "timestamp": "1970-01-01T00:00:00Z"},
            {"type": "page", "userId": {"id": 1}},
            {"type": "track", "event": "Order Completed", "properties": {"revenue": "x"}},
        ]
    ),
    st.integers(65, 200).map(lambda depth: {"type": "page", "properties": {"deep": nested(depth)}}),
)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(good_events, bad_events), max_size=12), st.booleans())
async def test_in_a_batch_each_event_has_one_outcome_and_no_good_one_is_lost(batch: list[Any], packed: bool) -> None:
    publisher = AcceptingPublisher()
    body = orjson.dumps({"batch": batch})
    transport = httpx.ASGITransport(collector(publisher).app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door", auth=("k", "")) as client:
        answer = await client.post("/v1/batch", content=gzip.compress(body) if packed else body)
        metrics = (await client.get("/metrics")).text
    assert answer.status_code == 200
    told = answer.json()
    assert told["received"] == len(batch) == told["accepted"] + told["duplicate"] + told["quarantined"]
    assert [event["index"] for event in told["events"]] == list(range(len(batch)))
    good = [
        isinstance(event, dict) and set(event) <= {"type", "anonymousId", "messageId", "context"} for event in batch
    ]
    for event, sent, is_good in zip(told["events"], batch, good, strict=True):
        is_good = is_good and sent.get("type") in {"page", "screen", "identify"}  # noqa: PLW2901 # said in two steps
        assert (event["status"] != "quarantined") == is_good
        assert event.get("reason", "$.batch[").startswith("$.batch[")
    written = [(record.topic, orjson.loads(record.value)) for record in publisher.taken]
    assert {value["event_id"] for topic, value in written if topic == COLLECTED.name} == {
        event["event_id"] for event in told["events"] if event["status"] != "quarantined"
    }
    assert sum(topic == COLLECTED.name for topic, _ in written) == told["accepted"]
    assert sum(topic == QUARANTINE.name for topic, _ in written) == told["quarantined"]
    counted = {
        name: float(line.rsplit(" ", 1)[1])
        for line in metrics.splitlines()
        for name in ("received", "accepted", "duplicate", "quarantined")
        if line.startswith(f"touchpath_collector_events_{name}_total{{")
    }
    assert counted == {name: told[name] for name in counted}


# ---- too much


def zeros(size: int) -> bytes:
    """Give the gzip of so many zeros, without ever holding them."""
    packer = zlib.compressobj(wbits=31)
    part = bytes(1024**2)
    return b"".join([*(packer.compress(part) for _ in range(size // len(part))), packer.flush()])


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch", "/com.snowplowanalytics.snowplow/tp2", "/hooks/postmark"])
@pytest.mark.parametrize(
    "body",
    [
        zeros(400 * 1024**2),
        zeros(15 * 1024**2) * 20,
        b'{"batch":["' + b"x" * 10_000_000 + b'"]}',
        b"[" * 4_000_000,
        b'{"batch":' + b'{"a":' * 800_000,
        b'{"batch":[' + b"1," * 2_000_000 + b"1]}",
        b'{"type":"page","properties":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["gzip bomb", "gzip of many members", "10 MB", "depth", "depth of objects", "many events", "one deep event"],
)
async def test_too_much_is_answered_and_kept_in_little_memory(path: str, body: bytes) -> None:
    publisher = AcceptingPublisher()
    transport = httpx.ASGITransport(collector(publisher).app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door", auth=("k", "")) as client:
        tracemalloc.start()
        try:
            answer = await client.post(path, content=body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert answer.status_code in {200, 400}
    assert len(publisher.taken) == 1
    assert publisher.taken[0].topic == QUARANTINE.name
    assert len(publisher.taken[0].value) < 500_000
    assert peak < 100 * 1024**2
