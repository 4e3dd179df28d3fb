"""Lands records in tables as the sink would, one after another."""

from __future__ import annotations

from schemas import topics
from schemas.base import WireModel
from sinks.cells import Rows
from sinks.client import Store
from sinks.rows import COLUMNS, read
from tests.integration.sink_parts import ARecord


class Landing:
    """Each call is a batch; offsets go on from one to the next."""

    def __init__(self, store: Store, epoch: int = 1) -> None:
        self._store = store
        self._epoch = epoch
        self._offset = 0

    def __call__(self, topic: topics.Topic, *records: WireModel | bytes) -> None:
        rows: Rows = {}
        for record in records:
            value = record if isinstance(record, bytes) else record.model_dump_json().encode()
            assert read(topic.name, 0, [ARecord(self._offset, b"k", value)], self._epoch, rows) == 0
            self._offset += 1
        for table, found in rows.items():
            self._store.insert(table, COLUMNS[table], found)
