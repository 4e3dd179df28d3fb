"""Who is let in: the key and what it opens, from which pages, how fast, and how much of the room it takes."""

import asyncio
import math
from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self

from starlette.requests import Request

from producers.adapters.address import client_ip, cut_ip
from producers.adapters.sender import Sender
from producers.collector.bucket import Bucket
from producers.collector.door import Door
from producers.collector.fair_share import FairShare
from producers.collector.keys import KeyRing, basic_user
from producers.collector.metrics import Metrics
from producers.collector.refusal import Refusal
from producers.settings import CollectorSettings, WriteKey

#: Seconds that a sender is asked to wait who has too many requests under way; they are done in far less.
SOON = 1
#: Requests of one key that are translated at a time; the second goes on while the first one waits for a certificate.
AT_ONCE = 2


class Admission:
    """The state of it: a bucket for each key that has a rate, and the room that is taken. `clock` gives seconds."""

    def __init__(
        self, settings: CollectorSettings, keys: KeyRing[WriteKey], metrics: Metrics, clock: Callable[[], float]
    ) -> None:
        self._settings, self._keys, self._metrics, self._clock = settings, keys, metrics, clock
        self._buckets: dict[int, Bucket] = {}
        for key in settings.write_keys:
            if (rate := key.rate or settings.rate) is not None:
                burst = key.burst or settings.burst or 2 * rate
                self._buckets[id(key)] = Bucket(rate, burst, clock())
        self._senders: dict[tuple[int, str], Sender] = {}  # doors have few addresses, or say 404 before this
        self._turns: dict[int, asyncio.Semaphore] = {}
        self._places = FairShare(settings.max_requests)
        self._bytes = FairShare(settings.max_bytes)

    def holder(self, request: Request, stated: str | None, now: datetime) -> WriteKey | None:
        """Give whose request it is: by Basic authentication, else by the key that is stated; None: no key is there.

        Raises:
            Refusal: 401, the key is not known, or not any more.
        """
        presented = basic_user(request.headers.get("authorization")) or stated
        if not presented:
            return None
        key = self._keys.holder(presented, now)
        if key is None:
            raise self.unauthorized("the write key is not known, or not at this time")
        return key

    def unauthorized(self, message: str) -> Refusal:
        """Count a request without a good key, and give the answer."""
        self._metrics.unauthorized.inc()
        return Refusal(401, "unauthorized", message)

    def admit(self, key: WriteKey, door: Door, request: Request) -> None:
        """Let a request in, before its body is read.

        Raises:
            Refusal: 403, this key does not open this door, or not from this page; 429, it comes too fast.
        """
        names = door.names(request) if door.names is not None else (door.name,)
        if door.private and key.public:
            raise self._forbidden(key, f"{names[-1]}: a public write key may not send this")
        if key.allow is not None and not any(name in key.allow for name in names):
            allowed = ", ".join(key.allow) or "nothing"
            raise self._forbidden(key, f"the write key may not send {names[-1]}; it may send {allowed}")
        origin = request.headers.get("origin")
        if key.origins is not None and origin and "*" not in key.origins and origin not in key.origins:
            raise self._forbidden(key, f"the write key is not for pages of {origin[:200]}")
        bucket = self._buckets.get(id(key))
        if bucket is not None:
            now = self._clock()
            if (wait := bucket.wait(now)) > 0:
                self._metrics.turned_away.labels(key.source, "rate").inc()
                raise Refusal(
                    429,
                    "rate_limited",
                    "more events than the write key may send; send again",
                    retry_after=math.ceil(wait),
                )
            bucket.take(1, now)

    def charge(self, key: WriteKey, events: int) -> None:
        """Take the tokens of a request's events, less the one that `admit` took."""
        bucket = self._buckets.get(id(key))
        if bucket is not None and events > 1:
            bucket.take(events - 1, self._clock())

    def sender(self, key: WriteKey, request: Request) -> Sender:
        """Give the sender, with the address of the device where a browser or an app has sent this itself."""
        ip = None
        if self._settings.keep_ip and (key.public or "origin" in request.headers):
            peer = request.client.host if request.client else None
            proxies = self._settings.trusted_networks
            ip = cut_ip(client_ip(peer, request.headers.get("x-forwarded-for"), proxies))
        path: str = request.scope["path"]
        sender = self._senders.get((id(key), path))
        if sender is None:
            # A replay must not claim more than this key did.
            door = f"http:{path}" + ("?key=public" if key.public else "")
            sender = self._senders[id(key), path] = key.sender(
                door, self._settings.identifiers, keep_ip=self._settings.keep_ip
            )
        return sender if ip is None else replace(sender, ip=ip)

    def turn(self, key: WriteKey) -> asyncio.Semaphore:
        """Give what a request holds while its events are translated, which is what takes the processor.

        At most two requests of a key are translated at a time, whatever their number: so between two slices of a
        flood's events the other keys have their turn, and not only the flood's own next requests.
        """
        return self._turns.setdefault(id(key), asyncio.Semaphore(AT_ONCE))

    def stay(self, key: WriteKey | None) -> "Stay":
        """Give the room that one request takes; those whose key is not known yet share the room of one."""
        source = key.source if key is not None else "(not known yet)"
        return Stay(self._places, self._bytes, id(key), source, self._metrics)

    def _forbidden(self, key: WriteKey, message: str) -> Refusal:
        self._metrics.turned_away.labels(key.source, "forbidden").inc()
        return Refusal(403, "forbidden", message)


class Stay:
    """The room that a request takes while it is worked on: one place, and the bytes of its body."""

    def __init__(self, places: FairShare, memory: FairShare, holder: Hashable, source: str, metrics: Metrics) -> None:
        self._places, self._bytes, self._holder = places, memory, holder
        self._source, self._metrics = source, metrics
        self._taken = 0

    def __enter__(self) -> Self:
        if not self._places.take(self._holder):
            raise self._busy("too many requests are under way")
        return self

    def more(self, size: int) -> None:
        """Take room for so many bytes more.

        Raises:
            Refusal: 429, there is none now.
        """
        if not self._bytes.take(self._holder, size):
            raise self._busy("too many bytes are under way")
        self._taken += size

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._bytes.give_back(self._holder, self._taken)
        self._places.give_back(self._holder)

    def _busy(self, message: str) -> Refusal:
        self._metrics.turned_away.labels(self._source, "busy").inc()
        return Refusal(429, "busy", f"{message}; send again", retry_after=SOON)
