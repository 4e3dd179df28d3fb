"""How long settle waits for workers whose reading causes more to read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

import pytest

from deploy import settle_patiently as settle_patiently_module
from deploy.settle import LOOPS, Behind, Progress, SettleReport, SettleTimeout, Wait, until_at_rest
from deploy.settle_ends import Ends
from deploy.settle_patiently import Stall, settle_patiently
from schemas import topics
from schemas.connection import ClickHouseConnection, KafkaConnection
from sinks.positions import Place

ACCEPTED: Place = (topics.COLLECTED.name, 0)
PLACES = {name: [(name, 0)] for name in (topics.COLLECTED.name, *LOOPS)}


class Chain(Ends):
    """A worker that reads all that there is between two looks, and because of it writes `links` records, one by one.

    `traffic`: meanwhile more is accepted.
    """

    def __init__(self, links: int, *, traffic: bool = False) -> None:
        self.links, self.traffic = links, traffic
        self.there = dict.fromkeys((place for places in PLACES.values() for place in places), 0) | {ACCEPTED: 3}
        self.read = dict.fromkeys(self.there, 0)

    async def written(self, places: Iterable[Place]) -> dict[Place, int]:
        return {place: self.there[place] for place in places}

    async def unread(self, targets: Mapping[Place, int]) -> dict[Place, int]:
        behind = {place: end - self.read[place] for place, end in targets.items() if self.read[place] < end}
        if behind:
            self.read = dict(self.there)
            self.there[ACCEPTED] += self.traffic
            if self.links:
                self.there[topics.IDENTITY.name, 0] += 1
                self.links -= 1
        return behind

    @property
    def at_rest(self) -> bool:
        return self.read == self.there


def patient() -> Wait:
    return Wait(time.monotonic(), 60, None)


@pytest.mark.parametrize("links", [0, 1, 7, 40])
async def test_what_is_caused_on_the_way_is_waited_for_to_its_end(links: int) -> None:
    chain = Chain(links)
    assert await until_at_rest(chain, PLACES, patient(), 12) == {ACCEPTED: 3}
    assert (chain.links, chain.at_rest) == (0, True)


async def test_where_traffic_goes_on_and_the_ends_never_rest_the_rounds_are_counted() -> None:
    chain = Chain(1000, traffic=True)
    await until_at_rest(chain, PLACES, patient(), 12)
    # Two looks at what was accepted, then the rounds.
    assert chain.links == 1000 - 2 - 12


async def test_it_is_not_waited_longer_than_asked_for() -> None:
    with pytest.raises(SettleTimeout, match=r"the worker is 3 offsets behind in touchpath\.collected\[0\]"):
        await until_at_rest(Chain(5), PLACES, Wait(time.monotonic() - 60, 60, None), 12)


# ---- patience


def behind(offsets: int, who: str = "the sink") -> Behind:
    return Behind(who, topics.CREDITS.name, 0, offsets)


def test_it_is_waited_as_long_as_somebody_gets_further_and_no_longer() -> None:
    clock = iter(range(0, 1000, 5))
    heard: list[int] = []
    stall = Stall(20, lambda now: heard.append(len(now)), lambda: next(clock))
    for offsets in (900, 900, 900, 900, 500, 500, 500, 500, 499):
        stall.heard([behind(offsets)])
    # The worker is through, and now it is the sink's turn; looks with nobody behind are progress.
    stall.heard([])
    stall.heard([])
    for _ in range(4):
        stall.heard([behind(499, "the worker")])
    with pytest.raises(SettleTimeout, match="not settled after 20 s: the worker is 499 offsets behind"):
        stall.heard([behind(499, "the worker")])
    assert heard == [1] * 9 + [0, 0] + [1] * 5


def test_looks_that_come_to_no_end_are_silence() -> None:
    moments = iter([0.0, 5.0, 35.0, 36.0])
    stall = Stall(20, None, lambda: next(moments))
    stall.heard([behind(1)])
    assert not stall.silent
    assert stall.silent


async def test_patience_gives_the_report_and_what_goes_wrong_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    report = SettleReport(1, 1, 0, 0.1)

    async def settled(*_connections: object, on_progress: Progress, **_more: object) -> SettleReport:
        on_progress([])
        while True:
            await asyncio.sleep(0.01)
            if not left:
                return report
            on_progress([behind(left[-1])])
            if len(left) > 1:
                left.pop()

    monkeypatch.setattr(settle_patiently_module, "settle", settled)

    async def patiently() -> SettleReport:
        return await settle_patiently(KafkaConnection(), ClickHouseConnection(), worker_groups=["w"], patience=0.1)

    left: list[int] = []
    assert await patiently() == report
    left = [3, 2, 1]
    with pytest.raises(SettleTimeout, match="the sink is 3 offsets behind"):
        await patiently()
