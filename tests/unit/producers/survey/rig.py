"""Helpers: a payload's outcomes at a door, as touchpoints or as reasons."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from producers.adapters.adapter import Adapter, Context, HookRequest
from producers.adapters.finish import outcome_of
from producers.adapters.sender import Sender
from schemas.bodies import SurveyBody
from schemas.catalogue import load
from schemas.outcome import Accepted, Quarantined
from schemas.touchpoint import Touchpoint

SENDER = Sender("desk", "hook", "EUR", zone=ZoneInfo("Europe/Berlin"), phone_region="DE")
CONTEXT = Context(SENDER, datetime(2026, 11, 22, tzinfo=UTC), load())


def hook(adapter: Adapter, payload: Any, context: Context = CONTEXT) -> list[Touchpoint | str]:
    """Give what becomes of a request: touchpoints, and reasons of what was quarantined."""
    assert adapter.pieces is not None
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    request = HookRequest(body, {}, (), "https://example.org/hooks/x")
    return [told(outcome_of(adapter, piece, context)) for piece in adapter.pieces(request, context)]


def file(adapter: Adapter, content: str | bytes, context: Context = CONTEXT) -> list[Touchpoint | str]:
    """Give what becomes of a file."""
    assert adapter.file is not None
    raw = content.encode() if isinstance(content, str) else content
    return [told(outcome_of(adapter, piece, context)) for piece in adapter.file(BytesIO(raw), context)]


def told(outcome: object) -> Touchpoint | str:
    if isinstance(outcome, Accepted):
        return outcome.touchpoint
    assert isinstance(outcome, Quarantined)
    return outcome.record.reason


def taken(adapter: Adapter, payload: Any, context: Context = CONTEXT) -> Touchpoint:
    """Give the one touchpoint of a request."""
    (one,) = hook(adapter, payload, context)
    assert isinstance(one, Touchpoint), one
    return one


def refused(adapter: Adapter, payload: Any) -> str:
    """Give the reason why the one piece of a request was not taken."""
    (one,) = hook(adapter, payload)
    assert isinstance(one, str), one
    return one


def answer_in(touchpoint: Touchpoint) -> Any:
    """Give the body of a touchpoint that is an answer; Any, so that tests compare its decimals with whole numbers."""
    assert isinstance(touchpoint.body, SurveyBody)
    return touchpoint.body


def keys(touchpoint: Touchpoint) -> list[str]:
    """Give the identifiers as keys."""
    return [identifier.key for identifier in touchpoint.identifiers]
