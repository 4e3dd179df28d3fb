"""What the SDK tests share: the packages, installed once; pages served from another origin; scripts; what arrived."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from schemas.topics import COLLECTED
from tests.integration.collector_rig import CollectorProcess, read_source

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "sdk"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


class Missing(Exception):  # noqa: N818 # it is about this machine, not an error
    """A program is not here; the message says how to get it."""


def program(*names: str) -> str:
    """Give the path of the first program that is there."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise Missing(f"{names[0]} is not installed (Debian: apt-get install {names[0]})")


def installed() -> Path:
    """Give the folder whose `node_modules` are those of the lock; installs them where they are not there yet."""
    program("node")
    npm = program("npm")
    content = b"".join((HERE / name).read_bytes() for name in ("package.json", "package-lock.json", ".npmrc"))
    home = CACHE / hashlib.sha256(content).hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may install at the same moment
        if not (home / "complete").exists():
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(HERE / name, home / name)
            done = subprocess.run([npm, "ci"], cwd=home, capture_output=True, text=True, timeout=240, check=False)
            if done.returncode:
                raise Missing(f"npm ci failed:\n{done.stdout}\n{done.stderr}")
            (home / "complete").touch()
    return home


class Pages(http.server.ThreadingHTTPServer):
    """Serves the test's pages and the packages, on an origin of its own, as a shop would."""

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(root)))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, page: str, **query: str) -> str:
        """Give the address of a page."""
        return f"http://127.0.0.1:{self.server_port}/{page}.html?{urlencode(query)}"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


class LosesAnAnswer(http.server.ThreadingHTTPServer):
    """Stands before a collector and hands everything on; of the first request it loses the answer, and says 503."""

    daemon_threads = False  # closing waits until every answer is out

    def __init__(self, collector: str) -> None:
        self.collector = httpx.Client(base_url=collector, timeout=30)
        self.answered = self.events_lost = 0
        self._one_at_a_time = threading.Lock()
        super().__init__(("127.0.0.1", 0), _HandsOn)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handed_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """Hand a request on and give the answer that its sender gets."""
        answer = self.collector.request(method, path, headers=headers, content=body)
        with self._one_at_a_time:
            self.answered += 1
            if self.answered > 1:
                return answer
            self.events_lost = answer.json()["received"]
        return httpx.Response(503, content=b'{"code": "lost", "message": "the answer was lost"}')

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self.collector.close()


class _HandsOn(http.server.BaseHTTPRequestHandler):
    server: LosesAnAnswer

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        kept = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        answer = self.server.handed_on(self.command, self.path, kept, body)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = _hand_on  # noqa: N815 # the names that the base class calls

    def log_message(self, *_args: Any) -> None:
        pass


class Browser:
    """A headless Chromium for the whole run."""

    def __init__(self, root: Path, executable: str) -> None:
        self._process = subprocess.Popen(
            [program("node"), "scripts/browser.mjs", executable],
            cwd=root,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def visit(self, page: str, leave_to: str) -> dict[str, Any]:
        """Open a page as a new visitor until it is done, leave it, and give its requests, problems and last words."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"page": page, "leaveTo": leave_to}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"Chromium ended ({self._process.poll()}); why, it says above"
        seen: dict[str, Any] = json.loads(line)
        return seen

    def close(self) -> None:
        """Close it."""
        try:
            self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def _environment() -> dict[str, str]:
    # Nothing of this goes anywhere but to this machine.
    return {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}


class Sdks:
    """Runs SDKs against one collector and tells what arrived there."""

    def __init__(self, collector: CollectorProcess, bootstrap: str, root: Path) -> None:
        self.collector, self.bootstrap, self.root = collector, bootstrap, root

    def node(self, script: str, *arguments: str) -> str:
        """Run a script with Node until it ends by itself, and give what it printed."""
        done = subprocess.run(
            [program("node"), f"scripts/{script}.mjs", *arguments],
            cwd=self.root,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{script}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def requests(self) -> Counter[str]:
        """Give how many requests the collector has taken, by path, and by status where it did not answer 200."""
        found: Counter[str] = Counter()
        for sample in self._samples("touchpath_collector_request_seconds_count"):
            path, status = sample.labels["path"], sample.labels["status"]
            if path not in {"/", "/health", "/ready", "/metrics"}:
                found[path if status == "200" else f"{path} {status}"] = int(sample.value)
        return found

    def _samples(self, name: str) -> list[Sample]:
        text = self.collector.client.get("/metrics").text
        return [s for family in text_string_to_metric_families(text) for s in family.samples if s.name == name]

    async def collected(self, source: str, *, sent_again: int = 0) -> list[dict[str, Any]]:
        """Give the touchpoints of a source, by the time when they happened.

        Each was sent once, but for those that had to be `sent_again`; and none was bad.
        """
        values = await read_source(self.bootstrap, COLLECTED.name, source)
        told = {outcome: self._counted(outcome, source) for outcome in ("accepted", "duplicate", "quarantined")}
        assert told == {"accepted": len(values), "duplicate": sent_again, "quarantined": 0}
        return sorted(values, key=lambda value: (value["occurred_at"], value["event_id"]))

    def _counted(self, outcome: str, source: str) -> float:
        samples = self._samples(f"touchpath_collector_events_{outcome}_total")
        return sum(sample.value for sample in samples if sample.labels["source"] == source)


def by_touchpoint(values: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give touchpoints by their name; each came once."""
    names = Counter(value["touchpoint"] for value in values)
    assert max(names.values()) == 1, names
    return {value["touchpoint"]: value for value in values}


def people(value: dict[str, Any]) -> set[str]:
    """Give the identifiers of a touchpoint as `kind:value`."""
    return {f"{one['kind']}:{one['value']}" for one in value["identifiers"]}
