"""The records of `touchpath.identity`: what the nodes of the identity graph, and the people who mend it, say.

Each identifier is a node and lives in the partition of its own key. The key of a record is the node that it is for.
"""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from schemas.base import ShortText, Timestamp, WireModel
from schemas.policy import Policy

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*:.", max_length=551)]
"""An identifier, `kind:value`."""

Action = Literal["merge", "unmerge", "block", "unblock"]
Reason = Literal["event", "merge", "unmerge", "block", "unblock", "guard"]
"""What changed something: an event, a person's decision, or an event that brought an identifier over its cap."""


class Evidence(WireModel):
    """Why something changed: the event or command, and `recorded_at`, the arrival of the record that brought it."""

    id: UUID
    cause: Reason
    recorded_at: Timestamp


class Label(WireModel):
    """Who an identifier belongs to, as its node says it.

    `named` is the identifier that names the profile. `distance` is the weight of the way to it, None where `named` is
    no anchor but the least identifier of a component without one; `made`: a person's decision made it an anchor. `path`
    is the way: the identifiers from `named` to the one who speaks, both included.
    """

    named: Key
    distance: int | None = Field(default=None, ge=0)
    made: bool = False
    path: tuple[Key, ...] = Field(min_length=1)


class Seen(WireModel):
    """`sender` was seen in one event with the node, which is to take it for a neighbour.

    It is said once, and to a node that has asked whenever the two are seen again. `sighted_at` is the event's time
    where the sender names a customer. `decided_at`: no event but a person has joined them, then. `label` is the
    sender's; None: it says nothing, as it is blocked.
    """

    type: Literal["seen"] = "seen"
    to: Key
    sender: Key
    verified: bool = True
    sighted_at: Timestamp | None = None
    decided_at: Timestamp | None = None
    label: Label | None = None
    evidence: Evidence


class Labelled(WireModel):
    """The sender's label has changed, or is told for the first time; None: it has none to give (any more)."""

    type: Literal["labelled"] = "labelled"
    to: Key
    sender: Key
    label: Label | None = None
    evidence: Evidence


class Asked(WireModel):
    """The sender is seen with several customers: it wants to hear of every time that the node was seen with it."""

    type: Literal["asked"] = "asked"
    to: Key
    sender: Key
    evidence: Evidence


class Sighted(WireModel):
    """The answer: when the sender, who names a customer, was seen with the node, by trusted sources and by others."""

    type: Literal["sighted"] = "sighted"
    to: Key
    sender: Key
    seen: tuple[Timestamp, ...] = ()
    unverified_seen: tuple[Timestamp, ...] = ()
    evidence: Evidence


class Parted(WireModel):
    """What a person had joined is parted again, as of `decided_at`."""

    type: Literal["parted"] = "parted"
    to: Key
    sender: Key
    decided_at: Timestamp
    evidence: Evidence


class _BesideAnOrder(WireModel):
    """An event at `ordered_at` that names an order; `priced`: with an amount.

    It belongs to the profile that `named` names, by its source's `policy`.
    """

    to: Key
    sender: Key
    verified: bool = True
    priced: bool
    ordered_at: Timestamp
    policy: Policy = "last_known"
    named: Key
    evidence: Evidence


class Ordered(_BesideAnOrder):
    """An event of the sender at `ordered_at` named the order that the node stands for; `priced`: with an amount.

    The event belongs to the profile that `named` names, by its source's `policy`. It is said of each such event, and
    to a node that follows whenever the profile is another one.
    """

    type: Literal["ordered"] = "ordered"


class Followed(_BesideAnOrder):
    """The sender, an order, has events of its own: it wants to hear when an event is in another profile than `named`.

    Which event say `ordered_at`, `policy`, `verified` and `priced`, as the node has said them.
    """

    type: Literal["followed"] = "followed"


class Command(WireModel):
    """A person's decision about the node.

    `merge`: it and `other` are one person. `unmerge`: it stands for itself from now on. `block`: it joins nobody.
    `unblock`: it does again. Of several decisions the latest counts, by (`requested_at`, `command_id`).
    """

    type: Literal["command"] = "command"
    to: Key
    action: Action
    other: Key | None = None
    command_id: UUID
    requested_at: Timestamp
    requested_by: ShortText
    reason: ShortText | None = None

    @model_validator(mode="after")
    def _names_whom_it_joins(self) -> Self:
        if self.action == "merge" and self.other in (None, self.to):
            raise ValueError("a merge names another identifier in `other`")
        return self


class IdentityMessage(WireModel):
    """One record of the topic."""

    message: Annotated[
        Seen | Labelled | Asked | Sighted | Parted | Ordered | Followed | Command, Field(discriminator="type")
    ]
