"""The event loop: uvloop where it exists, which is everywhere but on Windows."""

from __future__ import annotations

import asyncio
import sys

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop


def new_loop() -> asyncio.AbstractEventLoop:
    """Make a loop, for the worker itself or for its consumer's thread."""
    return new_event_loop()
