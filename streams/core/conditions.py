"""What the catalogue asks about a touchpoint beyond its name: conditions of conversions, values in fields, consent.

All of it is asked once, when the touchpoint is read; the fold keeps the answers and not what they were found in.
Properties are decoded only where something asks about them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple

import msgspec
from pydantic_core import from_json

from schemas.attributing import ConsentSettings
from schemas.converting import Condition, ConversionEntry
from schemas.money import MOST_MINOR, minor_digits
from streams.core.touch import NO_CONSENT, SAYS_YES
from streams.core.wire import ReadTouchpoint

Test = Callable[[object], bool]
Decided = Literal["yes", "no", "unreadable"] | None
"""A word on consent; None: nothing is said, or nothing that is a word. Unreadable: nobody can tell."""
YES_WORDS = frozenset({"true", "yes", "1", "granted", "on", "given", "allowed", "accepted"})
NO_WORDS = frozenset({"false", "no", "0", "denied", "off", "withdrawn", "rejected"})
_decode = msgspec.json.Decoder().decode


class Candidate(NamedTuple):
    """A conversion that a touchpoint may reach: `tests` are all its conditions, each with the place it looks at."""

    name: str
    tests: tuple[tuple[str, Test], ...]
    entry: ConversionEntry


class Seen:
    """A touchpoint as conditions see it."""

    def __init__(self, touchpoint: ReadTouchpoint) -> None:
        self._touchpoint = touchpoint
        self._properties: Any = None

    def at(self, place: str) -> object:
        """Give what stands at a place of the catalogue's (`channel`, `properties.plan.name`); None: nothing."""
        touchpoint = self._touchpoint
        if place.startswith("properties."):
            if self._properties is None:
                self._properties = _properties(touchpoint.properties) or {}
            return inside(self._properties, place.split(".")[1:])
        if place == "campaign":
            return touchpoint.campaign.name if touchpoint.campaign else None
        if place in ("amount", "currency"):
            return getattr(touchpoint.amount, place) if touchpoint.amount else None
        found: object = getattr(touchpoint, place)
        return found


def inside(properties: object, path: list[str]) -> object:
    """Give what stands at a path of names in some JSON; None: nothing. A name may have dots of its own."""
    if not path:
        return properties
    if isinstance(properties, Mapping):
        for length in range(len(path), 0, -1):
            name = ".".join(path[:length])
            if name in properties:
                return inside(properties[name], path[length:])
    return None


def candidate(name: str, entry: ConversionEntry) -> Candidate:
    """Compile a conversion of the catalogue."""
    return Candidate(name, tuple((condition.field, _test(condition)) for condition in entry.where), entry)


def reached(seen: Seen, candidates: tuple[Candidate, ...]) -> Candidate | None:
    """Give the first candidate whose conditions all hold."""
    for one in candidates:
        if all(test(seen.at(place)) for place, test in one.tests):
            return one
    return None


def worth_in(seen: Seen, entry: ConversionEntry) -> tuple[int, str] | None:
    """Give the value that stands in the conversion's field, in minor units and currency; None: there is none.

    A number, or a text that is one; to the minor unit of its currency, half to even. Below 0 it is none.
    """
    if entry.field is None:
        return None
    number = _number(seen.at(entry.field))
    currency = entry.currency or (seen.at(entry.currency_field) if entry.currency_field else None)
    if number is None or number < 0 or not isinstance(currency, str) or number.adjusted() > 18:
        return None
    currency = currency.strip().upper()
    try:
        minor = round(number.scaleb(minor_digits(currency)))
    except ValueError:
        return None
    return (minor, currency) if minor <= MOST_MINOR else None


class Consent:
    """Judges what a touchpoint says of its attribution, by the places that the catalogue names."""

    def __init__(self, settings: ConsentSettings) -> None:
        self._own = _Places(settings.fields)
        self._decision = _Places(settings.decision_places)
        self._decisions = frozenset(settings.decisions)
        self._unknown = NO_CONSENT if settings.unknown == "withheld" else 0

    def flags_of(self, properties: msgspec.Raw) -> int:
        """Give the flags of `touch` that say whether the touchpoint with these properties may be named."""
        word = self._own.word_in(bytes(properties))
        if word is None:
            return self._unknown
        return SAYS_YES if word == "yes" else NO_CONSENT  # unreadable: nobody has readably said yes

    def is_decision(self, touchpoint: str) -> bool:
        """May a touchpoint of this name, or of the whole that it is a part of, be a person's decision?"""
        while touchpoint:
            if touchpoint in self._decisions:
                return True
            touchpoint = touchpoint.rpartition(".")[0]
        return False

    def decided(self, properties: msgspec.Raw) -> Decided:
        """Say what the person decides by a touchpoint that may be a decision; None: nothing about this."""
        raw = bytes(properties)
        first = self._decision.word_in(raw)
        return first if first is not None else self._own.word_in(raw)


class _Places:
    """Some places in the properties. A no at one of them is a no; else a yes at one of them is a yes."""

    def __init__(self, places: Iterable[str]) -> None:
        self._paths = [place.split(".") for place in places]
        #: What must stand in the bytes where one of the places is filled: the last name of its path.
        self._hints = [path[-1].rpartition(".")[2].encode() for path in self._paths]

    def word_in(self, raw: bytes) -> Decided:
        for hint in self._hints:
            if hint in raw:
                break
        else:
            if b"\\" not in raw:  # no name is written in another way
                return None
        found = _properties(raw)
        if found is None:
            return "unreadable"
        said: Decided = None
        for path in self._paths:
            word = inside(found, path)
            text = word.strip().lower() if isinstance(word, str) else ""
            if word == 0 or text in NO_WORDS:  # False is 0
                return "no"
            if word == 1 or text in YES_WORDS:
                said = "yes"
        return said


def _properties(raw: bytes | msgspec.Raw) -> object:
    """Read a touchpoint's properties: quickly, else as the contract reads them; None: nobody can.

    The quick reader skips what it is not asked for, so this is where a number beyond all bounds is met first.
    """
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return from_json(bytes(raw))
        except ValueError:
            return None


def _test(condition: Condition) -> Test:
    tests = list(_tests(condition))
    return lambda value: all(test(value) for test in tests)


def _tests(condition: Condition) -> list[Test]:
    found: list[Test] = []
    if condition.present is not None:
        found.append(lambda value, wanted=condition.present: (value is not None) is wanted)  # type: ignore[misc] # mypy cannot infer a lambda with a default
    if condition.is_ is not None:
        found.append(_one_of(condition.is_))
    if condition.is_not is not None:
        one_of = _one_of(condition.is_not)
        found.append(lambda value: not one_of(value))
    if condition.matches is not None:
        pattern = re.compile(condition.matches, re.IGNORECASE)
        found.append(lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None)
    if condition.at_least is not None:
        least = condition.at_least
        found.append(lambda value: (number := _number(value)) is not None and number >= least)
    if condition.at_most is not None:
        most = condition.at_most
        found.append(lambda value: (number := _number(value)) is not None and number <= most)
    return found


def _one_of(wanted: tuple[str | bool | int | float, ...]) -> Test:
    texts = {word for word in wanted if isinstance(word, str)}
    truths = {word for word in wanted if isinstance(word, bool)}
    numbers = {Decimal(str(word)) for word in wanted if not isinstance(word, str | bool)}

    def is_one(value: object) -> bool:
        if isinstance(value, bool):
            return value in truths
        if isinstance(value, str):
            return value in texts
        number = _number(value)
        return number is not None and number in numbers

    return is_one


def _number(value: object) -> Decimal | None:
    """Read a number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
