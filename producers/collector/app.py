"""The HTTP door: Segment's API in, Kafka out. This file only wires; what it decides stands in its neighbours.

The order of things, which is the promise: unpack, find the key, translate each event, leave out what is known, wait
for Kafka to acknowledge every touchpoint and every quarantine record, remember the ids, answer 200.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from producers.adapters.adapter import Context
from producers.adapters.sender import Limits, Sender
from producers.adapters.web.segment import CALLS, Call
from producers.collector import batch, cors, hooks
from producers.collector.fetching import Fetcher
from producers.collector.keys import KeyRing, basic_user
from producers.collector.metrics import Metrics
from producers.collector.recent import RecentIds
from producers.collector.refusal import Refusal
from producers.collector.unpack import read, unpacked
from producers.collector.welcome import page
from producers.publisher import Publisher, PublishFailed
from producers.records import record_of
from producers.settings import CollectorSettings, HookSettings, WriteKey
from schemas.catalogue import Catalogue
from schemas.outcome import Accepted, Duplicate, Outcome, Quarantined
from schemas.topics import COLLECTED, QUARANTINE

log = logging.getLogger(__name__)

#: Events of a batch that are translated before other requests have their turn: some five milliseconds.
AT_A_TIME = 50

Handler = Callable[[Request], Awaitable[Response]]


def utc_now() -> datetime:
    """Give the time of arrival. The only clock of the collector, so that a test can give another."""
    return datetime.now(UTC)


class Collector:
    """The door's state: keys, recent ids, metrics and the way to Kafka. `app` is the ASGI application."""

    def __init__(
        self,
        settings: CollectorSettings,
        publisher: Publisher,
        catalogue: Catalogue,
        now: Callable[[], datetime] = utc_now,
        fetch: hooks.Fetch | None = None,
    ) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._publisher = publisher
        self._catalogue = catalogue
        self._now = now
        self._fetch = fetch or Fetcher()
        self._keys = KeyRing(settings.write_keys)
        self._recent = RecentIds(settings.recent_ids)
        self._limits = Limits(settings.max_event_bytes, settings.max_depth, settings.max_quarantined_bytes)
        self._in_flight = 0
        self._refusing = False
        self._outage = False
        self.app = Starlette(routes=self._routes(), exception_handlers={HTTPException: self._http_error})

    # ---- what is asked

    def _routes(self) -> list[Route]:
        routes = [
            Route("/", self._watched(self._welcome), methods=["GET"]),
            Route("/health", self._health, methods=["GET"]),
            Route("/ready", self._ready, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
        ]
        for call in CALLS:
            for path in (f"/v1/{call}", f"/v1/{call[0]}"):
                routes.append(self._event_route(path, self._single(call)))
        routes += [self._event_route(path, self._batch) for path in ("/v1/batch", "/v1/b")]
        routes.append(Route("/hooks/{adapter}", self._watched(self._hook), methods=["POST", "GET"]))
        return routes

    def _event_route(self, path: str, handler: Handler) -> Route:
        return Route(path, self._watched(handler), methods=["POST", "OPTIONS"])

    def _single(self, call: Call) -> Handler:
        async def handle(request: Request) -> Response:
            return await self._take(request, call)

        return handle

    async def _batch(self, request: Request) -> Response:
        return await self._take(request, None)

    async def _hook(self, request: Request) -> Response:
        adapter = hooks.adapter_of(request.path_params["adapter"])
        if request.method != "POST":  # providers try an address with GET or HEAD before they use it
            return _json(200, {"adapter": adapter.name, "about": adapter.about, "send": "POST"})
        self._refuse_when_stopping()
        received_at = self._now()
        keep = self._limits.quarantined_bytes
        body, refusal = b"", None
        try:
            packed = await read(request.stream(), self._settings.max_body_bytes, keep)
            body = unpacked(packed, self._settings.max_unpacked_bytes, keep)
        except Refusal as refused:
            refusal = refused
        key = self._holder(request, hooks.presented_key(request))
        sender = key.sender(f"http:/hooks/{adapter.name}")
        outcomes: Sequence[Outcome] = ()
        if refusal is None:
            hook = hooks.hook_request(request, body, key.hooks.get(adapter.name, HookSettings()))
            try:
                await hooks.verify(adapter, hook, key, received_at, self._fetch)
            except Refusal as refused:
                if refused.status == 401:
                    self.metrics.bad_signatures.labels(sender.source, adapter.name).inc()
                raise
            context = Context(sender, received_at, self._catalogue, self._limits)
            try:
                outcomes = await hooks.outcomes_of(adapter, hook, context, self._settings.max_batch_events)
            except Refusal as refused:
                refusal = refused
        if refusal is not None:
            await self._settle([batch.outcome_of_refusal(refusal, sender, received_at, self._limits)], sender)
            raise refusal
        outcomes = await self._settle(outcomes, sender)
        if adapter.hook is not None and adapter.hook.answer is not None:
            media_type, content = adapter.hook.answer
            return Response(content, media_type=media_type)
        return _json(200, batch.answer_of(outcomes, batch.tally_of(outcomes)))

    def _refuse_when_stopping(self) -> None:
        if self._refusing:
            raise Refusal(503, "stopping", "the collector is stopping; send again")

    async def _take(self, request: Request, call: Call | None) -> Response:
        self._refuse_when_stopping()
        received_at = self._now()
        keep = self._limits.quarantined_bytes
        refusal, body, envelope = None, b"", None
        try:
            packed = await read(request.stream(), self._settings.max_body_bytes, keep)
            body = unpacked(packed, self._settings.max_unpacked_bytes, keep)
            envelope = batch.envelope_of(body, keep)
        except Refusal as refused:
            refusal = refused
        stated = envelope.writeKey if envelope is not None and isinstance(envelope.writeKey, str) else None
        key = self._holder(request, request.query_params.get("writeKey") or stated)
        sender = key.sender(f"http:{request.url.path}")
        outcomes: Sequence[Outcome] = ()
        if envelope is not None and refusal is None:
            try:
                outcomes = await self._translated(body, envelope, call, sender, received_at)
            except Refusal as refused:
                refusal = refused
        if refusal is not None:
            await self._settle([batch.outcome_of_refusal(refusal, sender, received_at, self._limits)], sender)
            raise refusal
        outcomes = await self._settle(outcomes, sender)
        if call is not None and isinstance(outcomes[0], Quarantined):
            raise Refusal(400, "quarantined", outcomes[0].record.reason)
        return _json(200, batch.answer_of(outcomes, batch.tally_of(outcomes)))

    async def _translated(
        self, body: bytes, envelope: batch.Envelope, call: Call | None, sender: Sender, received_at: datetime
    ) -> list[Outcome]:
        if call is not None:
            return [batch.outcome_of_call(body, call, sender, received_at, self._catalogue, self._limits)]
        keep, most = self._limits.quarantined_bytes, self._settings.max_batch_events
        outcomes = []
        for index, raw in enumerate(batch.events_of_batch(envelope, body, most, keep)):
            if index and index % AT_A_TIME == 0:
                await asyncio.sleep(0)  # let the other requests go on
            outcomes.append(
                batch.outcome_in_batch(raw, index, envelope, sender, received_at, self._catalogue, self._limits)
            )
        return outcomes

    def _holder(self, request: Request, stated: str | None) -> WriteKey:
        """Give whose request it is: by Basic authentication, else by the key that is stated elsewhere."""
        presented = basic_user(request.headers.get("authorization")) or stated
        key = self._keys.holder(presented) if presented else None
        if key is None:
            self.metrics.unauthorized.inc()
            # No WWW-Authenticate: browsers would ask the visitor of a web page for a password.
            what = "the write key is not known" if presented else "a write key is required (Basic auth, user name)"
            raise Refusal(401, "unauthorized", what)
        return key

    # ---- what is done

    async def _settle(self, outcomes: Sequence[Outcome], sender: Sender) -> list[Outcome]:
        """Leave out what is known, have the rest acknowledged, count and remember it.

        Raises:
            Refusal: 503, Kafka did not acknowledge all of it.
        """
        settled = batch.without_known(outcomes, self._recent)
        records = [record_of(outcome) for outcome in settled if not isinstance(outcome, Duplicate)]
        try:
            published = asyncio.wrap_future(self._publisher.publish(records))
            await asyncio.wait_for(published, self._settings.publish_timeout)
        except (PublishFailed, TimeoutError) as error:
            self.metrics.publish_errors.inc()
            self.metrics.refuse(sender.source, len(settled))
            self._say_outage(str(error) or "no answer in time")
            raise Refusal(503, "unavailable", "Kafka does not take events at the moment; send again") from error
        self._say_outage(None)
        self._recent.remember(o.touchpoint.event_id for o in settled if isinstance(o, Accepted))
        self.metrics.tell(sender.source, batch.tally_of(settled))
        return settled

    def _say_outage(self, reason: str | None) -> None:
        """Log when Kafka goes and when it is back, not once for each request between."""
        if reason is not None and not self._outage:
            log.warning("Kafka does not take events, senders are answered 503: %s", reason)
        elif reason is None and self._outage:
            log.warning("Kafka takes events again")
        self._outage = reason is not None

    # ---- the other doors

    async def _welcome(self, request: Request) -> Response:
        return HTMLResponse(page(str(request.base_url).rstrip("/")))

    async def _health(self, _request: Request) -> Response:
        return _json(200, {"status": "up"})

    async def _ready(self, _request: Request) -> Response:
        missing = await asyncio.to_thread(self._publisher.ready, (COLLECTED.name, QUARANTINE.name))
        if missing is not None:
            return _json(503, {"code": "not_ready", "message": missing})
        return _json(200, {"status": "ready"})

    async def _metrics(self, _request: Request) -> Response:
        return Response(generate_latest(self.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    # ---- around every request

    def _watched(self, handler: Handler) -> Handler:
        async def watched(request: Request) -> Response:
            origin = request.headers.get("origin")
            if request.method == "OPTIONS":
                wanted = request.headers.get("access-control-request-headers")
                return Response(status_code=200, headers=cors.preflight(origin, wanted, self._settings.cors_origins))
            began = time.perf_counter()
            self._in_flight += 1
            try:
                response = await self._answered(request, handler)
            finally:
                self._in_flight -= 1
            response.headers.update(cors.headers(origin, self._settings.cors_origins))
            seconds = time.perf_counter() - began
            self.metrics.seconds.labels(request.url.path, str(response.status_code)).observe(seconds)
            return response

        return watched

    async def _answered(self, request: Request, handler: Handler) -> Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            response = _json(refusal.status, {"code": refusal.code, "message": refusal.message})
            if refusal.status == 503:
                response.headers["Retry-After"] = str(self._settings.retry_after)
            return response
        except ClientDisconnect:
            return _json(400, {"code": "disconnected", "message": "the sender closed the connection"})
        except Exception:
            log.exception("a defect in the collector")
            return _json(500, {"code": "defect", "message": "the collector failed at this request"})

    async def _http_error(self, _request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        codes = {404: "not_found", 405: "method_not_allowed"}
        message = str(getattr(error, "detail", "error"))
        return _json(status, {"code": codes.get(status, "http_error"), "message": message})

    # ---- the end

    def refuse_new(self) -> None:
        """Answer every new event 503 from now on, because the process is about to end."""
        self._refusing = True

    async def idle(self, timeout: float) -> bool:
        """Wait until no request is in flight; False where some still are after `timeout` seconds."""
        end = time.monotonic() + timeout
        while self._in_flight and time.monotonic() < end:
            await asyncio.sleep(0.02)
        return self._in_flight == 0


def _json(status: int, answer: dict[str, object]) -> Response:
    return Response(batch.encoded(answer), status_code=status, media_type="application/json")
