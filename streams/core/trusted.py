"""A quick judge of touchpoints that come back from Kafka: says "good" in a fraction of the contract's time, or "ask".

Our doors write what `schemas.touchpoint.Touchpoint` dumps, so nearly every record is good. What this reader takes, the
contract takes too (a property holds that); of all else the contract itself decides, and gives the reason.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from schemas.identifier import BLANKS, STRENGTH, strength, strongest
from schemas.money import minor_digits
from schemas.touchpoint import AHEAD, EARLIEST, Touchpoint

Short = Annotated[str, Meta(min_length=1, max_length=500)]
Text = Annotated[str, Meta(max_length=4096)]
Seconds = Annotated[str, Meta(max_length=12, pattern=r"^[0-9]+(\.[0-9]+)?\Z")]


class _Closed(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A part whose every field is known."""


class _Identifier(_Closed):
    kind: str
    value: Short


class _Campaign(_Closed):
    name: Short | None = None
    source: Short | None = None
    medium: Short | None = None
    term: Short | None = None
    content: Short | None = None


class _Money(_Closed):
    amount: Annotated[str, Meta(max_length=18)]
    currency: Annotated[str, Meta(min_length=3, max_length=3)]


class _Item(_Closed):
    product: Text
    category: Text | None = None
    quantity: Annotated[str, Meta(max_length=18)] = "1"
    value: Annotated[str, Meta(max_length=18)] | None = None


class _Web(_Closed, tag_field="kind", tag="web"):
    url: Text | None = None
    path: Text | None = None
    title: Text | None = None
    referrer: Text | None = None
    user_agent: Text | None = None
    browser: Text | None = None
    system: Text | None = None
    device: Text | None = None
    bot: bool = False
    locale: Text | None = None
    items: list[_Item] = []


class _Email(_Closed, tag_field="kind", tag="email"):
    mailing: Text | None = None
    subject: Text | None = None
    link: Text | None = None
    machine: bool = False


class _Hotline(_Closed, tag_field="kind", tag="hotline"):
    queue: Text | None = None
    reason: Text | None = None
    waiting_time: Seconds | None = None
    talk_time: Seconds | None = None
    result: Literal["answered", "abandoned", "resolved"] | None = None


class _Store(_Closed, tag_field="kind", tag="store"):
    store: Text | None = None
    till: Text | None = None
    receipt: Text | None = None
    items: list[_Item] = []


class _Other(_Closed, tag_field="kind", tag="other"):
    text: Text | None = None
    link: Text | None = None
    reach: Annotated[int, Meta(ge=0)] | None = None


class _Touchpoint(_Closed):
    event_id: UUID
    source: Annotated[str, Meta(min_length=1, max_length=100)]
    touchpoint: str
    channel: str
    occurred_at: Annotated[datetime, Meta(tz=True)]
    received_at: Annotated[datetime, Meta(tz=True)]
    body: _Web | _Email | _Hotline | _Store | _Other
    identifiers: Annotated[list[_Identifier], Meta(max_length=50)] = []
    campaign: _Campaign | None = None
    order_id: Short | None = None
    amount: _Money | None = None
    name: Short | None = None
    properties: dict[str, Any] = {}
    verified: bool = True


_decode = msgspec.json.Decoder(_Touchpoint).decode
_ERRORS = (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MOST_NAMES = 100_000
_MOST_KINDS = 1000
#: The contract's JSON reader takes some 200 levels of nesting, this one more: beyond so many brackets we count.
_DEEPEST = 100
#: Amounts of at most so many characters have 18 digits at most in minor units, whatever the currency.
_LONGEST_AMOUNT = 14
#: A zone can carry the last hours of this year out of the calendar.
_LAST_YEAR = 9999


class Said(NamedTuple):
    """What a touchpoint says about who it was: its strongest identifier (`kind:value`), and the others it names.

    `order` is the order that it names; `priced`: with an amount.
    """

    event_id: UUID
    owner: str | None
    others: list[str]
    source: str
    occurred_at: datetime
    received_at: datetime
    verified: bool
    touchpoint: str
    order: str | None
    priced: bool


class Trust:
    """The judge, with the names that the contract has let through before. Names are bounded in number."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._ranks = {kind: strength(kind) for kind in STRENGTH}

    def said(self, value: bytes) -> Said | None:  # noqa: PLR0911  # one way out per doubt
        """Give what a good touchpoint says about who it was; None: ask."""
        try:
            touchpoint = _decode(value)
        except _ERRORS:
            return None
        names = self._names
        if touchpoint.touchpoint not in names or touchpoint.channel not in names:
            return None
        # Borders themselves are asked about: parts of a microsecond are rounded here and cut off there.
        occurred_at, received_at = touchpoint.occurred_at, touchpoint.received_at
        if occurred_at <= EARLIEST or occurred_at - AHEAD >= received_at or received_at.year == _LAST_YEAR:
            return None
        if not _are_stripped(touchpoint):
            return None
        if touchpoint.amount is not None and not _is_money(touchpoint.amount):
            return None
        items = getattr(touchpoint.body, "items", ())
        if items and not all(
            _is_number(item.quantity) and (item.value is None or _is_number(item.value)) for item in items
        ):
            return None
        properties = touchpoint.properties
        if properties and value.count(b"[") + value.count(b"{") > _DEEPEST and not _is_flat(properties, _DEEPEST):
            return None
        keys: list[str] = []
        best = (0, "")
        owner: str | None = None
        for identifier in touchpoint.identifiers:
            kind, text = identifier.kind, identifier.value
            rank = self._ranks.get(kind)
            if rank is None or text.lower() in BLANKS or text[0].isspace() or text[-1].isspace():
                return None
            key = f"{kind}:{text}"
            keys.append(key)
            if owner is None or rank < best or (rank == best and key < owner):
                owner, best = key, rank
        others = [key for key in keys if key != owner] if len(keys) > 1 else []
        return Said(
            touchpoint.event_id,
            owner,
            others,
            touchpoint.source,
            occurred_at,
            received_at,
            touchpoint.verified,
            touchpoint.touchpoint,
            touchpoint.order_id,
            touchpoint.amount is not None,
        )

    def learn(self, touchpoint: Touchpoint) -> None:
        """Take in the names of a touchpoint that the contract has let through."""
        if len(self._names) < _MOST_NAMES:
            self._names.update((touchpoint.touchpoint, touchpoint.channel))
        for identifier in touchpoint.identifiers:
            if identifier.kind not in self._ranks and len(self._ranks) < _MOST_KINDS:
                self._ranks[identifier.kind] = strength(identifier.kind)


def said_by(touchpoint: Touchpoint) -> Said:
    """Give what a touchpoint that the contract has let through says about who it was."""
    owner = strongest(touchpoint.identifiers)
    return Said(
        touchpoint.event_id,
        owner.key if owner is not None else None,
        [identifier.key for identifier in touchpoint.identifiers if identifier != owner],
        touchpoint.source,
        touchpoint.occurred_at,
        touchpoint.received_at,
        touchpoint.verified,
        touchpoint.touchpoint,
        touchpoint.order_id,
        touchpoint.amount is not None,
    )


def _are_stripped(touchpoint: _Touchpoint) -> bool:
    """Say whether the texts that the contract strips are stripped already (the contract strips a few signs less)."""
    for text in (touchpoint.source, touchpoint.order_id, touchpoint.name):
        if text is not None and text.strip() != text:
            return False
    campaign = touchpoint.campaign
    if campaign is not None:
        for text in (campaign.name, campaign.source, campaign.medium, campaign.term, campaign.content):
            if text is not None and text.strip() != text:
                return False
    return True


def _is_flat(value: Any, levels: int) -> bool:
    """Say whether a JSON value has at most so many levels."""
    if not isinstance(value, dict | list):
        return True
    children = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_flat(child, levels - 1) for child in children)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal() and text.isascii()


def _is_money(money: _Money) -> bool:
    if len(money.amount) > _LONGEST_AMOUNT or not _is_number(money.amount) or not money.currency.isupper():
        return False
    try:
        digits = minor_digits(money.currency)
    except ValueError:
        return False
    _, _, decimals = money.amount.partition(".")
    return len(decimals) <= digits
