"""A publisher that acknowledges everything at once, and keeps it for the test to look at."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from producers.records import Record


class AcceptingPublisher:
    """What `Publisher` is to a collector, without Kafka."""

    def __init__(self) -> None:
        self.taken: list[Record] = []

    def publish(self, records: Sequence[Record]) -> Future[None]:
        self.taken += records
        future: Future[None] = Future()
        future.set_result(None)
        return future

    def ready(self, _topics: Sequence[str]) -> str | None:
        return None
