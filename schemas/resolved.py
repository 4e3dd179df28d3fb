"""The record of `touchpath.resolved`: everything that can change a profile's journeys, in one order per profile."""

from typing import Self
from uuid import UUID

from pydantic import Field, model_validator

from schemas.base import WireModel
from schemas.erasure import Erasure
from schemas.moves import Arrival, Forwarding
from schemas.policy import Policy
from schemas.revisit import Revisit
from schemas.touchpoint import Touchpoint


class Resolved(WireModel):
    """One of five: a touchpoint with the profile that it belongs to, a move (two kinds), a revisit, an erasure.

    `profile_id` is None where nothing says who it was: landed, not stitched. `owner` is the touchpoint's strongest
    identifier (`kind:value`), `policy` that of its source and `version` the one of the owner's plan that named the
    profile; they are left out where they say the least. `reread`: the touchpoint has come before, and is read again by
    the rules of today; a profile that does not hold it passes it over.
    """

    profile_id: UUID | None
    owner: str | None = Field(default=None, exclude_if=lambda owner: owner is None)
    policy: Policy = Field(default="last_known", exclude_if=lambda policy: policy == "last_known")
    version: int = Field(default=0, ge=0, lt=2**32, exclude_if=lambda version: version == 0)
    touchpoint: Touchpoint | None = Field(default=None, exclude_if=lambda part: part is None)
    forwarding: Forwarding | None = Field(default=None, exclude_if=lambda part: part is None)
    reread: bool = Field(default=False, exclude_if=lambda reread: reread is False)
    arrival: Arrival | None = Field(default=None, exclude_if=lambda part: part is None)
    revisit: Revisit | None = Field(default=None, exclude_if=lambda part: part is None)
    erasure: Erasure | None = Field(default=None, exclude_if=lambda part: part is None)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        every = (self.touchpoint, self.forwarding, self.arrival, self.revisit, self.erasure)
        if sum(part is not None for part in every) != 1:
            raise ValueError("a record is one of touchpoint, forwarding, arrival, revisit and erasure")
        if self.profile_id is None and (self.touchpoint is None or self.reread):
            raise ValueError("only a touchpoint may have no profile")
        if self.reread and self.touchpoint is None:
            raise ValueError("only a touchpoint is read again")
        return self
