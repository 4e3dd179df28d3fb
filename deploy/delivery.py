"""Records that a command has to say, on their way to Kafka, until Kafka has acknowledged them: at once, or many."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from producers.publisher import Publisher, PublishFailed
from producers.records import Record

#: So long Kafka may take to acknowledge what is delivered at once, in seconds.
PATIENCE = 30.0
#: So many records are delivered at once where there may be millions.
CHUNK = 2_000

Told = Callable[[int, int, str], None]
"""Hears how many were delivered, of how many, and what they are in a word: `profiles`, `touchpoints`."""


def untold(_done: int, _of: int, _what: str) -> None:
    """Hear it, and tell nobody."""


def deliver(publisher: Publisher, records: Sequence[Record]) -> None:
    """Publish records and wait until Kafka has them.

    Raises:
        PublishFailed: Kafka did not acknowledge them, or takes longer than there is patience.
    """
    try:
        publisher.publish(records).result(PATIENCE)
    except TimeoutError as error:
        raise PublishFailed(f"Kafka has not acknowledged it after {PATIENCE:g} s") from error


def deliver_many(publisher: Publisher, records: Iterable[Record], total: int, told: Told, what: str) -> int:
    """Publish as many records as there are, a chunk at a time; give how many there were.

    `total`: how many there are, as far as is known; 0: nobody knows, or they are few. It is for `told` alone.

    Raises:
        PublishFailed: Kafka did not acknowledge a chunk. The chunks before it were written.
        Whatever giving the records raises.
    """
    done, left = 0, iter(records)
    if total:
        told(done, total, what)
    while chunk := list(itertools.islice(left, CHUNK)):
        deliver(publisher, chunk)
        done += len(chunk)
        told(done, max(done, total), what)
    return done
