"""The supervisor with real child processes: small Python programs that live, die, hang and leave children behind."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from deploy.local.errors import LocalStackError
from deploy.part_log import Terminal
from deploy.restart_policy import RestartPolicy
from deploy.supervisor import Part, Supervisor

QUICK = RestartPolicy(first=0.05, longest=0.2, healthy_after=60)
LIVES = "import time, pathlib, sys, os; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LIVES


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


def when_written(path: Path) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return path.exists() and path.read_text() != ""

    return ready


def program(name: str, code: str, mark: Path, **more: object) -> Part:
    def command() -> list[str]:
        mark.unlink(missing_ok=True)
        return [sys.executable, "-c", code, str(mark)]

    return Part(name, command, when_written(mark), **more)  # type: ignore[arg-type]


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(tmp_path: Path, output: io.StringIO) -> Supervisor:
    return Supervisor(tmp_path / "logs", Terminal(output), QUICK)


async def test_a_part_is_running_after_start_and_gone_after_the_with(supervisor: Supervisor, tmp_path: Path) -> None:
    async with supervisor:
        await supervisor.start(program("a", LIVES, tmp_path / "a"))
        pid = supervisor.pid("a")
        assert pid is not None
        assert alive(pid)
    assert not alive(pid)


async def test_parts_stop_in_the_reverse_order_of_their_start(supervisor: Supervisor, tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    code = (
        "import signal, sys, pathlib, time\n"
        "mark = pathlib.Path(sys.argv[1])\n"
        "def end(*_):\n"
        f"    open({str(ends)!r}, 'a').write(mark.name + ' ')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "mark.write_text('up')\n"
        "time.sleep(600)\n"
    )
    async with supervisor:
        for name in ("first", "second", "third"):
            await supervisor.start(program(name, code, tmp_path / name))
    assert ends.read_text().split() == ["third", "second", "first"]


async def test_a_part_that_is_killed_is_started_again(
    supervisor: Supervisor, tmp_path: Path, output: io.StringIO
) -> None:
    async with supervisor:
        await supervisor.start(program("a", LIVES, tmp_path / "a"))
        first = supervisor.pid("a")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.pid("a") not in (None, first))
        await until(lambda: "a is up again" in output.getvalue())
    assert "a ended with signal SIGKILL; started again in 0.05 s" in output.getvalue()


async def test_a_part_that_dies_again_and_again_is_tried_with_growing_pauses(
    supervisor: Supervisor, tmp_path: Path, output: io.StringIO
) -> None:
    # It lives once, and ends at once ever after.
    code = (
        "import sys, pathlib, time\n"
        "seen = pathlib.Path(sys.argv[1] + '.seen')\n"
        "if seen.exists(): sys.exit(7)\n"
        "seen.write_text('x')\n"
        "pathlib.Path(sys.argv[1]).write_text('x')\n"
        "time.sleep(0.1)\n"
    )
    async with supervisor:
        await supervisor.start(program("a", code, tmp_path / "a"))
        await until(lambda: output.getvalue().count("code 7; started again in 0.2 s") >= 2)
    said = output.getvalue()
    assert said.index("again in 0.05 s") < said.index("again in 0.1 s") < said.index("again in 0.2 s")


async def test_a_part_that_ends_before_it_is_ready_fails_the_start_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with supervisor:
        with pytest.raises(LocalStackError, match=r"(?s)a ended with code 3.*the reason why"):
            await supervisor.start(program("a", "import sys; print('the reason why'); sys.exit(3)", tmp_path / "a"))


async def test_a_part_that_is_never_ready_fails_the_start_and_leaves_no_process(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with supervisor:
        with pytest.raises(LocalStackError, match=r"not ready in 0\.3 s"):
            await supervisor.start(program("a", "import time; time.sleep(600)", tmp_path / "never", start_timeout=0.3))
        pid = supervisor.pid("a")
        assert pid is not None
    assert not alive(pid)


async def test_a_part_that_does_not_hear_sigterm_is_killed_after_its_time(
    supervisor: Supervisor, tmp_path: Path, output: io.StringIO
) -> None:
    async with supervisor:
        await supervisor.start(program("a", DEAF, tmp_path / "a", stop_timeout=0.3))
        pid = supervisor.pid("a")
        assert pid is not None
        assert await supervisor.stop("a") == -signal.SIGKILL
    assert not alive(pid)
    assert "did not stop in 0.3 s; it is killed" in output.getvalue()


async def test_a_frozen_part_stops_all_the_same(supervisor: Supervisor, tmp_path: Path) -> None:
    async with supervisor:
        await supervisor.start(program("a", LIVES, tmp_path / "a"))
        pid = supervisor.pid("a")
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        assert await supervisor.stop("a") == -signal.SIGTERM


async def test_a_part_that_no_longer_answers_is_ended_and_started_again(
    supervisor: Supervisor, tmp_path: Path, output: io.StringIO
) -> None:
    healthy = True

    async def ready() -> bool:
        return healthy

    part = Part("a", lambda: [sys.executable, "-c", LIVES, str(tmp_path / "a")], ready, check_every=0.05)
    async with supervisor:
        await supervisor.start(part)
        first = supervisor.pid("a")
        healthy = False
        await until(lambda: "has not answered 3 times" in output.getvalue())
        healthy = True
        await until(lambda: supervisor.pid("a") not in (None, first))


async def test_the_death_of_a_part_without_restart_is_told_and_nothing_more(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with supervisor:
        await supervisor.start(program("a", LIVES, tmp_path / "a", restart=False))
        pid = supervisor.pid("a")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert await asyncio.wait_for(supervisor.lost.get(), 10) == "a"
        assert supervisor.pid("a") is None


async def test_what_a_part_leaves_behind_is_ended_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {LIVES!r}, {str(child)!r}]); " + LIVES
    async with supervisor:
        await supervisor.start(program("a", code, tmp_path / "a"))
        await until(lambda: child.exists() and child.read_text() != "")
        pid = int(child.read_text())
        assert alive(pid)
    await until(lambda: not alive(pid))


async def test_every_line_goes_to_the_log_file_and_the_shown_ones_to_the_terminal(
    supervisor: Supervisor, tmp_path: Path, output: io.StringIO
) -> None:
    code = "print('loud', flush=True); print('quiet', flush=True); print('x' * 200_000, flush=True); " + LIVES
    async with supervisor:
        await supervisor.start(program("a", code, tmp_path / "a", shown=lambda line: line != "quiet"))
    log = (tmp_path / "logs" / "a.log").read_text()
    assert log.splitlines() == ["loud", "quiet", "x" * 200_000]
    assert "a          | loud\n" in output.getvalue()
    assert "quiet" not in output.getvalue()


SUPERVISES = """
import asyncio, sys
from pathlib import Path
from deploy.part_log import Terminal
from deploy.supervisor import Part, Supervisor

LIVES = {lives!r}

async def main() -> None:
    folder = Path(sys.argv[1])
    async def ready() -> bool:
        return (folder / "one").exists()
    async with Supervisor(folder / "logs", Terminal(quiet=True)) as supervisor:
        await supervisor.start(Part("one", lambda: [sys.executable, "-c", LIVES, str(folder / "one")], ready))
        (folder / "up").write_text("up")
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("code", [LIVES, DEAF], ids=["hears SIGTERM", "deaf"])
async def test_no_part_outlives_a_supervisor_that_is_killed(tmp_path: Path, code: str) -> None:
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISES.format(lives=code), str(tmp_path)])
    try:
        await until((tmp_path / "up").exists)
        one = int((tmp_path / "one").read_text())
        assert alive(one)
    finally:
        supervisor.kill()
        supervisor.wait()
    await until(lambda: not alive(one))
