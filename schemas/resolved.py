"""The record of `touchpath.resolved`: everything that can change a profile's journeys, in one order per profile."""

from typing import Self
from uuid import UUID

from pydantic import Field, model_validator

from schemas.base import WireModel
from schemas.moves import Arrival, Forwarding
from schemas.policy import Policy
from schemas.touchpoint import Touchpoint


class Resolved(WireModel):
    """A touchpoint with the profile that it belongs to, or a move of touchpoints between profiles: one of the three.

    `profile_id` is None where nothing says who it was: landed, not stitched. `owner` is the touchpoint's strongest
    identifier (`kind:value`), `policy` that of its source and `version` the one of the owner's plan that named the
    profile; they are left out where they say the least.
    """

    profile_id: UUID | None
    owner: str | None = Field(default=None, exclude_if=lambda owner: owner is None)
    policy: Policy = Field(default="last_known", exclude_if=lambda policy: policy == "last_known")
    version: int = Field(default=0, ge=0, lt=2**32, exclude_if=lambda version: version == 0)
    touchpoint: Touchpoint | None = Field(default=None, exclude_if=lambda part: part is None)
    forwarding: Forwarding | None = Field(default=None, exclude_if=lambda part: part is None)
    arrival: Arrival | None = Field(default=None, exclude_if=lambda part: part is None)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        parts = [part for part in (self.touchpoint, self.forwarding, self.arrival) if part is not None]
        if len(parts) != 1:
            raise ValueError("a record is one of touchpoint, forwarding and arrival")
        if self.touchpoint is None and self.profile_id is None:
            raise ValueError("a move names its profile")
        return self
