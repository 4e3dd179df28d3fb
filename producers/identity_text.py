"""Identifiers in one writing: the same text for one person, whatever door or command they come by. Pure.

Two writings of the same thing must become one text, or one person becomes two. And nothing may become a text that
stands for nobody in particular, or many people become one.

| kind | one writing |
|---|---|
| email | the address alone, in lower case; what stands behind a plus is kept or dropped, as the rules say |
| phone | E.164 (`+493012345`); without a country and a region for it, digits |
| loyalty, device, anonymous | as below; nothing but zeros is no identifier |
| all others | without blanks around them, in Unicode's form NFC |

Instead of the value, a pseudonym can go on: `hmac:` and an HMAC-SHA-256 (RFC 2104) in hexadecimal, of `kind:value`
under a key of the operator's. The kind is part of it, so that one number that is a customer's and a card's is not
seen to be the same. Equal values have equal pseudonyms: events are stitched as before, and nobody behind the doors
can read whose they are. Whoever has the key can try out values, so it wants to be kept like a password. Another key
makes another person of everybody: nothing that came before is linked with what comes after, unless one event carries
an identifier of both. So a key is changed by importing the history anew, never in passing, and there is no second,
older key.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from unicodedata import normalize

from producers.adapters.person import email, phone
from schemas.identifier import Identifier, is_blank, is_pseudonym

EmailPlus = Literal["keep", "drop"]
HOW_WRITTEN = "an identifier is written kind:value, such as email:ada@example.org, phone:+493012345 or customer:4711"

_KIND = re.compile(r"[a-z][a-z0-9_]{0,49}")
_ZEROS = re.compile(r"[0\-]+")
_SHORTEST_DEVICE = 8
LONGEST = 500


@dataclass(frozen=True, slots=True)
class IdentifierRules:
    """How identifiers are written. `key` None: they go on as they are; else as pseudonyms, but for kinds in `clear`.

    `email_plus`: whether `ada+news@example.org` and `ada@example.org` are two people (`keep`) or one (`drop`). RFC 5321
    (2.3.11) leaves what stands before the @ to the host alone, and only some hosts take what is behind a plus for a
    label. Elsewhere they are two mailboxes, and two people made one are worse than one person who is two. So: keep.
    """

    email_plus: EmailPlus = "keep"
    key: bytes | None = field(default=None, repr=False)
    clear: frozenset[str] = frozenset({"order"})

    def hides(self, kind: str) -> bool:
        """Say whether identifiers of this kind go on as pseudonyms."""
        return self.key is not None and kind not in self.clear

    @property
    def mark(self) -> str:
        """A short text that is another one where the rules are, and that tells nothing of the key; "" for the usual."""
        if self == PLAIN:
            return ""
        key = hmac.digest(self.key, b"mark", "sha256").hex()[:16] if self.key is not None else ""
        return ",".join((self.email_plus, key, *sorted(self.clear)))


PLAIN = IdentifierRules()


def normalised(kind: str, value: str, rules: IdentifierRules = PLAIN, region: str | None = None) -> str | None:
    """Give the one writing of a value; None where it identifies nobody. Doing it twice changes nothing.

    `region` (`DE`) is that of telephone numbers without a country. A pseudonym stays as it is.
    """
    text = value.strip() if value.isascii() else _composed(value)
    if is_blank(text):
        return None
    if is_pseudonym(text):
        return text
    if kind == "email":
        address = email(text)
        return _without_label(address) if address is not None and rules.email_plus == "drop" else address
    if kind == "phone":
        return phone(text, region)
    if _ZEROS.fullmatch(text) and (
        kind == "loyalty" or (kind in {"device", "anonymous"} and len(text) >= _SHORTEST_DEVICE)
    ):
        return None
    return text


def one_writing(
    identifiers: Iterable[Identifier], rules: IdentifierRules = PLAIN, region: str | None = None
) -> tuple[Identifier, ...]:
    """Give the identifiers in their one writing, each once; those that identify nobody are left out."""
    found: dict[tuple[str, str], Identifier] = {}
    for identifier in identifiers:
        kind = identifier.kind
        value = normalised(kind, identifier.value, rules, region)
        if value is not None and (kind, value) not in found:
            same = value == identifier.value
            found[kind, value] = identifier if same else Identifier(kind=kind, value=value)
    return tuple(found.values())


def pseudonym(kind: str, value: str, rules: IdentifierRules) -> str:
    """Give what goes on instead of a value in its one writing; the value itself where nothing is hidden."""
    if rules.key is None or kind in rules.clear or is_pseudonym(value):
        return value
    return "hmac:" + hmac.digest(rules.key, f"{kind}:{value}".encode(), "sha256").hex()


def identifier_of(text: str, rules: IdentifierRules = PLAIN, region: str | None = None) -> Identifier:
    """Read an identifier as people type it and programs send it, as the doors would pass it on.

    Raises:
        ValueError: it is none; the message says how one is written, or why this one identifies nobody.
    """
    kind, sign, value = text.strip().partition(":")
    kind = kind.strip().lower()
    if not sign or not _KIND.fullmatch(kind):
        raise ValueError(f"{text.strip()[:100]!r} is no identifier; {HOW_WRITTEN}")
    known = normalised(kind, value, rules, region)
    if known is None or len(known) > LONGEST:
        raise ValueError(f"{value.strip()[:100]!r} {why_not(kind, value)}; {HOW_WRITTEN}")
    return Identifier(kind=kind, value=pseudonym(kind, known, rules))


def why_not(kind: str, value: str) -> str:
    """Say why a value identifies nobody: `is no e-mail address`."""
    if is_blank(value):
        return "stands for no value"
    if len(value.strip()) > LONGEST:
        return f"is longer than {LONGEST} characters"
    return {"email": "is no e-mail address", "phone": "is no telephone number"}.get(kind, "stands for no value")


def _composed(value: str) -> str:
    # Without blanks a mark may stand beside another letter, which may compose anew.
    return normalize("NFC", normalize("NFC", value).strip())


def _without_label(address: str) -> str:
    """Drop what stands behind the plus; not where nothing would be left before it, or the name is quoted."""
    local, _, domain = address.rpartition("@")
    name = local.partition("+")[0]
    return f"{name}@{domain}" if name and not local.startswith('"') else address
