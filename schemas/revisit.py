"""A profile is asked to look again at what it has said: its rules have changed, not its touchpoints."""

from typing import Literal
from uuid import UUID

from schemas.base import Timestamp, WireModel

RevisitCause = Literal["model", "catalogue"]


class Revisit(WireModel):
    """To a profile: say again what the rules of today make otherwise. Where nothing differs, nothing is said.

    `evidence` is the fit that was published, or derived from the catalogue that is in force; `recorded_at` when the
    profile was asked, and never before that: whoever is asked a week later was reported otherwise for a week. Harmless
    at any time and as often as one likes.
    """

    cause: RevisitCause
    evidence: UUID
    recorded_at: Timestamp
