"""Calls to the collector, in batches over one connection, as a server-side SDK sends them."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

BATCH = 250
TRIES = 20
PAUSE = 0.5


class SendError(Exception):
    """The collector would not take a batch; the message is its own."""


def send(
    host: str, port: int, write_key: str, calls: Iterable[dict[str, Any]], sent: Callable[[int], None]
) -> Counter[str]:
    """Send all calls; count what became of each: accepted, duplicate, quarantined. `sent` hears of each batch.

    A batch that is answered 503, or not at all, is sent again: its message ids make that harmless.

    Raises:
        SendError: the collector refused a batch, or stayed away.
    """
    authorization = "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(host, port, timeout=30)
    counts: Counter[str] = Counter()
    try:
        for batch in _batched(calls):
            answer = _post(connection, headers, json.dumps({"batch": batch}).encode())
            counts.update({name: answer[name] for name in ("accepted", "duplicate", "quarantined")})
            sent(len(batch))
    finally:
        connection.close()
    return counts


def _post(connection: http.client.HTTPConnection, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    last = "no answer"
    for _ in range(TRIES):
        try:
            connection.request("POST", "/v1/batch", body, headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            last = f"{type(error).__name__}: {error}"
        else:
            if response.status == 200:
                return dict(json.loads(text))
            last = f"{response.status} {text.decode(errors='replace')[:300]}"
            if response.status != 503:
                break
        time.sleep(PAUSE)
    raise SendError(f"the collector at {connection.host}:{connection.port} took no batch: {last}")


def _batched(calls: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(calls)
    while batch := list(islice(rest, BATCH)):
        yield batch
