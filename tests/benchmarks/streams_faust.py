"""The stream stage on plain Faust, its own Kafka transport: a worker process for `tests.benchmarks.streams`.

The same as ours: resolve, repartition by profile through a topic, fold and attribute, with `ResolveStage` and
`FoldStage` themselves, so the same bytes as state and the same outputs; a table in memory with its changelog; Kafka,
input, core. What differs: Faust's agents work event by event, so the stages get batches of one, and a profile's state
is decoded, encoded and written to the changelog at each event. It runs at Faust's `exactly_once`, which works with
aiokafka 0.14 but for its stop (it commits once more where no transaction is open, and says so in its log).
"""

from __future__ import annotations

import logging
from typing import Any

import faust
import uvloop

from schemas import topics
from schemas.catalogue import load
from streams.core.fold import FoldStage
from streams.core.resolve import ResolveStage
from tests.benchmarks.state import ARecord
from tests.benchmarks.stopwatch import Stopwatch, pin
from tests.benchmarks.streams import PARTITIONS, told


def main() -> None:
    """Run until somebody ends it."""
    uvloop.install()
    orders = told()
    pin(orders["core"])
    watch = Stopwatch(orders["events"])
    resolve, fold = ResolveStage(load()), FoldStage(load())
    app = faust.App(
        "bench-faust",
        broker=f"kafka://{orders['bootstrap']}",
        store="memory://",
        processing_guarantee="exactly_once",
        topic_replication_factor=1,
        topic_partitions=PARTITIONS,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        producer_linger=0.01,  # seconds; the best of those tried
        producer_max_batch_size=256 * 1024,
        broker_commit_interval=1.0,
        web_enabled=False,
        autodiscover=False,
        datadir="data",
    )
    raw: dict[str, Any] = {
        "key_type": bytes,
        "value_type": bytes,
        "key_serializer": "raw",
        "value_serializer": "raw",
        "partitions": PARTITIONS,
    }
    collected = app.topic(orders["collected"], **raw)
    resolved = app.topic("bench.faust.resolved", **raw)
    written = {topic.name: app.topic(topic.name, **raw) for topic in topics.TOPICS}
    table = app.Table("fold", partitions=PARTITIONS, key_type=bytes, value_type=bytes)

    @app.agent(collected)
    async def resolving(stream: Any) -> None:
        async for event in stream.events():
            watch.first()
            record = ARecord(0, event.message.key, event.value, int(event.message.timestamp * 1000))
            for output in resolve.process(0, [record], _nothing).outputs:
                await resolved.send(key=output.key, value=output.value, timestamp=output.timestamp / 1000)

    @app.agent(resolved)
    async def folding(stream: Any) -> None:
        async for event in stream.events():
            record = ARecord(0, event.message.key, event.value, int(event.message.timestamp * 1000))
            result = fold.process(0, [record], table.get)
            for key, value in result.state.items():
                if value is None:
                    table.pop(key, None)
                else:
                    table[key] = value
            for output in result.outputs:
                topic = written[output.topic]
                await topic.send(key=output.key, value=output.value, timestamp=output.timestamp / 1000)
            watch.done()

    for name in ("aiokafka", "faust", "mode"):
        logging.getLogger(name).setLevel(logging.WARNING)
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()


def _nothing(key: bytes) -> bytes | None:
    return None


if __name__ == "__main__":
    main()
