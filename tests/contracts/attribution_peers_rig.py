"""Independent implementations of attribution, in an environment of their own: their libraries are not ours.

The packages of `requirements/peers.txt` are installed once, under `.cache/peers`; one of them is C++ and wants a
compiler. They are asked in a process of their own, by JSON (`attribution_peers_asked.py`).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOCK = ROOT / "requirements" / "peers.txt"
CACHE = ROOT / ".cache" / "peers"
INSTALL_SECONDS = 900

Row = tuple[Sequence[str], int, int]
"""A path, how often it converted, how often not."""


class Missing(Exception):  # noqa: N818 # it is about this machine, not an error
    """The peers cannot be installed here; the message says why."""


def interpreter() -> Path:
    """Give the Python of the peers' environment, which holds what the lock says; made where it is not there yet."""
    content = LOCK.read_bytes() + sys.version.encode()
    home = CACHE / hashlib.sha256(content).hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    python = home / "bin" / "python"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may install at the same moment
        if not (home / "complete").exists():
            _run([sys.executable, "-m", "venv", str(home)])
            _run([str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)])
            (home / "complete").touch()
    return python


def ask(rows: Sequence[Row], questions: dict[str, Any]) -> dict[str, Any]:
    """Ask the peers about paths; the keys of `questions` are those of `ANSWERS` in the file that is asked."""
    given = {"rows": [(list(path), converting, others) for path, converting, others in rows], "questions": questions}
    done = subprocess.run(
        [str(interpreter()), str(HERE / "attribution_peers_asked.py")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"the peers ended with {done.returncode}:\n{done.stderr[-4000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.rpartition("\n\n")[2])
    return answer


def _run(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(words[1:5])} … failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
