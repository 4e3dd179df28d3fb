"""The journey snapshot: first contact, conversion, after-sales part, as one row per journey."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Name, Timestamp, WireModel

JourneyStatus = Literal["open", "converted", "idle"]


class JourneySnapshot(WireModel):
    """A journey as it stands after one event of its profile.

    `journey_id` follows from the profile and the opening event; a restatement that gives the journey another
    opening event withdraws this one (`withdrawn`) and writes the other. The highest `revision` counts.
    `touchpoints` counts events (the after-sales part too), `touches` the visits, calls and clicks that may earn
    credit, `visits` the web and app visits. `channels` are in order of first use. A journey is `idle` when the
    profile's next event came after the inactivity border.
    """

    journey_id: UUID
    profile_id: UUID
    revision: int = Field(ge=1)
    withdrawn: bool = False
    status: JourneyStatus
    opening_event: UUID
    opened_at: Timestamp
    last_at: Timestamp
    converted_at: Timestamp | None = None
    closing_conversion: UUID | None = None
    touchpoints: int = Field(ge=0)
    touches: int = Field(ge=0)
    visits: int = Field(ge=0)
    conversions: int = Field(ge=0)
    channels: tuple[Name, ...] = ()
    first_touchpoint: Name
    last_touchpoint: Name
    recorded_at: Timestamp
