"""Telephone numbers of a call: which of them name a person, and which are withheld, of the house, or no number.

Networks show a withheld number in their own words, some of them typed on a telephone's keys: +266696687 is ANONYMOUS,
+7378742833 RESTRICTED. Such a number would be one identifier of everybody who hides his own.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from producers.adapters.person import phone
from producers.adapters.sender import Sender

_SHOWN = ("anonymous", "restricted", "private", "unavailable", "unknown", "blocked", "withheld")
_WORDS = frozenset((*_SHOWN, "hidden", "asserted", "noname", "nocallerid", "anonym", "unbekannt", "unterdrückt"))
_ROWS = enumerate(("abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz"), 2)
_KEYS = {letter: key for key, letters in _ROWS for letter in letters}
_TYPED = frozenset("".join(str(_KEYS[letter]) for letter in word) for word in _SHOWN)
_SCHEME = re.compile(r"^(?:tel|sips?|whatsapp|rcs|sms|callto):", re.IGNORECASE)
_SHORTEST_TYPED = 9
"""Digits of a word on the keys that no local number has; shorter ones count only where a `+` stands before them."""
_SHORTEST_OUTSIDE = 5
"""Digits of the shortest number that can be outside of the house: shorter ones are extensions."""


class Number(NamedTuple):
    """What a number says: at most one of the three is there.

    `person` is in E.164 (digits where the source has no region), `house` is our own or no full number, as a
    property.
    """

    person: str | None = None
    house: str | None = None
    withheld: bool = False

    def properties(self, name: str = "number") -> dict[str, str | bool]:
        """Give what is kept of it as properties; of a person's number nothing, it is the identifier."""
        if self.withheld:
            return {f"{name}_withheld": True}
        return {name: self.house} if self.house is not None else {}


def number_of(text: str | None, sender: Sender) -> Number:
    """Read a number as systems write it: `+49…`, `tel:+49…`, `sip:+49…@host;user=phone`, `"Ada" <+49…>`."""
    if text is None or not text.strip():
        return Number()
    bare = _bare(text)
    if is_withheld(bare):
        return Number(withheld=True)
    number = phone(bare, sender.phone_region)
    if number is None or is_extension(bare):
        return Number(house=bare[:100])
    if is_of_the_house(number, sender):
        return Number(house=number)
    return Number(person=number)


def is_withheld(text: str) -> bool:
    """Say whether the number stands for none: a word, a word typed on the keys, or one digit again and again."""
    letters = re.sub(r"[^\w]|\d", "", text.lower())
    if letters in _WORDS:
        return True
    digits = re.sub(r"\D", "", text)
    if digits in _TYPED and (text.strip().startswith("+") or len(digits) >= _SHORTEST_TYPED):
        return True
    return bool(digits) and len(set(digits)) == 1 and (digits[0] == "0" or len(digits) > _SHORTEST_OUTSIDE)


def is_extension(text: str) -> bool:
    """Say whether it is too short to be called from outside."""
    return len(re.sub(r"\D", "", text)) < _SHORTEST_OUTSIDE


def is_of_the_house(number: str, sender: Sender) -> bool:
    """Say whether a number (E.164) is one of the source's switchboards; `+49301234*` means all that begin so."""
    whole, begins = _switchboards(sender.switchboards, sender.phone_region)
    return number in whole or number.startswith(begins)


@lru_cache(maxsize=256)
def _switchboards(numbers: tuple[str, ...], region: str | None) -> tuple[frozenset[str], tuple[str, ...]]:
    whole = {phone(number, region) or number for number in numbers if not number.endswith("*")}
    begins = tuple(re.sub(r"[^\d+]", "", number) for number in numbers if number.endswith("*"))
    return frozenset(whole), tuple(begin for begin in begins if begin)


def _bare(text: str) -> str:
    text = text.strip()
    if found := re.search(r"<([^<>]*)>\s*$", text):
        text = found[1].strip()
    text = _SCHEME.sub("", text)
    return re.split(r"[@;]", text, maxsplit=1)[0].strip()
