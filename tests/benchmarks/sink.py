"""How fast the sink is, beside a bare clickhouse-connect insert of the same columns: `python -m tests.benchmarks.sink`.

Both write into one ClickHouse door, in batches of one size. The sink also reads Kafka, decodes and keeps its place.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.broker import BrokerProcess
from deploy.local.door_process import ClickHouseDoor
from deploy.local.ports import free_port
from deploy.local.tansu import TansuBroker
from schemas.connection import ClickHouseConnection, KafkaConnection
from sinks import migrations, positions
from sinks.cells import Rows
from sinks.client import Store
from sinks.rows import COLUMNS, TOPICS, read
from sinks.settings import SinkSettings
from sinks.sink import Sink, quiet_collector
from streams.core.stage import Output
from tests.integration.sink_parts import ARecord, collected, ends, journeys_of, make_topics, produce, worked


def bare(store: Store, records: Sequence[Output], batch: int) -> tuple[int, float]:
    """Insert ready-made rows, one table after the other; give how many, and the seconds it took.

    The records are shuffled first: batches then hold the mix of tables that the sink's batches have.
    """
    batches = []
    records = random.Random(1).sample(records, len(records))  # no secret
    for start in range(0, len(records), batch):
        rows: Rows = {}
        for number, record in enumerate(records[start : start + batch], start):
            read(record.topic, 0, [ARecord(number, record.key, record.value, record.timestamp)], 1, rows)
        batches.append(rows)
    began = time.perf_counter()
    for rows in batches:
        for table, found in rows.items():
            store.insert(table, COLUMNS[table], found)
    return sum(len(found) for rows in batches for found in rows.values()), time.perf_counter() - began


async def through_the_sink(broker: BrokerProcess, store: Store, records: Sequence[Output], batch: int) -> float:
    """Let a sink take everything from the topics; give the seconds from its start until its places are at the ends."""
    await make_topics(broker.bootstrap)
    await produce(broker.bootstrap, records)
    targets = await ends(broker.bootstrap)
    kafka = KafkaConnection(bootstrap_servers=broker.bootstrap)
    sink = Sink(SinkSettings(flush_rows=batch), kafka, store.connection)
    began = time.perf_counter()
    running = asyncio.create_task(sink.run())
    while True:
        written = await asyncio.to_thread(positions.load, store, broker.cluster_id)
        if all(place in written and written[place].next_offset >= end for place, end in targets.items()):
            break
        await asyncio.sleep(0.02)
    seconds = time.perf_counter() - began
    sink.stop()
    await running
    return seconds


def in_tables(store: Store) -> dict[str, int]:
    return {table: store.rows(f"SELECT count() FROM {store.database}.{table} FINAL")[0][0] for table in COLUMNS}


def main() -> None:
    """Run both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=24_000, help="each has 4 touchpoints and a conversion")
    parser.add_argument("--batch", type=int, default=20_000, help="records a flush")
    parser.add_argument("--broker", choices=("kafka", "tansu"), default="kafka")
    options = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    raw = collected(journeys_of(options.customers))
    records = [*raw, *worked(raw)]
    quiet_collector()  # for both: the bare insert gains as much
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        door = ClickHouseDoor(home / "data", free_port(), home / "door.log")
        broker: BrokerProcess = (
            ApacheKafkaBroker(home / "kafka", free_port(), home / "kafka.log")
            if options.broker == "kafka"
            else TansuBroker(free_port(), home / "tansu.log")
        )
        door.start()
        broker.start()
        try:
            door.wait_ready()
            broker.wait_ready()
            stores = [
                Store(ClickHouseConnection(port=door.port, database=name)) for name in ("bench_bare", "bench_sink")
            ]
            for store in stores:
                migrations.apply(store)
            rows, seconds = bare(stores[0], records, options.batch)
            sink_seconds = asyncio.run(through_the_sink(broker, stores[1], records, options.batch))
            landed = [in_tables(store) for store in stores]
        finally:
            broker.stop()
            door.stop()
    assert landed[0] == landed[1], f"the sink landed {landed[1]}, the bare insert {landed[0]}"
    print(f"{len(records):,} records of {len(TOPICS)} topics, {rows:,} rows, batches of {options.batch:,}")
    print(f"bare clickhouse-connect insert  {rows / seconds:>10,.0f} rows/s")
    print(f"the sink, from {options.broker:<16} {rows / sink_seconds:>10,.0f} rows/s")
    print(f"share                           {seconds / sink_seconds:>10.2f}")


if __name__ == "__main__":
    main()
