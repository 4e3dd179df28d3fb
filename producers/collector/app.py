"""The HTTP door: events in, Kafka out. This file only wires; the doors stand in `doors.py`, the rest in its neighbours.

The order of things, which is the promise: unpack, find the key, translate each event, leave out what is known, wait
for Kafka to acknowledge every touchpoint and every quarantine record, remember the ids, answer 200.
"""

import asyncio
import contextlib
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
from producers.collector.admin import admin_of
from producers.collector.admission import Admission, Stay
from producers.collector.door import AdminDoor, Arrived, Called, Door, Lookup, Page, Services, json_answer
from producers.collector.doors import ADMIN_DOORS, DOORS, PAGES
from producers.collector.fetching import Fetch, Fetcher
from producers.collector.keys import KeyRing
from producers.collector.metrics import Metrics
from producers.collector.query import plain_query
from producers.collector.refusal import Refusal
from producers.collector.tally import outcome_of_refusal, without_known
from producers.collector.unpack import drain, few_enough, read, unpacked
from producers.publisher import Publisher, PublishFailed
from producers.recent import RecentIds
from producers.records import record_of
from producers.settings import CollectorSettings, WriteKey
from schemas.catalogue import Catalogue
from schemas.outcome import Accepted, Duplicate, Outcome

log = logging.getLogger(__name__)

#: Of a request to an admin door, in bytes: a decision is a few lines.
MOST_ADMIN_BYTES = 64 * 1024

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
        clock: Callable[[], float] = time.monotonic,
        lookup: Lookup | None = None,
    ) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._publisher = publisher
        self._services = Services(
            settings=settings,
            catalogue=catalogue,
            limits=Limits(settings.max_event_bytes, settings.max_depth, settings.max_quarantined_bytes),
            keys=KeyRing(settings.write_keys),
            admin_keys=KeyRing(settings.admin_keys),
            metrics=self.metrics,
            publisher=publisher,
            now=now,
            fetch=fetch or Fetcher(),
            doors=DOORS,
            pages=PAGES,
            admin_doors=ADMIN_DOORS,
            lookup=lookup,
        )
        self._admission = Admission(settings, self._services.keys, self.metrics, clock)
        self._recent = RecentIds(settings.recent_ids)
        self._in_flight = 0
        self._refusing = False
        self._outage = False
        _know_scopes(settings)
        routes = [route for door in DOORS for route in self._routes_of_door(door)]
        routes += [route for page in PAGES for route in self._routes_of_page(page)]
        routes += [route for admin in ADMIN_DOORS for route in self._routes_of_admin_door(admin)]
        self.app = Starlette(routes=routes, exception_handlers={HTTPException: self._http_error})

    # ---- what is asked

    def _routes_of_door(self, door: Door) -> list[Route]:
        async def take(request: Request) -> Response:
            if door.look is not None and request.method not in door.methods:
                return door.look(request)
            return await self._take(door, request)

        methods = [*door.methods, "OPTIONS", *(["GET"] if door.look else [])]
        return [Route(path, self._watched(path, take, asks=door.asks), methods=methods) for path in door.paths]

    def _routes_of_page(self, page: Page) -> list[Route]:
        async def show(request: Request) -> Response:
            return await page.answer(request, self._services)

        return [Route(path, self._watched(path, show), methods=[*page.methods]) for path in page.paths]

    def _routes_of_admin_door(self, door: AdminDoor) -> list[Route]:
        async def call(request: Request) -> Response:
            return await self._called(door, request)

        # Without OPTIONS no page of another site gets beyond its preflight, and none may read an answer.
        handlers = [(path, self._watched(path, call, shared=False)) for path in door.paths]
        return [Route(path, handler, methods=[*door.methods]) for path, handler in handlers]

    async def _called(self, door: AdminDoor, request: Request) -> Response:
        received_at = self._services.now()
        try:
            if self._refusing:
                raise Refusal(503, "stopping", "the collector is stopping; send again")
            key = admin_of(request, self._services, received_at)
        except Refusal:
            await self._drained(request)
            raise
        body = await self._read(request, MOST_ADMIN_BYTES, 0, lambda _bytes: None)
        return await door.answer(Called(request, self._services, received_at, key, body))

    async def _take(self, door: Door, request: Request) -> Response:
        if self._refusing:
            raise Refusal(503, "stopping", "the collector is stopping; send again")
        arrived = Arrived(request, self._services, self._services.now())
        with contextlib.ExitStack() as leaving:
            try:
                if door.names is not None:
                    door.names(request)  # a door of several may say 404 here
                arrived.key = self._admitted(door, arrived, door.key_outside(request))
                stay = leaving.enter_context(self._admission.stay(arrived.key))
            except Refusal:
                await self._drained(request)
                raise
            return await self._worked_on(door, arrived, stay)

    async def _worked_on(self, door: Door, arrived: Arrived, stay: Stay) -> Response:
        refusal: Refusal | None = None
        inside: str | None = None
        try:
            arrived.body = await self._unpacked(arrived.request, stay)
            inside = door.key_inside(arrived)
        except Refusal as refused:
            if refused.status != 400:
                raise  # to be sent again, whoever it is: the key may stand in what could not be read
            refusal = refused
        arrived.key = key = arrived.key or self._admitted(door, arrived, inside)
        if key is None:
            raise self._admission.unauthorized("a write key is required (Basic auth, user name)")
        arrived.sender = self._admission.sender(key, arrived.request)
        outcomes: Sequence[Outcome] = ()
        if refusal is None:
            try:
                async with self._admission.turn(key):
                    outcomes = await door.translate(arrived)
                self._admission.charge(key, len(outcomes))
            except Refusal as refused:
                refusal = refused
        if refusal is not None:
            arrived.parsed, arrived.body = None, b""  # it may be large, and only the refusal's part of it is kept
            if refusal.status == 400:
                bad = outcome_of_refusal(refusal, arrived.sender, arrived.received_at, self._services.limits)
                await self._settle([bad], key.source)
            raise refusal
        return door.answer(arrived, await self._settle(outcomes, key.source))

    def _admitted(self, door: Door, arrived: Arrived, stated: str | None) -> WriteKey | None:
        key = self._admission.holder(arrived.request, stated, arrived.received_at)
        if key is not None:
            arrived.request.state.origins = self._settings.origins_of(key)
            self._admission.admit(key, door, arrived.request)
        return key

    async def _unpacked(self, request: Request, stay: Stay) -> bytes:
        keep = self._services.limits.quarantined_bytes
        packed = await self._read(request, self._settings.max_body_bytes, keep, stay.more)
        body = unpacked(packed, self._settings.max_unpacked_bytes, keep)
        if body is not packed:
            stay.more(len(body))
        few_enough(body, self._settings.max_values, keep)
        return body

    async def _read(self, request: Request, most: int, keep: int, more: Callable[[int], None]) -> bytes:
        try:
            async with asyncio.timeout(self._settings.body_timeout):
                return await read(request.stream(), most, keep, more)
        except TimeoutError:
            raise Refusal(408, "timeout", f"the body did not arrive in {self._settings.body_timeout:g} s") from None

    async def _drained(self, request: Request) -> None:
        with contextlib.suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(self._settings.body_timeout):
                await drain(request.stream(), self._settings.max_body_bytes)

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
        self.metrics.tell(source, settled)
        return settled

    def _say_outage(self, reason: str | None) -> None:
        """Log when Kafka goes and when it is back, not once for each request between."""
        if reason is not None and not self._outage:
            log.warning("Kafka does not take events, senders are answered 503: %s", reason)
        elif reason is None and self._outage:
            log.warning("Kafka takes events again")
        self._outage = reason is not None

    # ---- around every request

    def _watched(self, path: str, handler: Handler, *, asks: bool = False, shared: bool = True) -> Handler:
        async def watched(request: Request) -> Response:
            request.scope["query_string"] = plain_query(request.scope["query_string"])
            origin = request.headers.get("origin")
            if request.method == "OPTIONS":
                wanted = request.headers.get("access-control-request-headers")
                origins = self._settings.origins_of(None)
                return Response(status_code=200, headers=cors.preflight(origin, wanted, origins))
            began = time.perf_counter()
            self._in_flight += 1
            try:
                response = await self._answered(request, handler, asks=asks)
            finally:
                self._in_flight -= 1
            origins = getattr(request.state, "origins", None) or self._settings.origins_of(None)
            # A page may have opened itself to everybody.
            if shared and "access-control-allow-origin" not in response.headers:
                response.headers.update(cors.headers(origin, origins))
            self.metrics.took(path, response.status_code, time.perf_counter() - began)
            return response

        return watched

    async def _answered(self, request: Request, handler: Handler, *, asks: bool) -> Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            response = json_answer(refusal.status, {"code": refusal.code, "message": refusal.message})
            if (
                wait := refusal.retry_after or (self._settings.retry_after if refusal.status == 503 else None)
            ) is not None:
                response.headers["Retry-After"] = str(wait)
            if refusal.status == 401 and asks:
                response.headers["WWW-Authenticate"] = 'Basic realm="touchpath"'
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


def _know_scopes(settings: CollectorSettings) -> None:
    """Find typing errors in what keys may send."""
    known = {name for door in DOORS for name in (door.scopes if door.names else (door.name,))}
    for key in settings.write_keys:
        for name in key.allow or ():
            if name not in known:
                raise ValueError(f"a write key of {key.source} allows {name!r}; known are {', '.join(sorted(known))}")
