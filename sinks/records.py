"""What the sink reads of each record: the wire models' shape once more, for a decoder that is fast.

`schemas/` is the contract and the writers hold it. Here only that is checked which ClickHouse could not take: ids are
UUIDs, times have a zone, numbers fit their columns. Fields that are not named here are passed over, so that a sink
reads what a newer writer wrote. A test holds these shapes against the contract.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Raw, Struct

Moment = Annotated[datetime, Meta(tz=True)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Revision = Annotated[int, Meta(ge=1, le=2**52 - 1)]
Plan = Annotated[int, Meta(ge=0, le=2**52 - 1)]
MinorDigits = Annotated[int, Meta(ge=0, le=4)]
Sign = Annotated[int, Meta(ge=-1, le=1)]


class Named(Struct, gc=False):
    """Of a collected touchpoint: its id. The rest is archived unread."""

    event_id: UUID


class Identifier(Struct, gc=False):
    """See `schemas.identifier.Identifier`."""

    kind: str
    value: str


class Campaign(Struct, gc=False):
    """See `schemas.touchpoint.Campaign`."""

    name: str | None = None
    source: str | None = None
    medium: str | None = None
    term: str | None = None
    content: str | None = None


class Money(Struct, gc=False):
    """See `schemas.money.Money`."""

    amount: Decimal
    currency: str


class Item(Struct, gc=False):
    """See `schemas.bodies.LineItem`."""

    product: str
    category: str | None = None
    quantity: Decimal = Decimal(1)
    value: Decimal | None = None


class Body(Struct, gc=False):
    """What all of `schemas.bodies` have, and the lines of those that have lines."""

    kind: str
    items: tuple[Item, ...] = ()


class Touchpoint(Struct, gc=False):
    """See `schemas.touchpoint.Touchpoint`; body and properties are landed as they are written."""

    event_id: UUID
    source: str
    touchpoint: str
    channel: str
    occurred_at: Moment
    received_at: Moment
    body: Raw
    identifiers: tuple[Identifier, ...] = ()
    campaign: Campaign | None = None
    order_id: str | None = None
    amount: Money | None = None
    name: str | None = None
    verified: bool = True
    properties: Raw = Raw(b"{}")


class MovedTouch(Struct, gc=False):
    """Of `schemas.moves.MovedTouch`: which touchpoint it is. The rest is in the tables already."""

    event_id: UUID


class Arrival(Struct, gc=False):
    """See `schemas.moves.Arrival`."""

    owner: str
    version: Revision
    cause: str
    evidence: UUID
    recorded_at: Moment
    from_profile: UUID
    touches: tuple[MovedTouch, ...]


class Resolved(Struct, gc=False):
    """See `schemas.resolved.Resolved`. Some kinds are for the fold only: that there is one is all that is read."""

    profile_id: UUID | None
    owner: str | None = None
    policy: str = "last_known"
    version: Plan = 0
    touchpoint: Touchpoint | None = None
    reread: bool = False
    forwarding: Raw = Raw(b"null")
    arrival: Arrival | None = None
    revisit: Raw = Raw(b"null")
    erasure: Raw = Raw(b"null")


class ProfileChange(Struct, gc=False):
    """See `schemas.profile.ProfileChange`."""

    profile_id: UUID
    identifier: str
    version: Plan
    change: str
    named_by: str
    cause: str
    evidence: UUID
    recorded_at: Moment
    policy: str = "last_known"
    previous_profile_id: UUID | None = None
    since: Moment | None = None
    until: Moment | None = None
    guard: str | None = None
    other: str | None = None


class Kind(Struct, gc=False):
    """Of what identifiers and people say: which of the kinds it is."""

    type: str


class Said(Struct, gc=False):
    """See `schemas.identity.IdentityMessage`."""

    message: Kind


class Command(Struct, gc=False):
    """See `schemas.identity.Command`."""

    to: str
    action: str
    command_id: UUID
    requested_at: Moment
    requested_by: str
    other: str | None = None
    reason: str | None = None


class Commanded(Struct, gc=False):
    """A `schemas.identity.IdentityMessage` that is a command."""

    message: Command


class Journey(Struct, gc=False):
    """See `schemas.journey.JourneySnapshot`."""

    journey_id: UUID
    profile_id: UUID
    revision: Revision
    status: str
    opening_event: UUID
    opened_at: Moment
    last_at: Moment
    touchpoints: Count
    touches: Count
    visits: Count
    conversions: Count
    first_touchpoint: str
    last_touchpoint: str
    recorded_at: Moment
    withdrawn: bool = False
    converted_at: Moment | None = None
    closing_conversion: UUID | None = None
    channels: tuple[str, ...] = ()


class PathStep(Struct, gc=False):
    """See `schemas.conversion.PathStep`."""

    touchpoint_id: UUID
    touched_at: Moment
    touchpoint: str
    channel: str
    campaign: str | None = None


class Conversion(Struct, gc=False):
    """See `schemas.conversion.ConversionRecord`."""

    conversion_id: UUID
    profile_id: UUID
    journey_id: UUID
    revision: Revision
    conversion: str
    closing: bool
    occurred_at: Moment
    touchpoint: str
    channel: str
    source: str
    recorded_at: Moment
    withdrawn: bool = False
    order_id: str | None = None
    currency: str | None = None
    minor_digits: MinorDigits = 0
    gross_minor: Int64 = 0
    net_minor: Int64 = 0
    path: tuple[PathStep, ...] = ()
    verified: bool = True
    fits: dict[str, UUID] = {}


class Entry(Struct, gc=False):
    """See `schemas.credit.CreditEntry`."""

    entry_id: UUID
    model: str
    revision: Revision
    sign: Sign
    touchpoint_id: UUID | None
    credit: Decimal
    value_minor: Int64
    touchpoint: str | None = None
    channel: str | None = None
    campaign: str | None = None
    touched_at: Moment | None = None
    fit_id: UUID | None = None


class Posting(Struct, gc=False):
    """See `schemas.credit.Posting`."""

    conversion_id: UUID
    profile_id: UUID
    conversion: str
    occurred_at: Moment
    cause: str
    entries: tuple[Entry, ...]
    recorded_at: Moment
    currency: str | None = None
    minor_digits: MinorDigits = 0


class Mark(Struct, gc=False):
    """See `schemas.mark.Mark`."""

    event_id: UUID
    profile_id: UUID
    mark: str
    recorded_at: Moment


class Quarantine(Struct, gc=False):
    """See `schemas.quarantine.QuarantineRecord`."""

    quarantine_id: UUID
    source: str
    door: str
    reason: str
    raw: str
    encoding: Literal["utf-8", "base64"]
    received_at: Moment
