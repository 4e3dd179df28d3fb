"""The HTTP door: events in, Kafka out. This file only wires; the doors stand in `doors.py`, the rest in its neighbours.

The order of things, which is the promise: unpack, find the key, translate each event, leave out what is known, wait
for Kafka to acknowledge every touchpoint and every quarantine record, remember the ids, answer 200.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from producers.adapters.sender import Limits
from producers.collector import cors
from producers.collector.door import Arrived, Door, Page, Services, json_answer
from producers.collector.doors import DOORS, PAGES
from producers.collector.fetching import Fetch, Fetcher
from producers.collector.keys import KeyRing, basic_user
from producers.collector.metrics import Metrics
from producers.collector.recent import RecentIds
from producers.collector.refusal import Refusal
from producers.collector.tally import outcome_of_refusal, tally_of, without_known
from producers.collector.unpack import read, unpacked
from producers.publisher import Publisher, PublishFailed
from producers.records import record_of
from producers.settings import CollectorSettings, WriteKey
from schemas.catalogue import Catalogue
from schemas.outcome import Accepted, Duplicate, Outcome

log = logging.getLogger(__name__)

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
        fetch: Fetch | None = None,
    ) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._publisher = publisher
        self._services = Services(
            settings=settings,
            catalogue=catalogue,
            limits=Limits(settings.max_event_bytes, settings.max_depth, settings.max_quarantined_bytes),
            keys=KeyRing(settings.write_keys),
            metrics=self.metrics,
            publisher=publisher,
            now=now,
            fetch=fetch or Fetcher(),
        )
        self._recent = RecentIds(settings.recent_ids)
        self._in_flight = 0
        self._refusing = False
        self._outage = False
        routes = [route for door in DOORS for route in self._routes_of_door(door)]
        routes += [route for page in PAGES for route in self._routes_of_page(page)]
        self.app = Starlette(routes=routes, exception_handlers={HTTPException: self._http_error})

    # ---- what is asked

    def _routes_of_door(self, door: Door) -> list[Route]:
        async def take(request: Request) -> Response:
            if door.look is not None and request.method not in door.methods:
                return door.look(request)
            return await self._take(door, request)

        methods = [*door.methods, "OPTIONS", *(["GET"] if door.look else [])]
        return [Route(path, self._watched(path, take), methods=methods) for path in door.paths]

    def _routes_of_page(self, page: Page) -> list[Route]:
        async def show(request: Request) -> Response:
            return await page.answer(request, self._services)

        return [Route(path, self._watched(path, show), methods=[*page.methods]) for path in page.paths]

    async def _take(self, door: Door, request: Request) -> Response:
        if self._refusing:
            raise Refusal(503, "stopping", "the collector is stopping; send again")
        if door.names is not None:
            door.names(request)  # a door of several may say 404 here
        arrived = Arrived(request, self._services, self._services.now())
        refusal: Refusal | None = None
        inside: str | None = None
        try:
            arrived.body = await self._unpacked(request)
            inside = door.key_inside(arrived)
        except Refusal as refused:
            refusal = refused
        arrived.key = self._holder(request, door.key_outside(request) or inside)
        arrived.sender = arrived.key.sender(f"http:{request.url.path}")
        outcomes: Sequence[Outcome] = ()
        if refusal is None:
            try:
                outcomes = await door.translate(arrived)
            except Refusal as refused:
                refusal = refused
        if refusal is not None:
            if refusal.status == 400:
                bad = outcome_of_refusal(refusal, arrived.sender, arrived.received_at, self._services.limits)
                await self._settle([bad], arrived.key.source)
            raise refusal
        return door.answer(arrived, await self._settle(outcomes, arrived.key.source))

    async def _unpacked(self, request: Request) -> bytes:
        keep = self._services.limits.quarantined_bytes
        packed = await read(request.stream(), self._settings.max_body_bytes, keep)
        return unpacked(packed, self._settings.max_unpacked_bytes, keep)

    def _holder(self, request: Request, stated: str | None) -> WriteKey:
        """Give whose request it is: by Basic authentication, else by the key that is stated elsewhere."""
        presented = basic_user(request.headers.get("authorization")) or stated
        key = self._services.keys.holder(presented) if presented else None
        if key is None:
            self.metrics.unauthorized.inc()
            # No WWW-Authenticate: browsers would ask the visitor of a web page for a password.
            what = "the write key is not known" if presented else "a write key is required (Basic auth, user name)"
            raise Refusal(401, "unauthorized", what)
        return key

    # ---- what is done

    async def _settle(self, outcomes: Sequence[Outcome], source: str) -> list[Outcome]:
        """Leave out what is known, have the rest acknowledged, count and remember it.

        Raises:
            Refusal: 503, Kafka did not acknowledge all of it.
        """
        settled = without_known(outcomes, self._recent)
        records = [record_of(outcome) for outcome in settled if not isinstance(outcome, Duplicate)]
        try:
            published = asyncio.wrap_future(self._publisher.publish(records))
            await asyncio.wait_for(published, self._settings.publish_timeout)
        except (PublishFailed, TimeoutError) as error:
            self.metrics.publish_errors.inc()
            self.metrics.refuse(source, len(settled))
            self._say_outage(str(error) or "no answer in time")
            raise Refusal(503, "unavailable", "Kafka does not take events at the moment; send again") from error
        self._say_outage(None)
        self._recent.remember(o.touchpoint.event_id for o in settled if isinstance(o, Accepted))
        self.metrics.tell(source, tally_of(settled))
        return settled

    def _say_outage(self, reason: str | None) -> None:
        """Log when Kafka goes and when it is back, not once for each request between."""
        if reason is not None and not self._outage:
            log.warning("Kafka does not take events, senders are answered 503: %s", reason)
        elif reason is None and self._outage:
            log.warning("Kafka takes events again")
        self._outage = reason is not None

    # ---- around every request

    def _watched(self, path: str, handler: Handler) -> Handler:
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
            self.metrics.seconds.labels(path, str(response.status_code)).observe(seconds)
            return response

        return watched

    async def _answered(self, request: Request, handler: Handler) -> Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            response = json_answer(refusal.status, {"code": refusal.code, "message": refusal.message})
            if refusal.status == 503:
                response.headers["Retry-After"] = str(self._settings.retry_after)
            return response
        except ClientDisconnect:
            return json_answer(400, {"code": "disconnected", "message": "the sender closed the connection"})
        except Exception:
            log.exception("a defect in the collector")
            return json_answer(500, {"code": "defect", "message": "the collector failed at this request"})

    async def _http_error(self, _request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        codes = {404: "not_found", 405: "method_not_allowed"}
        message = str(getattr(error, "detail", "error"))
        return json_answer(status, {"code": codes.get(status, "http_error"), "message": message})

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
