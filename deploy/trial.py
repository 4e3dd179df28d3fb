"""What a payload or a file would become, piece by piece, without sending it. Nothing here reaches Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

import orjson

from producers.adapters.adapter import Adapter, Context, HookRequest
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.registry import ADAPTERS
from producers.adapters.web import segment
from schemas.outcome import Outcome

Shape = Literal["hook", "file"]
SEGMENT = "segment"


class TrialError(Exception):
    """It cannot be tried at all; the message says why, and what can be done."""


class Tried(NamedTuple):
    """One piece: its place in what was read, and what the door would say of it."""

    path: str
    outcome: Outcome


def known() -> list[str]:
    """Give the names that `tried` takes."""
    return sorted({SEGMENT, *ADAPTERS})


def tried(name: str, file: BinaryIO, context: Context, shape: Shape | None = None) -> Iterator[Tried]:
    """Give the outcome of each piece. `shape` None: as a webhook's body where the adapter has a hook, else as a file.

    A file is read as the pieces are asked for, a body whole. `file` must be seekable.

    Raises:
        TrialError: there is no such adapter, it does not take that shape, or nothing can be read of the content.
    """
    adapter = ADAPTERS.get(name)
    if adapter is None and name == SEGMENT:
        return _segment(file.read(), context)
    if adapter is None:
        raise TrialError(f"there is no adapter {name!r}; there are {', '.join(known())}")
    wanted = shape or ("hook" if adapter.pieces else "file")
    return _file(adapter, file, context) if wanted == "file" else _hook(adapter, file.read(), context)


def _hook(adapter: Adapter, body: bytes, context: Context) -> Iterator[Tried]:
    if adapter.pieces is None:
        raise TrialError(f"{adapter.name} has no webhook, it reads files only; leave out --as hook")
    request = HookRequest(body, {}, (), f"/hooks/{adapter.name}")
    try:
        for piece in adapter.pieces(request, context):
            yield Tried(piece.path, outcome_of(adapter, piece, context))
    except Problem as problem:
        raise TrialError(f"nothing can be read of it as a webhook of {adapter.name}: {problem}") from problem


def _file(adapter: Adapter, file: BinaryIO, context: Context) -> Iterator[Tried]:
    if adapter.file is None:
        raise TrialError(f"{adapter.name} reads no files, it is a webhook only; leave out --as file")
    try:
        for piece in adapter.file(file, context):
            yield Tried(piece.path, outcome_of(adapter, piece, context))
    except Problem as problem:
        raise TrialError(f"nothing can be read of it as a file of {adapter.name}: {problem}") from problem


def _segment(body: bytes, context: Context) -> Iterator[Tried]:
    """Take a body of `/v1/batch`, else one event; one without `type` that has an `event` is a track call."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise TrialError(f"nothing can be read of it: $: not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise TrialError("nothing can be read of it: $: not an object")
    events = payload.get("batch")
    if not isinstance(events, list):
        call: segment.Call | None = "track" if "type" not in payload and "event" in payload else None
        yield Tried("$", _segment_event(body, call, context, "$"))
        return
    shared = payload.get("context")
    for index, event in enumerate(events):
        path = f"$.batch[{index}]"
        yield Tried(
            path,
            _segment_event(
                orjson.dumps(event),
                None,
                context,
                path,
                sent_at=payload.get("sentAt"),
                shared=shared if isinstance(shared, dict) else None,
            ),
        )


def _segment_event(
    raw: bytes,
    call: segment.Call | None,
    context: Context,
    path: str,
    *,
    sent_at: object = None,
    shared: dict[str, object] | None = None,
) -> Outcome:
    return segment.outcome_of(
        raw,
        call,
        context.sender,
        context.received_at,
        context.catalogue,
        path=path,
        sent_at=sent_at,
        shared_context=shared,
        limits=context.limits,
    )
