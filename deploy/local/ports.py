"""TCP ports on the loopback address: find a free one, see whether one is taken."""

from __future__ import annotations

import socket

from deploy.local.errors import LocalStackError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int, host: str = LOOPBACK, what: str = "this part") -> None:
    """Raise `LocalStackError` when somebody already listens on `host:port`."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers listen with SO_REUSEADDR too; without it a port in TIME_WAIT would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as cause:
            message = f"port {port} on {host} is taken, so {what} cannot listen there: choose another port"
            raise LocalStackError(message) from cause


def is_listening(port: int, host: str = LOOPBACK, timeout: float = 1.0) -> bool:
    """Whether somebody accepts connections on `host:port`."""
    try:
        with socket.create_connection((host, port), timeout=timeout):
            return True
    except OSError:
        return False
