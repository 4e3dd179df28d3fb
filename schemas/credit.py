"""The ledger of attribution: postings of credit entries that are never updated, only reversed and written anew."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Name, Timestamp, WireModel

Cause = Literal[
    "conversion", "late_touchpoint", "refund", "merge", "unmerge", "consent", "erasure", "model", "catalogue"
]
Credit = Annotated[Decimal, Field(ge=-1, le=1, max_digits=18, decimal_places=9)]


class CreditEntry(WireModel):
    """One line of the ledger: what one touch earned of one conversion in one model.

    `sign` is 1 for an entry and -1 for its reversal; `credit` and `value_minor` carry it, so that sums need no rule.
    `touchpoint_id` is None on two lines: `unattributed`, which carries what no touch earned and has no `touchpoint`,
    and `withheld`, so called there, which carries what touches earned that nobody has allowed to attribute.
    `fit_id` is the fit of a data-driven model by whose weights it was split.
    """

    entry_id: UUID
    model: Name
    revision: int = Field(ge=1)
    sign: Literal[1, -1]
    touchpoint_id: UUID | None
    touchpoint: Name | None = None
    channel: Name | None = None
    campaign: str | None = None
    touched_at: Timestamp | None = None
    credit: Credit
    value_minor: int
    fit_id: UUID | None = Field(default=None, exclude_if=lambda fit: fit is None)


class Posting(WireModel):
    """All entries that one event caused for one conversion: reversals of the revision before, and the new entries.

    Per conversion and model, the credit of all entries ever posted sums to 1 and the value to the net revenue.
    """

    conversion_id: UUID
    profile_id: UUID
    conversion: Name
    occurred_at: Timestamp
    cause: Cause
    currency: str | None = None
    minor_digits: int = Field(default=0, ge=0, le=4)
    entries: tuple[CreditEntry, ...]
    recorded_at: Timestamp
