"""Why a conversion gave what to whom: its path, what each model says now or said then, what became of its refunds, and
every restatement.

Asked of ClickHouse by `sinks/queries/explain_*.sql`; put together here. Times are aware, UTC; money is in units of the
currency beside it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from deploy.query_times import FOREVER, storable
from schemas.attribution_model import Level
from schemas.erasure import NOBODY
from schemas.money import to_minor_unit
from sinks.client import Store
from sinks.sql import query
from streams.core.attribution.data_driven.published import name_at

#: The touchpoint of a touch that consent hides, and the line of the ledger that has what it earned.
WITHHELD = "withheld"


class NoConversionError(LookupError):
    """There is nothing to explain. The message says what there is, and what to do."""


class SeveralConversionsError(LookupError):
    """An order has several conversions: one must be named."""

    def __init__(self, order: str, found: Sequence[Conversion]) -> None:
        named = ", ".join(f"{one.conversion_id} ({one.conversion}, {one.occurred_at:%Y-%m-%d %H:%M})" for one in found)
        super().__init__(f"order {order} has {len(found)} conversions, name one of them by its id: {named}")


@dataclass(frozen=True, slots=True)
class Conversion:
    """The conversion as it stands now. `net` is what is left of `gross`; `withdrawn`: it is none any more.

    `erased`: it was withdrawn as its customer was erased, and what it earned is nobody's now.
    """

    conversion_id: UUID
    profile_id: UUID
    journey_id: UUID
    revision: int
    withdrawn: bool
    conversion: str
    closing: bool
    occurred_at: datetime
    touchpoint: str
    channel: str
    source: str
    order_id: str
    currency: str
    minor_digits: int
    gross: Decimal
    net: Decimal
    recorded_at: datetime
    verified: bool
    erased: bool

    @property
    def of_nobody(self) -> bool:
        """Is it what is said of nobody, in the place of an erased customer's conversion?"""
        return self.profile_id == NOBODY


@dataclass(frozen=True, slots=True)
class Step:
    """One touch of the path. `owner` is the strongest identifier of its event; a touch without consent tells nobody."""

    touchpoint_id: UUID
    touched_at: datetime
    touchpoint: str
    channel: str
    campaign: str
    owner: str
    received_at: datetime | None
    """None: of a touch that is no longer on the path, only what the ledger had of it is known."""
    still: bool = True
    """Is it on the path of today?"""


@dataclass(frozen=True, slots=True)
class Refund:
    """What takes money back from the conversion, or names its order and takes back from none, as it stands now.

    `amount` None: all of the order. `outcome` is a word of the view `refunds`; `taken` is in the conversion's currency,
    None where it cannot be told apart from others.
    """

    event_id: UUID
    occurred_at: datetime
    source: str
    touchpoint: str
    amount: Decimal | None
    currency: str
    outcome: str
    taken: Decimal | None


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fit of a data-driven model knows: the weights of names at its level."""

    fitted_at: datetime
    level: Level
    weights: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Strangers:
    """Names on the path that the fit of a model does not know, and how many touches have each.

    They earn nothing by it, unless no name of the path has a weight: then all names share equally.
    """

    model: str
    fit_id: UUID
    level: Level
    names: Mapping[str, int]
    equally: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger. `line` is touch, unattributed or withheld; credit and value carry the sign.

    `fit_id` is the fit of a data-driven model by which it was split.
    """

    recorded_at: datetime
    revision: int
    cause: str
    profile_id: UUID
    model: str
    sign: int
    line: str
    touchpoint_id: UUID | None
    touchpoint: str
    channel: str
    campaign: str
    touched_at: datetime | None
    credit: Decimal
    value: Decimal
    currency: str
    fit_id: UUID | None = None

    @property
    def name(self) -> str:
        """What people call what has earned: the channel and its campaign, or the line."""
        if self.line != "touch":
            return self.line
        return f"{self.channel}/{self.campaign}" if self.campaign else self.channel


@dataclass(frozen=True, slots=True)
class Line:
    """What one touch, or a line without a name, has in one model, and by which fit where that was learned."""

    model: str
    line: str
    touchpoint_id: UUID | None
    touched_at: datetime | None
    touchpoint: str
    channel: str
    campaign: str
    credit: Decimal
    value: Decimal
    currency: str
    fit_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Restated:
    """What one posting did in one model: the entries that it took back, and those that it wrote."""

    model: str
    reversed: tuple[Entry, ...]
    written: tuple[Entry, ...]

    @property
    def fits(self) -> tuple[UUID | None, UUID | None]:
        """The fits of what was taken back and of what was written; None: of no data-driven model, or nothing was."""
        old, new = (next((one.fit_id for one in entries), None) for entries in (self.reversed, self.written))
        return old, new


@dataclass(frozen=True, slots=True)
class Posting:
    """All that one event changed: `cause` says what kind of event it was, `recorded_at` when that arrived."""

    recorded_at: datetime
    revision: int
    cause: str
    profile_id: UUID
    models: tuple[Restated, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One conversion, explained. `as_of` None: as it stands now; `refunds` always do."""

    conversion: Conversion
    as_of: datetime | None
    path: tuple[Step, ...]
    lines: tuple[Line, ...]
    history: tuple[Posting, ...]
    fits: Mapping[UUID, Fit]
    refunds: tuple[Refund, ...] = ()

    @property
    def strangers(self) -> tuple[Strangers, ...]:
        """Give what fits do not know of the path, by model."""
        return strangers_on(self.path, self.lines, self.fits)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON's types; amounts are text, so that nothing is rounded."""
        c = self.conversion
        return {
            "conversion_id": str(c.conversion_id),
            "conversion": c.conversion,
            "profile_id": str(c.profile_id),
            "journey_id": str(c.journey_id),
            "occurred_at": c.occurred_at.isoformat(),
            "touchpoint": c.touchpoint,
            "channel": c.channel,
            "source": c.source,
            "order_id": c.order_id or None,
            "currency": c.currency or None,
            "gross": _money(c.gross, c),
            "net": _money(c.net, c),
            "closing": c.closing,
            "withdrawn": c.withdrawn,
            "erased": c.erased or c.of_nobody,
            "verified": c.verified,
            "revision": c.revision,
            "recorded_at": c.recorded_at.isoformat(),
            "as_of": _time(self.as_of),
            "path": [
                {
                    "touchpoint_id": str(step.touchpoint_id),
                    "touched_at": step.touched_at.isoformat(),
                    "touchpoint": step.touchpoint,
                    "channel": step.channel,
                    "campaign": step.campaign or None,
                    "owner": step.owner or None,
                    "received_at": _time(step.received_at),
                    "still_on_path": step.still,
                }
                for step in self.path
            ],
            "models": {
                model: [
                    {
                        "line": line.line,
                        "touchpoint_id": _id(line.touchpoint_id),
                        "touched_at": _time(line.touched_at),
                        "touchpoint": line.touchpoint or None,
                        "channel": line.channel or None,
                        "campaign": line.campaign or None,
                        "credit": str(line.credit),
                        "value": _money(line.value, c),
                        "fit_id": _id(line.fit_id),
                    }
                    for line in lines
                ]
                for model, lines in groupby(self.lines, key=lambda line: line.model)
            },
            "fits": {str(fit_id): fit.fitted_at.isoformat() for fit_id, fit in self.fits.items()},
            "unknown_to_fits": {
                one.model: {
                    "fit_id": str(one.fit_id),
                    "level": one.level,
                    "touches": dict(one.names),
                    "shared_equally": one.equally,
                }
                for one in self.strangers
            },
            "refunds": [
                {
                    "event_id": str(one.event_id),
                    "occurred_at": one.occurred_at.isoformat(),
                    "source": one.source,
                    "touchpoint": one.touchpoint,
                    "amount": None if one.amount is None else str(to_minor_unit(one.amount, one.currency)),
                    "currency": one.currency or None,
                    "outcome": one.outcome,
                    "taken": None if one.taken is None else _money(one.taken, c),
                }
                for one in self.refunds
            ],
            "history": [
                {
                    "recorded_at": posting.recorded_at.isoformat(),
                    "revision": posting.revision,
                    "cause": posting.cause,
                    "profile_id": str(posting.profile_id),
                    "models": {
                        one.model: {
                            "reversed": [_entry(entry, c) for entry in one.reversed],
                            "written": [_entry(entry, c) for entry in one.written],
                        }
                        for one in posting.models
                    },
                }
                for posting in self.history
            ],
        }


class ExplainStore:
    """Questions about one conversion; `store` stays the caller's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def explained(
        self, event_id: UUID | None = None, order: str | None = None, as_of: datetime | None = None
    ) -> Explained:
        """Explain the conversion of an event, or of an order.

        Raises:
            NoConversionError: there is none.
            SeveralConversionsError: the order has several, and none was named.
            StoreError: ClickHouse does not answer, or has no such tables.
        """
        conversion = self._conversion(event_id, order)
        until = as_of or FOREVER
        of = {"conversion_id": conversion.conversion_id}
        entries = [
            Entry(
                _utc(at),
                revision,
                cause,
                profile,
                model,
                sign,
                line,
                touch,
                name,
                channel,
                campaign,
                _utc_or_none(t),
                *rest,
            )
            for at, revision, cause, profile, model, sign, line, touch, name, channel, campaign, t, *rest in self._rows(
                "explain_entries", **of, as_of=storable(until)
            )
        ]
        path = [
            Step(id_, _utc(at), name, channel, campaign, "" if name == WITHHELD else owner, _utc_or_none(received))
            for id_, at, name, channel, campaign, owner, received in self._rows("explain_path", **of)
        ]
        lines = lines_of(entries)
        if as_of is not None:
            path = path_then(path, lines, as_of)
        known = self._fits({entry.fit_id for entry in entries if entry.fit_id is not None})
        return Explained(conversion, as_of, tuple(path), lines, postings_of(entries), known, self._refunds(conversion))

    def _fits(self, fits: set[UUID]) -> dict[UUID, Fit]:
        rows = self._rows("explain_fits", fits=sorted(fits)) if fits else []
        return {
            fit_id: Fit(_utc(at), level, dict(zip(names, weights, strict=True)))
            for fit_id, at, level, names, weights in rows
        }

    def _refunds(self, conversion: Conversion) -> tuple[Refund, ...]:
        if not conversion.order_id or conversion.withdrawn:
            return ()
        rows = self._rows("explain_refunds", order=conversion.order_id, conversion_id=conversion.conversion_id)
        return tuple(Refund(event_id, _utc(at), *rest) for event_id, at, *rest in rows)

    def _conversion(self, event_id: UUID | None, order: str | None) -> Conversion:
        rows = self._rows("explain_conversion", ids=[event_id] if event_id else [], order=order or "")
        found = [_conversion(row) for row in rows]
        standing = [one for one in found if not one.withdrawn]
        if len(standing) > 1 and event_id is None:
            raise SeveralConversionsError(order or "", standing)
        if found:
            return found[0]
        raise NoConversionError(self._why_not(event_id, order))

    def _why_not(self, event_id: UUID | None, order: str | None) -> str:
        wait = "`touchpath settle` waits until all that was accepted can be asked for"
        if event_id is None:
            near = [row[0] for row in self._rows("explain_near", order=order or "")] if order else []
            alike = f"; there is {', '.join(near)}" if near else ""
            return f"no conversion names order {order}{alike}; {wait}"
        events = self._rows("explain_event", event_id=event_id)
        if not events:
            return f"there is no event {event_id}, and so no conversion; {wait}"
        touchpoint, channel, at, nobody, its_order = events[0]
        said = f"event {event_id} is {touchpoint} ({channel}) of {_utc(at):%Y-%m-%d %H:%M}, and no conversion"
        if nobody:
            return f"{said}: it names nobody, so that it belongs to no journey"
        if its_order:
            return f"{said}; try --order {its_order}: an order converts once, with the first event that names it"
        return f"{said}: the catalogue's [conversions] say what is one (touchpath catalogue show)"

    def _rows(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._store.rows(query(name, self._store.database), parameters)


def lines_of(entries: Iterable[Entry]) -> tuple[Line, ...]:
    """Sum the ledger up: what each touch has in each model, in order of time, lines without a name last. Pure."""
    kept: dict[tuple[str, str, UUID | None], list[Entry]] = defaultdict(list)
    for entry in entries:
        kept[entry.model, entry.line, entry.touchpoint_id].append(entry)
    lines = []
    for (model, line, touchpoint_id), found in kept.items():
        last = found[-1]
        credit, value = sum((e.credit for e in found), Decimal(0)), sum((e.value for e in found), Decimal(0))
        if credit or value:
            lines.append(
                Line(
                    model,
                    line,
                    touchpoint_id,
                    last.touched_at,
                    last.touchpoint if line == "touch" else "",
                    last.channel,
                    last.campaign,
                    credit,
                    value,
                    last.currency,
                    last.fit_id,
                )
            )
    return tuple(
        sorted(lines, key=lambda one: (one.model, one.touched_at or FOREVER, str(one.touchpoint_id), one.line))
    )


def postings_of(entries: Iterable[Entry]) -> tuple[Posting, ...]:
    """Put the entries of each posting together, in the order of the postings. Pure."""

    def posting(entry: Entry) -> tuple[datetime, int, str, UUID]:
        return entry.recorded_at, entry.revision, entry.cause, entry.profile_id

    found: dict[tuple[datetime, int, str, UUID], dict[str, list[Entry]]] = {}
    for entry in entries:
        found.setdefault(posting(entry), {}).setdefault(entry.model, []).append(entry)
    return tuple(
        Posting(
            *key,
            tuple(
                Restated(model, tuple(e for e in of if e.sign < 0), tuple(e for e in of if e.sign > 0))
                for model, of in sorted(models.items())
            ),
        )
        for key, models in sorted(found.items(), key=lambda item: (item[0][1], item[0][0]))
    )


def strangers_on(path: Iterable[Step], lines: Iterable[Line], fits: Mapping[UUID, Fit]) -> tuple[Strangers, ...]:
    """Give the names on the path that fits do not know, by model. A touch without consent is called withheld. Pure."""
    steps = tuple(path)
    found = []
    for model, fit_id in {line.model: line.fit_id for line in lines}.items():
        fit = fits.get(fit_id) if fit_id is not None else None
        if fit is None or fit_id is None:
            continue
        names = Counter(name_at(fit.level, step.channel, step.campaign, step.touchpoint) for step in steps)
        unknown = {name: times for name, times in names.items() if name not in fit.weights}
        if unknown:
            equally = not any(fit.weights.get(name) for name in names)
            found.append(Strangers(model, fit_id, fit.level, unknown, equally))
    return tuple(found)


def path_then(path: Iterable[Step], lines: Iterable[Line], as_of: datetime) -> list[Step]:
    """Give the path as it was known then: without what arrived later, with what has left it since and had credit.

    A touch that has left the path and had no credit in any model is not known any more. Pure.
    """
    known = {step.touchpoint_id: step for step in path if step.received_at is None or step.received_at <= as_of}
    for line in lines:
        if line.touchpoint_id is not None and line.touched_at is not None and line.touchpoint_id not in known:
            known[line.touchpoint_id] = Step(
                line.touchpoint_id, line.touched_at, line.touchpoint, line.channel, line.campaign, "", None, still=False
            )
    return sorted(known.values(), key=lambda step: step.touched_at)  # of one time, in the order of the path


def _conversion(row: tuple[Any, ...]) -> Conversion:
    fields = dict(zip(Conversion.__slots__, row, strict=True))
    return Conversion(**fields | {name: _utc(fields[name]) for name in ("occurred_at", "recorded_at")})


def _entry(entry: Entry, conversion: Conversion) -> dict[str, Any]:
    return {
        "line": entry.line,
        "touchpoint_id": _id(entry.touchpoint_id),
        "channel": entry.channel or None,
        "campaign": entry.campaign or None,
        "credit": str(entry.credit),
        "value": _money(entry.value, conversion),
        "fit_id": _id(entry.fit_id),
    }


def _money(amount: Decimal, conversion: Conversion) -> str | None:
    return str(round(amount, conversion.minor_digits)) if conversion.currency else None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _utc_or_none(moment: datetime | None) -> datetime | None:
    return None if moment is None else _utc(moment)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _id(one: UUID | None) -> str | None:
    return None if one is None else str(one)
