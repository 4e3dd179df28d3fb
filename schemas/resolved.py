"""The record of `touchpath.resolved`: a touchpoint with the profile that it belongs to."""

from uuid import UUID

from schemas.base import WireModel
from schemas.touchpoint import Touchpoint


class ResolvedTouchpoint(WireModel):
    """A touchpoint and its profile. `profile_id` is None where nothing says who it was: landed, not stitched."""

    profile_id: UUID | None
    touchpoint: Touchpoint
