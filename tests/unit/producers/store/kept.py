"""What the tests of the importers share: a publisher that keeps what it is given, and may fail for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import orjson

from producers.adapters.sender import Sender
from producers.publisher import NotConnected, Publisher, PublishFailed
from producers.records import Record
from schemas.catalogue import load
from schemas.topics import COLLECTED

CATALOGUE = load()
SENDER = Sender("store", "file", "EUR", zone=ZoneInfo("Europe/Berlin"))
NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Kept:
    """Stands where the publisher would be. `on_publish` may raise before anything is taken."""

    def __init__(self, on_publish: Callable[[int], None] = lambda _calls: None) -> None:
        self.records: list[Record] = []
        self.calls = 0
        self._on_publish = on_publish
        self.lost = 0
        """So many further calls are not acknowledged, though their records were written."""

    def publish(self, records: Iterable[Record]) -> Future[None]:
        self.calls += 1
        self._on_publish(self.calls)
        self.records += records
        future: Future[None] = Future()
        if self.lost:
            self.lost -= 1
            future.set_exception(PublishFailed("no answer in time"))
        else:
            future.set_result(None)
        return future

    @property
    def publisher(self) -> Publisher:
        return cast(Publisher, self)

    @property
    def collected(self) -> list[dict[str, Any]]:
        return [orjson.loads(record.value) for record in self.records if record.topic == COLLECTED.name]

    @property
    def ids(self) -> list[str]:
        return [value["event_id"] for value in self.collected]


def away_until(call: int) -> Callable[[int], None]:
    """Kafka is away until that call."""

    def on_publish(calls: int) -> None:
        if calls < call:
            raise NotConnected("no Kafka broker answers")

    return on_publish


class Killed(BaseException):
    """The process ends here."""


def killed_at(call: int) -> Callable[[int], None]:
    """The process is killed at that call."""

    def on_publish(calls: int) -> None:
        if calls == call:
            raise Killed

    return on_publish
