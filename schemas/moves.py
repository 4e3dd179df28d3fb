"""How touchpoints change their profile: a forwarding tells the old profile, an arrival brings them to the new one.

Touchpoints belong to one identifier, the strongest of their event: their owner. When its profile changes, the owner's
node writes a forwarding to the profile that has them; that one lets them go as an arrival. Versions of an owner only
rise, so whoever meets an older message than the newest forwarding passes it on.
"""

from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Name, Timestamp, WireModel
from schemas.money import MOST_MINOR, Currency
from schemas.policy import Policy

MoveCause = Literal["merge", "unmerge"]


class Route(WireModel):
    """Where an owner's touchpoints with `since <= occurred_at < until` belong; None: no border on that side."""

    since: Timestamp | None = None
    until: Timestamp | None = None
    profile_id: UUID


class _Move(WireModel):
    """What both say. `version` is that of the owner's plan; `evidence` the event or command that caused it."""

    owner: str
    policy: Policy = "last_known"
    version: int = Field(ge=1, lt=2**32)
    cause: MoveCause
    evidence: UUID
    recorded_at: Timestamp


class Forwarding(_Move):
    """To the profile that has them: these do not belong here any more.

    `final`: no touchpoint of an older version can still be under way to here, so the address need not be kept.
    """

    routes: tuple[Route, ...] = Field(min_length=1)
    final: bool = False


class MovedTouch(WireModel):
    """What the fold keeps of a touchpoint. `device` is a hash; `postings` counts those of the conversion it may be."""

    event_id: UUID
    occurred_at: Timestamp
    touchpoint: Name
    channel: Name
    campaign: str | None = None
    device: int = Field(default=0, ge=0, lt=2**32)
    unverified: bool = False
    machine: bool = False
    no_consent: bool = Field(default=False, exclude_if=lambda no_consent: no_consent is False)
    """Nobody has allowed to attribute it."""
    says_yes: bool = Field(default=False, exclude_if=lambda says_yes: says_yes is False)
    """It says itself that it may be attributed."""
    decides: bool | None = Field(default=None, exclude_if=lambda decides: decides is None)
    """By it the person allows (or not) to attribute touches."""
    dropped: bool = Field(default=False, exclude_if=lambda dropped: dropped is False)
    """The event itself was dropped for the bound of its profile: only what it decides travels."""
    named_sale: bool = False
    """Has it an order, an amount or a conversion? Then the fields behind say which."""
    order_id: str | None = None
    minor: int | None = Field(default=None, ge=-MOST_MINOR, le=MOST_MINOR)
    currency: Currency | None = None
    source: str = ""
    postings: int = Field(default=0, ge=0, lt=2**53)
    conversion: Name | None = None
    """The one that it reaches by the catalogue's conditions, where that is not the one of its name."""


class Arrival(_Move):
    """To the profile where they belong: the owner's touchpoints. `revision` is that of the profile that let them go."""

    from_profile: UUID
    revision: int = Field(ge=0, lt=2**53)
    touches: tuple[MovedTouch, ...]
