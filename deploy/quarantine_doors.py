"""A quarantined record goes through its door again: the same code, the settings of now, the time at which it came then.

What came by HTTP goes through the collector's own application, in this process, with Kafka and the clock replaced: so
every door that the collector has can be gone through again, and none has a second way in. What came out of a file or a
topic goes through its adapter. A signature cannot be checked again (its headers are not kept): it was good, or
there would be no record.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Protocol, cast

import httpx
from pydantic import SecretStr, ValidationError

from deploy.quarantine_store import Kept
from deploy.topic_pieces import place_of, topic_outcomes
from producers.adapters.adapter import Adapter, Context, HookRequest, Piece
from producers.adapters.finish import outcome_of
from producers.adapters.hidden import hidden
from producers.adapters.pieces import json_piece
from producers.adapters.problem import Problem
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Limits
from producers.collector.app import Collector
from producers.identity_text import one_writing
from producers.publisher import Publisher
from producers.records import Record
from producers.settings import CollectorSettings, HookSettings, SourceSettings, WriteKey
from schemas.catalogue import Catalogue
from schemas.outcome import Accepted, Outcome, Quarantined
from schemas.quarantine import QuarantineRecord, reason_of
from schemas.topics import COLLECTED
from schemas.touchpoint import Touchpoint

#: What a door says of a body that was kept whole, because nothing could be read of it.
_WHOLE = re.compile(r"\((?P<code>[a-z_]+); at most its first (?P<kept>\d+) bytes are kept\)$")
_CUT = re.compile(r"\(of its \d+ bytes the first \d+ are kept(: [^()]*)?\)$")

#: Doors whose bodies hold several events, each of which is kept alone: the address → what stands around one event.
_AROUND: dict[str, tuple[bytes, bytes]] = {
    "/v1/batch": (b'{"batch":[', b"]}"),
    "/v1/b": (b'{"batch":[', b"]}"),
    "/beacon/v1/batch": (b'{"batch":[', b"]}"),
}


class CannotReplayError(Exception):
    """The record cannot go through its door again. The message says why, and what can be done instead."""


def whole(reason: str) -> bool:
    """Say whether the reason is that of a whole body that nothing could be read of, and not of one event."""
    return _WHOLE.search(reason) is not None


def cut(kept: Kept) -> bool:
    """Say whether only the beginning of what came is kept."""
    if _CUT.search(kept.reason):
        return True
    found = _WHOLE.search(kept.reason)
    return found is not None and len(kept.original) >= int(found["kept"])


SourceOf = Callable[[str], SourceSettings]
"""Gives the settings of a source that are in force."""


class KeyOf(Protocol):
    """Gives what the keys of a source open now, the public ones or the others."""

    def __call__(self, name: str, *, public: bool) -> WriteKey:
        """Give it as one key."""


class Doors:
    """All doors, to go through again. `close()` it."""

    def __init__(
        self,
        source_of: SourceOf,
        key_of: KeyOf,
        collector: CollectorSettings,
        catalogue: Catalogue,
        adapter: Adapter | None = None,
    ) -> None:
        self._source_of = source_of
        self._key_of = key_of
        self._catalogue = catalogue
        self._settings = collector
        self._adapter = adapter
        self._collectors: dict[tuple[str, bool], _InProcess] = {}

    async def outcomes(self, kept: Kept) -> list[Outcome]:
        """Give what the record's door says of it now; nothing is sent to Kafka.

        Raises:
            CannotReplayError: it is cut off, or nobody knows its door.
        """
        if cut(kept):
            raise CannotReplayError("only its beginning is kept; send it again from where it came")
        kind, _, rest = kept.door.partition(":")
        if kind == "http":
            return await self._http(kept, rest)
        if kind == "file":
            return self._file(kept, rest)
        if kind == "topic":
            return self._topic(kept, rest)
        raise CannotReplayError(f"nobody knows the door {kept.door!r}")

    async def close(self) -> None:
        """Let go of what was opened."""
        for collector in self._collectors.values():
            await collector.close()

    # ---- by HTTP

    async def _http(self, kept: Kept, rest: str) -> list[Outcome]:
        path, _, flags = rest.partition("?")
        public = "key=public" in flags
        raw = kept.original
        if not whole(kept.reason) and (around := _AROUND.get(path)):
            raw = around[0] + raw + around[1]
        name = path.removeprefix("/hooks/")
        if path.startswith("/hooks/") and not whole(kept.reason) and (adapter := self._adapter or ADAPTERS.get(name)):
            return self._hook_piece(adapter, kept, self._key_of(kept.source, public=public))
        return await self._collector(kept.source, public).outcomes(path, raw, kept.received_at)

    def _hook_piece(self, adapter: Adapter, kept: Kept, key: WriteKey) -> list[Outcome]:
        """Read what was kept of one event of a webhook: a body by itself, or a part of one."""
        context, raw = self._context(kept, key), kept.original
        if adapter.pieces is not None:
            request = HookRequest(raw, {}, (), f"/hooks/{adapter.name}")
            if found := _read(adapter, adapter.pieces(request, context), context):
                return found
        # One event by itself may be no body that the provider would send.
        if adapter.file is not None and (found := _read(adapter, adapter.file(BytesIO(raw), context), context)):
            return found
        try:
            return [outcome_of(adapter, json_piece(raw, "$", context.limits), context)]
        except (KeyError, TypeError, AttributeError) as error:
            raise CannotReplayError(f"nobody can read one event of {adapter.name} by itself ({error})") from error

    def _collector(self, source: str, public: bool) -> _InProcess:
        if (source, public) not in self._collectors:
            key = self._key_of(source, public=public)
            self._collectors[source, public] = _InProcess(key, self._settings, self._catalogue)
        return self._collectors[source, public]

    # ---- out of files and topics

    def _file(self, kept: Kept, rest: str) -> list[Outcome]:
        adapter = self._adapter_of(kept, rest)
        if adapter.file is None:
            raise CannotReplayError(f"the adapter {adapter.name!r} reads no files; name another with --adapter")
        context = self._context(kept)
        problems: list[Problem] = []
        if found := _read(adapter, adapter.file(BytesIO(kept.original), context), context, problems):
            return found
        why = str(problems[0]) if problems else "there is no event in it"
        raise CannotReplayError(f"nothing can be read of it as a file of {adapter.name}: {why}")

    def _topic(self, kept: Kept, rest: str) -> list[Outcome]:
        if rest.startswith(f"{COLLECTED.name}/"):
            return [_touchpoint(kept, self._context(kept))]
        place = place_of(kept.door)
        if place is None or place.topic.startswith("touchpath."):
            raise CannotReplayError("the workers make this record; replay what it was made of")
        return topic_outcomes(self._adapter_of(kept, rest), kept.original, place, self._context(kept))

    def _adapter_of(self, kept: Kept, rest: str) -> Adapter:
        name = rest.partition("?adapter=")[2]
        adapter = self._adapter or ADAPTERS.get(name)
        if adapter is None:
            raise CannotReplayError(f"{kept.door} does not say which adapter read it; name it with --adapter")
        return adapter

    def _context(self, kept: Kept, source: SourceSettings | None = None) -> Context:
        s = self._settings
        limits = Limits(s.max_event_bytes, s.max_depth, s.max_quarantined_bytes)
        sender = (source or self._source_of(kept.source)).sender(kept.door, s.identifiers)
        return Context(sender, kept.received_at, self._catalogue, limits)


def _read(
    adapter: Adapter, pieces: Iterator[Piece], context: Context, problems: list[Problem] | None = None
) -> list[Outcome]:
    """Give the outcomes of what can be read. What was kept may end in the middle of a document, but not of an event."""
    found: list[Outcome] = []
    try:
        for piece in pieces:
            found.append(outcome_of(adapter, piece, context))
    except Problem as problem:
        if problems is not None:
            problems.append(problem)
    return found


def _touchpoint(kept: Kept, context: Context) -> Outcome:
    """Give the touchpoint that others wrote into our topic, with its identifiers as our doors write them."""
    sender = context.sender
    try:
        touchpoint = Touchpoint.model_validate_json(kept.original)
        identifiers = one_writing(touchpoint.identifiers, sender.rules, sender.phone_region)
        return Accepted(hidden(touchpoint.model_copy(update={"identifiers": identifiers}), sender))
    except ValidationError as error:
        reason = reason_of(error)
    record = QuarantineRecord.of(
        source=kept.source, door=kept.door, reason=reason, raw=kept.original, received_at=kept.received_at
    )
    return Quarantined(record)


@dataclass(slots=True)
class _Catcher:
    """Stands where Kafka would be, and keeps what it is given."""

    caught: list[Record] = field(default_factory=list)

    def publish(self, records: Iterable[Record]) -> Future[None]:
        self.caught += records
        done: Future[None] = Future()
        done.set_result(None)
        return done


class _InProcess:
    """The collector for one source, in this process: a key of its own, no signatures, no rate, no memory of ids."""

    def __init__(self, opens: WriteKey, settings: CollectorSettings, catalogue: Catalogue) -> None:
        secret = secrets.token_urlsafe(24)
        self._catcher = _Catcher()
        self._at: datetime | None = None
        unsigned = {name: HookSettings(unsigned=True) for name in ADAPTERS}
        key = opens.model_copy(update={"key": SecretStr(secret), "hooks": unsigned})
        own = settings.model_copy(update={"write_keys": (key,), "recent_ids": 0, "rate": None, "burst": None})
        collector = Collector(own, cast(Publisher, self._catcher), catalogue, now=self._now)
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=cast(Any, collector.app), client=("", 0)),
            base_url="http://replay",
            auth=(secret, ""),
            headers={"User-Agent": ""},
        )

    async def outcomes(self, path: str, body: bytes, received_at: datetime) -> list[Outcome]:
        """Send a body through the door of that path, as if it were then."""
        self._at = received_at
        self._catcher.caught.clear()
        answer = await self._client.post(path, content=body)
        if answer.status_code in {404, 405}:
            raise CannotReplayError(f"the collector has no door {path} any more")
        if answer.status_code >= 500:
            raise CannotReplayError(f"its door failed: {answer.text[:200]}")
        if answer.status_code >= 400 and not self._catcher.caught:
            raise CannotReplayError(f"its door refuses it: {answer.json()['message']}")
        return [_outcome(record) for record in self._catcher.caught]

    async def close(self) -> None:
        await self._client.aclose()

    def _now(self) -> datetime:
        if self._at is None:
            raise AssertionError("nobody has come in yet")
        return self._at


def _outcome(record: Record) -> Outcome:
    if record.topic == COLLECTED.name:
        return Accepted(Touchpoint.model_validate_json(record.value))
    return Quarantined(QuarantineRecord.model_validate_json(record.value))
