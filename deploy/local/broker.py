"""What both local brokers share: readiness by a real metadata request, and start and stop for tests."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped] # ships no types
from aiokafka.errors import KafkaError  # type: ignore[import-untyped] # ships no types

from deploy.local.ports import LOOPBACK, is_listening, require_free
from deploy.local.process import ChildProcess

REQUEST_TIMEOUT_MS = 2000


class BrokerProcess:
    """A broker on 127.0.0.1. Subclasses say how to `prepare()` and which `argv()` to run."""

    name = "broker"
    start_timeout = 30.0

    def __init__(self, port: int, log_path: Path) -> None:
        self.port = port
        self.log_path = log_path
        self.process = ChildProcess(self.name, log_path)

    @property
    def bootstrap(self) -> str:
        """`host:port` for a client's bootstrap servers."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def cluster_id(self) -> str:
        """The id that the running broker must answer with; known after `prepare()`."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Do what must be done before each start; raises `LocalStackError`."""
        raise NotImplementedError

    def argv(self) -> list[str]:
        """Return the command line of the broker, valid after `prepare()`."""
        raise NotImplementedError

    def env(self) -> dict[str, str]:
        """Return the environment for the broker."""
        return dict(os.environ)

    def is_ready(self) -> bool:
        """Whether a metadata request is answered by this very cluster with at least one broker in it."""
        # Another broker on the same port must not pass for ours.
        # The look at the port comes first because the client logs an error for each refused connection.
        return is_listening(self.port) and cluster_at(self.bootstrap) == self.cluster_id

    def start(self) -> None:
        """Prepare and start the broker; does not wait."""
        require_free(self.port, what=self.name)
        self.prepare()
        self.process.start(self.argv(), self.env())

    def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until clients can work; raises `LocalStackError` with the end of the log."""
        self.process.wait_ready(self.is_ready, self.start_timeout if timeout is None else timeout)

    def stop(self, timeout: float = 20.0) -> int | None:
        """SIGTERM, then SIGKILL after `timeout` seconds; returns the exit code."""
        return self.process.stop(timeout)

    def kill(self) -> None:
        """SIGKILL: what was not on disk is gone."""
        self.process.kill()


def cluster_at(bootstrap: str) -> str | None:
    """Return the cluster id that `bootstrap` answers, None when no broker answers there."""
    answer: list[str | None] = []
    # In a thread of its own, since the caller may have an event loop running.
    asker = threading.Thread(target=lambda: answer.append(asyncio.run(_ask(bootstrap))))
    asker.start()
    asker.join()
    return answer[0] if answer else None


async def _ask(bootstrap: str) -> str | None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        answer = await admin.describe_cluster()
    except (KafkaError, OSError):
        return None
    finally:
        await admin.close()
    return str(answer["cluster_id"]) if answer["brokers"] else None
