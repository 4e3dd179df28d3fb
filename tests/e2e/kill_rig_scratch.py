"""What Kafka holds at the end, and the same calculated in this process from the beginning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams.core.stage import Output, Stage

Partitions = dict[int, list[Any]]  # aiokafka's records, in order of their offsets
State = dict[int, dict[bytes, bytes]]


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
                found[place.partition] += records
    return found


def state_of(changelog: Partitions) -> State:
    """Give the last value of each key, by partition."""
    state: State = {partition: {} for partition in changelog}
    for partition, records in changelog.items():
        for record in records:
            if record.value is None:
                state[partition].pop(record.key, None)
            else:
                state[partition][record.key] = record.value
    return state


def run(stage: Stage, inputs: Partitions, size: int = 997) -> tuple[list[Output], State]:
    """Take a topic through a stage, from nothing, in batches of any size."""
    outputs: list[Output] = []
    state: State = {partition: {} for partition in inputs}
    for partition, records in inputs.items():
        own = state[partition]
        for batch in _batches(records, size):
            result = stage.process(partition, batch, own.get)
            outputs += result.outputs
            for key, value in result.state.items():
                if value is None:
                    own.pop(key, None)
                else:
                    own[key] = value
    return outputs, state


def written(topic: str, partitions: Partitions) -> Counter[Output]:
    """Count the records of a topic as the outputs that they once were."""
    return Counter(Output(topic, r.key, r.value, r.timestamp) for records in partitions.values() for r in records)


def _batches(records: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(records), size):
        yield records[start : start + size]
