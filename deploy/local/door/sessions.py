"""Sessions that outlive a request. Only those that hold something (SET, USE, temporary tables) hold a connection.

Drivers give every client a session id and hardly ever use the session, so an id alone costs nothing here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from deploy.local.door.engine import EngineConnection
from deploy.local.door.errors import DoorError


@dataclass
class Session:
    """One session's connection; `busy` while a request uses it."""

    connection: EngineConnection
    timeout: float
    last_used: float
    busy: bool = False


class Sessions:
    """All sessions of the door. Used from one event loop, so it needs no lock; `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._open: dict[str, Session] = {}
        self._clock = clock

    def take(self, session_id: str) -> Session | None:
        """Return the session's connection for one request, None when the session holds nothing; raises `DoorError`."""
        session = self._open.get(session_id)
        if session is None:
            return None
        if session.busy:
            raise DoorError(373, "SESSION_IS_LOCKED", f"Session {session_id} is locked by a concurrent client")
        session.busy = True
        return session

    def keep(self, session_id: str, connection: EngineConnection, timeout: float) -> Session:
        """Begin a session that is in use by the request that begins it; raises `DoorError` when there is one."""
        if session_id in self._open:
            raise DoorError(373, "SESSION_IS_LOCKED", f"Session {session_id} is locked by a concurrent client")
        session = self._open[session_id] = Session(connection, timeout, self._clock(), busy=True)
        return session

    def give_back(self, session: Session) -> None:
        """End the request's use of the session; its time runs from now."""
        session.busy = False
        session.last_used = self._clock()

    def expired(self) -> list[EngineConnection]:
        """Forget the sessions whose time is over and return their connections, which the caller closes."""
        now = self._clock()
        over = [name for name, one in self._open.items() if not one.busy and now - one.last_used > one.timeout]
        return [self._open.pop(name).connection for name in over]

    def all(self) -> list[EngineConnection]:
        """Forget every session and return the connections, which the caller closes."""
        connections = [session.connection for session in self._open.values()]
        self._open.clear()
        return connections
