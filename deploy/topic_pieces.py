"""From a record of somebody's own Kafka topic to outcomes. Pure. Partition and offset are the id of what has none."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from io import BytesIO

from producers.adapters.adapter import Adapter, Context, Draft, HookRequest, Piece
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.quarantine import quarantined
from schemas.outcome import Outcome

_DOOR = re.compile(r"topic:(?P<topic>[A-Za-z0-9._-]+)/(?P<partition>\d+)@(?P<offset>\d+)(\?adapter=(?P<adapter>.+))?")


@dataclass(frozen=True, slots=True)
class TopicPlace:
    """Where a record stands."""

    topic: str
    partition: int
    offset: int

    def door(self, adapter: str) -> str:
        """Write it as the way in of a quarantine record."""
        return f"topic:{self.topic}/{self.partition}@{self.offset}?adapter={adapter}"

    def event_id(self, index: int) -> str:
        """Give the sender's id of the record's `index`th event, where it has none of its own."""
        return f"{self.topic}/{self.partition}@{self.offset}" + (f"#{index}" if index else "")


def place_of(door: str) -> TopicPlace | None:
    """Read what `TopicPlace.door` has written."""
    found = _DOOR.fullmatch(door)
    return TopicPlace(found["topic"], int(found["partition"]), int(found["offset"])) if found else None


def topic_outcomes(adapter: Adapter, value: bytes, place: TopicPlace, context: Context) -> list[Outcome]:
    """Give the outcome of each event of a record, whose value is what the adapter's webhook or file would hold.

    A record that nothing can be read of has one outcome: it is quarantined whole.
    """
    placed = replace(context, sender=replace(context.sender, door=place.door(adapter.name)))
    try:
        pieces = list(_pieces(adapter, value, placed))
    except Problem as problem:
        return [quarantined(str(problem), value, placed.sender, placed.received_at, placed.limits)]
    if not pieces:
        return [quarantined("$: there is no event in it", value, placed.sender, placed.received_at, placed.limits)]
    return [outcome_of(_with_id(adapter, place.event_id(index)), piece, placed) for index, piece in enumerate(pieces)]


def _pieces(adapter: Adapter, value: bytes, context: Context) -> list[Piece]:
    if adapter.pieces is not None:
        return list(adapter.pieces(HookRequest(value, {}, (), f"/hooks/{adapter.name}"), context))
    if adapter.file is not None:
        return list(adapter.file(BytesIO(value), context))
    raise Problem("$", f"the adapter {adapter.name!r} reads neither webhooks nor files")


def _with_id(adapter: Adapter, id_: str) -> Adapter:
    def read(piece: Piece, context: Context) -> Draft:
        draft = adapter.read(piece, context)
        return draft if draft.id is not None else replace(draft, id=id_)

    return replace(adapter, read=read)
