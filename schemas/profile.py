"""The record of `touchpath.profiles`: the log of whose profile an identifier is in, and of what a guard has stopped."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Timestamp, WireModel
from schemas.identity import Key, Reason
from schemas.policy import Policy

Change = Literal["created", "merged", "unmerged", "stopped"]
Guard = Literal["block_list", "blocked", "cap", "unverified_cap", "unique", "decided"]


class ProfileChange(WireModel):
    """One identifier's profile has changed, or a guard has stopped it from changing.

    `identifier` belongs to `profile_id` from now on, as far as events with `since <= occurred_at < until` go (shared
    identifiers follow `policy`; None: no border); before it belonged to `previous_profile_id`. `named_by` is the
    identifier that names the profile. `stopped`: the link to `other` was not taken, by `guard`. `version` counts the
    changes of one identifier under one policy; `evidence` is the event or command behind it.
    """

    profile_id: UUID
    identifier: Key
    policy: Policy = "last_known"
    version: int = Field(ge=0)
    change: Change
    named_by: Key
    previous_profile_id: UUID | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None
    guard: Guard | None = None
    other: Key | None = None
    cause: Reason
    evidence: UUID
    recorded_at: Timestamp
