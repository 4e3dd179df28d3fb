"""The collector's own pages: the first page, `/openapi.json`, `/health`, `/ready`, `/metrics`."""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from producers.collector.door import Page, Services, json_answer
from producers.collector.openapi import document
from producers.collector.welcome import facts, page
from schemas.topics import COLLECTED, IDENTITY, QUARANTINE

#: On a laptop everybody knows the key; elsewhere none is shown.
_LAPTOP_KEY = "local"


async def _welcome(request: Request, services: Services) -> Response:
    base = str(request.base_url).rstrip("/")
    known = services.keys.holder(_LAPTOP_KEY, services.now()) is not None
    said = (base, _LAPTOP_KEY if known else None, services.doors, services.pages, services.admin_doors)
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(page(*said))
    return json_answer(200, facts(*said))


async def _openapi(_request: Request, services: Services) -> Response:
    return json_answer(200, document(services.doors, services.pages, services.admin_doors))


async def _health(_request: Request, _services: Services) -> Response:
    return json_answer(200, {"status": "up"})


async def _ready(_request: Request, services: Services) -> Response:
    topics = (COLLECTED, QUARANTINE, *((IDENTITY,) if services.settings.admin_keys else ()))
    missing = await asyncio.to_thread(services.publisher.ready, tuple(topic.name for topic in topics))
    if missing is not None:
        return json_answer(503, {"code": "not_ready", "message": missing})
    return json_answer(200, {"status": "ready"})


async def _metrics(_request: Request, services: Services) -> Response:
    return Response(services.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


PAGES = (
    Page(
        name="welcome",
        paths=("/",),
        about="What this is, and a line to try each door",
        answer=_welcome,
        answers={200: {"text/html": "for people", "application/json": "for machines"}},
    ),
    Page(name="openapi", paths=("/openapi.json",), about="Every path, as an OpenAPI 3.1 document", answer=_openapi),
    Page(name="health", paths=("/health",), about="200 while the process is up", answer=_health),
    Page(name="ready", paths=("/ready",), about="200 while Kafka answers and has the topics, else 503", answer=_ready),
    Page(
        name="metrics",
        paths=("/metrics",),
        about="Counters and timings in Prometheus's format",
        answer=_metrics,
        answers={200: {"text/plain": "metrics"}},
    ),
)
