"""How fast a key may send, and how much of the room it may take."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from producers.collector import batch
from producers.collector.app import Collector
from producers.collector.bucket import Bucket
from producers.collector.fair_share import FairShare
from producers.records import Record
from producers.settings import CollectorSettings
from schemas.catalogue import load
from tests.unit.producers.accepting import AcceptingPublisher

EVENT = {"type": "page", "anonymousId": "a"}
CATALOGUE = load()


class SlowPublisher(AcceptingPublisher):
    """Acknowledges when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Future[None]] = []

    def publish(self, records: Sequence[Record]) -> Future[None]:
        self.taken += records
        self.open.append(Future())
        return self.open[-1]

    def acknowledge(self) -> None:
        while self.open:
            self.open.pop().set_result(None)


class Door:
    """A collector with two keys, a clock in the test's hand, and a publisher that may be slow."""

    def __init__(self, publisher: AcceptingPublisher | None = None, **settings: Any) -> None:
        self.seconds = 0.0
        self.publisher = publisher or AcceptingPublisher()
        keys = [{"key": "k", "source": "shop"}, {"key": "calm", "source": "calm"}]
        chosen = CollectorSettings.model_validate({"write_keys": keys, **settings})
        self.collector = Collector(
            chosen,
            self.publisher,  # type: ignore[arg-type] # the fake
            CATALOGUE,
            lambda: datetime(2024, 5, 1, tzinfo=UTC),
            clock=lambda: self.seconds,
        )
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.collector.app), base_url="http://door")
        self._number = 0

    async def page(self, key: str = "k") -> httpx.Response:
        self._number += 1
        return await self.client.post("/v1/page", json={**EVENT, "messageId": f"{self._number}"}, auth=(key, ""))

    async def batch(self, events: int, key: str = "k") -> httpx.Response:
        return await self.client.post("/v1/batch", json={"batch": [EVENT] * events}, auth=(key, ""))

    async def turned_away(self, source: str, why: str) -> float:
        text = (await self.client.get("/metrics")).text
        wanted = f'touchpath_collector_turned_away_total{{source="{source}",why="{why}"}} '
        return next((float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted)), 0.0)


async def until(so: Callable[[], bool]) -> None:
    """Let the others work until something is so; the test's own limit ends it where it never is."""
    while not so():
        await asyncio.sleep(0.005)


# ---- the bucket


def test_a_bucket_lets_its_burst_pass_and_then_its_rate() -> None:
    bucket = Bucket(rate=10, burst=3, now=0)
    passed = 0
    for step in range(1000):  # ten seconds
        now = step / 100
        if bucket.wait(now) == 0:
            bucket.take(1, now)
            passed += 1
    assert passed == pytest.approx(3 + 10 * 10, abs=2)


def test_a_batch_above_the_burst_is_taken_and_its_debt_is_paid_before_the_next() -> None:
    bucket = Bucket(rate=10, burst=5, now=0)
    assert bucket.wait(0) == 0
    bucket.take(105, 0)
    assert bucket.wait(0) == pytest.approx(10.1)
    assert bucket.wait(10.0) == pytest.approx(0.1)
    assert bucket.wait(10.2) == 0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(rate=10, burst=1, now=100)
    bucket.take(1, 100)
    assert bucket.wait(50) == pytest.approx(0.1)
    assert bucket.wait(100) == pytest.approx(0.1)


def test_a_bucket_holds_no_more_than_its_burst_however_long_it_waits() -> None:
    bucket = Bucket(rate=10, burst=2, now=0)
    bucket.take(2, 1e6)
    assert bucket.wait(1e6) > 0


# ---- the answers


async def test_above_its_rate_a_key_is_answered_429_and_told_when_to_come_back() -> None:
    door = Door(rate=2, burst=2)
    assert [(await door.page()).status_code for _ in range(3)] == [200, 200, 429]
    refused = await door.page()
    assert refused.json()["code"] == "rate_limited"
    assert refused.json()["message"]
    assert refused.headers["retry-after"] == "1"
    assert len(door.publisher.taken) == 2
    assert await door.turned_away("shop", "rate") == 2
    door.seconds += float(refused.headers["retry-after"])
    assert (await door.page()).status_code == 200


async def test_one_keys_flood_leaves_the_other_key_its_rate() -> None:
    door = Door(rate=1, burst=1)
    assert [(await door.page()).status_code for _ in range(20)] == [200] + [429] * 19
    assert (await door.page("calm")).status_code == 200


async def test_a_batch_costs_as_many_tokens_as_it_has_events() -> None:
    door = Door(rate=10, burst=10)
    assert (await door.batch(50)).status_code == 200
    assert (await door.batch(1)).headers["retry-after"] == "5"


async def test_a_key_may_have_a_rate_of_its_own() -> None:
    keys = [{"key": "k", "source": "shop", "rate": 1, "burst": 1}, {"key": "calm", "source": "calm"}]
    door = Door(write_keys=keys)
    assert [(await door.page()).status_code for _ in range(2)] == [200, 429]
    assert [(await door.page("calm")).status_code for _ in range(20)] == [200] * 20


async def test_a_browser_may_read_when_to_come_back() -> None:
    door = Door(rate=1, burst=1)
    await door.page()
    answer = await door.client.post("/v1/page", json=EVENT, auth=("k", ""), headers={"origin": "https://shop.example"})
    assert answer.status_code == 429
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-expose-headers"] == "Retry-After"


async def test_a_body_that_is_turned_away_is_read_to_its_end_so_that_the_sender_sees_the_answer() -> None:
    door = Door(rate=1, burst=1)
    await door.page()
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 1000

    assert (await door.client.post("/v1/page", content=body(), auth=("k", ""))).status_code == 429
    assert sent == 100


# ---- the room


def test_alone_a_holder_gets_half_and_a_newcomer_always_finds_something() -> None:
    share = FairShare(100)
    flood = sum(share.take("flood") for _ in range(1000))
    assert flood == 50
    second = sum(share.take("second flood") for _ in range(1000))
    assert second == 100 // 3
    assert share.take("calm")
    for _ in range(flood):
        share.give_back("flood")
    assert share.total == second + 1


def test_room_that_was_given_back_is_there_again() -> None:
    share = FairShare(4)
    for _ in range(100):
        assert share.take("one", 2)
        share.give_back("one", 2)
    assert share.total == 0


def test_the_first_one_in_gets_what_he_asks_for_or_it_could_never_be_taken() -> None:
    share = FairShare(10)
    assert share.take("large", 100)
    assert not share.take("other", 1)
    share.give_back("large", 100)
    assert share.take("other", 1)


async def test_a_key_that_takes_every_place_it_can_get_leaves_places_for_the_others() -> None:
    publisher = SlowPublisher()
    door = Door(publisher, max_requests=8)
    flood = [asyncio.create_task(door.page()) for _ in range(50)]
    await until(lambda: sum(task.done() for task in flood) == 46)
    refused = next(task.result() for task in flood if task.done())
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, "busy", "1")
    calm = asyncio.create_task(door.page("calm"))
    await until(lambda: len(publisher.open) == 5)
    publisher.acknowledge()
    assert (await calm).status_code == 200
    assert sorted(answer.status_code for answer in await asyncio.gather(*flood)) == [200] * 4 + [429] * 46
    assert await door.turned_away("shop", "busy") == 46


async def test_of_one_key_two_batches_are_translated_at_a_time_so_that_the_others_have_their_turn_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    translate, under_way, most = batch.outcome_in_batch, set[tuple[str, int]](), Counter[str]()

    def watched(raw: Any, index: int, envelope: Any, sender: Any, *more: Any) -> Any:
        request = (sender.source, id(envelope))
        (under_way.discard if index == 99 else under_way.add)(request)
        for source in ("shop", "calm"):
            most[source] = max(most[source], sum(one[0] == source for one in under_way))
        return translate(raw, index, envelope, sender, *more)

    monkeypatch.setattr(batch, "outcome_in_batch", watched)
    door = Door()
    answers = await asyncio.gather(*(door.batch(100) for _ in range(8)), *(door.batch(100, "calm") for _ in range(2)))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert most == {"shop": 2, "calm": 2}


async def test_bytes_under_way_are_bounded_and_bodies_above_are_asked_for_again() -> None:
    publisher = SlowPublisher()
    door = Door(publisher, max_bytes=1024**2)
    large = orjson.dumps({**EVENT, "properties": {"text": "x" * 200_000}})
    packed = gzip.compress(large)

    async def send(body: bytes, key: str) -> int:
        return (await door.client.post("/v1/page", content=body, auth=(key, ""))).status_code

    flood = [asyncio.create_task(send(large if n % 2 else packed, "k")) for n in range(20)]
    await until(lambda: sum(task.done() for task in flood) == 18)
    calm = asyncio.create_task(send(large, "calm"))
    await until(lambda: len(publisher.open) == 3)
    publisher.acknowledge()
    assert await calm == 200
    assert sorted(await asyncio.gather(*flood)) == [200] * 2 + [429] * 18


async def test_a_sender_whose_key_stands_in_the_body_is_asked_again_too_and_not_told_that_it_has_none() -> None:
    publisher = SlowPublisher()
    door = Door(publisher, max_bytes=1024**2)
    body = orjson.dumps({**EVENT, "writeKey": "k", "properties": {"text": "x" * 250_000}})
    flood = [asyncio.create_task(door.client.post("/v1/page", content=body)) for _ in range(10)]
    await until(lambda: sum(task.done() for task in flood) == 8)
    publisher.acknowledge()
    assert sorted(answer.status_code for answer in await asyncio.gather(*flood)) == [200] * 2 + [429] * 8


async def test_a_body_that_does_not_come_in_time_is_answered_408() -> None:
    door = Door(body_timeout=0.05)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    answer = await door.client.post("/v1/page", content=never(), auth=("k", ""))
    assert (answer.status_code, answer.json()["code"]) == (408, "timeout")
