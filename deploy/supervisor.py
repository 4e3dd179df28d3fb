"""Keeps the parts of a stack running: start and wait until ready, start again what dies, stop in reverse order.

It knows nothing of what the parts are; `deploy.local_stack` does. When a part is started again is decided in
`deploy.restart_policy`, without a clock or a process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from deploy import warden
from deploy.local.errors import LocalStackError
from deploy.part_log import PartLog, Terminal
from deploy.probes import Probe
from deploy.restart_policy import Deaths, RestartPolicy, died

OWN = "touchpath"
_POLL = 0.05
_UNHEALTHY_AFTER = 3


@dataclass(frozen=True)
class Part:
    """One program of the stack.

    `command` is asked before each start, in a thread, and may prepare things. `ready` is asked until it says yes.
    Once a part is up, `healthy` (else `ready`) is asked every `check_every` seconds, and a part that says no three
    times in a row is ended and started again. A part with `restart` False is not started again: its death is told by
    `Supervisor.lost`.
    """

    name: str
    command: Callable[[], Sequence[str]]
    ready: Probe
    env: Mapping[str, str] = field(default_factory=dict)
    restart: bool = True
    start_timeout: float = 30.0
    stop_timeout: float = 20.0
    check_every: float | None = None
    healthy: Probe | None = None
    shown: Callable[[str], bool] = lambda _: True


class _Running:
    """A part between its start and its stop, whatever number of processes that takes."""

    def __init__(self, part: Part, log: PartLog) -> None:
        self.part = part
        self.log = log
        self.process: asyncio.subprocess.Process | None = None
        self.output: asyncio.Task[None] | None = None
        self.keeper: asyncio.Task[None] | None = None
        self.deaths = Deaths()
        self.stopping = False


class Supervisor:
    """Use it in an `async with`: whatever is still running at the end is stopped, the last started first."""

    def __init__(self, logs: Path, terminal: Terminal, policy: RestartPolicy | None = None) -> None:
        self.terminal = terminal
        #: Names of parts that died and are not started again by themselves.
        self.lost: asyncio.Queue[str] = asyncio.Queue()
        #: How often each part died without being told to.
        self.died: Counter[str] = Counter()
        self._logs = logs
        self._policy = policy or RestartPolicy()
        self._running: dict[str, _Running] = {}
        self._warden: subprocess.Popen[str] | None = None

    async def __aenter__(self) -> Self:
        """Start the warden, which ends the parts should this process be killed."""
        self._warden = subprocess.Popen(
            [sys.executable, "-I", "-S", warden.__file__], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop_all()
        if self._warden is not None:
            self._tell_warden("bye")
            with contextlib.suppress(OSError):
                _pipe(self._warden).close()
            await asyncio.to_thread(self._warden.wait)

    def say(self, text: str) -> None:
        """Write a line of the supervisor's own."""
        self.terminal.line(OWN, text)

    def pid(self, name: str) -> int | None:
        """The process of a part, None while it has none."""
        running = self._running.get(name)
        return running.process.pid if running and running.process and running.process.returncode is None else None

    async def start(self, part: Part) -> None:
        """Start a part and wait until it is ready.

        Raises:
            LocalStackError: it ended, or was not ready in time; with the end of its log.
        """
        running = _Running(part, PartLog(part.name, self._logs / f"{part.name}.log", self.terminal, part.shown))
        self._running[part.name] = running
        await self._spawn(running)
        await self._wait_ready(running)
        running.keeper = asyncio.create_task(self._keep(running), name=f"keep {part.name}")

    async def stop(self, name: str) -> int | None:
        """Stop a part: SIGTERM, and after its `stop_timeout` SIGKILL. Gives its exit code; None: it was not running."""
        running = self._running.pop(name, None)
        if running is None:
            return None
        running.stopping = True
        if running.keeper is not None:
            running.keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running.keeper
        return await self._end(running)

    async def stop_all(self) -> None:
        """Stop every part, the last started first."""
        for name in reversed(list(self._running)):
            await self.stop(name)

    async def _spawn(self, running: _Running) -> None:
        part = running.part
        argv = await asyncio.to_thread(part.command)
        running.deaths = running.deaths.started(time.monotonic())
        # A pipe of our own: with asyncio's, `wait` waits for whoever else holds its end, not for the process alone.
        reading, writing = os.pipe()
        try:
            running.process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(part.env) or None,
                # Ctrl-C in a terminal goes to the whole group; the order of stopping is ours to choose.
                start_new_session=True,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._tell_warden(f"+{running.process.pid}")
        running.output = asyncio.create_task(_followed(running.log, reading), name=f"log {part.name}")

    async def _wait_ready(self, running: _Running) -> None:
        part, process = running.part, running.process
        assert process is not None  # noqa: S101 the caller has started it
        deadline = time.monotonic() + part.start_timeout
        while True:
            if process.returncode is not None:
                await self._reap(running)
                raise LocalStackError(f"{part.name} ended with {_ending(process.returncode)}\n{_tail(running)}")
            if await part.ready():
                return
            if time.monotonic() > deadline:
                raise LocalStackError(f"{part.name} was not ready in {part.start_timeout:g} s\n{_tail(running)}")
            await asyncio.sleep(_POLL)

    async def _keep(self, running: _Running) -> None:
        part = running.part
        while True:
            assert running.process is not None  # noqa: S101 it was started
            checker = asyncio.create_task(self._check(running)) if part.check_every else None
            try:
                code = await running.process.wait()
            finally:
                # Also where the part was told to stop: its successor answers at another port.
                if checker is not None:
                    checker.cancel()
            await self._reap(running)
            self.died[part.name] += 1
            running.deaths, pause = died(self._policy, running.deaths, time.monotonic())
            if not part.restart:
                self.say(f"{part.name} ended with {_ending(code)}")
                self.lost.put_nowait(part.name)
                return
            self.say(f"{part.name} ended with {_ending(code)}; started again in {pause:g} s")
            await asyncio.sleep(pause)
            await self._start_again(running)

    async def _start_again(self, running: _Running) -> None:
        try:
            await self._spawn(running)
            await self._wait_ready(running)
        except (LocalStackError, OSError) as error:
            # The process is gone or useless; the loop in `_keep` sees its end and waits longer.
            self.say(str(error).splitlines()[0])
            await self._end(running)
        else:
            self.say(f"{running.part.name} is up again")

    async def _check(self, running: _Running) -> None:
        part, failures = running.part, 0
        while part.check_every:
            await asyncio.sleep(part.check_every)
            failures = 0 if await (part.healthy or part.ready)() else failures + 1
            if failures >= _UNHEALTHY_AFTER and running.process is not None:
                self.say(f"{part.name} has not answered {failures} times in a row; it is ended")
                with contextlib.suppress(ProcessLookupError):
                    running.process.kill()
                return

    async def _end(self, running: _Running) -> int | None:
        process = running.process
        if process is None:
            return None
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
                # A process that somebody froze cannot act on SIGTERM.
                process.send_signal(signal.SIGCONT)
            try:
                await asyncio.wait_for(process.wait(), running.part.stop_timeout)
            except TimeoutError:
                self.say(f"{running.part.name} did not stop in {running.part.stop_timeout:g} s; it is killed")
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        code = await process.wait()
        await self._reap(running)
        return code

    async def _reap(self, running: _Running) -> None:
        """After a part's process ended: end what it left behind, and take the last of its log."""
        if running.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(running.process.pid, signal.SIGKILL)
            self._tell_warden(f"-{running.process.pid}")
        if running.output is not None:
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(running.output, 2)

    def _tell_warden(self, word: str) -> None:
        if self._warden is not None:
            with contextlib.suppress(OSError, ValueError):
                _pipe(self._warden).write(word + "\n")
                _pipe(self._warden).flush()


async def _followed(log: PartLog, descriptor: int) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    try:
        await log.follow(reader)
    finally:
        transport.close()


def _pipe(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdin is not None  # noqa: S101 asked for at the start
    return process.stdin


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"code {code}"


def _tail(running: _Running) -> str:
    lines = "\n".join(f"  {line}" for line in running.log.tail)
    return f"{lines}\n(the whole log is {running.log.path})"
