"""Identifiers in what quarantine keeps, replaced by their pseudonyms, so that it can still be replayed. Pure.

What is bad is kept as it came, and nobody has found out yet who it is about. So identifiers are told by the names of
their fields (`naming`), then also wherever the same stands again, and by how they look: e-mail addresses and
telephone numbers with their country. That can be done in JSON (also in lines, in text and in base64 within it), in a
form, and in CSV with a heading that we know a name of. Of all else, such as XML, positional logs and bytes that are
cut off, nobody can say what names a person: then none of the bytes are kept, and the event is to be sent again from
where it came.
"""

import csv
import io
import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import orjson
import phonenumbers

from producers.adapters.changed_json import json_changed
from producers.adapters.hotline.numbers import number_of
from producers.adapters.loose import folded
from producers.adapters.naming import NAMED, NESTED, NETWORKS
from producers.adapters.payload import deeper_than
from producers.adapters.pieces import delimiter_of
from producers.adapters.sender import Sender
from producers.identity_text import normalised, pseudonym
from schemas.identifier import PSEUDONYM, is_blank

# A name of at most 64 signs (RFC 5321, 4.5.3.1.1), each of them up to three where an address writes it.
_ADDRESS = r"(?<![\w.+%'-])[\w.+%'-]{1,192}(?:@|%40)(?:[\w-]{1,63}\.)+[^\W\d_]{2,63}"
_NUMBER = r"(?<![\w+])(?:\+|%2B)[1-9](?:[\s()./-]{0,2}\d){6,14}(?!\w)"
_LOOKS = re.compile(rf"(?P<done>{PSEUDONYM.pattern})|(?P<email>{_ADDRESS})|(?P<phone>{_NUMBER})", re.IGNORECASE)
_MAY_LOOK = re.compile(r"[@+]|%40|%2B", re.IGNORECASE)
PARAMETER = re.compile(r"(?<=[?&;])([A-Za-z][\w.-]{1,40})=([^&;#\s\"'<>]+)")
"""One of an address's query: its name and its value."""
_FIELD = re.compile(r"[\w.%+\[\]-]+=")
_DATE = re.compile(r"\d{4}-\d\d-\d\d|.*\d:\d\d")
_PACKED = frozenset({"uepx", "cx"})  # Snowplow's, in base64
_USER = re.compile(r"iglu:[^/]+/user/")
_DEEPEST = 32
"""Levels of JSON in a text, and of texts in each other: what is deeper is left out."""
_TELLING = 4
"""Signs of a value that is nothing else by chance, where it stands alone."""
_WORD = 6
"""The same, where it stands within a text."""


def bytes_hidden(raw: bytes, sender: Sender, named: Mapping[str, str]) -> bytes | None:
    """Give the bytes with pseudonyms; None where nobody can tell the identifiers from the rest.

    `named`: more names of fields, folded, and the kinds of what stands there.
    """
    if not raw:
        return raw
    inside = _Inside(sender, named)
    try:
        if (found := json_changed(raw, inside.whole)) is not None:
            return found
        text = raw.decode("utf-8-sig")
        found_text = _form(text, inside)
        if found_text is None:
            found_text = _table(text, inside)
    except (UnicodeDecodeError, RecursionError):  # the latter where JSON is nested deeper than we can follow
        return None
    return None if found_text is None else found_text.encode()


def value_hidden(value: Any, sender: Sender) -> Any:
    """Give what JSON can write of a value, with pseudonyms."""
    return _Inside(sender, {}).whole(orjson.loads(orjson.dumps(value, default=str)))


def text_hidden(text: str, sender: Sender) -> str:
    """Give a text with pseudonyms in the place of what looks like an address or a number with its country."""
    return _Inside(sender, {}).looking(text) if sender.rules.key is not None else text


class _Inside:
    """Replaces what stands inside of a payload."""

    def __init__(self, sender: Sender, named: Mapping[str, str]) -> None:
        self._sender = sender
        self._rules = sender.rules
        self._named = {name: (kind,) for name, kind in named.items()}
        self._depth = 0
        self._found: dict[str, str] = {}

    def whole(self, value: Any) -> Any:
        """Give the JSON value of a whole event: what names somebody in one place is hidden in the others, too."""
        self._found.clear()
        hidden = self.value("", "", value, {})
        again = _Again(self._found)
        return again.hidden(hidden) if again else hidden

    def knows(self, name: str) -> bool:
        way = folded(name)
        return way in NAMED or way in self._named

    def value(self, around: str, name: str, value: Any, beside: Mapping[str, Any]) -> Any:
        """Give any JSON value that stands under a name, in an object named `around`, beside others."""
        if isinstance(value, dict):
            if _USER.match(str(value.get("schema"))):  # Snowplow's entity of a shop's user
                return {
                    key: self.value(name, "user" if key == "data" else key, one, value) for key, one in value.items()
                }
            return {self.text(key): self.value(name, key, inner, value) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.value(around, name, inner, beside) for inner in value]
        if isinstance(value, str):
            return self._leaf(around, name, value, beside)
        if isinstance(value, int) and not isinstance(value, bool):
            found = self._named_value(around, name, str(value), beside)
            return value if found is None else found
        return value

    def text(self, text: str) -> str:
        """Give a text in which anything may stand, also an address with a query."""
        return self.looking(PARAMETER.sub(self._parameter, text) if "=" in text else text)

    def looking(self, text: str) -> str:
        """Give a text without what looks like an address or a number with its country."""
        return _LOOKS.sub(self._seen, text) if _MAY_LOOK.search(text) else text

    def _leaf(self, around: str, name: str, text: str, beside: Mapping[str, Any]) -> str:
        found = self._named_value(around, name, text, beside)
        if found is not None:
            return found
        if folded(name) in _PACKED and (packed := self._packed(text)) is not None:
            return packed
        if text[:1] in ("{", "[") and self._depth < _DEEPEST:
            try:
                inner = orjson.loads(text)
            except orjson.JSONDecodeError:
                return self.text(text)
            return "" if deeper_than(inner, _DEEPEST) else self._within(inner, text)
        return self.text(text)

    def _within(self, inner: Any, text: str) -> str:
        self._depth += 1
        hidden = self.value("", "", inner, {})
        self._depth -= 1
        return text if hidden == inner else orjson.dumps(hidden).decode()

    def _packed(self, text: str) -> str | None:
        try:
            content = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
            inner = orjson.loads(content)
        except (Base64Error, ValueError):
            return None
        if deeper_than(inner, _DEEPEST):
            return ""
        hidden = self._within(inner, content)
        return text if hidden == content else urlsafe_b64encode(hidden.encode()).decode().rstrip("=")

    def _named_value(self, around: str, name: str, text: str, beside: Mapping[str, Any]) -> str | None:
        """Give the pseudonym of what stands in a field that names a person; None where that is nobody."""
        if is_blank(text) or PSEUDONYM.search(text):
            return None
        for kind in self._kinds(around, name, beside):
            value = self._one_writing(kind, text, beside)
            if value is not None and self._rules.hides(kind):
                shown = self._found[text.strip()] = pseudonym(kind, value, self._rules)
                return shown
        return None

    def _kinds(self, around: str, name: str, beside: Mapping[str, Any]) -> tuple[str, ...]:
        way = folded(name)
        if way == "value" and isinstance(kind := beside.get("kind"), str):  # an identifier in our own envelope
            return (kind,)
        if way == "id" and isinstance(kind := beside.get("type"), str) and folded(around) == "externalids":
            return (re.sub(r"[^a-z0-9]+", "_", kind.lower()).strip("_"),)
        if nested := NESTED.get((folded(around), way)):
            return (nested,)
        return self._named.get(way) or NAMED.get(way, ())

    def _one_writing(self, kind: str, text: str, beside: Mapping[str, Any]) -> str | None:
        if kind == "phone":
            return None if _DATE.match(text) else number_of(text, self._sender).person
        if kind == "handle":
            known = {folded(name): value for name, value in beside.items()}
            network = next((known[name] for one in NETWORKS if isinstance(known.get(name := folded(one)), str)), None)
            text = f"{network}:{text.strip().removeprefix('@')}".lower() if network else text
        return normalised(kind, text, self._rules, self._sender.phone_region)

    def _seen(self, match: re.Match[str]) -> str:
        text = match[0]
        if match["done"]:
            return text
        kind = "email" if match["email"] else "phone"
        if not self._rules.hides(kind):
            return text
        plain = unquote(text)
        if kind == "phone" and not _is_valid(plain):
            return text
        known = normalised(kind, plain, self._rules, self._sender.phone_region)
        return text if known is None else pseudonym(kind, known, self._rules)

    def _parameter(self, match: re.Match[str]) -> str:
        found = self._named_value("", match[1], unquote(match[2]), {})
        return match[0] if found is None else f"{match[1]}={quote(found, safe='')}"


class _Again:
    """What has been found to name somebody, where it stands again: alone, or as a word of a text."""

    def __init__(self, found: Mapping[str, str]) -> None:
        self._found = {text: shown for text, shown in found.items() if len(text) >= _TELLING}
        words = {
            way: shown for text, shown in found.items() if len(text) >= _WORD for way in (text, quote(text, safe=""))
        }
        self._words = {way.lower(): shown for way, shown in words.items()}
        longest = sorted(map(re.escape, words), key=len, reverse=True)
        each = rf"{PSEUDONYM.pattern}|(?<![^\W_])(?:{'|'.join(longest)})(?![^\W_])"
        self._pattern = re.compile(each, re.IGNORECASE) if words else None

    def __bool__(self) -> bool:
        return bool(self._found)

    def hidden(self, value: Any) -> Any:
        """Give any JSON value without them."""
        if isinstance(value, dict):
            return {key: self.hidden(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.hidden(inner) for inner in value]
        if isinstance(value, int) and not isinstance(value, bool):
            return self._found.get(str(value), value)
        if not isinstance(value, str):
            return value
        shown = self._found.get(value)
        if shown is not None or self._pattern is None:
            return shown or value
        return self._pattern.sub(lambda match: self._words.get(match[0].lower(), match[0]), value)


def _is_valid(number: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _form(text: str, inside: _Inside) -> str | None:
    if "=" not in text or text.strip("\r\n \t").count("\n") or text.lstrip()[:1] in ("<", "{", "[", '"'):
        return None
    if not all(_FIELD.match(field) for field in text.split("&") if field):
        return None
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError:
        return None
    whole = dict(pairs)
    hidden = inside.whole(whole)
    kept = [
        (name, hidden[name] if whole[name] == value else inside.value("", name, value, whole)) for name, value in pairs
    ]
    return text if kept == pairs else urlencode(kept)


def _table(text: str, inside: _Inside) -> str | None:
    heading, _, rest = text.partition("\n")
    delimiter = delimiter_of(heading.encode())
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    if not rest or not any(inside.knows(cell.strip()) for cell in rows[0]):
        return None  # a heading that names nobody may as well be a row
    names = [cell.strip() for cell in rows[0]]
    for row in rows[1:]:
        if len(row) > len(names):
            return None  # who knows which cell belongs to which column
        whole = dict(zip(names, row, strict=False))
        for index, cell in enumerate(row):
            row[index] = inside.value("", names[index], cell, whole)
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return written.getvalue()
