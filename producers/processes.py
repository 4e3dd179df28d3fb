"""Several processes that do the same work: started together, stopped together. Where one ends, all end.

Whoever started this starts it again; a part of it that goes on alone would look well and do half the work.
"""

import logging
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)

#: Where prometheus_client keeps the counts of several processes; it looks for this when it is imported.
METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def run_processes(count: int, work: Callable[..., int], arguments: tuple[Any, ...], stop_timeout: float) -> int:
    """Run `work(*arguments)` in so many processes until SIGTERM or SIGINT, and give the exit code.

    0 where all ended well after a signal, else 1. `work` and `arguments` must be picklable; each process starts afresh.
    `stop_timeout` are the seconds that they have to end. Blocks; wants the main thread.
    """
    context = multiprocessing.get_context("spawn")
    stop_read, stop_write = multiprocessing.Pipe(duplex=False)
    asked = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if not asked.is_set():
            asked.set()
            stop_write.send_bytes(b"stop")

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    metrics_before = os.environ.get(METRICS_DIRECTORY)
    try:
        with tempfile.TemporaryDirectory(prefix="touchpath-metrics-") as directory:
            os.environ[METRICS_DIRECTORY] = directory
            root = logging.getLogger()
            formatter = next((handler.formatter for handler in root.handlers if handler.formatter), None)
            processes = [
                context.Process(
                    target=_work, args=(work, arguments, root.level, formatter), name=f"{work.__name__}-{n}"
                )
                for n in range(count)
            ]
            for process in processes:
                process.start()
            wait([stop_read, *(process.sentinel for process in processes)])
            ended = [process for process in processes if not process.is_alive()]
            for process in ended:
                log.error("the process %s ended by itself (%s); the others end, too", process.name, process.exitcode)
            for process in processes:
                if process.is_alive():
                    process.terminate()
            for process in processes:
                process.join(stop_timeout)
                if process.is_alive():
                    log.error("the process %s did not end in %g s", process.name, stop_timeout)
                    process.kill()
                    process.join()
            good = {0, -signal.SIGTERM}  # the latter where one was stopped before it had begun
            return 0 if not ended and all(process.exitcode in good for process in processes) else 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if metrics_before is None:
            os.environ.pop(METRICS_DIRECTORY, None)
        else:
            os.environ[METRICS_DIRECTORY] = metrics_before


def _work(
    work: Callable[..., int], arguments: tuple[Any, ...], level: int, formatter: logging.Formatter | None
) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler])
    raise SystemExit(work(*arguments))
