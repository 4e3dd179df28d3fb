"""What the libraries may log: warnings only, and the same one not all the time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_AIOKAFKA = (
    "aiokafka",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
)
_SERVICES = ("streams.worker.app", "streams.worker.batch_transport", "streams.worker.recovery")
_SILENCE = 30.0  # seconds


class NotAgain(logging.Filter):
    """Lets a message through once in a while: a broker that is down is retried ten times a second."""

    def __init__(self, silence: float = _SILENCE, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._silence = silence
        self._clock = clock
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the message, as it was before its arguments went in, has been silent for long enough."""
        now = self._clock()
        last = self._said.get(record.msg)
        if last is not None and now - last < self._silence:
            return False
        self._said[record.msg] = now
        return True


def quiet_libraries() -> None:
    """Keep the libraries from building debug records: that alone is a seventh of a busy worker's time."""
    for name in ("aiokafka", "faust", "mode", *_SERVICES):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _AIOKAFKA:
        logger = logging.getLogger(name)
        if not any(isinstance(known, NotAgain) for known in logger.filters):
            logger.addFilter(NotAgain())
