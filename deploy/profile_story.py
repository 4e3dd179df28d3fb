"""What is known of one customer, put together: the Customer 360 of `touchpath profile`. Pure.

Times are aware, UTC; money is net, after refunds, in the currency beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from deploy.identity_story import Member


@dataclass(frozen=True, slots=True)
class Attribute:
    """The last word on one attribute: `json` as it was sent, `value` as people read it."""

    name: str
    json: str
    value: str
    written_at: datetime
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Consent:
    """The last word on one purpose, and the touchpoint that said it."""

    purpose: str
    allowed: bool
    said_at: datetime
    source: str
    touchpoint: str


@dataclass(frozen=True, slots=True)
class Contact:
    """One touchpoint, in short."""

    occurred_at: datetime
    touchpoint: str
    channel: str
    source: str
    campaign: str
    order_id: str
    amount: Decimal | None
    currency: str
    event_id: UUID


@dataclass(frozen=True, slots=True)
class Journey:
    """One journey; `status` is that of now."""

    opened_at: datetime
    last_at: datetime
    converted_at: datetime | None
    status: str
    touchpoints: int
    conversions: int
    channels: Sequence[str]
    first_touchpoint: str
    last_touchpoint: str
    journey_id: UUID


@dataclass(frozen=True, slots=True)
class Conversion:
    """One conversion; `net` is what is left of `gross`."""

    occurred_at: datetime
    conversion: str
    channel: str
    order_id: str
    gross: Decimal
    net: Decimal
    currency: str
    verified: bool
    conversion_id: UUID


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is. `value` is the net revenue by currency."""

    touchpoints: int
    first_contact: datetime | None
    last_contact: datetime | None
    first_channel: str
    journeys: int
    conversions: int
    value: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Customer:
    """One profile, over all silos. Lists are the newest first, and hold no more than was asked for."""

    profile_id: UUID
    named_by: str
    identifiers: Sequence[Member]
    attributes: Sequence[Attribute]
    consent: Sequence[Consent]
    figures: Figures
    journeys: Sequence[Journey]
    conversions: Sequence[Conversion]
    complaints: Sequence[Contact]
    contacts: Sequence[Contact]

    @property
    def segments(self) -> list[str]:
        """The segments that the attributes name."""
        return segments_of({attribute.name: attribute.json for attribute in self.attributes})

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON's types."""
        f = self.figures
        return {
            "profile_id": str(self.profile_id),
            "named_by": self.named_by or None,
            "identifiers": [
                {"identifier": m.identifier, "shared": m.shared, "since": _time(m.since), "why": str(m.why)}
                for m in self.identifiers
            ],
            "attributes": {
                a.name: {
                    "value": _json(a.json),
                    "written_at": _time(a.written_at),
                    "source": a.source,
                    "verified": a.verified,
                }
                for a in self.attributes
            },
            "segments": self.segments,
            "consent": {
                c.purpose: {"allowed": c.allowed, "said_at": _time(c.said_at), "source": c.source, "by": c.touchpoint}
                for c in self.consent
            },
            "first_contact": _time(f.first_contact),
            "last_contact": _time(f.last_contact),
            "first_channel": f.first_channel or None,
            "touchpoints": f.touchpoints,
            "journeys": f.journeys,
            "conversions": f.conversions,
            "value": {currency: str(amount) for currency, amount in f.value.items()},
            "complaints": [_contact(one) for one in self.complaints],
            "latest_journeys": [
                {
                    "journey_id": str(j.journey_id),
                    "status": j.status,
                    "opened_at": _time(j.opened_at),
                    "last_at": _time(j.last_at),
                    "converted_at": _time(j.converted_at),
                    "touchpoints": j.touchpoints,
                    "conversions": j.conversions,
                    "channels": list(j.channels),
                    "first_touchpoint": j.first_touchpoint,
                    "last_touchpoint": j.last_touchpoint,
                }
                for j in self.journeys
            ],
            "latest_conversions": [
                {
                    "conversion_id": str(c.conversion_id),
                    "conversion": c.conversion,
                    "occurred_at": _time(c.occurred_at),
                    "channel": c.channel,
                    "order_id": c.order_id or None,
                    "gross": str(c.gross),
                    "net": str(c.net),
                    "currency": c.currency or None,
                    "verified": c.verified,
                }
                for c in self.conversions
            ],
            "latest_touchpoints": [_contact(one) for one in self.contacts],
        }


def segments_of(attributes: Mapping[str, str]) -> list[str]:
    """Give the segments that attributes (as JSON) name: `segments` or `segment`, a list or names parted by commas.

    The view `customer_360` finds the same.
    """
    said = _json(attributes.get("segments", '""')) or _json(attributes.get("segment", '""'))
    names = said if isinstance(said, list) else said.split(",") if isinstance(said, str) else []
    return [name.strip() for name in names if isinstance(name, str) and name.strip()]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _contact(one: Contact) -> dict[str, Any]:
    return {
        "event_id": str(one.event_id),
        "occurred_at": _time(one.occurred_at),
        "touchpoint": one.touchpoint,
        "channel": one.channel,
        "source": one.source,
        "campaign": one.campaign or None,
        "order_id": one.order_id or None,
        "amount": None if one.amount is None else str(one.amount),
        "currency": one.currency or None,
    }
