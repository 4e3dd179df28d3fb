"""The same rules as the fold's, written a second time and plainly: over a whole history, in memory, from scratch.

Shares no code with `streams.core`. It is slow and easy to read; the properties hold the fold to it.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from schemas.catalogue import Catalogue
from schemas.touchpoint import Touchpoint


@dataclass
class RefJourney:
    opening: str
    events: list[Touchpoint] = field(default_factory=list)
    last_at: datetime | None = None
    converted_at: datetime | None = None
    closing: str | None = None
    idle: bool = False


@dataclass
class Reference:
    journeys: list[RefJourney]
    openers: set[str]
    conversions: dict[str, RefJourney]
    paths: dict[str, list[str]]
    net: dict[str, int]
    verified: dict[str, bool]
    credits: dict[tuple[str, str, str | None], tuple[Decimal, int]]


def is_machine(event: Touchpoint) -> bool:
    return bool(getattr(event.body, "machine", False) or getattr(event.body, "bot", False))


def is_visit(catalogue: Catalogue, event: Touchpoint) -> bool:
    if is_machine(event):
        return False
    entry = catalogue.entry(event.touchpoint)
    return entry.visit if entry else event.channel in {"web", "app"}


def earns(catalogue: Catalogue, event: Touchpoint) -> bool:
    entry = catalogue.entry(event.touchpoint)
    return entry is not None and entry.credit and not is_machine(event)


def device_of(event: Touchpoint) -> str | None:
    for kind in ("device", "anonymous"):
        values = sorted(i.value for i in event.identifiers if i.kind == kind)
        if values:
            return values[0]
    return None


def apportion(total: int, weights: list[Fraction]) -> list[int]:
    exact = [total * w / sum(weights) for w in weights]
    parts = [int(e) for e in exact]
    order = sorted(range(len(weights)), key=lambda i: (-(exact[i] - parts[i]), i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def calculate(events: list[Touchpoint], catalogue: Catalogue) -> Reference:
    unique = {e.event_id: e for e in reversed(events)}
    history = sorted(unique.values(), key=lambda e: (e.occurred_at, e.event_id.bytes))
    openers = find_openers(history, catalogue)
    converting = find_conversions(history, catalogue)
    journeys, of = find_journeys(history, catalogue, converting)
    result = Reference(journeys, openers, {i: of[i] for i in converting}, {}, {}, {}, {})
    for conversion in (e for e in history if str(e.event_id) in converting):
        attribute(conversion, history, openers, catalogue, result)
    return result


def find_openers(history: list[Touchpoint], catalogue: Catalogue) -> set[str]:
    gap = timedelta(minutes=catalogue.journey.visit_gap_minutes)
    by_device: dict[str | None, list[Touchpoint]] = defaultdict(list)
    for event in history:
        if is_visit(catalogue, event):
            by_device[device_of(event)].append(event)
    openers: set[str] = set()
    for events in by_device.values():
        visit_campaign: str | None = None
        previous: Touchpoint | None = None
        for event in events:
            campaign = event.campaign.name if event.campaign else None
            new = previous is None or event.occurred_at - previous.occurred_at >= gap
            if new or (campaign is not None and campaign != visit_campaign):
                openers.add(str(event.event_id))
                visit_campaign = campaign
            previous = event
    return openers


def find_conversions(history: list[Touchpoint], catalogue: Catalogue) -> set[str]:
    seen: set[tuple[str, str]] = set()
    found: set[str] = set()
    for event in history:
        name = catalogue.conversion_of.get(event.touchpoint)
        if name is None:
            continue
        if event.order_id is not None:
            if (name, event.order_id) in seen:
                continue
            seen.add((name, event.order_id))
        found.add(str(event.event_id))
    return found


def find_journeys(
    history: list[Touchpoint], catalogue: Catalogue, converting: set[str]
) -> tuple[list[RefJourney], dict[str, RefJourney]]:
    settings = catalogue.journey
    journeys: list[RefJourney] = []
    of: dict[str, RefJourney] = {}
    orders: dict[str, RefJourney] = {}
    current: RefJourney | None = None
    done: RefJourney | None = None
    for event in history:
        event_id = str(event.event_id)
        entry = catalogue.entry(event.touchpoint)
        name = catalogue.conversion_of.get(event.touchpoint)
        closes = event_id in converting and name is not None and catalogue.conversions[name].closing
        retention = entry is not None and entry.phase == catalogue.retention_phase
        journey: RefJourney | None = None
        if not closes and event.order_id in orders:
            journey = orders[event.order_id]
        elif (
            not closes
            and retention
            and done is not None
            and done.converted_at is not None
            and event.occurred_at - done.converted_at <= timedelta(days=settings.after_sales_days)
        ):
            journey = done
        else:
            if (
                current is not None
                and current.last_at is not None
                and event.occurred_at - current.last_at > timedelta(days=settings.inactivity_days)
            ):
                current.idle = True
                current = None
            if current is None:
                current = RefJourney(event_id)
                journeys.append(current)
            journey = current
        journey.events.append(event)
        journey.last_at = event.occurred_at
        of[event_id] = journey
        if closes:
            journey.converted_at, journey.closing = event.occurred_at, event_id
            if event.order_id is not None:
                orders[event.order_id] = journey
            done, current = journey, None
    return journeys, of


def attribute(
    conversion: Touchpoint, history: list[Touchpoint], openers: set[str], catalogue: Catalogue, result: Reference
) -> None:
    look_back = timedelta(days=catalogue.attribution.look_back_days)
    conversion_id = str(conversion.event_id)
    path: list[str] = []
    for event in history:
        if not conversion.occurred_at - look_back <= event.occurred_at <= conversion.occurred_at:
            continue
        event_id = str(event.event_id)
        if event_id in openers or (earns(catalogue, event) and event_id != conversion_id):
            path.append(event_id)
        name = catalogue.conversion_of.get(event.touchpoint)
        before = (event.occurred_at, event.event_id.bytes) < (conversion.occurred_at, conversion.event_id.bytes)
        if catalogue.attribution.stop_at_conversion and name and catalogue.conversions[name].closing and before:
            path = []
    if len(path) > catalogue.attribution.max_path:
        path = [path[0], *path[len(path) - catalogue.attribution.max_path + 1 :]]
    result.paths[conversion_id] = path
    net = net_minor(conversion, history, catalogue)
    result.net[conversion_id] = net
    result.verified[conversion_id] = trusted(conversion, history)
    for model in catalogue.attribution.models:
        if not path:
            result.credits[conversion_id, model, None] = (Decimal(1), net)
            continue
        weights = {
            "first": [Fraction(int(i == 0)) for i in range(len(path))],
            "last": [Fraction(int(i == len(path) - 1)) for i in range(len(path))],
            "linear": [Fraction(1, len(path)) for _ in path],
        }[model]
        for touch, units, value in zip(path, apportion(10**9, weights), apportion(net, weights), strict=True):
            if units or value:
                result.credits[conversion_id, model, touch] = (Decimal(units).scaleb(-9), value)


def trusted(conversion: Touchpoint, history: list[Touchpoint]) -> bool:
    same_order = [e for e in history if conversion.order_id is not None and e.order_id == conversion.order_id]
    return conversion.verified or any(e.verified for e in same_order)


def gross_minor(conversion: Touchpoint, history: list[Touchpoint], catalogue: Catalogue) -> int:
    assert conversion.amount is not None
    if not conversion.verified and conversion.order_id is not None:
        for event in history:
            same = catalogue.conversion_of.get(event.touchpoint) == catalogue.conversion_of[conversion.touchpoint]
            rival = event.amount
            if not same or not event.verified or event.order_id != conversion.order_id or rival is None:
                continue
            if rival.currency == conversion.amount.currency:
                return rival.minor
    return conversion.amount.minor


def net_minor(conversion: Touchpoint, history: list[Touchpoint], catalogue: Catalogue) -> int:
    name = catalogue.conversion_of[conversion.touchpoint]
    if conversion.amount is None or catalogue.conversions[name].value != "amount":
        return 0
    net = gross_minor(conversion, history, catalogue)
    for event in history:
        if event.touchpoint in catalogue.refunds and conversion.order_id and event.order_id == conversion.order_id:
            if event.amount is None:
                return 0
            if event.amount.currency == conversion.amount.currency:
                net -= abs(event.amount.minor)
    return max(net, 0)
