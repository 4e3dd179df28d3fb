"""`python -m deploy.local.clickhouse_door`: the local HTTP door in front of chDB, as a process of its own.

The password comes from the environment (`TOUCHPATH_DOOR_PASSWORD`), since everybody may read command lines.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from deploy.local.door.access import LOOPBACK_NAMES, Access
from deploy.local.door.app import Door, Limits
from deploy.local.door.engine import Engine
from deploy.local.errors import LocalStackError
from deploy.local.ports import LOOPBACK, require_free

EXIT_USAGE = 2
EXIT_UNUSABLE = 75  # EX_TEMPFAIL: the port or the data directory is in use, so trying later may help


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    options = _parser().parse_args(argv)
    password = os.environ.get("TOUCHPATH_DOOR_PASSWORD", "")
    if options.host not in LOOPBACK_NAMES and not password:
        print(f"listening on {options.host} needs a password in TOUCHPATH_DOOR_PASSWORD", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    try:
        require_free(options.port, options.host, "the ClickHouse door")
        engine = Engine(options.data_dir)
    except LocalStackError as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - the log of this process is its standard error
        return EXIT_UNUSABLE
    try:
        limits = Limits(running=options.max_running, body_bytes=options.max_body_mb << 20)
        door = Door(engine, Access(options.user, password), limits)
        asyncio.run(_serve(door, options.host, options.port))
    finally:
        engine.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clickhouse_door", description="ClickHouse's HTTP interface in front of chDB")
    parser.add_argument("--data-dir", type=Path, required=True, help="where the tables are; one process at a time")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8123, help="TCP port (default: %(default)s)")
    parser.add_argument("--user", default="default", help="the one user (default: %(default)s)")
    parser.add_argument("--max-running", type=int, default=Limits.running, help="statements at the same time")
    parser.add_argument("--max-body-mb", type=int, default=Limits.body_bytes >> 20, help="unpacked size of a body")
    return parser


async def _serve(door: Door, host: str, port: int) -> None:
    server = Server(
        door,
        address=host,
        port=port,
        # Without lifespan: starting and closing the engine is main's business.
        interface=Interfaces.ASGINL,
        websockets=False,
        log_level=LogLevels.warning,
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    serving = asyncio.create_task(server.serve())
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait((serving, asked), return_when=asyncio.FIRST_COMPLETED)
    # Statements first: the server waits for its open requests.
    await door.close()
    server.stop()  # type: ignore[no-untyped-call] # typed in part only
    await serving


if __name__ == "__main__":
    raise SystemExit(main())
