"""Fields that are never to be kept are not kept in quarantine either, whatever the payload is written in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deploy.quarantine_doors import cut
from deploy.quarantine_store import Kept
from producers.adapters.adapter import Adapter, Context, Draft, Piece
from producers.adapters.finish import outcome_of
from producers.adapters.never_kept import without_fields
from producers.adapters.problem import Problem
from producers.adapters.quarantine import quarantined
from producers.adapters.sender import Limits, Sender
from schemas.catalogue import load
from schemas.outcome import Accepted

NAMES = frozenset({"recordingurl", "agent"})
AT = datetime(2026, 3, 1, tzinfo=UTC)
SENDER = Sender("calls", "http:/hooks/x", never_keep=NAMES)


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b'{"a": 1, "user_agent": "x"}', b'{"a": 1, "user_agent": "x"}'),
        (b'{"a":{"Agent":"Eve","b":2},"RecordingUrl":"u"}', b'{"a":{"b":2}}'),
        (b'{"a":1}\n{"Agent":"Eve","b":2}\n', b'{"a":1}\n{"b":2}'),
        (b'{"\\u0061gent":"Eve"}', b"{}"),
        (b"From=%2B491&RecordingUrl=https%3A%2F%2Fx&Agent=Eve&To=1", b"From=%2B491&To=1"),
        (b"Recording%55rl=u&To=1", b"To=1"),
        (b"call;agent;queue\n1;Eve;sales\n", b"call;agent;queue\n1;;sales\n"),
        (b'call,Agent,note\n1,"Eve, again","said ""no"""\n', b'call,Agent,note\n1,,"said ""no"""\n'),
        (b"call,queue\n1,sales\n", b"call,queue\n1,sales\n"),
        (b"<Call><Agent>Eve</Agent></Call>", None),
        (b'{"agent": "Eve"', None),
        (b'{"agent":"Eve","deep":' + b"[" * 900 + b"]" * 900 + b"}", None),
        (b'{"\\u0061gent":"Eve","deep":' + b"[" * 900 + b"]" * 900 + b"}", None),
        (b"call,agent\n1,Eve,too many\n", None),
        (b"\xff agent", None),
        (b"\xff", b"\xff"),
        (b"", b""),
    ],
)
def test_the_fields_are_taken_out_and_what_cannot_be_told_apart_is_not_kept(raw: bytes, kept: bytes | None) -> None:
    assert without_fields(raw, NAMES) == kept


def test_quarantine_says_that_it_kept_nothing_and_that_it_cannot_be_replayed() -> None:
    bad = quarantined("$: not JSON", b'{"agent": "Eve"', SENDER, AT, Limits()).record
    assert bad.raw == ""
    assert bad.reason == "$: not JSON (of its 15 bytes the first 0 are kept: a field in them is never to be kept)"
    assert cut(Kept(bad.quarantine_id, "calls", bad.door, bad.reason, bad.raw, bad.encoding, AT, "", "", False))


def test_an_event_known_by_its_content_has_the_same_id_without_the_fields() -> None:
    def read(piece: Piece, _context: Context) -> Draft:
        if "bad" in piece.value:
            raise Problem("$.bad", "is bad")
        return Draft(touchpoint="call_answered", occurred_at=AT, id=None)

    adapter = Adapter(name="x", about="x", area="hotline", read=read)
    context = Context(SENDER, AT, load())
    outcomes = [
        outcome_of(adapter, Piece(b"", "$", value), context) for value in ({"n": 1, "agent": "Eve"}, {"n": 1}, {"n": 2})
    ]
    ids = [one.touchpoint.event_id for one in outcomes if isinstance(one, Accepted)]
    assert ids[0] == ids[1] != ids[2]
