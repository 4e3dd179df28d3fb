"""What the writer may never do: say that something is in which is not."""

from __future__ import annotations

from collections.abc import Callable

from schemas import topics
from sinks import positions
from sinks.batch import Batch
from sinks.client import Store
from sinks.metrics import Metrics
from sinks.settings import SinkSettings
from sinks.writer import Writer
from tests.integration.sink_parts import ARecord, collected, journeys_of
from tests.integration.sink_rig import count

PLACE = (topics.COLLECTED.name, 0)
SETTINGS = SinkSettings(retry_first=0.01, retry_longest=0.01, flush_rows=4, flush_interval=10)


def a_batch(first: int) -> Batch:
    batch = Batch(epoch=1)
    records = [ARecord(first + n, o.key, o.value, o.timestamp) for n, o in enumerate(collected(journeys_of(1)))]
    batch.add(PLACE, records, now=100.0)
    batch.read_up_to({PLACE: first + len(records)}, {})
    return batch


def test_data_and_place_are_written_together(store: Store) -> None:
    writer = Writer(store, SETTINGS, Metrics())
    assert writer.write(a_batch(0), "c")
    assert count(store, "collected_log") == 4
    assert positions.load(store, "c")[PLACE].next_offset == 4


def test_a_writer_that_gave_a_batch_up_writes_none_after_it(store: Store, free_port: Callable[[], int]) -> None:
    away = Store(store.connection.model_copy(update={"port": free_port()}), retries=())
    writer = Writer(away, SETTINGS, Metrics())
    writer.stop()
    assert not writer.write(a_batch(0), "c")
    # ClickHouse is back: the place of the next batch would hide that the one before is missing.
    away.connection = store.connection
    assert not writer.write(a_batch(4), "c")
    assert positions.load(store, "c") == {}
    away.close()


def test_what_clickhouse_refuses_is_tried_again_and_nothing_is_skipped(store: Store) -> None:
    writer = Writer(store, SETTINGS, Metrics())
    store.command(f"RENAME TABLE {store.database}.collected_log TO {store.database}.hidden")
    try:
        writer.stop()
        assert not writer.write(a_batch(0), "c")
        assert writer.failing
    finally:
        store.command(f"RENAME TABLE {store.database}.hidden TO {store.database}.collected_log")
    assert positions.load(store, "c") == {}


def test_a_batch_is_due_when_its_oldest_record_has_waited_and_full_at_so_many_records() -> None:
    batch = a_batch(0)
    assert batch.full(SETTINGS)
    assert not batch.full(SETTINGS.model_copy(update={"flush_rows": 5}))
    assert batch.full(SETTINGS.model_copy(update={"flush_rows": 5, "flush_bytes": 1024}))
    assert not batch.due(SETTINGS, now=109.9)
    assert batch.due(SETTINGS, now=110.0)
    assert not Batch(epoch=1).due(SETTINGS, now=1e9)
