"""Identifiers: what an event says about who it was, and which of them is the strongest."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints, field_validator

from schemas.base import WireModel

#: Strongest first. Kinds that are not named here come after these, in order of their names.
STRENGTH: tuple[str, ...] = ("customer", "loyalty", "email", "phone", "order", "device", "anonymous")

_RANK = {kind: rank for rank, kind in enumerate(STRENGTH)}

#: What senders write when they have no value.
BLANKS = frozenset({"", "null", "none", "nil", "undefined", "nan", "n/a", "(null)", "-"})

#: A value that a door has put in the place of a person's, so that nobody behind it sees the value itself.
PSEUDONYM = re.compile(r"hmac:[0-9a-f]{64}")


class Identifier(WireModel):
    """One identifier of a person or device, written `kind:value` on the wire's keys."""

    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]

    @field_validator("value")
    @classmethod
    def _is_a_value(cls, value: str) -> str:
        if is_blank(value):
            raise ValueError(f"{value!r} stands for no value")
        return value

    @property
    def key(self) -> str:
        """The identifier as a key: `email:ada@example.org`."""
        return f"{self.kind}:{self.value}"


def is_blank(value: str) -> bool:
    """Say whether a sender's value stands for "none"."""
    return value.strip().lower() in BLANKS


def is_pseudonym(value: str) -> bool:
    """Say whether a value stands for another one, which only the holder of the key can tell."""
    return value.startswith("hmac:") and PSEUDONYM.fullmatch(value) is not None


def order_key(order: str | None) -> str | None:
    """Give an order's number as an identifier's key: `order:1001`; None where an event names no order."""
    return None if order is None or is_blank(order) else f"order:{order}"


def strength(kind: str) -> tuple[int, str]:
    """Give the place of a kind, the strongest first."""
    return _RANK.get(kind, len(STRENGTH)), kind


def strongest(identifiers: Iterable[Identifier]) -> Identifier | None:
    """Give the strongest identifier, the least value first among equals, or None where there is none."""
    return min(
        identifiers,
        key=lambda identifier: (strength(identifier.kind), identifier.value),
        default=None,
    )
