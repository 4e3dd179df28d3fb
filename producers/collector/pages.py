"""The collector's own pages: the first page, `/health`, `/ready`, `/metrics`."""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from producers.collector.door import Page, Services, json_answer
from producers.collector.welcome import page
from schemas.topics import COLLECTED, QUARANTINE


async def _welcome(request: Request, _services: Services) -> Response:
    return HTMLResponse(page(str(request.base_url).rstrip("/")))


async def _health(_request: Request, _services: Services) -> Response:
    return json_answer(200, {"status": "up"})


async def _ready(_request: Request, services: Services) -> Response:
    missing = await asyncio.to_thread(services.publisher.ready, (COLLECTED.name, QUARANTINE.name))
    if missing is not None:
        return json_answer(503, {"code": "not_ready", "message": missing})
    return json_answer(200, {"status": "ready"})


async def _metrics(_request: Request, services: Services) -> Response:
    return Response(generate_latest(services.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


PAGES = (
    Page(
        name="welcome",
        paths=("/",),
        about="What this is, and a line to try each door",
        answer=_welcome,
        answers={200: {"text/html": "for people", "application/json": "for machines"}},
    ),
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
