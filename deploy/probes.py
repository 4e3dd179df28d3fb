"""Asking a running part whether it can work: small HTTP and TCP questions that never raise."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from deploy.local.ports import LOOPBACK

TIMEOUT = 5.0
Probe = Callable[[], Awaitable[bool]]


def http_ok(port: int, path: str) -> Probe:
    """Give a probe: does `http://127.0.0.1:port/path` answer 200?"""

    async def ask() -> bool:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await _status(port, path) == 200
        except (OSError, TimeoutError, ValueError, IndexError):
            return False

    return ask


def in_thread(question: Callable[[], bool]) -> Probe:
    """Give a probe that asks a blocking question."""

    async def ask() -> bool:
        return await asyncio.to_thread(question)

    return ask


async def _status(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
