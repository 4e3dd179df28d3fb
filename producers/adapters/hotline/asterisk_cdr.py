"""Asterisk's call detail records: `Master.csv`, which has no heading. All legs of a call are one touchpoint.

Columns: https://github.com/asterisk/asterisk/blob/master/cdr/cdr_csv.c; the last three are those of `newcdrcolumns`.
Legs of a call have one `linkedid`, where that is written, else one `uniqueid`. Times are local: the source's zone is
needed.

- answered: a leg was put through to somebody (`dstchannel`). A call that only a machine took (a menu, a mailbox) is one
  of self service; one that left a queue or a ring without being put through was abandoned;
- waiting: until the first leg was put through, as far as records tell: a queue that answers for itself, to play its
  music, hides the wait, which `queue_log` tells. Talk: what was billed of the legs that were put through; what
  overlaps counts once;
- transfers: to how many channels it was put through, but for the first.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import BinaryIO

from producers.adapters.adapter import Adapter, Context, Draft, Piece
from producers.adapters.hotline.call import Call, Direction, Result, contact_id, draft_of
from producers.adapters.hotline.durations import ROUNDING, seconds_of, span_of
from producers.adapters.hotline.legs import Leg, calls
from producers.adapters.hotline.numbers import number_of
from producers.adapters.loose import opened, whole_gzip
from producers.adapters.moments import parsed
from producers.adapters.problem import Problem

COLUMNS = (
    *(
        "accountcode",
        "src",
        "dst",
        "dcontext",
        "clid",
        "channel",
        "dstchannel",
        "lastapp",
        "lastdata",
        "start",
        "answer",
    ),
    *("end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield", "peeraccount", "linkedid"),
    "sequence",
)
#: Without the call's id (`loguniqueid=no`), and with all that there can be.
_FEWEST, _MOST = 16, len(COLUMNS)
_AT = {name: index for index, name in enumerate(COLUMNS)}
_RINGING = frozenset({"queue", "dial"})
_CHANNEL_NUMBER = re.compile(r"-[0-9a-fA-F]{6,}(;\d)?$")


@dataclass(frozen=True, slots=True)
class _Leg:
    """One record, read: local times as written, lengths in seconds."""

    start: datetime
    duration: Decimal
    billed: Decimal
    cells: tuple[str, ...]
    path: str

    def __getitem__(self, name: str) -> str:
        at = _AT[name]
        return self.cells[at] if at < len(self.cells) else ""

    @property
    def through(self) -> bool:
        """Was it put through to somebody?"""
        return self["disposition"].upper() == "ANSWERED" and bool(self["dstchannel"])

    @property
    def answer(self) -> datetime:
        return self.start + timedelta(seconds=float(self.duration - self.billed))

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=float(self.duration))


def file(content: BinaryIO, context: Context) -> Iterator[Piece]:  # noqa: ARG001 # the same for every adapter
    """Give the calls of a file of records."""
    plain, _ = opened(content)
    return whole_gzip(calls(plain, split))


def split(line: str, path: str) -> tuple[str | None, tuple[str, ...]]:
    """Split a record, and give the call that it belongs to.

    Raises:
        Problem: it is no CSV, or has fewer or more columns than Asterisk writes.
    """
    try:
        rows = list(csv.reader([line], strict=True))
    except csv.Error as error:
        raise Problem(path, f"not CSV: {error}") from None
    cells = tuple(cell.strip() for cell in rows[0]) if rows else ()
    if not _FEWEST <= len(cells) <= _MOST:
        raise Problem(path, f"{len(cells)} columns, where Master.csv has 18")
    linked = cells[_AT["linkedid"]] if len(cells) > _AT["linkedid"] else ""
    own = cells[_AT["uniqueid"]] if len(cells) > _AT["uniqueid"] else ""
    return linked or own or None, cells


def read(piece: Piece, context: Context) -> Draft:
    """Fold the legs of one call."""
    found: list[Leg] = [_without(leg, context.sender.never_keep) for leg in piece.value]
    read_once = {leg.cells: leg for leg in reversed(found)}
    legs = sorted((_leg(leg, context) for leg in read_once.values()), key=lambda leg: (leg.start, leg.cells))
    first, last = legs[0], max(legs, key=lambda leg: (leg.end, leg.cells))
    through = sorted((leg for leg in legs if leg.through), key=lambda leg: (leg.answer, leg.cells))
    direction = _direction(first, context)
    result = _result(legs, through)
    name = first["linkedid"] or first["uniqueid"]
    whole = seconds_of(str((last.end - first.start).total_seconds()), f"{last.path}.duration")
    agents = list(dict.fromkeys(_channel(leg["dstchannel"]) for leg in through))
    queues = [leg["lastdata"] for leg in legs if leg["lastapp"].lower() == "queue" and leg["lastdata"]]
    theirs, ours = ("dst", "src") if direction == "outbound" else ("src", "dst")
    kept = {field: first[field] for field in ("accountcode", "userfield", "dcontext")}
    waited = (through[0].answer if through else last.end) - first.start
    told = result is not None and direction == "inbound"  # who is called does not wait in a queue
    return draft_of(
        Call(
            id=contact_id("call", name or "|".join(first.cells)),
            started=first.start,
            started_at=f"{first.path}.start",
            direction=direction,
            result=result,
            reached=result is not None,
            customer=_caller(first) if theirs == "src" else first["dst"],
            company=first[ours],
            waiting=seconds_of(str(waited.total_seconds()), f"{first.path}.answer") if told else None,
            waiting_at=f"{(through or [first])[0].path}.answer",
            talking=_talking(through) if through else None,
            talking_at=f"{(through or [first])[0].path}.billsec",
            whole=whole,
            queue=re.split(r"[,|]", queues[-1])[0] or None if queues else None,
            agent=agents[-1] if agents and direction == "inbound" else None,
            transfers=max(0, len(agents) - 1) if through else None,
            name=(through or legs)[-1]["disposition"] or None,
            properties={field: value for field, value in kept.items() if value}
            | ({"call_id": name} if name else {})
            | ({"legs": len(legs)} if len(legs) > 1 else {}),
        ),
        context,
    )


def _without(leg: Leg, never: frozenset[str]) -> Leg:
    """Give the record without the columns of these names."""
    if never.isdisjoint(COLUMNS):
        return leg
    cells = tuple("" if name in never else cell for name, cell in zip(COLUMNS, leg.cells, strict=False))
    return Leg(cells, leg.path, leg.raw)


def _leg(leg: Leg, context: Context) -> _Leg:
    def cell(name: str) -> tuple[str, str]:
        return leg.cells[_AT[name]], f"{leg.path}.{name}"

    start = parsed(*cell("start"))
    duration, billed = seconds_of(*cell("duration")), seconds_of(*cell("billsec"))
    text, path = cell("end")
    if text and span_of(start, parsed(text, path), path, context) > duration + ROUNDING:
        raise Problem(
            f"{leg.path}.duration", f"{duration} s, where it ended {text} and started {leg.cells[_AT['start']]}"
        )
    text, path = cell("answer")
    if text:
        span_of(start, parsed(text, path), path, context)
    if billed > duration + ROUNDING:
        raise Problem(f"{leg.path}.billsec", f"{billed} s is longer than the call of {duration} s")
    return _Leg(start, duration, min(billed, duration), leg.cells, leg.path)


def _direction(first: _Leg, context: Context) -> Direction:
    """Tell by the numbers: who calls from an extension or from one of ours calls from within."""
    caller, called = (number_of(first[name], context.sender) for name in ("src", "dst"))
    if caller.house is None:
        return "inbound"
    return "outbound" if called.person is not None else "internal"


def _caller(first: _Leg) -> str:
    return first["src"] or first["clid"]


def _result(legs: list[_Leg], through: list[_Leg]) -> Result | None:
    if through:
        return "answered"
    ringing = [leg for leg in legs if leg["lastapp"].lower() in _RINGING]
    if ringing or not any(leg["disposition"].upper() == "ANSWERED" for leg in legs):
        return "abandoned"
    return None


def _talking(through: list[_Leg]) -> Decimal:
    total, reached = timedelta(0), through[0].answer
    for leg in sorted(through, key=lambda leg: (leg.answer, leg.end)):
        begin = max(leg.answer, reached)
        if leg.end > begin:
            total += leg.end - begin
            reached = leg.end
    return seconds_of(str(total.total_seconds()), f"{through[0].path}.billsec")


def _channel(name: str) -> str:
    """Give a channel without the number of the call in it: `SIP/8007-00000fa5` → `SIP/8007`."""
    return _CHANNEL_NUMBER.sub("", name)


ADAPTER = Adapter(
    name="asterisk_cdr",
    about="Asterisk's call detail records (Master.csv, 18 columns without a heading)",
    area="hotline",
    file=file,
    read=read,
    zone_needed=True,
)
