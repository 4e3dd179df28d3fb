"""Wait until all that was accepted can be queried: the end of each topic, in the order of the way through.

                      ┌── identity ◄─┐      ┌─ resolved ◄─┐
    collected ─► [worker: resolve] ──┴──────┴─► [worker: fold] ─► journeys, conversions, … ─► [sink] ─► ClickHouse
                                           models ──┘

The ends of `models` and `collected` are taken first. When the workers' group has passed them, what they caused in
`identity` and in `resolved` is there; but what workers read there may cause more of it. So it goes in rounds: take the
ends of both, wait until the group has passed them, and look again, until they have not moved. What arrives meanwhile is
not waited for: under traffic that goes on the ends never rest, and then the rounds are counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from deploy.settle_ends import Ends
from schemas import topics
from schemas.catalogue import IdentitySettings
from schemas.connection import ClickHouseConnection, KafkaConnection
from sinks import positions
from sinks.client import Store
from sinks.positions import Place
from sinks.reader import Cluster
from sinks.rows import TOPICS
from sinks.sql import query

#: Pause in seconds between two looks.
LOOK_AGAIN = 0.1

#: So many seconds beyond the time limit may one look take.
NO_ANSWER = 10.0

#: The topics that workers read, and write to because of what they read there.
LOOPS: tuple[str, ...] = (topics.IDENTITY.name, topics.RESOLVED.name)

#: Rounds beyond the longest chain of identifiers: the first that hears of the event, then a profile that lets its
#: touchpoints go, the one that takes them in, and one that has been told to pass them on.
MORE_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Behind:
    """Somebody who has not read a partition to the end that is waited for; offsets, of which some may be no records."""

    who: str
    topic: str
    partition: int
    offsets: int

    def __str__(self) -> str:
        return f"{self.who} is {self.offsets} offsets behind in {self.topic}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class SettleReport:
    """What became of all that was ever accepted, in events: `accepted` counts each id once."""

    accepted: int
    queryable: int
    quarantined: int
    seconds: float


class SettleTimeout(Exception):  # noqa: N818 says what happened
    """Not all is queryable in time; `behind` says who is behind where, and the message says it in words."""

    def __init__(self, seconds: float, behind: Sequence[Behind], missing: int = 0) -> None:
        self.behind = tuple(behind)
        self.missing = missing
        words = [str(one) for one in behind]
        if missing:
            words.append(f"{missing} accepted events are neither queryable nor in quarantine")
        super().__init__(f"not settled after {seconds:g} s: " + "; ".join(words or ["no answer"]))


Progress = Callable[[Sequence[Behind]], None]


async def settle(
    kafka: KafkaConnection,
    clickhouse: ClickHouseConnection,
    *,
    worker_groups: Sequence[str],
    timeout: float = 60.0,
    max_hops: int = IdentitySettings().max_hops,
    on_progress: Progress | None = None,
) -> SettleReport:
    """Wait until every event accepted before the call is queryable or in quarantine.

    `worker_groups` are the app ids, mostly one; `timeout` is in seconds; `max_hops` is the catalogue's and bounds the
    rounds under traffic that goes on; `on_progress` hears, at each look, who is behind where.

    Raises:
        SettleTimeout: it is not so after `timeout` seconds.
        KafkaError, OSError: no broker answers.
        StoreError: ClickHouse does not answer, or has no tables.
    """
    wait = Wait(time.monotonic(), timeout, on_progress)
    store = Store(clickhouse)
    try:
        # The looks watch the time themselves; this is for a broker that stops answering in the middle of one.
        async with asyncio.timeout(timeout + NO_ANSWER), Cluster(kafka) as cluster, Ends(kafka, worker_groups) as ends:
            await wait.until_none(partial(_unworked, ends, await _models(cluster, ends)))
            return await _follow(cluster, ends, store, wait, max_hops + MORE_ROUNDS)
    except TimeoutError:
        raise SettleTimeout(timeout, wait.behind) from None
    finally:
        store.close()


async def settle_models(
    kafka: KafkaConnection,
    *,
    worker_groups: Sequence[str],
    timeout: float = 60.0,
    on_progress: Progress | None = None,
) -> None:
    """Wait until workers have read every model that was published before the call: what comes now is booked by them.

    Raises:
        SettleTimeout: it is not so after `timeout` seconds.
        KafkaError, OSError: no broker answers.
    """
    wait = Wait(time.monotonic(), timeout, on_progress)
    try:
        async with asyncio.timeout(timeout + NO_ANSWER), Cluster(kafka) as cluster, Ends(kafka, worker_groups) as ends:
            await wait.until_none(partial(_unworked, ends, await _models(cluster, ends)))
    except TimeoutError:
        raise SettleTimeout(timeout, wait.behind) from None


async def _models(cluster: Cluster, ends: Ends) -> dict[Place, int]:
    """Give the ends of the published models; nothing where there is no such topic."""
    name = topics.MODELS.name
    numbers = (await cluster.partitions([name])).get(name, [])
    return await ends.written((name, number) for number in numbers)


async def _follow(cluster: Cluster, ends: Ends, store: Store, wait: Wait, most_rounds: int) -> SettleReport:
    partitions = await cluster.partitions(TOPICS)
    places = {topic: [(topic, number) for number in partitions.get(topic, [])] for topic in TOPICS}
    accepted = await until_at_rest(ends, places, wait, most_rounds)
    targets = await ends.written(place for topic in TOPICS for place in places[topic])
    # Of what was collected only that is waited for which was there at the call.
    targets |= accepted
    cluster_id = await cluster.id()
    await wait.until_none(partial(_unwritten, store, cluster_id, targets))
    epoch = await asyncio.to_thread(positions.epoch_of, store, cluster_id)
    return await _report(store, epoch, accepted, wait)


async def until_at_rest(
    ends: Ends, places: Mapping[str, Sequence[Place]], wait: Wait, most_rounds: int
) -> dict[Place, int]:
    """Wait for the workers, for `most_rounds` under traffic; give the ends of what was accepted at the call."""
    collected = places[topics.COLLECTED.name]
    accepted = await ends.written(collected)
    await wait.until_none(partial(_unworked, ends, accepted))
    # A touchpoint with a key that is not ours is collected once more, with the right one.
    arrived = await ends.written(collected)
    await wait.until_none(partial(_unworked, ends, arrived))
    passed: dict[Place, int] = {}
    rounds = 0
    while rounds < most_rounds:
        targets = await ends.written(place for topic in LOOPS for place in places[topic])
        if targets == passed:
            break
        await wait.until_none(partial(_unworked, ends, targets))
        passed, before, arrived = targets, arrived, await ends.written(collected)
        rounds += arrived != before
    return accepted


async def _unworked(ends: Ends, targets: Mapping[Place, int]) -> list[Behind]:
    return [Behind("the worker", *place, offsets) for place, offsets in sorted((await ends.unread(targets)).items())]


class Wait:
    """A time limit in seconds since `began`, and who was behind at the last look."""

    def __init__(self, began: float, timeout: float, on_progress: Progress | None) -> None:
        self.began = began
        self.timeout = timeout
        self.behind: Sequence[Behind] = ()
        self._tell = on_progress or (lambda _behind: None)

    @property
    def seconds(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self.began

    async def until_none(self, look: Callable[[], Awaitable[Sequence[Behind]]]) -> None:
        """Look again and again until nobody is behind; raises `SettleTimeout`."""
        while behind := await look():
            self.behind = behind
            self._tell(behind)
            if self.seconds >= self.timeout:
                raise SettleTimeout(self.timeout, behind)
            await asyncio.sleep(LOOK_AGAIN)
        self.behind = ()
        self._tell(())


async def _unwritten(store: Store, cluster_id: str, targets: Mapping[Place, int]) -> list[Behind]:
    written = await asyncio.to_thread(positions.load, store, cluster_id)
    found = []
    for place, end in sorted(targets.items()):
        at = written[place].next_offset if place in written else 0
        if at < end:
            found.append(Behind("the sink", *place, end - at))
    return found


async def _report(store: Store, epoch: int, accepted_ends: Mapping[Place, int], wait: Wait) -> SettleReport:
    parameters = {
        "epoch": epoch,
        "partitions": [partition for _, partition in accepted_ends],
        "ends": list(accepted_ends.values()),
    }
    while True:
        found = await asyncio.to_thread(store.rows, query("settled", store.database), parameters)
        accepted, queryable, quarantined, missing = found[0]
        if not missing:
            return SettleReport(accepted, queryable, quarantined, wait.seconds)
        # A replica of ClickHouse may be behind the one that took the rows.
        if wait.seconds >= wait.timeout:
            raise SettleTimeout(wait.timeout, (), missing)
        await asyncio.sleep(LOOK_AGAIN)
