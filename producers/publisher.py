"""The way to Kafka, and the only importer of `kafka` among the producers.

One thread connects, and waits for metadata where a topic is new. So `publish` never waits, neither for a broker nor
for metadata, and serves an event loop and a plain loop alike. kafka-python 3 has no bound on its own buffer (its
accumulator takes everything); the bound is held here, in bytes not yet acknowledged.

Records that come together are laid into the client's batches together: its own `send` spends most of its time on what
is the same for all of them. That reaches into the client (`_append_beside`), and the contract suite holds it to what
it promises; whatever Kafka is told, is told by the client.

`acks=all` without idempotence: a record may be written twice after a fault, and its event id makes that harmless.
"""

import contextlib
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer  # type: ignore[import-untyped] # ships no types
from kafka.errors import KafkaError, MessageSizeTooLargeError  # type: ignore[import-untyped] # ships no types
from kafka.partitioner.default import murmur2  # type: ignore[import-untyped] # ships no types
from kafka.structs import TopicPartition  # type: ignore[import-untyped] # ships no types

from producers.records import Record
from producers.settings import PublisherSettings
from schemas.connection import KafkaConnection

log = logging.getLogger(__name__)

RETRY_CONNECT = 0.5


class PublishFailed(Exception):  # noqa: N818 # says what happened, like its kinds
    """Kafka did not acknowledge every record. Some of them may have been written; sending all again is harmless."""


class NotConnected(PublishFailed):
    """No broker has answered yet."""


class BufferFull(PublishFailed):
    """So many bytes wait for their acknowledgement that no more are taken."""


class _Job:
    """Records that are acknowledged or given up together."""

    __slots__ = ("_failed", "_lock", "_open", "deadline", "future", "records", "size")

    def __init__(self, records: Sequence[Record], deadline: float) -> None:
        self.records = records
        self.deadline = deadline
        self.size = sum(record.size for record in records)
        self.future: Future[None] = Future()
        self._open = 1  # whoever appends the records; `appended` lets go of it
        self._failed: BaseException | None = None
        self._lock = threading.Lock()

    def one_more(self) -> None:
        """Wait for one more acknowledgement."""
        with self._lock:
            self._open += 1

    def acknowledged(self, _metadata: object = None) -> None:
        """Take one acknowledgement."""
        self._one_less(None)

    def given_up(self, error: BaseException) -> None:
        """Take that one will never come."""
        self._one_less(error)

    appended = acknowledged

    def _one_less(self, error: BaseException | None) -> None:
        with self._lock:
            self._open -= 1
            self._failed = self._failed or error
            finished = self._open == 0
        if finished:
            self.finish(self._failed)

    def finish(self, error: BaseException | None) -> None:
        """Tell whoever waits; only the first time counts."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            failure = PublishFailed(f"{type(error).__name__}: {error}")
            failure.__cause__ = error
            self.future.set_exception(failure)


class _Part:
    """The records of one job that lie in one batch of the client: acknowledged with the batch, not one by one.

    A batch that the broker finds too large is split by the client, which then tells each record's place (`rebind`)
    where it has gone. The batch that was split is never answered, the new ones are.
    """

    __slots__ = ("_batches", "_job")

    def __init__(self, job: _Job, batch: Any) -> None:
        self._job = job
        self._batches: set[Any] = set()
        self._watch(batch)

    def _watch(self, batch: Any) -> None:
        self._batches.add(batch)
        self._job.one_more()
        batch.add_callback(self._answered)
        batch.add_errback(self._job.given_up)

    def _answered(self, result: tuple[int, int, Callable[[int], BaseException] | None]) -> None:
        error_of = result[2]
        if error_of is None:
            self._job.acknowledged()
        else:
            self._job.given_up(error_of(0))

    def moved(self, old: Any, new: Any) -> None:
        """Wait for another batch; a batch that was split is waited for no longer."""
        if new not in self._batches:
            self._watch(new)
        if old in self._batches:
            self._batches.discard(old)
            self._job.acknowledged()


class _Place:
    """Where one record lies; what the client wants of a record's future."""

    __slots__ = ("_batch", "_part")

    def __init__(self, part: _Part, batch: Any) -> None:
        self._part, self._batch = part, batch

    def rebind(self, batch: Any, _index: int) -> None:
        """Called by the client, from its own thread, where it splits a batch."""
        self._part.moved(self._batch, batch)
        self._batch = batch


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    """Give what the default partitioner makes of a key, before it is taken modulo the number of partitions."""
    return int(murmur2(key)) & 0x7FFFFFFF


class Publisher:
    """Sends records to Kafka. Safe to share between threads; `close()` it, or use it in a `with`.

    The constructor returns at once. Until a broker has answered, `publish` raises `NotConnected`.
    """

    def __init__(
        self, connection: KafkaConnection, settings: PublisherSettings | None = None, *, client_id: str = "touchpath"
    ) -> None:
        self._settings = settings or PublisherSettings()
        self._connection = connection
        self._client_id = client_id
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._buffered = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._connected = threading.Event()
        self._producer: Any = None
        self._obstacle = ""
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    def publish(self, records: Iterable[Record]) -> "Future[None]":
        """Send records; the future is done when Kafka has acknowledged all of them, or raises `PublishFailed`.

        Raises:
            NotConnected: no broker has answered yet, or the publisher is closed.
            BufferFull: too many bytes wait already. Nothing of `records` was taken.
        """
        if self._closing.is_set() or not self._connected.is_set():
            raise NotConnected(self._away())
        job = _Job(tuple(records), time.monotonic() + self._settings.delivery_timeout)
        if not job.records:
            job.finish(None)
            return job.future
        with self._lock:
            # One job is taken whatever its size, else a job larger than the buffer could never be sent.
            if self._buffered and self._buffered + job.size > self._settings.buffer_bytes:
                raise BufferFull(f"{self._buffered} bytes wait for Kafka already")
            self._buffered += job.size
        job.future.add_done_callback(lambda _: self._release(job.size))
        metadata = self._producer._metadata
        if all(metadata.partitions_for_topic(topic) for topic in {record.topic for record in job.records}):
            try:
                self._append(job)
            except Exception as error:
                job.finish(error)
        else:  # the other thread may wait until Kafka has told
            self._jobs.put(job)
        return job.future

    def wait_connected(self, timeout: float) -> bool:
        """Wait until a broker has answered; False after `timeout` seconds."""
        return self._connected.wait(timeout)

    def ready(self, topics: Iterable[str], timeout: float = 2.0) -> str | None:
        """Ask the cluster now: None where it answers and has the topics, else what is missing. Blocks to `timeout`."""
        if not self._connected.is_set():
            return self._away()
        producer, answered = self._producer, threading.Event()
        for topic in topics:
            producer._sender.add_topic(topic)
        # kafka-python has no public request that would tell a live cluster from a remembered one.
        future = producer._metadata.request_update()
        future.add_both(lambda *_: answered.set())
        producer._sender.wakeup()
        if not answered.wait(timeout) or future.failed():
            return f"Kafka at {self._connection.bootstrap_servers} does not answer"
        missing = [topic for topic in topics if producer._metadata.partitions_for_topic(topic) is None]
        return f"Kafka has no topic {', '.join(missing)}" if missing else None

    def partitions(self, topic: str, timeout: float = 10.0) -> int:
        """Ask the cluster now how many partitions a topic has. Blocks to `timeout`.

        Raises:
            PublishFailed: nobody answers, or there is no such topic.
        """
        if (missing := self.ready([topic], timeout)) is not None:
            raise PublishFailed(missing)
        return len(self._producer._metadata.partitions_for_topic(topic))

    def close(self, timeout: float = 10.0) -> None:
        """Send what waits, at most for `timeout` seconds, then let go of Kafka. Safe to call twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._jobs.put(None)
        end = time.monotonic() + timeout
        self._thread.join(timeout)
        if self._producer is not None:
            with contextlib.suppress(KafkaError):
                self._producer.close(timeout=max(0.1, end - time.monotonic()))
        self._connected.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _away(self) -> str:
        reason = f" ({self._obstacle})" if self._obstacle else ""
        return f"no Kafka broker answers at {self._connection.bootstrap_servers}{reason}"

    def _release(self, size: int) -> None:
        with self._lock:
            self._buffered -= size

    def _run(self) -> None:
        if not self._connect():
            return
        while (job := self._jobs.get()) is not None:
            try:
                self._send(job)
            except Exception as error:
                # Whatever it was, whoever waits for this job must hear of it, and the next job may go well.
                job.finish(error)

    def _send(self, job: _Job) -> None:
        if time.monotonic() > job.deadline:
            raise KafkaError("waited too long for its turn")
        for topic in {record.topic for record in job.records}:
            self._producer.partitions_for(topic)  # waits only where it is not known yet
        self._append(job)

    def _append(self, job: _Job) -> None:
        """Lay a job's records into the client's batches, partition by partition. Never waits for Kafka."""
        groups: dict[Any, list[Record]] = {}
        counts: dict[str, int] = {}
        for record in job.records:
            if (count := counts.get(record.topic)) is None:
                count = counts[record.topic] = len(self._producer._metadata.partitions_for_topic(record.topic))
            partition = _hash(record.key) % count if record.partition is None else record.partition
            if not 0 <= partition < count:
                raise KafkaError(f"{record.topic} has no partition {partition}")
            groups.setdefault((record.topic, partition), []).append(record)
        full = False
        try:
            for (topic, partition), records in groups.items():
                full |= self._append_to(TopicPartition(topic, partition), records, job)
        except Exception as error:
            job.given_up(error)  # what was appended before is still waited for
        else:
            job.appended()
        if full:
            self._producer._sender.wakeup()

    def _append_to(self, place: Any, records: Sequence[Record], job: _Job) -> bool:
        """Append the records of one partition; True where the client has a batch to see to.

        The first record goes the client's own way, which opens a batch where there is none. The others are laid beside
        it at a fifth of the cost: with one future for all of them, not one each.
        """
        accumulator, most, wake = self._producer._accumulator, self._settings.max_record_bytes, False
        good = [record for record in records if record.size <= most]
        if len(good) < len(records):
            job.one_more()
            job.given_up(MessageSizeTooLargeError(f"a record of more than {most} bytes"))
        at = 0
        while at < len(good):
            first = good[at]
            sent, full, new, _ = accumulator.append(place, first.timestamp, first.key, first.value or None, [])
            wake = wake or full or new
            job.one_more()
            sent.add_callback(job.acknowledged)
            sent.add_errback(job.given_up)
            at += 1
            if at < len(good):
                at = self._append_beside(accumulator, place, sent._produce_future, good, at, job)
        return wake

    def _append_beside(
        self, accumulator: Any, place: Any, batch: Any, records: Sequence[Record], at: int, job: _Job
    ) -> int:
        """Lay records into an open batch until it is full or gone; gives the index of the first that is not in it."""
        with accumulator._tp_lock(place):
            waiting = accumulator._batches[place]
            if not waiting or waiting[-1].produce_future is not batch:
                return at  # it is on its way to the broker already
            append, places = waiting[-1].records.append, waiting[-1]._record_futures
            part = None
            for index in range(at, len(records)):
                record = records[index]
                if append(record.timestamp, record.key, record.value or None) is None:
                    return index
                part = part or _Part(job, batch)
                places.append(_Place(part, batch))
        return len(records)

    def _connect(self) -> bool:
        while not self._closing.is_set():
            try:
                # A client that cannot connect keeps its sockets until it is collected; so knock first.
                self._knock()
                self._producer = KafkaProducer(**self._client_settings())
            except (KafkaError, OSError) as error:
                if str(error) != self._obstacle:
                    log.warning("no Kafka at %s yet: %s", self._connection.bootstrap_servers, error)
                self._obstacle = str(error)
                self._closing.wait(RETRY_CONNECT)
            else:
                self._connected.set()
                return True
        return False

    def _knock(self) -> None:
        last: OSError | None = None
        for server in self._connection.servers:
            host, _, port = server.rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
            except OSError as error:
                last = error
            else:
                return
        if last is not None:
            raise last

    def _client_settings(self) -> dict[str, object]:
        settings, connection = self._settings, self._connection
        password, key_password = connection.sasl_password, connection.ssl_key_password
        sasl = connection.security_protocol.startswith("SASL")
        return {
            "bootstrap_servers": connection.servers,
            "client_id": self._client_id,
            "acks": "all",
            "enable_idempotence": False,
            "linger_ms": settings.linger_ms,
            "batch_size": settings.batch_bytes,
            "compression_type": settings.compression,
            "max_request_size": settings.max_record_bytes,
            "max_block_ms": int(settings.metadata_timeout * 1000),
            "request_timeout_ms": int(settings.request_timeout * 1000),
            "delivery_timeout_ms": int(settings.delivery_timeout * 1000),
            # A topic that is missing is an error to be told, not a topic to be made with a guess of its settings.
            "allow_auto_create_topics": False,
            # The default waits up to 30 seconds between tries; a broker that is back should be found at once.
            "reconnect_backoff_max_ms": 1000,
            "bootstrap_timeout_ms": 5000,
            "metrics_enabled": False,
            "security_protocol": connection.security_protocol,
            "ssl_cafile": _path(connection.ssl_cafile),
            "ssl_certfile": _path(connection.ssl_certfile),
            "ssl_keyfile": _path(connection.ssl_keyfile),
            "ssl_password": key_password.get_secret_value() if key_password else None,
            "sasl_mechanism": connection.sasl_mechanism if sasl else None,
            "sasl_plain_username": connection.sasl_username if sasl else None,
            "sasl_plain_password": password.get_secret_value() if sasl and password else None,
        }


def _path(path: object) -> str | None:
    return None if path is None else str(path)
