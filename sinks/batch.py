"""A batch on its way into ClickHouse: rows by table, and how far the topics are read with it. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sinks.cells import Record, Rows
from sinks.positions import Place, Position
from sinks.rows import read
from sinks.settings import SinkSettings


class Batch:
    """Fills until it is due. Time is an argument, in seconds of any steady clock."""

    def __init__(self, epoch: int) -> None:
        self.rows: Rows = {}
        self.records = 0
        self.bytes = 0
        self.unreadable: Counter[str] = Counter()
        self.positions: dict[Place, Position] = {}
        self._epoch = epoch
        self._since: float | None = None

    def add(self, place: Place, records: Sequence[Record], now: float) -> None:
        """Take a partition's records in."""
        topic, partition = place
        if bad := read(topic, partition, records, self._epoch, self.rows):
            self.unreadable[topic] += bad
        self.records += len(records)
        self.bytes += sum(len(record.value) for record in records if record.value is not None)
        if self._since is None:
            self._since = now

    def full(self, settings: SinkSettings) -> bool:
        """Say whether no more may be taken in."""
        return self.records >= settings.flush_rows or self.bytes >= settings.flush_bytes

    def due(self, settings: SinkSettings, now: float) -> bool:
        """Say whether the oldest record has waited long enough."""
        return self._since is not None and now - self._since >= settings.flush_interval

    def read_up_to(self, next_offsets: Mapping[Place, int], saved: Mapping[Place, Position]) -> None:
        """Say how far the topics are read when this batch is written; places where nothing moved are left out."""
        for place, offset in next_offsets.items():
            before = saved.get(place)
            if before is None or before.next_offset != offset:
                self.positions[place] = Position(offset, before.version + 1 if before else 1)
