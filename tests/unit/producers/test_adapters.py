"""What holds for every adapter of the registry: its examples are taken, and what it cannot read is said with a path."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from producers.adapters.adapter import Adapter, Context, HookRequest
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Sender
from schemas.catalogue import load
from schemas.outcome import Accepted, Quarantined

EXAMPLES = Path(__file__).parents[2] / "examples"
SENDER = Sender("test", "hook", "EUR", zone=ZoneInfo("Europe/Berlin"), phone_region="DE")
CONTEXT = Context(SENDER, datetime(2026, 11, 22, tzinfo=UTC), load())
ALL = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)


def examples(adapter: Adapter) -> list[Path]:
    """Files of requests end with `.json` or `.form`; those of files begin with `file`."""
    return sorted((EXAMPLES / adapter.name).iterdir())


def outcomes(adapter: Adapter, path: Path) -> list[Accepted | Quarantined]:
    if path.name.startswith("file"):
        assert adapter.file is not None
        with path.open("rb") as file:
            found = [outcome_of(adapter, piece, CONTEXT) for piece in adapter.file(file, CONTEXT)]
    else:
        assert adapter.pieces is not None
        request = HookRequest(path.read_bytes(), {}, (), "https://example.org/hooks/x")
        found = [outcome_of(adapter, piece, CONTEXT) for piece in adapter.pieces(request, CONTEXT)]
    return [one for one in found if isinstance(one, Accepted | Quarantined)]


@ALL
def test_every_example_is_taken_and_twice_the_same(adapter: Adapter) -> None:
    for path in examples(adapter):
        first = outcomes(adapter, path)
        assert first, path
        assert all(isinstance(one, Accepted) for one in first), first
        assert outcomes(adapter, path) == first


@ALL
def test_a_name_an_area_and_a_sentence_are_there(adapter: Adapter) -> None:
    assert adapter.about
    assert adapter.hook is not None or adapter.file is not None
    assert (adapter.hook is None) == (adapter.pieces is None)


@ALL
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"[1]", b"null", b"\xff\xfe", b"a=b", b'[{"a":' * 200, b"<a/>"])
def test_a_body_that_is_none_is_refused_or_quarantined_with_a_path(adapter: Adapter, body: bytes) -> None:
    if adapter.pieces is None:
        return
    try:
        pieces = list(adapter.pieces(HookRequest(body, {}, (), "https://example.org/hooks/x"), CONTEXT))
    except Problem as problem:
        assert str(problem).startswith("$")  # noqa: PT017 # either way is good, and both say where
        return
    for piece in pieces:
        outcome = outcome_of(adapter, piece, CONTEXT)
        assert isinstance(outcome, Quarantined)
        assert outcome.record.reason.startswith("$")
