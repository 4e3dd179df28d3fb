"""What is known of one identifier, put together: whose it is, since when, why, and what was kept from happening. Pure.

Times without a border are None: `since` None is "from the beginning", `until` None is "from then on, for good".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Why:
    """What is behind a change: an event, or a person's decision. Empty texts where ClickHouse does not have it."""

    cause: str
    evidence: UUID
    touchpoint: str = ""
    source: str = ""
    requested_by: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """Say it in words: `order_completed from shop`, `merge by Service desk: she called`."""
        if self.requested_by:
            return f"{self.cause} by {self.requested_by}" + (f": {self.reason}" if self.reason else "")
        if self.touchpoint:
            return ("" if self.cause == "event" else f"{self.cause}: ") + f"{self.touchpoint} from {self.source}"
        return f"{self.cause} {self.evidence}"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the log of profiles, and `words` for it; see `schemas.profile.ProfileChange`."""

    recorded_at: datetime
    identifier: str
    words: str
    policy: str
    version: int
    change: str
    profile_id: UUID
    previous: UUID | None
    named_by: str
    since: datetime | None
    until: datetime | None
    why: Why


@dataclass(frozen=True, slots=True)
class Stop:
    """A guard kept `identifier` and `other` apart, for the first and for the last time as far as is known."""

    last_stopped_at: datetime
    first_stopped_at: datetime
    guard: str
    identifier: str
    other: str | None
    words: str
    why: Why


@dataclass(frozen=True, slots=True)
class Member:
    """An identifier of a profile, and what brought it there last. `shared`: only some of its events are in it."""

    identifier: str
    shared: bool
    since: datetime
    change: str
    why: Why


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person has decided on an identifier."""

    command_id: UUID
    action: str
    identifier: str
    other: str | None
    requested_at: datetime
    requested_by: str
    reason: str | None


class Stretch(NamedTuple):
    """Events with `since <= occurred_at < until` of sources with `policy` belong to the profile of `named_by`."""

    policy: str
    since: datetime | None
    until: datetime | None
    profile_id: UUID
    named_by: str


@dataclass(frozen=True, slots=True)
class Story:
    """All of it. `profile_id` is whose the newest events are; a shared identifier's older ones are in `stretches`.

    `figures` count what is in that profile: touchpoints, journeys, conversions.
    """

    identifier: str
    profile_id: UUID
    named_by: str
    stretches: Sequence[Stretch]
    members: Sequence[Member]
    history: Sequence[Change]
    stopped: Sequence[Stop]
    decisions: Sequence[Decision]
    figures: Mapping[str, int]
    blocked: str = ""
    """What keeps it from joining anybody; "" where nothing does."""

    @property
    def shared(self) -> bool:
        """Do its events belong to different profiles, by their time?"""
        return len(self.stretches) > len({stretch.policy for stretch in self.stretches})

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON's types, times as ISO 8601 in UTC."""
        return {
            "identifier": self.identifier,
            "profile_id": str(self.profile_id),
            "named_by": self.named_by,
            "shared": self.shared,
            "blocked": self.blocked or None,
            "figures": dict(self.figures),
            "identifiers": [
                {
                    "identifier": m.identifier,
                    "shared": m.shared,
                    "since": _text(m.since),
                    "change": m.change,
                    **why_json(m.why),
                }
                for m in self.members
            ],
            "belongs": [
                {
                    "policy": one.policy,
                    "since": _text(one.since),
                    "until": _text(one.until),
                    "profile_id": str(one.profile_id),
                    "named_by": one.named_by,
                }
                for one in self.stretches
            ],
            "history": [change_json(one) for one in self.history],
            "stopped": [stop_json(one) for one in self.stopped],
            "decisions": [decision_json(one) for one in self.decisions],
        }


# ---- as JSON


def why_json(why: Why) -> dict[str, Any]:
    """Give what is behind something as JSON's types."""
    return {"cause": why.cause, "evidence": str(why.evidence), "why": str(why)}


def change_json(one: Change) -> dict[str, Any]:
    """Give a change as JSON's types."""
    return {
        "recorded_at": _text(one.recorded_at),
        "identifier": one.identifier,
        "words": one.words,
        "change": one.change,
        "profile_id": str(one.profile_id),
        "previous_profile_id": str(one.previous) if one.previous else None,
        "named_by": one.named_by,
        "policy": one.policy,
        "version": one.version,
        "since": _text(one.since),
        "until": _text(one.until),
        **why_json(one.why),
    }


def stop_json(one: Stop) -> dict[str, Any]:
    """Give what was stopped as JSON's types."""
    return {
        "last_stopped_at": _text(one.last_stopped_at),
        "first_stopped_at": _text(one.first_stopped_at),
        "guard": one.guard,
        "identifier": one.identifier,
        "other": one.other,
        "words": one.words,
        **why_json(one.why),
    }


def decision_json(one: Decision) -> dict[str, Any]:
    """Give a decision as JSON's types."""
    return {
        "command_id": str(one.command_id),
        "action": one.action,
        "identifier": one.identifier,
        "other": one.other,
        "requested_at": _text(one.requested_at),
        "requested_by": one.requested_by,
        "reason": one.reason,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
