"""Pages on hosts of their own, a real collector beside them, and what arrived there. Everything is on 127.0.0.1.

Chromium takes every name under `localhost` for this machine, so pages have real origins: `http://shop.localhost:1234`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from playwright.async_api import BrowserContext, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from deploy.local import ports
from producers.collector.app import Collector
from producers.collector.snippet import build
from producers.publisher import NotConnected
from producers.records import Record
from producers.settings import CollectorSettings
from schemas.catalogue import load
from schemas.topics import COLLECTED

KEYS = 100
PATIENCE = 10.0


class Memory:
    """Takes records as Kafka would; while it is `down` it takes none, and the collector answers 503."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.down = False

    def publish(self, records: Sequence[Record]) -> Future[None]:
        if self.down:
            raise NotConnected("the test has taken it down")
        self.records += records
        done: Future[None] = Future()
        done.set_result(None)
        return done


@dataclass
class Asked:
    """One request that came to the collector's /v1/batch, and the status that it was answered with."""

    method: str
    headers: dict[str, str]
    key: str | None
    status: int = 0


class Door:
    """The collector. `instead` holds answers that it gives in place of its own, by write key, one for each POST."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.asked: list[Asked] = []
        self.instead: dict[str | None, list[Response]] = {}
        keys = [
            {"key": f"pk_{n}", "source": f"web-{n}", "default_currency": "EUR", "public": True} for n in range(KEYS)
        ]
        settings = CollectorSettings.model_validate({"write_keys": keys, "retry_after": 1})
        collector = Collector(settings, self.memory, load())  # type: ignore[arg-type] # a publisher for tests
        self._app = collector.app

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/v1/batch":
            await self._app(scope, receive, send)
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body = await Request(scope, receive).body()
        # A page of the test before may still be saying its last words.
        asked = Asked(scope["method"], headers, orjson.loads(body)["writeKey"] if body else None)
        self.asked.append(asked)

        async def again() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start":
                asked.status = message["status"]
            await send(message)

        if self.instead.get(asked.key):
            answer = self.instead[asked.key].pop(0)
            answer.headers["Access-Control-Allow-Origin"] = headers.get("origin", "*")
            answer.headers["Access-Control-Expose-Headers"] = "Retry-After"
            await answer(scope, again, watched)
        else:
            await self._app(scope, again, watched)

    def events(self, source: str) -> list[dict[str, Any]]:
        """Give the touchpoints of a source that lie in Kafka, each once, as whoever reads them there takes them."""
        values = [orjson.loads(record.value) for record in self.memory.records if record.topic == COLLECTED.name]
        return list({value["event_id"]: value for value in reversed(values) if value["source"] == source}.values())


class Site:
    """Pages of any host: each path gives what the test has put there."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        self.app = Starlette(routes=[Route("/{path:path}", self._show, methods=["GET", "POST"])])

    async def _show(self, request: Request) -> Response:
        html, headers = self.pages.get(request.url.path, ("", {}))
        return HTMLResponse(html, status_code=200 if html else 404, headers=headers)


@dataclass
class Stage:
    """Both servers, running."""

    door: Door = field(default_factory=Door)
    site: Site = field(default_factory=Site)
    door_port: int = field(default_factory=ports.free_port)
    site_port: int = field(default_factory=ports.free_port)
    used: int = 0
    _servers: list[tuple[Server, asyncio.Task[None]]] = field(default_factory=list)

    async def start(self) -> None:
        for app, port in ((self.door.app, self.door_port), (self.site.app, self.site_port)):
            server = Server(
                app,
                address="127.0.0.1",
                port=port,
                interface=Interfaces.ASGINL,
                http=HTTPModes.http1,
                websockets=False,
                log_enabled=False,
            )
            self._servers.append((server, asyncio.create_task(server.serve())))
        for port in (self.door_port, self.site_port):
            await _listens(port)

    async def stop(self) -> None:
        for server, task in self._servers:
            server.stop()  # type: ignore[no-untyped-call] # granian leaves it without types
            await asyncio.wait({task}, timeout=PATIENCE)

    @property
    def collector(self) -> str:
        return f"http://collect.localhost:{self.door_port}"

    def url(self, path: str = "/", host: str = "shop.localhost") -> str:
        return f"http://{host}:{self.site_port}{path}"


class Visitor:
    """One test's browser, write key and events. Its pages carry the snippet with the attributes that it was given."""

    def __init__(self, stage: Stage, context: BrowserContext) -> None:
        self.stage, self.context = stage, context
        self.key, self.source = f"pk_{stage.used}", f"web-{stage.used}"
        stage.used += 1
        stage.site.pages.clear()
        stage.door.memory.down = False

    def script(self, attributes: str = "") -> str:
        return (
            f'<script async src="{self.stage.collector}/touchpath-{build().digest}.js" '
            f'data-key="{self.key}" data-gather="20" {attributes}></script>'
        )

    def put(
        self,
        path: str = "/",
        attributes: str = "",
        *,
        body: str = "",
        head: str = "",
        script: str | None = None,
        title: str = "Lamps",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Put a page with the snippet onto every host."""
        tag = self.script(attributes) if script is None else script
        html = f'<!doctype html><link rel="icon" href="data:,"><title>{title}</title>{head}{tag}<body>{body}</body>'
        self.stage.site.pages[path] = (html, headers or {})

    async def go(self, path: str = "/", *, page: Page | None = None, host: str = "shop.localhost", **more: Any) -> Page:
        """Open a page and wait until the snippet is there."""
        page = page or await self.context.new_page()
        await page.goto(self.stage.url(path, host), **more)
        await page.wait_for_function("window.touchpath && touchpath.version")
        return page

    def answers(self, *instead: Response) -> None:
        """Let the collector give these answers first."""
        self.stage.door.instead[self.key] = list(instead)

    @property
    def requests(self) -> list[Asked]:
        """What came to the collector with this key."""
        return [asked for asked in self.stage.door.asked if asked.key == self.key]

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.stage.door.events(self.source)

    @property
    def names(self) -> list[str]:
        """The events in their order: the name of a track call, else the touchpoint."""
        ordered = sorted(self.events, key=moment)
        return [event.get("name") or event["touchpoint"] for event in ordered]

    async def wait(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many events are there; more than that fails."""
        await until(lambda: len(self.events) >= count, lambda: f"{count} events; there are {self.names}")
        assert len(self.events) == count, self.names
        return sorted(self.events, key=moment)

    async def last(self, page: Page) -> list[dict[str, Any]]:
        """Send a last event, wait for it, and give what came before: so what did not come can be asserted."""
        await page.evaluate("touchpath.track('Last')")
        await until(lambda: "Last" in self.names, lambda: f"the last event; there are {self.names}")
        return [event for event in sorted(self.events, key=moment) if event.get("name") != "Last"]

    async def asked(self, count: int) -> list[Asked]:
        """Wait until so many requests came to the collector and were answered."""

        def answered() -> int:
            return sum(asked.status > 0 for asked in self.requests)

        await until(lambda: answered() >= count, lambda: f"{count} answers; there are {self.requests}")
        return self.requests


def moment(event: dict[str, Any]) -> datetime:
    """Give when an event happened."""
    return datetime.fromisoformat(event["occurred_at"])


def anonymous(event: dict[str, Any]) -> list[str]:
    """Give the anonymous ids of an event."""
    return [found["value"] for found in event.get("identifiers", []) if found["kind"] == "anonymous"]


async def until(holds: Any, wanted: Any) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {wanted()}"
        await asyncio.sleep(0.01)


async def _listens(port: int) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            assert time.monotonic() < end, "the server does not listen"
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
