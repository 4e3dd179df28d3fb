from __future__ import annotations

import logging

from streams.worker.quiet import NotAgain


def test_the_same_message_is_said_once_and_again_after_a_while() -> None:
    now = [0.0]
    keep = NotAgain(silence=30.0, clock=lambda: now[0]).filter

    def record(message: str, argument: int) -> logging.LogRecord:
        return logging.LogRecord("aiokafka", logging.WARNING, "f", 1, message, (argument,), None)

    assert keep(record("no connection to %d", 1))
    assert not keep(record("no connection to %d", 2))
    assert keep(record("another thing: %d", 1))
    now[0] = 30.0
    assert keep(record("no connection to %d", 1))
