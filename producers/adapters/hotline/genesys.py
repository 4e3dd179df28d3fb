"""Conversations as Genesys Cloud's analytics tell them: JSON lines, or a webhook with one, a list or a page of them.

https://developer.genesys.cloud/analyticsdatamanagement/analytics/detail/conversation-query: participants have sessions,
sessions have segments. All legs of a conversation are one touchpoint:

- waiting: in a queue (`acd`), until the first agent is there; talk: agents and customer speak (`interact`). What
  overlaps, as in a conference, counts once;
- transfers: sessions of agents that end by handing the customer on;
- queue and agent: the last ones; reason: the last wrap-up code.

One that came to a queue and met no agent was abandoned; one that came to neither was dealt with by a machine. One
that goes on still is refused: a later export tells it whole.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import BinaryIO

import msgspec

from producers.adapters.adapter import Adapter, Context, Draft, Hook, HookRequest, Piece
from producers.adapters.finish import zoned
from producers.adapters.hotline.call import Call, Direction, Kind, Result, contact_id, draft_of
from producers.adapters.hotline.durations import seconds_of, span_of
from producers.adapters.loose import hook_rows, opened, whole_gzip
from producers.adapters.moments import parsed
from producers.adapters.never_kept import without
from producers.adapters.payload import Node
from producers.adapters.person import email, identifiers
from producers.adapters.pieces import BOM, json_lines, json_piece
from producers.adapters.problem import Problem

_CUSTOMERS = frozenset({"customer", "external"})
_AGENTS = frozenset({"agent", "user"})
#: Strongest first: a conversation that went from one to another is the first that it has.
_MEDIA: dict[str, Kind] = {"voice": "call", "callback": "call", "chat": "chat", "message": "chat", "email": "chat"}
_Times = tuple[datetime, datetime]


class _Page(msgspec.Struct):
    """A page of a query's answer."""

    conversations: list[msgspec.Raw] | None = None


@dataclass(frozen=True, slots=True, order=True)
class _Segment:
    """One segment, in UTC, with what is known of it around. Their order is the order of time."""

    start: datetime
    end: datetime
    session: str
    kind: str
    purpose: str
    queue: str
    queue_name: str
    disconnect: str
    wrap_up: str
    agent: str
    department: str


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give each conversation of a request."""
    body = request.body.removeprefix(BOM).strip()
    if body.startswith(b"{"):
        try:
            page = msgspec.json.decode(body, type=_Page)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            page = _Page()  # whatever it is: the one way for all bodies says what is wrong
        if page.conversations is not None:
            for index, raw in enumerate(page.conversations):
                yield json_piece(bytes(raw), f"$.conversations[{index}]", context.limits)
            return
    yield from hook_rows(request, context)


def file(content: BinaryIO, context: Context) -> Iterator[Piece]:
    """Give each conversation of a file of JSON lines."""
    plain, _ = opened(content)
    return whole_gzip(json_lines(plain, context.limits))


def read(piece: Piece, context: Context) -> Draft:
    """Fold the legs of one conversation."""
    conversation = Node(without(piece.value, context.sender.never_keep), piece.path)
    conversation_id = conversation.text("conversationId")
    if conversation_id is None:
        raise Problem(conversation.at("conversationId"), "required, but missing or blank")
    started = parsed(conversation.values.get("conversationStart"), conversation.at("conversationStart"))
    if conversation.text("conversationEnd") is None:
        raise Problem(conversation.at("conversationEnd"), "required: the conversation goes on still")
    ended = parsed(conversation.values.get("conversationEnd"), conversation.at("conversationEnd"))
    whole = span_of(started, ended, conversation.at("conversationEnd"), context)
    participants = conversation.children("participants")
    segments = sorted(_segments(participants, ended, context))
    sessions = sorted(_customer_sessions(participants), key=lambda session: (_first(session), _id(session)))
    media = {session.text("mediaType") for one in participants for session in one.children("sessions")}
    medium = next((name for name in _MEDIA if name in media), "voice")
    direction = _direction(conversation, sessions)
    spoken = [segment for segment in segments if segment.purpose in _AGENTS and segment.kind == "interact"]
    queued = [segment for segment in segments if segment.purpose == "acd" and segment.kind == "interact"]
    named = [segment for segment in segments if segment.queue or segment.queue_name]
    wraps = [segment.wrap_up for segment in segments if segment.wrap_up]
    at = conversation.at("participants")
    result = _result(direction, spoken, queued, segments)
    return draft_of(
        Call(
            id=contact_id("conversation", conversation_id),
            kind=_MEDIA[medium],
            started=started,
            started_at=conversation.at("conversationStart"),
            direction=direction,
            result=result,
            reached=bool(spoken or queued or direction != "inbound"),
            customer=_number(sessions, "dnis" if direction == "outbound" else "ani"),
            company=_number(sessions, "ani" if direction == "outbound" else "dnis"),
            waiting=_waiting(queued, spoken, at),
            waiting_at=at,
            talking=_length(((one.start, one.end) for one in spoken), at) if spoken else None,
            talking_at=at,
            whole=whole,
            queue=(named[-1].queue_name or _names(segments).get(named[-1].queue) or named[-1].queue) if named else None,
            reason=wraps[-1] if wraps else None,
            agent=next((one.agent for one in reversed(spoken) if one.agent), None),
            department=next((one.department for one in reversed(spoken) if one.department), None),
            transfers=len({one.session for one in spoken if one.disconnect.lower().endswith("transfer")}),
            persons=identifiers(
                customer=_contact(participants, "externalCustomerId"),
                email=email(_address(sessions)),
                genesys_contact=_contact(participants, "externalContactId"),
            ),
            properties={"call_id": conversation_id, "platform": medium}
            | ({"callback": True} if medium == "callback" or "callback" in media else {}),
        ),
        context,
    )


def _segments(participants: list[Node], ended: datetime, context: Context) -> Iterator[_Segment]:
    for participant in participants:
        purpose = (participant.text("purpose") or "").lower()
        name = participant.remark("participantName") or ""
        attributes = participant.values.get("attributes")
        more = Node(attributes if isinstance(attributes, dict) else {}, participant.at("attributes"))
        department = participant.remark("department", "agentDepartment") or more.remark("department") or ""
        for session in participant.children("sessions"):
            for segment in session.children("segments"):
                start, end = _times(segment, ended, context)
                yield _Segment(
                    start=start,
                    end=end,
                    session=_id(session) or participant.text("participantId") or "",
                    kind=(segment.text("segmentType") or "").lower(),
                    purpose=purpose,
                    queue=segment.text("queueId") or "",
                    queue_name=segment.remark("queueName") or (name if purpose == "acd" else ""),
                    disconnect=segment.text("disconnectType") or "",
                    wrap_up=segment.remark("wrapUpName", "wrapUpCode") or "",
                    agent=(name or participant.text("userId") or "") if purpose in _AGENTS else "",
                    department=department,
                )


def _times(segment: Node, ended: datetime, context: Context) -> _Times:
    at = segment.at("segmentStart")
    start = zoned(parsed(segment.values.get("segmentStart"), at), context.sender, at)
    at = segment.at("segmentEnd")
    stated = segment.values.get("segmentEnd")
    end = zoned(ended if stated in (None, "") else parsed(stated, at), context.sender, at)
    if end < start:
        if stated in (None, ""):
            return start, start  # a wrap-up that goes on when the conversation is over
        raise Problem(at, "before the start")
    return start, end


def _customer_sessions(participants: list[Node]) -> Iterator[Node]:
    for participant in participants:
        if (participant.text("purpose") or "").lower() in _CUSTOMERS:
            yield from participant.children("sessions")


def _direction(conversation: Node, sessions: list[Node]) -> Direction:
    stated = conversation.text("originatingDirection") or next(
        (found for session in sessions if (found := session.text("direction"))), None
    )
    if not sessions:
        return "internal"
    return "outbound" if (stated or "").lower() == "outbound" else "inbound"


def _result(
    direction: Direction, spoken: list[_Segment], queued: list[_Segment], segments: list[_Segment]
) -> Result | None:
    there = any(one.purpose in _CUSTOMERS and one.kind == "interact" for one in segments)
    if direction == "outbound":
        return "answered" if spoken and there else "abandoned"
    if spoken:
        return "answered"
    return "abandoned" if queued else None


def _waiting(queued: list[_Segment], spoken: list[_Segment], at: str) -> Decimal | None:
    if not queued:
        return None
    until = spoken[0].start if spoken else None
    return _length(
        ((one.start, min(one.end, until) if until else one.end) for one in queued if not until or one.start < until), at
    )


def _length(times: Iterable[_Times], at: str) -> Decimal:
    """Give how many seconds the stretches of time cover together."""
    total, reached = timedelta(0), None
    for start, end in sorted(times):
        begin = start if reached is None else max(start, reached)
        if end > begin:
            total += end - begin
        reached = end if reached is None else max(end, reached)
    return seconds_of(str(Decimal(total // timedelta(milliseconds=1)).scaleb(-3)), at)


def _names(segments: list[_Segment]) -> dict[str, str]:
    """Give the names of queues by their ids, as far as the conversation tells."""
    return {one.queue: one.queue_name for one in segments if one.queue and one.queue_name}


def _number(sessions: list[Node], field: str) -> str | None:
    for session in sessions:
        if (found := session.text(field)) is not None:
            return found
        numbers = session.values.get("callbackNumbers")
        if isinstance(numbers, list) and numbers and isinstance(numbers[0], str):
            return numbers[0]
    return None


def _address(sessions: list[Node]) -> str | None:
    for session in sessions:
        for field in ("addressFrom", "addressOther", "addressTo"):
            if "@" in (found := session.text(field) or ""):
                return found
    return None


def _contact(participants: list[Node], field: str) -> str | None:
    return min((found for one in participants if (found := one.text(field))), default=None)


def _first(session: Node) -> str:
    return min((one.text("segmentStart") or "" for one in session.children("segments")), default="")


def _id(session: Node) -> str:
    return session.text("sessionId") or ""


ADAPTER = Adapter(
    name="genesys",
    about="Genesys Cloud: conversations with all their legs, from exports and webhooks",
    area="hotline",
    pieces=pieces,
    file=file,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
