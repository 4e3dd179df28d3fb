"""A touchpoint whose identifiers are hidden: pseudonyms in their place, and nowhere else in it the values. Pure.

Senders repeat who it was: in traits, in the address of the page, in a mail's subject. So the values are looked for in
every text of a touchpoint, as words: as they are, as an address writes them (`%40`), a telephone number also without
its country. Addresses and numbers of others that are written there are hidden, too. A number as short as 7 tells
nothing where it stands in a text, and would spoil prices and products: it is looked for in fields that name somebody.
"""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote

import phonenumbers

from producers.adapters.hidden_bytes import PARAMETER, text_hidden
from producers.adapters.loose import folded
from producers.adapters.naming import NAMED
from producers.adapters.sender import Sender
from producers.identity_text import LONGEST, IdentifierRules, pseudonym
from schemas.catalogue import slug
from schemas.identifier import PSEUDONYM, Identifier, is_pseudonym
from schemas.touchpoint import Touchpoint

#: Fields of the envelope and of bodies that are words of ours, numbers or times.
_OURS = frozenset(
    {"event_id", "source", "touchpoint", "channel", "occurred_at", "received_at", "identifiers", "amount", "verified"}
    | {"kind", "metric", "result", "about_event", "about_touchpoint", "bot", "machine", "reach"}
)
#: What names an order or a place. A number there is not the customer's, even where it is the same number.
_REFERENCES = frozenset({"order_id", "about_order", "about_ticket", "receipt", "till", "store", "product", "response"})
_SHORT = frozenset({"order_id", "name", "language", "survey", "response", "about_order", "about_ticket"})
_TEXT = 4096
_BEGIN = r"(?:(?<![^\W_])|(?<=%[0-9A-F]{2}))"
"""Of a word; `%3D` before it is a sign, not a letter."""
_TELLING = 6
"""Signs of a number or name that is nobody else's by chance."""
_SHORTEST = 4
"""Digits of a number that is looked for in texts."""
_NAMING = NAMED.keys() | {"id"}
_TAIL = 6
"""Digits at the end of a telephone number that stand together once its signs are left out."""


def hidden(touchpoint: Touchpoint, sender: Sender) -> Touchpoint:
    """Give the touchpoint with pseudonyms, as the sender's rules say; the same one where they hide nothing."""
    rules = sender.rules
    if rules.key is None:
        return touchpoint
    people = [one for one in touchpoint.identifiers if rules.hides(one.kind)]
    words = _Words(people, rules)

    def clean(text: str) -> str:
        return text_hidden(words.hidden(text), sender)

    told = touchpoint.model_dump(exclude={"identifiers", "properties"})
    fields = {name: _clean(name, value, clean) for name, value in told.items()}
    return Touchpoint.model_validate(
        {
            **fields,
            "touchpoint": words.hidden_name(touchpoint.touchpoint),
            "identifiers": [
                {"kind": one.kind, "value": pseudonym(one.kind, one.value, rules)} for one in touchpoint.identifiers
            ],
            "properties": _property("", touchpoint.properties, clean, words),
        }
    )


def _clean(name: str, value: Any, clean: Callable[[str], str]) -> Any:
    """Give a field of the envelope or of a body."""
    if name in _OURS or value is None:
        return value
    if isinstance(value, dict):
        inner = {key: _clean(key, one, clean) for key, one in value.items()}
        return inner if name != "campaign" else {key: one and one[:LONGEST] for key, one in inner.items()}
    if isinstance(value, list | tuple):
        return [_clean(name, one, clean) for one in value]
    if not isinstance(value, str) or (name in _REFERENCES and value.isdigit()):
        return value
    cleaned = clean(value)
    # What has become too long for its field is cut; who it was is not told by it any more.
    return value if cleaned == value else cleaned[: LONGEST if name in _SHORT else _TEXT].strip()


def _property(name: str, value: Any, clean: Callable[[str], str], words: "_Words") -> Any:
    if isinstance(value, dict):
        return {clean(key): _property(key, inner, clean, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_property(name, inner, clean, words) for inner in value]
    if isinstance(value, str | int) and not isinstance(value, bool):
        text = str(value)
        if folded(name) in _NAMING and (shown := words.alone(text)) is not None:
            return shown
        if isinstance(value, str):
            return clean(value)
        return shown if len(text) >= _TELLING and (shown := words.alone(text)) is not None else value
    return value


class _Words:
    """The values of a touchpoint's identifiers, wherever they stand as a word of their own."""

    def __init__(self, people: Iterable[Identifier], rules: IdentifierRules) -> None:
        people = [one for one in people if not is_pseudonym(one.value)]
        self._alone = {one.value: pseudonym(one.kind, one.value, rules) for one in reversed(people)}
        self._people = [one for one in people if len(one.value) >= _SHORTEST or not one.value.isdigit()]
        self._short = len(self._people) < len(people)
        self._rules = rules
        self._literals = [way.lower() for one in self._people for way in _writings(one.value)]
        self._tails = [one.value[-_TAIL:] for one in self._people if one.kind == "phone"]

    def hidden(self, text: str) -> str:
        """Give the text with pseudonyms in the place of those words."""
        if self._short and "=" in text:
            text = PARAMETER.sub(self._parameter, text)
        return self._words.sub(self._replaced, text) if self._may_stand_in(text) else text

    def alone(self, text: str) -> str | None:
        """Give the pseudonym of a value that is all of a field; None where it is nobody's."""
        return self._alone.get(text.strip())

    def hidden_name(self, name: str) -> str:
        """Give a touchpoint's name, in which a value may stand as names are written: `form_of_c_4711`."""
        for one in self._people:
            word = slug(one.value)
            if word in name and len(word) >= _TELLING and not one.value.isalpha():
                name = re.sub(rf"(?<![a-z0-9]){word}(?![a-z0-9])", "somebody", name)
        return name

    def _parameter(self, match: re.Match[str]) -> str:
        shown = self._alone.get(unquote(match[2])) if folded(match[1]) in _NAMING else None
        return match[0] if shown is None else f"{match[1]}={quote(shown, safe='')}"

    def _may_stand_in(self, text: str) -> bool:
        """Say whether it is worth a closer look, which costs more: most texts name nobody."""
        low = text.lower()
        if any(literal in low for literal in self._literals):
            return True
        return bool(self._tails) and any(tail in re.sub(r"\D", "", text) for tail in self._tails)

    @cached_property
    def _ways(self) -> dict[str, str]:
        """Patterns of how the values may be written, and what goes on instead; the longest first.

        So an address comes before the name that it begins with.
        """
        ways: dict[str, str] = {}
        for one in self._people:
            ways |= {way: pseudonym(one.kind, one.value, self._rules) for way in _ways(one) if way not in ways}
        return dict(sorted(ways.items(), key=lambda item: -len(item[0])))

    @cached_property
    def _words(self) -> re.Pattern[str]:
        each = "|".join(f"({way})" for way in self._ways)
        return re.compile(rf"({PSEUDONYM.pattern})|{_BEGIN}(?:{each})(?![^\W_])", re.IGNORECASE)

    @cached_property
    def _shown(self) -> list[str]:
        return list(self._ways.values())

    def _replaced(self, match: re.Match[str]) -> str:
        group = match.lastindex or 1
        return match[0] if group == 1 else self._shown[group - 2]


def _writings(value: str) -> list[str]:
    """Give a value as it is, and as an address writes it: once, twice, or but for its slashes."""
    if value.isalnum() and value.isascii():
        return [value]
    quoted = quote(value, safe="")
    return list(dict.fromkeys((value, quoted, quote(quoted, safe=""), quote(value))))


def _ways(one: Identifier) -> list[str]:
    """Give the patterns of how a value may be written."""
    ways = [re.escape(text) for text in _writings(one.value)]
    return [*ways, *_of_number(one.value)] if one.kind == "phone" else ways


def _of_number(number: str) -> list[str]:
    """Give how a telephone number is written with and without its country, with blanks and signs between."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return [_spaced(number)]
    country, national = str(parsed.country_code), phonenumbers.national_significant_number(parsed)
    between = r"[\s()./-]{0,3}"
    return [rf"\(?(?:(?:\+|%2B|00)?{_spaced(country)}{between}(?:\(0\))?|0)?{between}{_spaced(national)}"]


def _spaced(digits: str) -> str:
    return r"[\s()./-]{0,3}".join(re.escape(digit) for digit in digits)
