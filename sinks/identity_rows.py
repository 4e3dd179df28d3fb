"""Rows of identity: where touchpoints were moved to, what became of identifiers, and what people decided. Pure."""

from __future__ import annotations

from msgspec.json import Decoder

from schemas.identifier import strength
from sinks import records as wire
from sinks.cells import Record, Rows, UnfitError, micros, micros_or_none
from sinks.versions import by_revision, first_ever, first_in_epoch

_SAID = Decoder(wire.Said)
_COMMANDED = Decoder(wire.Commanded)
_CHANGE = Decoder(wire.ProfileChange)


def owner_of(resolved: wire.Resolved, touchpoint: wire.Touchpoint) -> str | None:
    """Give the identifier that a touchpoint moves with: its strongest, which older records do not say themselves."""
    if resolved.owner is not None or not touchpoint.identifiers:
        return resolved.owner
    found = min(touchpoint.identifiers, key=lambda identifier: (strength(identifier.kind), identifier.value))
    return f"{found.kind}:{found.value}"


def placed(resolved: wire.Resolved, offset: int, epoch: int, partition: int, into: Rows) -> None:
    """Add where an arrival brings touchpoints. A forwarding brings none: the arrivals that follow from it do.

    Raises:
        UnfitError: it is of no kind.
    """
    arrival = resolved.arrival
    if arrival is None:
        if all(bytes(part) == b"null" for part in (resolved.forwarding, resolved.revisit, resolved.erasure)):
            raise UnfitError("$", "a record is one of touchpoint, forwarding, arrival, revisit and erasure")
        return
    if resolved.profile_id is None:
        raise UnfitError("$.profile_id", "a move names its profile")
    recorded_at = micros(arrival.recorded_at)
    version = by_revision(epoch, arrival.version)
    into.setdefault("placements_log", []).extend(
        (
            touch.event_id,
            arrival.owner,
            resolved.profile_id,
            arrival.from_profile,
            arrival.version,
            arrival.cause,
            arrival.evidence,
            recorded_at,
            epoch,
            partition,
            offset,
            version,
        )
        for touch in arrival.touches
    )


def profile_changed(record: Record, epoch: int, partition: int, into: Rows) -> None:
    """Add a line of the log of profiles."""
    c = _CHANGE.decode(record.value or b"")
    into.setdefault("profiles_log", []).append(
        (
            c.identifier,
            c.policy,
            c.version,
            c.change,
            c.profile_id,
            c.named_by,
            c.previous_profile_id,
            micros_or_none(c.since),
            micros_or_none(c.until),
            c.guard,
            c.other,
            c.cause,
            c.evidence,
            micros(c.recorded_at),
            epoch,
            partition,
            record.offset,
            first_in_epoch(epoch, partition, record.offset),
        )
    )


def commanded(record: Record, epoch: int, partition: int, into: Rows) -> None:
    """Archive a person's decision. What identifiers say to each other follows from the events, and is passed over."""
    value = record.value or b""
    if _SAID.decode(value).message.type != "command":
        return
    command = _COMMANDED.decode(value).message
    into.setdefault("commands_log", []).append(
        (
            command.command_id,
            command.to,
            command.action,
            command.other,
            micros(command.requested_at),
            command.requested_by,
            command.reason,
            record.key or b"",
            record.timestamp,
            value,
            epoch,
            partition,
            record.offset,
            first_ever(epoch, partition, record.offset),
        )
    )
