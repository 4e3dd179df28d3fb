"""Where an identifier is, in short: before a decision and after it, and what the decision will take along. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from deploy.identity_story import Decision, Stop


@dataclass(frozen=True, slots=True)
class State:
    """One identifier's profile and how much is in it; `named_by` is empty where nothing is known of the identifier."""

    identifier: str
    profile_id: UUID | None = None
    named_by: str = ""
    figures: Mapping[str, int] = field(default_factory=dict)

    @property
    def others(self) -> int:
        """How many other identifiers are in that profile."""
        return max(0, self.figures.get("identifiers", 0) - 1)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON's types."""
        return {
            "identifier": self.identifier,
            "profile_id": str(self.profile_id) if self.profile_id else None,
            "named_by": self.named_by or None,
            **self.figures,
        }


def living_merges(identifier: str, decisions: Sequence[Decision]) -> list[Decision]:
    """Give the merges of an identifier that no later unmerge of either end has ended.

    `decisions` are those of the identifier and the unmerges of whom it was merged with, the oldest first.
    """
    alive: list[Decision] = []
    for one in decisions:
        if one.action == "merge" and identifier in (one.identifier, one.other):
            alive.append(one)
        elif one.action == "unmerge":
            alive = [merge for merge in alive if one.identifier not in (merge.identifier, merge.other)]
    return alive


def blocked_by(
    identifier: str, decisions: Sequence[Decision], stopped: Sequence[Stop], block_list: Collection[str]
) -> str:
    """Say what keeps an identifier from joining anybody; "" where nothing does.

    `decisions` are the oldest first. A person's last word counts, then the catalogue's list, then the cap.
    """
    own = [one for one in decisions if one.identifier == identifier and one.action in {"block", "unblock"}]
    if own:
        last = own[-1]
        why = f": {last.reason}" if last.reason else ""
        return f"by {last.requested_by}{why}" if last.action == "block" else ""
    if identifier in block_list:
        return "by the catalogue's list"
    if any(one.guard == "cap" and one.identifier == identifier for one in stopped):
        return "as it was seen with more others than one person has"
    return ""
