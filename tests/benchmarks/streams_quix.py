"""The stream stage on Quix Streams: a worker process for `tests.benchmarks.streams`.

The same as ours: resolve, repartition by profile through a topic, fold and attribute, with `ResolveStage` and
`FoldStage` themselves, so the same bytes as state and the same outputs; exactly once, everything and the offsets in
transactions; a changelog of the state; Kafka, input, core. What differs: Quix works event by event, so the stages get
batches of one and a profile's state is decoded and encoded at each event; the state lies in its RocksDB store, as it
has no store in memory; a transaction takes in whatever was done since the last checkpoint, here a second ago.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from quixstreams import Application
from quixstreams.models import Serializer
from quixstreams.models.topics import TopicConfig

from schemas import topics
from schemas.catalogue import load
from streams.core.fold import FoldStage
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.benchmarks.state import ARecord
from tests.benchmarks.stopwatch import Stopwatch, pin
from tests.benchmarks.streams import PARTITIONS, told

CHECKPOINT = 1.0  # seconds
WRITTEN = (topics.JOURNEYS, topics.CONVERSIONS, topics.CREDITS, topics.MARKS, topics.QUARANTINE)


class OutputValue(Serializer):
    """Writes the value that a stage made."""

    def __call__(self, value: Output, *_args: Any, **_kwargs: Any) -> bytes:
        return value.value


def main() -> None:
    """Run until somebody ends it."""
    orders = told()
    pin(orders["core"])
    watch = Stopwatch(orders["events"])
    resolve, fold = ResolveStage(load()), FoldStage(load())
    app = Application(
        broker_address=orders["bootstrap"],
        consumer_group="bench-quix",
        auto_offset_reset="earliest",
        state_dir=Path("state"),
        loglevel="WARNING",
        processing_guarantee="exactly-once",
        commit_interval=CHECKPOINT,
    )
    collected = app.topic(orders["collected"], key_deserializer="bytes", value_deserializer="bytes")
    config = TopicConfig(num_partitions=PARTITIONS, replication_factor=1)
    written = {
        topic.name: app.topic(topic.name, key_serializer="bytes", value_serializer=OutputValue(), config=config)
        for topic in WRITTEN
    }

    def resolve_one(value: bytes, key: bytes, timestamp: int, _headers: Any) -> Output:
        watch.first()
        return resolve.process(0, [ARecord(0, key, value, timestamp)], _nothing).outputs[0]

    def fold_one(value: bytes, key: bytes, timestamp: int, _headers: Any, state: Any) -> Iterable[Output]:
        result = fold.process(0, [ARecord(0, key, value, timestamp)], lambda name: state.get_bytes(name.decode()))
        for name, new in result.state.items():
            if new is None:
                state.delete(name.decode())
            else:
                state.set_bytes(name.decode(), new)
        return result.outputs

    def counted(_value: Any) -> None:
        watch.done()

    frame = app.dataframe(collected).apply(resolve_one, metadata=True)
    frame = frame.group_by(
        lambda output: output.key,
        name="profile",
        key_serializer="bytes",
        key_deserializer="bytes",
        value_serializer=OutputValue(),
        value_deserializer="bytes",
    )
    folded = frame.apply(fold_one, metadata=True, stateful=True)
    outputs = folded.apply(_each, expand=True)
    outputs.to_topic(lambda output, *_rest: written[output.topic], key=lambda output: output.key)
    folded.update(counted)
    app.run()


def _each(outputs: Iterable[Output]) -> Iterable[Output]:
    return outputs


def _nothing(key: bytes) -> bytes | None:
    return None


if __name__ == "__main__":
    main()
