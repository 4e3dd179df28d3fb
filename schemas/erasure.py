"""A person is erased: the profile forgets its touchpoints, and the totals stay without anything that leads back."""

from uuid import UUID

from schemas.base import Timestamp, WireModel

#: The profile of all conversions and credits whose customer has been erased.
NOBODY = UUID(int=0)


class Erasure(WireModel):
    """To a profile: forget. What its conversions earned is taken back and said again of nobody.

    The ids of what is said of nobody are derived from `evidence`, the id of the demand. It must be random: then nobody
    who knows an order's number can find its conversion again.

    Times of what is said of nobody are the days (UTC). So is that of recording, also of what is taken back: both must
    balance at every later moment. Only as of an hour of that day itself, a conversion that was posted on it, too, may
    count before its time or twice.
    """

    evidence: UUID
    recorded_at: Timestamp
