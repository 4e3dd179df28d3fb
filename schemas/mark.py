"""A mark on a touchpoint: something the fold found out about it that its own record cannot say."""

from typing import Literal
from uuid import UUID

from schemas.base import Timestamp, WireModel


class Mark(WireModel):
    """`beyond_horizon`: older than all that is kept of its profile, so it is landed and changes no journey."""

    event_id: UUID
    profile_id: UUID
    mark: Literal["beyond_horizon"]
    recorded_at: Timestamp
