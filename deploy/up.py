"""`touchpath up`: the local stack as a process, from its first line to its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING

from deploy.data_dir import DataDir
from deploy.local_stack import LocalStack, UpOptions
from deploy.part_log import Terminal
from deploy.supervisor import Supervisor

if TYPE_CHECKING:
    from deploy.settings import Settings


def run_up(settings: Settings, options: UpOptions) -> bool:
    """Run until SIGINT or SIGTERM; give whether all that was in flight arrived.

    Raises:
        LocalStackError: the data dir is in use, a port is taken, or a part could not start.
    """
    with DataDir(settings.data_dir) as data:
        return asyncio.run(_up(settings, options, data))


async def _up(settings: Settings, options: UpOptions, data: DataDir) -> bool:
    terminal = Terminal()
    signals = asyncio.Event(), asyncio.Event()
    with _heard(*signals):
        async with Supervisor(data.logs, terminal) as supervisor:
            stack = LocalStack(settings, options, data, supervisor)
            stack.check_ports()
            started = await _until(signals[0], _run(stack))
            if started:
                return True
            supervisor.say("stopping; once more Ctrl-C does not wait for events in flight")
            stopping = asyncio.create_task(stack.stop())
            hurried = asyncio.create_task(signals[1].wait())
            await asyncio.wait({stopping, hurried}, return_when=asyncio.FIRST_COMPLETED)
            settled = stopping.done() and stopping.result()
            for task in (stopping, hurried):
                task.cancel()
            await asyncio.wait({stopping, hurried})
        terminal.line("touchpath", "stopped")
    return settled


async def _run(stack: LocalStack) -> None:
    await stack.start()
    await stack.watch()


async def _until(stop: asyncio.Event, work: Coroutine[object, object, None]) -> bool:
    """Do the work until it ends (True; its error is raised) or `stop` is set (False)."""
    doing = asyncio.create_task(work)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if doing.done():
        doing.result()
        return True
    doing.cancel()
    await asyncio.wait({doing})
    return False


@contextlib.contextmanager
def _heard(first: asyncio.Event, second: asyncio.Event) -> Iterator[None]:
    """Set the events at the first and second SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()

    def hear() -> None:
        (second if first.is_set() else first).set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, hear)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
