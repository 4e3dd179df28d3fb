"""Addresses, numbers and what else names a person, as identifiers: checked, in one writing, never a blank."""

import re
from functools import lru_cache
from unicodedata import normalize

import phonenumbers

from schemas.identifier import Identifier, is_blank, is_pseudonym

SHORTEST_NUMBER = 5
_BLANK = re.compile(r"\s")


def email(text: str | None) -> str | None:
    """Give the address in lower case; None for what is no address: it would identify everybody who wrote the same.

    `Ada <ada@example.org>` gives the address in the angles. A pseudonym stays as it is.
    """
    if text is None:
        return None
    if is_pseudonym(text):
        return text
    text = text.strip()
    if text.endswith(">") and (found := re.search(r"<([^<>]+)>$", text)):
        text = found[1].strip()
    if "@" not in text.strip("@") or _BLANK.search(text):
        return None
    return text.lower() if text.isascii() else normalize("NFC", normalize("NFC", text).lower())


@lru_cache(maxsize=65_536)
def phone(text: str | None, region: str | None = None) -> str | None:
    """Give a telephone number in E.164 (`+493012345`); None where it is withheld, a short code, or no number.

    A number without a country is read as one of `region` (`DE`); without a region it stays as digits, for it means the
    same to everyone who sends to that source. A pseudonym stays as it is.
    """
    if text is None or is_blank(text):
        return None
    if is_pseudonym(text):
        return text
    text = text.strip()
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        digits = phonenumbers.normalize_digits_only(text)
        plain = region is None and not re.search(r"[A-Za-z]", text)
        return digits if plain and len(digits) >= SHORTEST_NUMBER else None
    # A number that can be called within its own town only, or an emergency's, is another one's elsewhere.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    written = _e164(number)
    try:
        again = _e164(phonenumbers.parse(written))
    except phonenumbers.NumberParseException:
        return None
    # Zeros alone are read as one zero less each time: what is not itself when it is read again is no number.
    return written if again == written else None


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def identifiers(**found: str | None) -> list[Identifier]:
    """Give the identifiers of those that have a value: `identifiers(email=..., phone=...)`."""
    return [
        Identifier(kind=kind, value=value) for kind, value in found.items() if value is not None and not is_blank(value)
    ]
