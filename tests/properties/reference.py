"""The same rules as the fold's, written a second time and plainly: over a whole history, in memory, from scratch.

Shares no code with `streams.core`. It is slow and easy to read; the properties hold the fold to it.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

from schemas.attributing import ModelSettings
from schemas.catalogue import Catalogue
from schemas.converting import Condition
from schemas.money import minor_digits
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
    gross: dict[str, int]
    currency: dict[str, str | None]
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
    result = Reference(journeys, openers, {i: of[i] for i in converting}, {}, {}, {}, {}, {}, {})
    for conversion in (e for e in history if str(e.event_id) in converting):
        attribute(conversion, history, openers, catalogue, result)
    return result


def find_openers(history: list[Touchpoint], catalogue: Catalogue) -> set[str]:
    gap = timedelta(minutes=catalogue.journey.visit_gap_minutes)
    by_device: dict[str | None, list[Touchpoint]] = defaultdict(list)
    for event in history:
        told_by_a_server = device_of(event) is None and conversion_name(event, catalogue) is not None
        if is_visit(catalogue, event) and not told_by_a_server:
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
        name = conversion_name(event, catalogue)
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
        name = conversion_name(event, catalogue)
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
        name = conversion_name(event, catalogue)
        before = (event.occurred_at, event.event_id.bytes) < (conversion.occurred_at, conversion.event_id.bytes)
        if catalogue.attribution.stop_at_conversion and name and catalogue.conversions[name].closing and before:
            path = []
    if len(path) > catalogue.attribution.max_path:
        path = [path[0], *path[len(path) - catalogue.attribution.max_path + 1 :]]
    result.paths[conversion_id] = path
    gross, net, currency = worth(conversion, history, catalogue)
    result.gross[conversion_id], result.net[conversion_id], result.currency[conversion_id] = gross, net, currency
    result.verified[conversion_id] = trusted(conversion, history)
    by_id = {str(event.event_id): event for event in history}
    steps = [step_of(by_id[touch], history, catalogue, openers) for touch in path]
    for model, settings in catalogue.attribution.models.items():
        if not steps:
            result.credits[conversion_id, model, None] = (Decimal(1), net)
            continue
        weights = weights_of(settings, steps)
        sums: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
        for step, units, value in zip(steps, apportion(10**9, weights), apportion(net, weights), strict=True):
            line = step.event_id if step.named else "withheld"
            sums[line][0] += units
            sums[line][1] += value
        for line, (units, value) in sums.items():
            if units or value:
                result.credits[conversion_id, model, line] = (Decimal(units).scaleb(-9), value)


# --- what a touchpoint reaches, is worth and allows


def whole_of(event: Touchpoint, catalogue: Catalogue) -> str:
    """The longest beginning of the name, cut at a dot, that the catalogue has."""
    words = event.touchpoint.split(".")
    beginnings = [".".join(words[:count]) for count in range(1, len(words) + 1)]
    return max((name for name in beginnings if name in catalogue.touchpoints), key=len, default="")


def takes_back(event: Touchpoint, catalogue: Catalogue) -> bool:
    return whole_of(event, catalogue) in catalogue.refunds


def conversion_name(event: Touchpoint, catalogue: Catalogue) -> str | None:
    if takes_back(event, catalogue):
        return None
    stands_for = whole_of(event, catalogue)
    for name, entry in catalogue.conversions.items():
        if entry.touchpoints and stands_for not in entry.touchpoints:
            continue
        if all(holds(condition, event) for condition in entry.where):
            return name
    return None


def holds(condition: Condition, event: Touchpoint) -> bool:
    value = said(condition.field, event)
    number = as_number(value)
    if condition.present is not None and condition.present != (value is not None):
        return False
    for words, wanted in ((condition.is_, True), (condition.is_not, False)):
        if words is not None and any(equal(value, number, word) for word in words) != wanted:
            return False
    pattern = condition.matches
    if pattern is not None and not (isinstance(value, str) and re.fullmatch(pattern, value, re.IGNORECASE)):
        return False
    if condition.at_least is not None and (number is None or number < condition.at_least):
        return False
    return condition.at_most is None or (number is not None and number <= condition.at_most)


def equal(value: Any, number: Decimal | None, word: Any) -> bool:
    if isinstance(word, str | bool) or isinstance(value, str | bool):
        return type(value) is type(word) and value == word
    return number is not None and number == Decimal(str(word))


def as_number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int | float):
        return Decimal(repr(value))
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d+(\.\d+)?\s*", value):
        return Decimal(value.strip())
    return None


def said(place: str, event: Touchpoint) -> Any:
    if place.startswith("properties."):
        return inside(event.properties, place.removeprefix("properties."))
    if place == "campaign":
        return event.campaign.name if event.campaign else None
    if place == "amount":
        return event.amount.amount if event.amount else None
    if place == "currency":
        return event.amount.currency if event.amount else None
    return getattr(event, place)


def inside(properties: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(properties, dict):
            return None
        properties = properties.get(name)
    return properties


def allowed(event: Touchpoint, history: list[Touchpoint], catalogue: Catalogue) -> bool:
    """May a touch be named, by its own word and by all that the person has decided?"""
    own = own_word(event, catalogue)
    if own == "no":
        return False
    here = (event.occurred_at, event.event_id.bytes)
    decisions = [((e.occurred_at, e.event_id.bytes), decided(e, catalogue)) for e in history]
    if any(word == "no" and here <= place for place, word in decisions):
        return False
    last_no = max((place for place, word in decisions if word == "no"), default=None)
    since_then = [place for place, word in decisions if word == "yes" and last_no and last_no < place <= here]
    if last_no is not None and not since_then:
        return own == "yes"
    return own == "yes" or catalogue.attribution.consent.unknown == "allowed"


def own_word(event: Touchpoint, catalogue: Catalogue) -> str | None:
    words = [as_word(inside(event.properties, place)) for place in catalogue.attribution.consent.fields]
    return "no" if "no" in words else "yes" if "yes" in words else None


def decided(event: Touchpoint, catalogue: Catalogue) -> str | None:
    if event.touchpoint.split(".")[0] not in catalogue.attribution.consent.decisions:
        return None
    words = [as_word(inside(event.properties, place)) for place in catalogue.attribution.consent.decision_places]
    return ("no" if "no" in words else "yes" if "yes" in words else None) or own_word(event, catalogue)


def as_word(said: Any) -> str | None:
    if said in (False, "no", "denied"):
        return "no"
    return "yes" if said in (True, "granted") else None


def stated(event: Touchpoint, catalogue: Catalogue) -> tuple[int, str] | None:
    """What one event says that its conversion, or its refund, is worth."""
    name = conversion_name(event, catalogue)
    entry = catalogue.conversions[name] if name else None
    if entry is not None and entry.value == "fixed":
        assert entry.amount is not None
        assert entry.currency is not None
        return int(entry.amount * 10 ** minor_digits(entry.currency)), entry.currency
    if entry is not None and entry.value == "field":
        number = as_number(said(entry.field or "", event))
        currency = entry.currency or said(entry.currency_field or "", event)
        if number is not None and number >= 0 and currency in {"EUR", "USD", "JPY"}:
            digits = Decimal(1).scaleb(-minor_digits(currency))
            return int(number.quantize(digits, ROUND_HALF_EVEN) / digits), currency
        return None
    return (event.amount.minor, event.amount.currency) if event.amount else None


def trusted(conversion: Touchpoint, history: list[Touchpoint]) -> bool:
    same_order = [e for e in history if conversion.order_id is not None and e.order_id == conversion.order_id]
    return conversion.verified or any(e.verified for e in same_order)


def worth(conversion: Touchpoint, history: list[Touchpoint], catalogue: Catalogue) -> tuple[int, int, str | None]:
    """Gross and net in minor units, and their currency."""
    name = conversion_name(conversion, catalogue)
    assert name is not None
    said_of_it = stated(conversion, catalogue)
    kind = catalogue.conversions[name].value
    if kind == "none" or said_of_it is None:
        return 0, 0, None
    gross, currency = said_of_it
    same = [e for e in history if conversion.order_id is not None and e.order_id == conversion.order_id]
    if not conversion.verified and kind != "fixed":
        for event in same:
            rival = stated(event, catalogue)
            if event.verified and conversion_name(event, catalogue) == name and rival and rival[1] == currency:
                gross = rival[0]
                break
    day = conversion.occurred_at.date()
    into = catalogue.currencies.reporting or currency
    price = price_of(catalogue, currency, into, day)
    if price is None:
        into, price = currency, Fraction(1)
    left = gross * price
    for event in same:
        if not takes_back(event, catalogue):
            continue
        if event.amount is None:
            left = Fraction(0)
            break
        refund_price = price_of(catalogue, event.amount.currency, into, day)
        if refund_price is not None:
            left -= abs(event.amount.minor) * refund_price
    return half_even(gross * price), half_even(max(left, Fraction(0))), into


def price_of(catalogue: Catalogue, currency: str, into: str, day: Any) -> Fraction | None:
    """What a minor unit of one currency is in minor units of the other on a day."""
    if currency == into:
        return Fraction(1)
    if catalogue.currencies.reporting is None:
        return None
    prices = []
    for each in (currency, into):
        rate = catalogue.currencies.table.rate(each, day)
        if rate is None:
            return None
        prices.append(Fraction(rate) * 10 ** minor_digits(each))
    return prices[1] / prices[0]


def half_even(value: Fraction) -> int:
    below, rest = divmod(value.numerator, value.denominator)
    up = 2 * rest > value.denominator or (2 * rest == value.denominator and below % 2 == 1)
    return below + int(up)


# --- models


@dataclass
class Step:
    event_id: str
    at: datetime
    channel: str
    direct: bool
    named: bool


def step_of(event: Touchpoint, history: list[Touchpoint], catalogue: Catalogue, openers: set[str]) -> Step:
    """A touch as models see it; of one that nobody has allowed they see when it was, and no more."""
    event_id = str(event.event_id)
    if not allowed(event, history, catalogue):
        return Step(event_id, event.occurred_at, "withheld", direct=False, named=False)
    campaign = event.campaign.name if event.campaign else None
    direct = event_id in openers and event.channel in {"web", "app"} and campaign is None
    return Step(event_id, event.occurred_at, event.channel, direct=direct, named=True)


def weights_of(settings: ModelSettings, steps: list[Step]) -> list[Fraction]:
    left = list(steps)
    for transform in settings.transforms:
        if transform == "exposure":
            left = [step for n, step in enumerate(left) if n == 0 or left[n - 1].channel != step.channel]
        elif transform == "first":
            left = [step for n, step in enumerate(left) if step.channel not in {s.channel for s in left[:n]}]
        elif transform == "remove_direct":
            left = [step for step in left if not step.direct] or left
    parts = {step.event_id: part for step, part in zip(left, shares(settings, left), strict=True)}
    return [parts.get(step.event_id, Fraction(0)) for step in steps]


def shares(settings: ModelSettings, steps: list[Step]) -> list[Fraction]:
    """One model, over a path of at least one step."""
    count = len(steps)
    chosen: int | None = None
    if settings.kind == "first":
        chosen = 0
    elif settings.kind == "last":
        chosen = count - 1
    elif settings.kind == "last_non_direct":
        chosen = max((n for n, step in enumerate(steps) if not step.direct), default=count - 1)
    if chosen is not None:
        return [Fraction(int(n == chosen)) for n in range(count)]
    if settings.kind == "linear":
        return [Fraction(1, count)] * count
    if settings.kind == "linear_channel":
        channels = [step.channel for step in steps]
        return [Fraction(1, len(set(channels)) * channels.count(channel)) for channel in channels]
    if settings.kind == "position_based":
        if count <= 2:
            return [Fraction(1, count)] * count
        opening, middle, closing = (Fraction(weight) for weight in settings.weights)
        return [opening, *[middle / (count - 2)] * (count - 2), closing]
    assert settings.kind == "time_decay"
    microsecond = timedelta(microseconds=1)
    half_life = round(timedelta(days=settings.half_life_days) / microsecond)
    found = []
    for step in steps:
        age = (steps[-1].at - step.at) // microsecond
        with localcontext() as context:  # to 32 binary places of a half-life, and to a 2^60th of the newest's weight
            context.prec = 60
            found.append(Fraction(int(Decimal(2) ** (60 - Decimal((age << 32) // half_life) / 2**32))))
    return found
