"""What one HTTP request asks for: the URL's parameters and the headers, sorted by what they mean. Pure."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deploy.local.door.errors import DoorError

# Parameters that are no settings. Those with no meaning on a laptop (quota, roles, buffers) are read over.
_NOT_SETTINGS = {
    "query", "database", "default_format", "user", "password", "query_id", "session_id", "session_timeout",
    "session_check", "quota_key", "stacktrace", "compress", "decompress", "buffer_size", "wait_end_of_query",
    "role", "client_protocol_version", "enable_http_compression",
}  # fmt: skip
_YES = {"1", "true"}


@dataclass(frozen=True)
class Call:
    """One request, the body left out."""

    query: str
    query_id: str
    user: str
    password: str
    database: str | None
    default_format: str
    session_id: str | None
    session_timeout: float
    session_check: bool
    readonly: bool
    wait_end: bool
    accept_compressed: bool
    native_in: bool
    native_out: bool
    settings: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


def read_call(method: str, pairs: Iterable[tuple[str, str]], headers: Mapping[str, str]) -> Call:
    """Sort the parameters of a request; `headers` has lower-case names. Raises `DoorError`."""
    given = dict(pairs)

    def yes(name: str) -> bool:
        return given.get(name, "0").lower() in _YES

    user, password = _who(given, headers)
    return Call(
        query=given.get("query", ""),
        query_id=given.get("query_id") or str(uuid.uuid4()),
        user=user,
        password=password,
        database=given.get("database") or headers.get("x-clickhouse-database"),
        default_format=given.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated",
        session_id=given.get("session_id"),
        session_timeout=_seconds(given.get("session_timeout", "60")),
        session_check=yes("session_check"),
        # Like a server: what a link or an image in a page can do must not change anything.
        readonly=method in ("GET", "HEAD"),
        wait_end=yes("wait_end_of_query"),
        accept_compressed=yes("enable_http_compression"),
        native_in=yes("decompress"),
        native_out=yes("compress"),
        settings={
            name: value for name, value in given.items() if name not in _NOT_SETTINGS and not name.startswith("param_")
        },
        params={name.removeprefix("param_"): value for name, value in given.items() if name.startswith("param_")},
    )


def _who(given: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"], headers.get("x-clickhouse-key", "")
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as cause:
            raise DoorError(
                516, "AUTHENTICATION_FAILED", "The Authorization header is no valid Basic header"
            ) from cause
        return user, password
    return given.get("user", "default"), given.get("password", "")


def _seconds(text: str) -> float:
    if not text.isdecimal():
        raise DoorError(36, "BAD_ARGUMENTS", f"session_timeout is no whole number of seconds: {text!r}")
    # The limit of a server.
    return min(float(text), 3600.0)
