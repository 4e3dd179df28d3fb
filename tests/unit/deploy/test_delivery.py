"""How many records go to Kafka at once, and what is told meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import cast

import pytest

from deploy import delivery
from deploy.delivery import CHUNK, deliver, deliver_many
from producers.publisher import Publisher, PublishFailed
from producers.records import Record

RECORD = Record("touchpath.resolved", b"p", b"{}", 0)


class Kafka:
    """Acknowledges so many calls; the next one, never."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self.taken: list[int] = []

    def publish(self, records: Sequence[Record]) -> Future[None]:
        self.taken.append(len(records))
        done: Future[None] = Future()
        if len(self.taken) <= self.answers:
            done.set_result(None)
        return done

    @property
    def publisher(self) -> Publisher:
        return cast(Publisher, self)


def test_many_records_go_in_chunks_and_a_total_that_was_too_small_grows() -> None:
    kafka, heard = Kafka(3), list[tuple[int, int, str]]()
    records = (RECORD for _ in range(2 * CHUNK + 1))
    many = deliver_many(kafka.publisher, records, 2 * CHUNK, lambda *told: heard.append(told), "profiles")
    assert (many, kafka.taken) == (2 * CHUNK + 1, [CHUNK, CHUNK, 1])
    assert [(done, of) for done, of, _ in heard] == [
        (0, 2 * CHUNK),
        (CHUNK, 2 * CHUNK),
        (2 * CHUNK, 2 * CHUNK),
        (2 * CHUNK + 1, 2 * CHUNK + 1),
    ]


def test_none_are_none_and_nothing_is_told_of_them() -> None:
    kafka, heard = Kafka(0), list[tuple[int, int, str]]()
    assert deliver_many(kafka.publisher, (), 0, lambda *told: heard.append(told), "touchpoints") == 0
    assert (kafka.taken, heard) == ([], [])


def test_a_kafka_that_does_not_acknowledge_is_told_as_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PATIENCE", 0.01)
    with pytest.raises(PublishFailed, match=r"not acknowledged it after 0\.01 s"):
        deliver(Kafka(0).publisher, [RECORD])
