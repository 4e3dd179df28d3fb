"""Asterisk's `queue_log`: what a caller lived through in the queues. One call is one touchpoint.

https://docs.asterisk.org/Operation/Logging/Queue-Logs/. A line is `time|call|queue|agent|event|…`, its time in seconds
since 1970 (out of a data base also a local time, which needs the source's zone).

- waiting: in all queues until the first agent (`CONNECT`), else until the caller left; talk: what agents' endings say;
- abandoned: no agent took it. How it left, when not by hanging up, is the property `left`;
- transfers: the endings that hand the caller on. Queue and agent: the last ones.

A call whose beginning or end is not in the file is refused; out of a log that is still written, the next import takes
it. Lines about agents, who sign on or pause, are `agent_status.…`.

A call has the id that its records in `Master.csv` have. Imported as one source it counts once, as whichever came first
tells it: this log first, for it knows the waits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO

from producers.adapters.adapter import Adapter, Context, Draft, Piece
from producers.adapters.hotline.call import Call, contact_id, draft_of
from producers.adapters.hotline.durations import seconds_of, span_of
from producers.adapters.hotline.legs import Leg, calls
from producers.adapters.loose import opened, whole_gzip
from producers.adapters.moments import parsed
from producers.adapters.problem import Problem
from schemas.bodies import HotlineBody
from schemas.catalogue import slug

_NO_CALL = frozenset({"", "NONE", "REALTIME", "MANAGER", "UNKNOWN"})
_OF_AGENTS = frozenset(
    {"ADDMEMBER", "REMOVEMEMBER", "PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL", "PAUSEREASON", "PENALTY"}
    | {"AGENTLOGIN", "AGENTLOGOFF", "AGENTCALLBACKLOGIN", "AGENTCALLBACKLOGOFF", "CONFIGRELOAD", "QUEUESTART"}
)
_BEGINS = frozenset({"ENTERQUEUE", "JOINEMPTY", "JOINUNAVAIL", "FULL", "CLOSED"})
#: Events that end the wait without an agent → where the waiting time stands among the cells.
_LEFT = {"ABANDON": 7, "EXITEMPTY": 7, "EXITWITHTIMEOUT": 7, "EXITWITHKEY": 8}
#: Events that end a talk → where the talk time stands, and whether the caller was handed on.
_TALKED = {
    "COMPLETEAGENT": (6, False),
    "COMPLETECALLER": (6, False),
    "TRANSFER": (8, True),
    "BLINDTRANSFER": (8, True),
    "ATTENDEDTRANSFER": (8, True),
}
_ENDS = frozenset({*_LEFT, *_TALKED, *(_BEGINS - {"ENTERQUEUE"}), "SYSCOMPAT"})
#: In one second, what is first.
_ORDER = dict.fromkeys(("DID", "INFO", "ENTERQUEUE"), 0) | dict.fromkeys(_LEFT, 2) | {"CONNECT": 3}
_LAST = 4
_TIME, _CALL, _QUEUE, _AGENT, _EVENT, _DATA = range(6)
_CALLER = _DATA + 1
_NOBODY = frozenset({"", "NONE"})


@dataclass(frozen=True, slots=True)
class _Event:
    """One line, read. `at` is the path of its cells."""

    when: datetime
    name: str
    queue: str
    agent: str
    cells: tuple[str, ...]
    path: str

    def seconds(self, cell: int, name: str) -> Decimal | None:
        """Give the seconds that a cell holds; None where it is missing or blank."""
        text = self.cells[cell] if cell < len(self.cells) else ""
        return seconds_of(text, f"{self.path}.{name}") if text.strip() else None


def file(content: BinaryIO, context: Context) -> Iterator[Piece]:  # noqa: ARG001 # the same for every adapter
    """Give the calls of a log, and its lines about agents."""
    plain, _ = opened(content)
    return whole_gzip(calls(plain, split))


def split(line: str, path: str) -> tuple[str | None, tuple[str, ...]]:
    """Split a line, and give the call that it belongs to.

    Raises:
        Problem: it has fewer than five cells.
    """
    cells = tuple(line.split("|"))
    if len(cells) <= _EVENT:
        raise Problem(path, f"{len(cells)} cells, where a line has time, call, queue, agent and event")
    name = cells[_CALL].strip()
    own = name in _NO_CALL or cells[_EVENT].strip().upper() in _OF_AGENTS
    return None if own else name, cells


def read(piece: Piece, context: Context) -> Draft:
    """Fold the lines of one call, or read one about an agent."""
    legs: list[Leg] = piece.value
    found = [_event(leg) for leg in legs]
    name = legs[0].cells[_CALL].strip()
    if name in _NO_CALL or found[0].name in _OF_AGENTS:
        return _of_agent(found[0], name)
    events = sorted({event.cells: event for event in reversed(found)}.values(), key=_place)
    begin = next((event for event in events if event.name in _BEGINS), None)
    if begin is None:
        raise Problem(piece.path, f"the beginning of the call {name[:100]!r} is not in this file (ENTERQUEUE)")
    if not any(event.name in _ENDS for event in events):
        raise Problem(
            piece.path, f"the end of the call {name[:100]!r} is not in this file (COMPLETECALLER, ABANDON, …)"
        )
    connects = [event for event in events if event.name == "CONNECT"]
    answered = connects[0] if connects else None
    talks = [event for event in events if event.name in _TALKED]
    left = [event for event in events if event.name in _LEFT or event.name in _BEGINS - {"ENTERQUEUE"}]
    shown = {} if answered or not left or left[-1].name == "ABANDON" else {"left": left[-1].name.lower()}
    last = next((event for event in reversed(events) if event.agent not in _NOBODY and event.name in _SPEAKING), None)
    queue = (connects or events)[-1].queue
    callers = [event.cells[_CALLER] for event in events if event.name == "ENTERQUEUE" and len(event.cells) > _CALLER]
    if "callerid" in context.sender.never_keep:
        callers = []
    return draft_of(
        Call(
            id=contact_id("call", name),
            started=begin.when,
            started_at=f"{begin.path}.time",
            result="answered" if answered or talks else "abandoned",
            customer=next((caller for caller in callers if caller), None),
            company=next(
                (event.cells[_DATA] for event in events if event.name == "DID" and len(event.cells) > _DATA), None
            ),
            waiting=_waiting(events, answered, context),
            waiting_at=f"{(answered or events[-1]).path}.holdtime",
            talking=_talking(talks) if answered or talks else None,
            talking_at=f"{talks[-1].path}.calltime" if talks else piece.path,
            whole=span_of(begin.when, events[-1].when, f"{events[-1].path}.time", context),
            queue=queue if queue not in _NOBODY else None,
            agent=last.agent if last else None,
            transfers=sum(_TALKED[event.name][1] for event in talks),
            properties={"call_id": name} | shown,
        ),
        context,
    )


_SPEAKING = frozenset({"CONNECT", *_TALKED})


def _event(leg: Leg) -> _Event:
    cells = tuple(cell.strip() for cell in leg.cells)
    when = parsed(cells[_TIME], f"{leg.path}.time")
    return _Event(when, cells[_EVENT].upper(), cells[_QUEUE], cells[_AGENT], cells, leg.path)


def _place(event: _Event) -> tuple[Any, ...]:
    return event.when.replace(tzinfo=None), _ORDER.get(event.name, _LAST), event.cells


def _waiting(events: list[_Event], answered: _Event | None, context: Context) -> Decimal | None:
    """Add up what was waited in the queues until the first agent; where a line does not say it, its times do."""
    total, entered = None, None
    for event in events:
        length = None
        if event.name == "ENTERQUEUE":
            entered = event
        elif event.name in _LEFT:
            length = event.seconds(_LEFT[event.name], "waittime")
        elif event is answered:
            length = event.seconds(_DATA, "holdtime")
        else:
            continue
        if event.name != "ENTERQUEUE":
            if length is None and entered is not None:
                length = span_of(entered.when, event.when, f"{event.path}.time", context)
            total = (total or Decimal(0)) + (length or Decimal(0))
        if event is answered:
            break
    return total


def _talking(talks: list[_Event]) -> Decimal | None:
    lengths = [length for one in talks if (length := one.seconds(_TALKED[one.name][0], "calltime")) is not None]
    return sum(lengths, start=Decimal(0)) if lengths else None


def _of_agent(event: _Event, name: str) -> Draft:
    agent = event.agent if event.agent not in _NOBODY else None
    return Draft(
        touchpoint=f"agent_status.{slug(event.name)[:60]}",
        channel="hotline",
        occurred_at=event.when,
        at=f"{event.path}.time",
        id="|".join(("agent", *event.cells)),
        name=event.name[:100] or None,
        body=HotlineBody(queue=event.queue if event.queue not in _NOBODY else None),
        properties=({"agent": agent} if agent else {}) | ({"call_id": name} if name not in _NO_CALL else {}),
    )


ADAPTER = Adapter(
    name="asterisk_queue_log",
    about="Asterisk's queue_log: waits, talks, transfers and abandoned calls of the queues",
    area="hotline",
    file=file,
    read=read,
)
