"""The conversion record: what was reached, what it is worth net, and the path of touches that led to it."""

from uuid import UUID

from pydantic import Field

from schemas.base import Name, Timestamp, WireModel


class PathStep(WireModel):
    """A touch in a conversion's look-back window. `touchpoint_id` is the event that opened it."""

    touchpoint_id: UUID
    touched_at: Timestamp
    touchpoint: Name
    channel: Name
    campaign: str | None = None


class ConversionRecord(WireModel):
    """A conversion as it stands after one event of its profile; the highest `revision` counts.

    `conversion_id` is the id of the event that converted. Values are whole minor units of `currency`
    (`minor_digits` says how many decimals that is): `gross_minor` as sold, `net_minor` after refunds.
    `path` is in order of time; it holds the touches that share the credit, and a touch that nobody has allowed to
    attribute is called `withheld` there. `verified` is False while only a public key has spoken of it: a trusted source
    that names the same order verifies it, and then its amount counts. `fits` says, by model, by which fit of each
    published model it was split, also where that left every share as it was.
    """

    conversion_id: UUID
    profile_id: UUID
    journey_id: UUID
    revision: int = Field(ge=1)
    withdrawn: bool = False
    conversion: Name
    closing: bool
    occurred_at: Timestamp
    touchpoint: Name
    channel: Name
    source: str
    order_id: str | None = None
    currency: str | None = None
    minor_digits: int = Field(default=0, ge=0, le=4)
    gross_minor: int = 0
    net_minor: int = 0
    path: tuple[PathStep, ...] = ()
    recorded_at: Timestamp
    verified: bool = Field(default=True, exclude_if=lambda verified: verified is True)
    fits: dict[Name, UUID] = Field(default_factory=dict, exclude_if=lambda fits: not fits)
