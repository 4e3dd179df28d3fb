"""What Kafka holds at the end, and the same calculated in this process from the beginning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas import topics
from streams.core.loopback import Loopback, LoopRecord
from streams.core.stage import Output, Stage
from streams.worker.topics import changelog_name

Partitions = dict[int, list[LoopRecord]]  # in order of their offsets
State = dict[bytes, bytes]


async def read(bootstrap: str, topic: str, isolation: str = "read_committed") -> Partitions:
    """Read a topic from its beginning to its present end."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    described = await admin.describe_topics([topic])
    await admin.close()
    places = [TopicPartition(topic, partition["partition"]) for partition in described[0]["partitions"]]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level=isolation, enable_auto_commit=False)
    found: Partitions = {place.partition: [] for place in places}
    async with consumer:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                found[place.partition] += [LoopRecord(r.topic, r.offset, r.key, r.value, r.timestamp) for r in records]
    return found


async def held(bootstrap: str, app_id: str, stages: Sequence[Stage]) -> Loopback:
    """Read all that is committed: the records of our topics, and the tables of the stages by their changelogs."""
    loop = Loopback(stages)
    for topic in topics.TOPICS:
        for partition, records in (await read(bootstrap, topic.name)).items():
            loop.topics[topic.name, partition] = records
            loop.partitions = max(loop.partitions, partition + 1)
    for stage in (one for one in stages if one.stateful):
        for partition, records in (await read(bootstrap, changelog_name(app_id, stage.name))).items():
            loop.states[stage.name, partition] = state_of(records)
    return loop


async def aborted(bootstrap: str, names: Iterable[str]) -> int:
    """Count the records of transactions that were given up."""
    count = 0
    for name in names:
        everything, committed = await read(bootstrap, name, "read_uncommitted"), await read(bootstrap, name)
        count += sum(map(len, everything.values())) - sum(map(len, committed.values()))
    return count


def state_of(changelog: Sequence[LoopRecord]) -> State:
    """Give the last value of each key."""
    state: State = {}
    for record in changelog:
        if record.value is None:
            state.pop(record.key or b"", None)
        else:
            state[record.key or b""] = record.value
    return state


def run(stage: Stage, partition: int, records: Sequence[LoopRecord], size: int = 997) -> tuple[list[Output], State]:
    """Take a partition through a stage, from nothing, in batches of any size."""
    outputs: list[Output] = []
    state: State = {}
    for batch in _batches(records, size):
        result = stage.process(partition, batch, state.get)
        outputs += result.outputs
        for key, value in result.state.items():
            if value is None:
                state.pop(key, None)
            else:
                state[key] = value
    return outputs, state


def written(held: Loopback, *names: str) -> list[Output]:
    """Give the records of topics as the outputs that they once were."""
    return [Output(name, r.key or b"", r.value or b"", r.timestamp) for name in names for r in held.records(name)]


def _batches(records: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(records), size):
        yield records[start : start + size]
