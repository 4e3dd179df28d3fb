"""Laws of the hotline's doors: the order of legs changes nothing, nothing raises, and every line has its outcome."""

from __future__ import annotations

import copy
from collections import Counter
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.adapters.adapter import Adapter, Context, HookRequest, HookSecrets, Piece, SignatureRefused
from producers.adapters.finish import outcome_of
from producers.adapters.hotline import (
    asterisk_cdr,
    asterisk_queue,
    calls,
    chats,
    genesys,
    tickets,
    twilio,
    twilio_signature,
    zendesk,
)
from producers.adapters.hotline.legs import calls as grouped
from producers.adapters.hotline.numbers import number_of
from producers.adapters.problem import Problem
from producers.adapters.resumed import ResumedFile
from producers.adapters.sender import Sender
from producers.records import record_of
from schemas.catalogue import load
from schemas.outcome import Accepted, Quarantined
from schemas.touchpoint import Touchpoint

SENDER = Sender("hotline", "hook", zone=ZoneInfo("Europe/Berlin"), phone_region="DE")
CONTEXT = Context(SENDER, datetime(2026, 11, 22, tzinfo=UTC), load())
EXAMPLES = Path(__file__).parents[1] / "examples"
HOOKS = {one.ADAPTER.name: one.ADAPTER for one in (calls, chats, genesys, tickets, twilio, zendesk)}
FILES = {
    one.ADAPTER.name: one.ADAPTER for one in (asterisk_cdr, asterisk_queue, calls, chats, genesys, tickets, zendesk)
}


def outcomes(adapter: Adapter, pieces: list[Piece]) -> list[Accepted | Quarantined]:
    found = [outcome_of(adapter, piece, CONTEXT) for piece in pieces]
    for outcome in found:
        assert isinstance(outcome, Accepted | Quarantined)
        record_of(outcome)
        if isinstance(outcome, Quarantined):
            assert outcome.record.reason.startswith("$")
    return [one for one in found if isinstance(one, Accepted | Quarantined)]


def touchpoints(adapter: Adapter, pieces: list[Piece]) -> dict[UUID, Touchpoint]:
    found = [one.touchpoint for one in outcomes(adapter, pieces) if isinstance(one, Accepted)]
    return {touchpoint.event_id: touchpoint for touchpoint in found}


def of_file(adapter: Adapter, content: bytes) -> list[Piece]:
    assert adapter.file is not None
    return list(adapter.file(BytesIO(content), CONTEXT))


# ---- legs of calls


@st.composite
def queue_calls(draw: st.DrawFn) -> list[str]:
    """Lines of some calls of a queue_log: entered, left or answered, talked, handed on."""
    lines: list[str] = []
    for name in range(draw(st.integers(1, 4))):
        at = 1_366_720_000 + draw(st.integers(0, 50))
        queues = draw(st.integers(1, 3))
        for queue in range(queues):
            wait, talk = draw(st.integers(0, 90)), draw(st.integers(0, 90))
            head = f"|c{name}|Q{queue}|"
            lines.append(f"{at}{head}NONE|ENTERQUEUE||0301234567{name}|1")
            lines += [f"{at}{head}SIP/{ring}|RINGNOANSWER|1000" for ring in range(draw(st.integers(0, 2)))]
            last = queue == queues - 1
            if draw(st.booleans()):
                end = draw(st.sampled_from(["COMPLETEAGENT", "COMPLETECALLER"])) if last else "BLINDTRANSFER|8009|in"
                lines.append(f"{at + wait}{head}SIP/{queue}|CONNECT|{wait}|m|1")
                lines.append(f"{at + wait + talk}{head}SIP/{queue}|{end}|{wait}|{talk}|1")
                at += wait + talk
            else:
                end = draw(st.sampled_from(["ABANDON", "EXITEMPTY"])) if last else "EXITWITHTIMEOUT"
                lines.append(f"{at + wait}{head}NONE|{end}|1|1|{wait}")
                at += wait
    return lines


@st.composite
def call_records(draw: st.DrawFn) -> list[str]:
    """Lines of some calls of a Master.csv."""
    lines = []
    for name in range(draw(st.integers(1, 3))):
        for leg in range(draw(st.integers(1, 4))):
            second, duration = draw(st.integers(0, 59)), draw(st.integers(0, 200))
            billed = draw(st.integers(0, duration))
            told = draw(st.sampled_from(["ANSWERED", "NO ANSWER", "BUSY"]))
            to = draw(st.sampled_from(["", f"SIP/{leg}-0000000{leg}"]))
            application = draw(st.sampled_from(["Dial", "Queue", "Playback"]))
            lines.append(
                f'"","0301234567{name}","8006","in","","SIP/t-00000001","{to}","{application}","q,t",'
                f'"2018-06-30 12:00:{second:02}",,,{duration},{billed},"{told}","DOCUMENTATION","u{name}",""'
            )
    return lines


@pytest.mark.parametrize(
    ("adapter", "drawn"),
    [(asterisk_queue.ADAPTER, queue_calls()), (asterisk_cdr.ADAPTER, call_records())],
    ids=["queue_log", "cdr"],
)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_legs_in_any_order_are_the_same_calls(adapter: Adapter, drawn: st.SearchStrategy[list[str]], data: Any) -> None:
    lines = data.draw(drawn)
    shuffled = data.draw(st.permutations(lines))
    first = touchpoints(adapter, of_file(adapter, "".join(line + "\n" for line in lines).encode()))
    again = touchpoints(adapter, of_file(adapter, "".join(line + "\n" for line in shuffled).encode()))
    assert first == again
    names = {line.split("|")[1] for line in lines} if "|" in lines[0] else {line.split(",")[-2] for line in lines}
    assert len(first) == len(names)


@given(st.randoms(use_true_random=False), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_participants_sessions_and_segments_in_any_order_are_the_same_conversation(random: Random, drop: int) -> None:
    loaded = orjson.loads((EXAMPLES / "genesys" / "transfer.json").read_bytes())
    del loaded["participants"][drop]
    shuffled = copy.deepcopy(loaded)
    random.shuffle(shuffled["participants"])
    for participant in shuffled["participants"]:
        random.shuffle(participant["sessions"])
        for session in participant["sessions"]:
            random.shuffle(session["segments"])
    both = [touchpoints(genesys.ADAPTER, of_hook(genesys.ADAPTER, orjson.dumps(one))) for one in (loaded, shuffled)]
    assert both[0] == both[1]
    assert len(both[0]) == 1


LINES = st.lists(
    st.builds("{} {}".format, st.sampled_from(["a", "b", "c", "-", "d"]), st.integers(0, 3))
    | st.sampled_from(["", "bad", " "]),
    max_size=25,
)


def split(line: str, path: str) -> tuple[str | None, tuple[str, ...]]:
    name, blank, text = line.partition(" ")
    if not blank:
        raise Problem(path, "no blank")
    return None if name == "-" else name, (text,)


@given(LINES, st.integers(1, 6), st.booleans())
def test_every_line_is_in_exactly_one_piece(lines: list[str], window: int, ended: bool) -> None:
    content = "\n".join(lines).encode() + (b"\n" if ended else b"")
    pieces = list(grouped(BytesIO(content), split, window))
    found = Counter(line for piece in pieces for line in piece.raw.splitlines())
    assert found == Counter(line for line in content.splitlines() if line.strip())


@given(LINES, st.integers(1, 6))
def test_an_import_may_go_on_wherever_a_piece_says(lines: list[str], window: int) -> None:
    content = "".join(line + "\n" for line in lines).encode()
    whole = list(grouped(BytesIO(content), split, window))
    for at, piece in enumerate(whole):
        if piece.end is None:
            continue
        file = BytesIO(content)
        file.seek(piece.end)
        resumed = cast(BytesIO, ResumedFile(file, b"", content[: piece.end].count(b"\n")))
        rest = list(grouped(resumed, split, window))
        # What was not done before comes now, the same; what comes again came before, the same.
        assert {_shown(one) for one in whole[at + 1 :]} <= {_shown(one) for one in rest}
        assert {_shown(one) for one in rest} <= {_shown(one) for one in whole}


def _shown(piece: Piece) -> tuple[str, bytes]:
    """A piece, but for why a late line is refused, and whether it is the same again."""
    return piece.path, piece.raw


# ---- whatever comes


def of_hook(adapter: Adapter, body: bytes, **headers: str) -> list[Piece]:
    assert adapter.pieces is not None
    return list(adapter.pieces(HookRequest(body, headers, (), "https://example.org/hooks/x"), CONTEXT))


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["9999-12-31T23:59:59Z", "0001-01-01", "-5", "1e400", "NaN", "2026-03-02T09:00:00Z", "+1", "sip:@"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for name, inner in value.items():
            found += places(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


def put(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = junk
    return value


def payloads(adapter: Adapter) -> list[Any]:
    return [orjson.loads(path.read_bytes()) for path in sorted((EXAMPLES / adapter.name).glob("*.json"))]


@pytest.mark.parametrize("adapter", [one for one in HOOKS.values() if one.name != "twilio"], ids=lambda one: one.name)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_whatever_stands_in_a_payload_has_an_outcome(adapter: Adapter, data: Any) -> None:
    payload = copy.deepcopy(data.draw(st.sampled_from(payloads(adapter))))
    for _ in range(data.draw(st.integers(1, 3))):
        payload = put(payload, data.draw(st.sampled_from(places(payload))), data.draw(JUNK))
    body = orjson.dumps(payload, default=str, option=orjson.OPT_PASSTHROUGH_SUBCLASS) if _fits(payload) else b"{}"
    try:
        pieces = of_hook(adapter, body)
    except Problem as problem:
        assert str(problem).startswith("$")  # noqa: PT017 # either way is good
        return
    assert len(outcomes(adapter, pieces)) == len(pieces)


def _fits(payload: Any) -> bool:
    try:
        orjson.dumps(payload)
    except TypeError:  # a lone surrogate
        return False
    return True


FIELDS = (
    *("CallSid", "CallStatus", "Direction", "From", "To", "CallDuration", "Timestamp", "ParentCallSid", "QueueResult"),
    *(
        "QueueTime",
        "DialCallStatus",
        "DialCallDuration",
        "RecordingStatus",
        "ConferenceSid",
        "AnsweredBy",
        "MessageSid",
    ),
    *("MessageStatus", "SmsStatus", "Body", "OptOutType", "ChannelToAddress", "CallbackSource", "EventType"),
)
VALUES = st.text(max_size=20) | st.sampled_from(
    [
        "completed",
        "ringing",
        "inbound",
        "outbound-api",
        "+493012345678",
        "anonymous",
        "5",
        "-5",
        "received",
        "messenger:7",
    ]
)


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), VALUES, max_size=10))
@settings(max_examples=80, deadline=None)
def test_whatever_stands_in_a_form_has_an_outcome(fields: dict[str, str]) -> None:
    pieces = of_hook(twilio.ADAPTER, urlencode(fields, errors="replace").encode())
    assert len(outcomes(twilio.ADAPTER, pieces)) == len(pieces) == 1


@pytest.mark.parametrize("adapter", FILES.values(), ids=lambda one: one.name)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_stands_in_a_file_has_an_outcome(adapter: Adapter, data: Any) -> None:
    examples = sorted((EXAMPLES / adapter.name).glob("file*"))
    content = bytearray(data.draw(st.sampled_from([path.read_bytes() for path in examples])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        end = at + data.draw(st.integers(0, 12))
        content[at:end] = data.draw(st.binary(max_size=6) | st.sampled_from([b"\n", b",", b"|", b"-", b'"', b"9" * 30]))
    try:
        pieces = of_file(adapter, bytes(content))
    except Problem as problem:
        assert str(problem).startswith("$")  # noqa: PT017 # either way is good
        return
    assert len(outcomes(adapter, pieces)) == len(pieces)
    ends = [piece.end for piece in pieces if piece.end is not None]
    assert all(0 < end <= len(content) for end in ends)


@given(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(["content-type", "x-twilio-signature"]), st.text()),
    st.text(),
)
def test_no_request_breaks_the_check_of_a_signature(body: bytes, headers: dict[str, str], url: str) -> None:
    request = HookRequest(body, headers | {"x-zendesk-webhook-signature": url}, (), url)
    request.headers["x-zendesk-webhook-signature-timestamp"] = url  # type: ignore[index] # a dict
    for verify in (twilio_signature.verify, zendesk.verify):
        with pytest.raises(SignatureRefused):
            verify(request, HookSecrets(("secret",)), CONTEXT.received_at, {})


@given(st.text(max_size=40) | st.from_regex(r"\+?[0-9 ()/-]{0,20}"))
def test_a_number_names_a_person_the_house_or_nobody(text: str) -> None:
    number = number_of(text, SENDER)
    assert (number.person is not None) + (number.house is not None) + number.withheld <= 1
    if number.person is not None:
        assert number_of(number.person, SENDER) == number
