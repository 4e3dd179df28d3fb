"""What becomes of a payload at an adapter of the hotline."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import orjson

from producers.adapters.adapter import Adapter, Context, HookRequest, Piece
from producers.adapters.finish import outcome_of
from producers.adapters.sender import Sender
from schemas.bodies import HotlineBody
from schemas.catalogue import load
from schemas.outcome import Accepted, Quarantined
from schemas.touchpoint import Touchpoint

SENDER = Sender(
    "hotline", "hook", zone=ZoneInfo("Europe/Berlin"), phone_region="DE", switchboards=("+49 30 999900", "+4989555*")
)
CONTEXT = Context(SENDER, datetime(2026, 11, 22, tzinfo=UTC), load())


def context(**changes: object) -> Context:
    return replace(CONTEXT, sender=replace(SENDER, **changes))  # type: ignore[arg-type] # fields of a sender


def request(body: object, **headers: str) -> HookRequest:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return HookRequest(content, headers, (), "https://example.org/hooks/x")


def sent(adapter: Adapter, body: object, where: Context = CONTEXT) -> list[Accepted | Quarantined]:
    """The outcomes of a webhook's body."""
    assert adapter.pieces is not None
    return of(adapter, list(adapter.pieces(request(body), where)), where)


def filed(adapter: Adapter, content: str | bytes, where: Context = CONTEXT) -> list[Accepted | Quarantined]:
    """The outcomes of a file."""
    assert adapter.file is not None
    raw = content if isinstance(content, bytes) else content.encode()
    return of(adapter, list(adapter.file(BytesIO(raw), where)), where)


def of(adapter: Adapter, pieces: list[Piece], where: Context = CONTEXT) -> list[Accepted | Quarantined]:
    outcomes = [outcome_of(adapter, piece, where) for piece in pieces]
    return [one for one in outcomes if isinstance(one, Accepted | Quarantined)]


def taken(outcomes: list[Accepted | Quarantined]) -> list[Touchpoint]:
    """The touchpoints of outcomes that are all good."""
    assert all(isinstance(one, Accepted) for one in outcomes), outcomes
    return [one.touchpoint for one in outcomes if isinstance(one, Accepted)]


def one(outcomes: list[Accepted | Quarantined]) -> Touchpoint:
    [touchpoint] = taken(outcomes)
    return touchpoint


def reason(outcomes: list[Accepted | Quarantined]) -> str:
    [outcome] = outcomes
    assert isinstance(outcome, Quarantined), outcome
    return outcome.record.reason


def body(touchpoint: Touchpoint) -> HotlineBody:
    assert isinstance(touchpoint.body, HotlineBody)
    return touchpoint.body


def keys(touchpoint: Touchpoint) -> list[str]:
    return [identifier.key for identifier in touchpoint.identifiers]


def row_of(*values: object) -> tuple[object, ...]:
    """Figures side by side, whatever their kinds."""
    return values
