"""Histories of one profile with erasures in them: how to run them, and what they come to, from scratch.

By the reference, a life is what came since the last erasure. What a life has come to when it is erased is said again of
nobody and stays; what follows is as if nothing had been before.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from schemas.base import derived_id, profile_id
from schemas.catalogue import Catalogue
from schemas.erasure import NOBODY, Erasure
from schemas.resolved import Resolved
from schemas.touchpoint import Touchpoint
from streams.core.fold import FoldStage
from streams.core.stage import Output
from tests.properties.folding import ARRIVAL, HISTORIES, ARecord, EndState
from tests.properties.reference import Reference, calculate
from tests.properties.storing import Store

WHO = profile_id("customer:ada")


@dataclass(frozen=True)
class Demand:
    """The profile is erased."""

    evidence: UUID


Step = Touchpoint | Demand


@st.composite
def stories(draw: st.DrawFn) -> list[Step]:
    """A history with up to three demands, and with demands and events that come again."""
    steps: list[Step] = list(draw(HISTORIES))
    for _ in range(draw(st.integers(1, 3))):
        steps.insert(draw(st.integers(0, len(steps))), Demand(draw(st.uuids(version=4))))
    for _ in range(draw(st.integers(0, 4))):
        steps.insert(draw(st.integers(0, len(steps))), draw(st.sampled_from(steps)))
    return steps


def run(steps: Sequence[Step], borders: Sequence[int], catalogue: Catalogue) -> tuple[list[Output], Store]:
    """Fold the steps as records of one profile, cut into batches at `borders`; give all outputs, and the state."""
    fold, store = FoldStage(catalogue), Store()
    outputs: list[Output] = []
    cuts = [0, *sorted({border % (len(steps) + 1) for border in borders}), len(steps)]
    for begin, end in pairwise(cuts):
        records = [
            ARecord(n, b"", record_of(step).model_dump_json().encode(), 1_700_000_000_000 + n, "touchpath.resolved")
            for n, step in enumerate(steps[begin:end], start=begin)
        ]
        result = fold.process(0, records, store.get)
        for key, value in result.state.items():
            if value is None:
                del store[key]
            else:
                store[key] = value
        outputs += result.outputs
    return outputs, store


def record_of(step: Step) -> Resolved:
    """The record of `touchpath.resolved`."""
    if isinstance(step, Demand):
        return Resolved(profile_id=WHO, erasure=Erasure(evidence=step.evidence, recorded_at=ARRIVAL))
    return Resolved(profile_id=WHO, owner=step.key, touchpoint=step)


# --- from scratch


@dataclass
class Expected:
    """What readers must see in the end."""

    journeys: dict[str, dict[str, Any]] = field(default_factory=dict)
    conversions: dict[str, dict[str, Any]] = field(default_factory=dict)
    credits: dict[tuple[str, str, str | None], tuple[Decimal, int]] = field(default_factory=dict)


def from_scratch(steps: Iterable[Step], catalogue: Catalogue) -> Expected:
    """Calculate what the steps come to."""
    expected, life, met = Expected(), list[Touchpoint](), set[UUID]()
    for step in steps:
        if not isinstance(step, Demand):
            life.append(step)
        elif step.evidence not in met:
            met.add(step.evidence)
            add(expected, calculate(life, catalogue), life, step.evidence)
            life = []
    add(expected, calculate(life, catalogue), life, None)
    return expected


def add(expected: Expected, found: Reference, life: Sequence[Touchpoint], evidence: UUID | None) -> None:
    """Add what a life came to; erased by a demand, as nobody's."""
    events = {str(event.event_id): event for event in life}
    names = _names(found, events, evidence)
    for journey in found.journeys:
        members = journey.events
        assert journey.last_at is not None
        expected.journeys[names.journey(journey.opening)] = {
            "profile_id": names.profile,
            "opening_event": names.event(journey.opening),
            "opened_at": names.time(events[journey.opening].occurred_at),
            "last_at": names.time(max(event.occurred_at for event in members)),
            "converted_at": names.time(journey.converted_at) if journey.converted_at else None,
            "closing_conversion": names.event(journey.closing) if journey.closing else None,
            "status": "converted" if journey.closing else "idle" if journey.idle else "open",
            "touchpoints": len(members),
            "visits": sum(str(event.event_id) in found.openers for event in members),
            "conversions": sum(str(event.event_id) in found.conversions for event in members),
            "channels": list(dict.fromkeys(event.channel for event in members)),
        }
    for conversion, journey in found.conversions.items():
        event = events[conversion]
        expected.conversions[names.event(conversion)] = {
            "profile_id": names.profile,
            "journey_id": names.journey(journey.opening),
            "occurred_at": names.time(event.occurred_at),
            "touchpoint": event.touchpoint,
            "channel": event.channel,
            "source": event.source,
            "order_id": None if evidence else event.order_id,
            "currency": found.currency[conversion],
            "gross_minor": found.gross[conversion],
            "net_minor": found.net[conversion],
            "verified": found.verified[conversion],
            "path": [(names.event(id_), names.time(events[id_].occurred_at)) for id_ in found.paths[conversion]],
        }
    for (conversion, model, line), sums in found.credits.items():
        own = line if line is None or line == "withheld" else names.event(line)
        expected.credits[names.event(conversion), model, own] = sums


@dataclass
class Names:
    """The ids under which a life is told."""

    profile: str
    events: dict[str, str] | None = None
    journeys: dict[str, str] | None = None

    def event(self, event_id: str) -> str:
        return event_id if self.events is None else self.events[event_id]

    def journey(self, opening: str) -> str:
        return str(derived_id("journey", self.profile, opening)) if self.journeys is None else self.journeys[opening]

    def time(self, moment: datetime) -> datetime:
        return moment if self.events is None else moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _names(found: Reference, events: dict[str, Touchpoint], evidence: UUID | None) -> Names:
    if evidence is None:
        return Names(str(WHO))

    def numbered(kind: str, ids: Iterable[str]) -> dict[str, str]:
        in_order = sorted(ids, key=lambda id_: (events[id_].occurred_at, id_))
        return {id_: str(derived_id("nobody", str(evidence), str(WHO), kind, str(n))) for n, id_ in enumerate(in_order)}

    openings = {journey.opening for journey in found.journeys}
    told = openings | set(found.conversions) | {id_ for path in found.paths.values() for id_ in path}
    return Names(str(NOBODY), numbered("event", told), numbered("journey", openings))


def seen(state: EndState) -> Expected:
    """What readers do see, in the same words."""
    some = Expected(credits=state.credits)
    for id_, one in state.journeys.items():
        names = (
            "profile_id", "opening_event", "closing_conversion", "status", "touchpoints", "visits", "conversions",
            "channels",
        )  # fmt: skip
        times = {name: _time(one[name]) for name in ("opened_at", "last_at", "converted_at")}
        some.journeys[id_] = {name: one[name] for name in names} | times
    for id_, one in state.conversions.items():
        fields = (
            "profile_id", "journey_id", "touchpoint", "channel", "source", "order_id", "currency", "gross_minor",
            "net_minor",
        )  # fmt: skip
        path = [(step["touchpoint_id"], _time(step["touched_at"])) for step in one["path"]]
        more = {"occurred_at": _time(one["occurred_at"]), "verified": one.get("verified", True), "path": path}
        some.conversions[id_] = {name: one[name] for name in fields} | more
    return some


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# --- totals


def totals(state: EndState, outputs: Iterable[Output]) -> dict[tuple[Any, ...], Decimal]:
    """All that is summed up of the ledger, of conversions and of journeys, by names and days.

    Credit and value are by model, fit, touchpoint, channel, campaign and conversion, and by the days of both.
    """
    sums: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for output in outputs:
        if output.topic == "touchpath.credits":
            record = json.loads(output.value)
            for one in record["entries"]:
                by = (
                    one["model"], one.get("fit_id"), one["touchpoint"], one["channel"], one["campaign"],
                    _day(one["touched_at"]), record["conversion"], _day(record["occurred_at"]), record["currency"],
                )  # fmt: skip
                sums["credit", *by] += Decimal(one["credit"])
                sums["value", *by] += one["value_minor"]
    for one in state.conversions.values():
        path = tuple((s["touchpoint"], s["channel"], s["campaign"], _day(s["touched_at"])) for s in one["path"])
        sums[
            "conversion", one["conversion"], one["closing"], _day(one["occurred_at"]), one["touchpoint"],
            one["channel"], one["source"], one["currency"], one["gross_minor"], one["net_minor"], path,
            one.get("verified", True),
        ] += 1  # fmt: skip
    for one in state.journeys.values():
        names = "touchpoints", "touches", "visits", "conversions", "status", "first_touchpoint", "last_touchpoint"
        days = tuple(_day(one[name]) for name in ("opened_at", "last_at", "converted_at"))
        sums["journey", *(one[name] for name in names), tuple(one["channels"]), days] += 1
    return {by: total for by, total in sums.items() if total}


def _day(text: str | None) -> str:
    return (text or "")[:10]
