"""The node of one identifier: what its partition keeps of it. Small for the many that nobody else was seen with."""

import msgspec

from streams.core.identity.label import Label

#: Bits of a link: which events have said it, and whether a person has.
VERIFIED = 1
UNVERIFIED = 2
JOINED = 4
#: The other end is seen with several customers, and is told of every sighting.
ASKED = 8

#: Bits of a node.
OVER_CAP = 1
OVER_UNVERIFIED_CAP = 2

Decision = tuple[int, bytes]
"""When, in microseconds, and the command's id: of two decisions the greater counts."""


class Link(msgspec.Struct, array_like=True, gc=False):
    """What a node knows of a neighbour. `label` is what the neighbour said last, None: nothing.

    `said` is the version of the own label that it was told, 0: none. `seen` and `unverified_seen` are, for a node of a
    unique kind, when it was seen with the neighbour. `joined` is when a person joined the two.
    """

    bits: int = 0
    label: Label | None = None
    said: int = 0
    seen: list[int] = []
    unverified_seen: list[int] = []
    joined: Decision | None = None


class Plan(msgspec.Struct, array_like=True, gc=False):
    """Where the identifier's events belong under one policy: from each moment on (None: always) to whom it names.

    `used`: there are such events. `targets` are those who were ever said to take some from elsewhere.
    """

    homes: list[tuple[int | None, str]]
    version: int = 0
    used: bool = False
    targets: list[str] = []


class Decisions(msgspec.Struct, array_like=True, gc=False):
    """The latest of each kind that a person has decided on this identifier; `opened` is an unblock."""

    merged: Decision | None = None
    unmerged: Decision | None = None
    blocked: Decision | None = None
    opened: Decision | None = None


class Mention(msgspec.Struct, array_like=True, gc=False):
    """An event that names an order: when, in microseconds, under which policy, and who names the event's profile.

    `rank` says how much it counts, the least most; see `streams.core.identity.orders`.
    """

    at: int
    policy: int
    rank: int
    named: str


class Orders(msgspec.Struct, array_like=True, gc=False):
    """What a node has to do with orders: who was named beside it, if it is one; which ones follow it, if not.

    `followers` are with what the order was told last.
    """

    buyers: dict[str, Mention] = {}
    followers: dict[str, Mention] = {}


class Node(msgspec.Struct, array_like=True, gc=False):
    """All of it.

    `plans` are by policy (its place in `POLICIES`), the usual policy's is always there. `told` is the label as the
    neighbours know it, None: that it stands for itself, as all do at first. `sightings` and `unverified_sightings` are,
    by neighbour of a unique kind, when it was seen here. `conflicts` are those of its own unique kind that an event
    named beside it.
    """

    plans: dict[int, Plan]
    bits: int = 0
    told: Label | None = None
    label_version: int = 1
    links: dict[str, Link] = {}
    sightings: dict[str, list[int]] = {}
    unverified_sightings: dict[str, list[int]] = {}
    conflicts: list[str] = []
    decisions: Decisions | None = None
    orders: Orders | None = None


encode_node = msgspec.msgpack.Encoder().encode
decode_node = msgspec.msgpack.Decoder(Node).decode
