"""What the identity stage reads and writes, as fast structs; `tests/contracts` holds them to `schemas`."""

from datetime import datetime
from uuid import UUID

import msgspec

from schemas.identity import IdentityMessage
from schemas.policy import Policy
from streams.core.identity.label import UNANCHORED, Label


class Evidence(msgspec.Struct, gc=False, frozen=True):
    """`schemas.identity.Evidence`."""

    id: UUID
    cause: str
    recorded_at: datetime


class WireLabel(msgspec.Struct, gc=False):
    """`schemas.identity.Label`."""

    named: str
    distance: int | None
    made: bool
    path: tuple[str, ...]


class Seen(msgspec.Struct, gc=False, tag_field="type", tag="seen"):
    """`schemas.identity.Seen`."""

    to: str
    sender: str
    evidence: Evidence
    verified: bool = True
    sighted_at: datetime | None = None
    decided_at: datetime | None = None
    label: WireLabel | None = None


class Labelled(msgspec.Struct, gc=False, tag_field="type", tag="labelled"):
    """`schemas.identity.Labelled`."""

    to: str
    sender: str
    evidence: Evidence
    label: WireLabel | None = None


class Asked(msgspec.Struct, gc=False, tag_field="type", tag="asked"):
    """`schemas.identity.Asked`."""

    to: str
    sender: str
    evidence: Evidence


class Sighted(msgspec.Struct, gc=False, tag_field="type", tag="sighted"):
    """`schemas.identity.Sighted`."""

    to: str
    sender: str
    evidence: Evidence
    seen: tuple[datetime, ...] = ()
    unverified_seen: tuple[datetime, ...] = ()


class Parted(msgspec.Struct, gc=False, tag_field="type", tag="parted"):
    """`schemas.identity.Parted`."""

    to: str
    sender: str
    decided_at: datetime
    evidence: Evidence


class BesideAnOrder(msgspec.Struct, gc=False):
    """What both have that an order and who was named beside it say to each other."""

    to: str
    sender: str
    evidence: Evidence
    verified: bool
    priced: bool
    ordered_at: datetime
    policy: Policy
    named: str


class Ordered(BesideAnOrder, gc=False, tag_field="type", tag="ordered"):
    """`schemas.identity.Ordered`."""


class Followed(BesideAnOrder, gc=False, tag_field="type", tag="followed"):
    """`schemas.identity.Followed`."""


class Command(msgspec.Struct, gc=False, tag_field="type", tag="command"):
    """`schemas.identity.Command`."""

    to: str
    action: str
    command_id: UUID
    requested_at: datetime
    requested_by: str
    other: str | None = None
    reason: str | None = None


Message = Seen | Labelled | Asked | Sighted | Parted | Ordered | Followed | Command


class Envelope(msgspec.Struct, gc=False):
    """`schemas.identity.IdentityMessage`."""

    message: Message


class WriteRoute(msgspec.Struct, gc=False):
    """`schemas.moves.Route`."""

    since: datetime | None
    until: datetime | None
    profile_id: str


class WriteForwarding(msgspec.Struct, gc=False):
    """`schemas.moves.Forwarding`."""

    owner: str
    policy: str
    version: int
    cause: str
    evidence: UUID
    recorded_at: datetime
    routes: list[WriteRoute]
    final: bool


class WriteMove(msgspec.Struct, gc=False):
    """`schemas.resolved.Resolved` with a forwarding."""

    profile_id: str
    forwarding: WriteForwarding


class WriteChange(msgspec.Struct, gc=False):
    """`schemas.profile.ProfileChange`."""

    profile_id: str
    identifier: str
    policy: str
    version: int
    change: str
    named_by: str
    previous_profile_id: str | None
    since: datetime | None
    until: datetime | None
    guard: str | None
    other: str | None
    cause: str
    evidence: UUID
    recorded_at: datetime


encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Envelope).decode


def read_message(value: bytes) -> Message:
    """Read a record of `touchpath.identity`.

    Raises:
        pydantic.ValidationError: it breaks the contract; the error says where.
    """
    try:
        message = _decode(value).message
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = _decode(IdentityMessage.model_validate_json(value).model_dump_json().encode()).message
    if isinstance(message, Command):  # people and other programs write these
        return _decode(IdentityMessage.model_validate_json(value).model_dump_json().encode()).message
    return message


def to_wire(label: Label) -> WireLabel:
    """Give a label as it is written."""
    distance = None if label.distance == UNANCHORED else label.distance
    return WireLabel(label.named, distance, label.made, (label.named, *label.way))


def from_wire(label: WireLabel | None) -> Label | None:
    """Give a label as it is kept."""
    if label is None:
        return None
    return Label(label.named, UNANCHORED if label.distance is None else label.distance, label.made, label.path[1:])
