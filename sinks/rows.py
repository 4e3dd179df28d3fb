"""Kafka records to table rows: pure functions, one per topic. No Kafka, no ClickHouse.

A record that cannot be read becomes a row of the quarantine table, with the reason as a path; the others go through.
What identity is made of is in `sinks/identity_rows.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from msgspec import MsgspecError, Raw
from msgspec.json import Decoder

from schemas import topics
from schemas.quarantine import QuarantineRecord
from sinks import records as wire
from sinks.cells import EPOCH, Record, Row, Rows, UnfitError, fitting, micros, micros_or_none
from sinks.identity_rows import commanded, owner_of, placed, profile_changed
from sinks.versions import by_revision, first_ever, first_in_epoch

_PLACE = ("epoch", "kafka_partition", "kafka_offset", "version")

#: The tables that the sink fills, and the columns in the order in which rows hold them.
COLUMNS: dict[str, tuple[str, ...]] = {
    "collected_log": ("event_id", "key", "recorded_at", "value", *_PLACE),
    "touchpoints_log": (
        *("event_id", "profile_id", "source", "touchpoint", "channel", "occurred_at", "received_at"),
        *("campaign", "campaign_source", "campaign_medium", "campaign_term", "campaign_content"),
        *("order_id", "amount", "currency", "name", "identifiers.kind", "identifiers.value", "body_kind", "body"),
        *(
            "items.product",
            "items.category",
            "items.quantity",
            "items.value",
            "properties",
            "verified",
            "owner",
            "policy",
            "plan",
        ),
        *_PLACE,
    ),
    "placements_log": (
        *("event_id", "owner", "profile_id", "from_profile", "plan", "cause", "evidence", "recorded_at", *_PLACE),
    ),
    "profiles_log": (
        *("identifier", "policy", "plan", "change", "profile_id", "named_by", "previous_profile_id", "since", "until"),
        *("guard", "other", "cause", "evidence", "recorded_at", *_PLACE),
    ),
    "commands_log": (
        *("command_id", "identifier", "action", "other", "requested_at", "requested_by", "reason"),
        *("key", "recorded_at", "value", *_PLACE),
    ),
    "journeys_log": (
        *("journey_id", "profile_id", "revision", "withdrawn", "status", "opening_event", "opened_at", "last_at"),
        *("converted_at", "closing_conversion", "touchpoints", "touches", "visits", "conversions", "channels"),
        *("first_touchpoint", "last_touchpoint", "recorded_at", *_PLACE),
    ),
    "conversions_log": (
        *("conversion_id", "profile_id", "journey_id", "revision", "withdrawn", "conversion", "closing"),
        *("occurred_at", "touchpoint", "channel", "source", "order_id", "currency", "minor_digits"),
        *("gross_minor", "net_minor", "gross", "net", "path.touchpoint_id", "path.touched_at"),
        *("path.touchpoint", "path.channel", "path.campaign", "recorded_at", "verified", "fits", *_PLACE),
    ),
    "credits_log": (
        *("entry_id", "conversion_id", "profile_id", "conversion", "occurred_at", "cause", "model", "revision"),
        *("sign", "touchpoint_id", "touchpoint", "channel", "campaign", "touched_at", "credit", "currency"),
        *("minor_digits", "value_minor", "value", "fit_id", "recorded_at", *_PLACE),
    ),
    "marks_log": ("event_id", "profile_id", "mark", "recorded_at", *_PLACE),
    "quarantine_log": ("quarantine_id", "source", "door", "reason", "raw", "encoding", "received_at", *_PLACE),
}


def read(topic: str, partition: int, batch: Iterable[Record], epoch: int, into: Rows) -> int:
    """Add the rows of a partition's records to `into`; give how many records could not be read.

    Raises:
        KeyError: the sink does not read that topic.
    """
    rows_of = _READERS[topic]
    bad = 0
    for record in batch:
        try:
            rows_of(record, epoch, partition, into)
        except (MsgspecError, UnfitError, UnicodeError, RecursionError) as error:
            bad += 1
            into.setdefault("quarantine_log", []).append(_unreadable(topic, partition, record, _reason(error), epoch))
    return bad


_RESOLVED = Decoder(wire.Resolved)
_BODY = Decoder(wire.Body)
_NAMED = Decoder(wire.Named)
_JOURNEY = Decoder(wire.Journey)
_CONVERSION = Decoder(wire.Conversion)
_POSTING = Decoder(wire.Posting)
_MARK = Decoder(wire.Mark)
_QUARANTINE = Decoder(wire.Quarantine)
_NO_CAMPAIGN = wire.Campaign()


def _collected(record: Record, epoch: int, partition: int, into: Rows) -> None:
    value = record.value or b""
    named = _NAMED.decode(value)
    version = first_ever(epoch, partition, record.offset)
    into.setdefault("collected_log", []).append(
        (named.event_id, record.key or b"", record.timestamp, value, epoch, partition, record.offset, version)
    )


def _resolved(record: Record, epoch: int, partition: int, into: Rows) -> None:
    resolved = _RESOLVED.decode(record.value or b"")
    t = resolved.touchpoint
    if t is None:
        placed(resolved, record.offset, epoch, partition, into)
        return
    if resolved.reread:  # it has landed before, and may have moved since
        return
    campaign = t.campaign or _NO_CAMPAIGN
    amount = currency = None
    if t.amount is not None:
        amount, currency = fitting("$.touchpoint.amount.amount", t.amount.amount, 4), t.amount.currency
    kind, items = _body(t.body)
    into.setdefault("touchpoints_log", []).append(
        (
            t.event_id,
            resolved.profile_id,
            t.source,
            t.touchpoint,
            t.channel,
            micros(t.occurred_at),
            micros(t.received_at),
            campaign.name,
            campaign.source,
            campaign.medium,
            campaign.term,
            campaign.content,
            t.order_id,
            amount,
            currency,
            t.name,
            [identifier.kind for identifier in t.identifiers],
            [identifier.value for identifier in t.identifiers],
            kind,
            str(t.body, "utf-8"),
            [item.product for item in items],
            [item.category for item in items],
            [fitting("$.touchpoint.body.items[...].quantity", item.quantity, 18) for item in items],
            [
                None if item.value is None else fitting("$.touchpoint.body.items[...].value", item.value, 18)
                for item in items
            ],
            str(t.properties, "utf-8"),
            t.verified,
            owner_of(resolved, t),
            resolved.policy,
            resolved.version,
            epoch,
            partition,
            record.offset,
            first_in_epoch(epoch, partition, record.offset),
        )
    )


def _body(raw: Raw) -> tuple[str, Sequence[wire.Item]]:
    try:
        body = _BODY.decode(raw)
    except MsgspecError as error:
        raise UnfitError(*_path_and_reason(str(error), "$.touchpoint.body")) from error
    return body.kind, body.items


def _journey(record: Record, epoch: int, partition: int, into: Rows) -> None:
    j = _JOURNEY.decode(record.value or b"")
    into.setdefault("journeys_log", []).append(
        (
            j.journey_id,
            j.profile_id,
            j.revision,
            j.withdrawn,
            j.status,
            j.opening_event,
            micros(j.opened_at),
            micros(j.last_at),
            micros_or_none(j.converted_at),
            j.closing_conversion,
            j.touchpoints,
            j.touches,
            j.visits,
            j.conversions,
            j.channels,
            j.first_touchpoint,
            j.last_touchpoint,
            micros(j.recorded_at),
            epoch,
            partition,
            record.offset,
            by_revision(epoch, j.revision),
        )
    )


def _conversion(record: Record, epoch: int, partition: int, into: Rows) -> None:
    c = _CONVERSION.decode(record.value or b"")
    into.setdefault("conversions_log", []).append(
        (
            c.conversion_id,
            c.profile_id,
            c.journey_id,
            c.revision,
            c.withdrawn,
            c.conversion,
            c.closing,
            micros(c.occurred_at),
            c.touchpoint,
            c.channel,
            c.source,
            c.order_id,
            c.currency,
            c.minor_digits,
            c.gross_minor,
            c.net_minor,
            Decimal(c.gross_minor).scaleb(-c.minor_digits),
            Decimal(c.net_minor).scaleb(-c.minor_digits),
            [step.touchpoint_id for step in c.path],
            [micros(step.touched_at) for step in c.path],
            [step.touchpoint for step in c.path],
            [step.channel for step in c.path],
            [step.campaign for step in c.path],
            micros(c.recorded_at),
            c.verified,
            c.fits,
            epoch,
            partition,
            record.offset,
            by_revision(epoch, c.revision),
        )
    )


def _posting(record: Record, epoch: int, partition: int, into: Rows) -> None:
    p = _POSTING.decode(record.value or b"")
    occurred_at, recorded_at = micros(p.occurred_at), micros(p.recorded_at)
    version = first_in_epoch(epoch, partition, record.offset)
    # All or nothing: half a posting would break the ledger.
    rows = [
        (
            entry.entry_id,
            p.conversion_id,
            p.profile_id,
            p.conversion,
            occurred_at,
            p.cause,
            entry.model,
            entry.revision,
            entry.sign,
            entry.touchpoint_id,
            entry.touchpoint,
            entry.channel,
            entry.campaign,
            micros_or_none(entry.touched_at),
            fitting("$.entries[...].credit", entry.credit, 9, 18),
            p.currency,
            p.minor_digits,
            entry.value_minor,
            Decimal(entry.value_minor).scaleb(-p.minor_digits),
            entry.fit_id,
            recorded_at,
            epoch,
            partition,
            record.offset,
            version,
        )
        for entry in p.entries
    ]
    into.setdefault("credits_log", []).extend(rows)


def _mark(record: Record, epoch: int, partition: int, into: Rows) -> None:
    mark = _MARK.decode(record.value or b"")
    into.setdefault("marks_log", []).append(
        (
            mark.event_id,
            mark.profile_id,
            mark.mark,
            micros(mark.recorded_at),
            epoch,
            partition,
            record.offset,
            first_in_epoch(epoch, partition, record.offset),
        )
    )


def _quarantined(record: Record, epoch: int, partition: int, into: Rows) -> None:
    entry = _QUARANTINE.decode(record.value or b"")
    into.setdefault("quarantine_log", []).append(_quarantine_row(entry, epoch, partition, record.offset))


def _unreadable(topic: str, partition: int, record: Record, reason: str, epoch: int) -> Row:
    # The worker says the same of the same record, so both come to the same id, and to one row.
    entry = QuarantineRecord.of(
        source=f"topic:{topic}",
        door=f"topic:{topic}/{partition}@{record.offset}",
        reason=reason,
        raw=record.value or b"",
        received_at=EPOCH + timedelta(milliseconds=max(record.timestamp, 0)),
    )
    return _quarantine_row(entry, epoch, partition, record.offset)


def _quarantine_row(entry: wire.Quarantine | QuarantineRecord, epoch: int, partition: int, offset: int) -> Row:
    return (
        entry.quarantine_id,
        entry.source,
        entry.door,
        entry.reason,
        entry.raw,
        entry.encoding,
        micros(entry.received_at),
        epoch,
        partition,
        offset,
        first_in_epoch(epoch, partition, offset),
    )


def _reason(error: Exception) -> str:
    if isinstance(error, UnfitError):
        return str(error)
    if isinstance(error, UnicodeError):
        return "$: bytes that are no UTF-8"
    if isinstance(error, RecursionError):
        return "$: nested too deeply"
    return ": ".join(_path_and_reason(str(error), "$"))


def _path_and_reason(message: str, root: str) -> tuple[str, str]:
    """Turn msgspec's "Expected `int`, got `str` - at `$.a`" round, with the path that leads to its `$`."""
    reason, _, path = message.partition(" - at `")
    return root + path.removesuffix("`").removeprefix("$"), reason


_READERS: dict[str, Callable[[Record, int, int, Rows], None]] = {
    topics.COLLECTED.name: _collected,
    topics.IDENTITY.name: commanded,
    topics.RESOLVED.name: _resolved,
    topics.PROFILES.name: profile_changed,
    topics.JOURNEYS.name: _journey,
    topics.CONVERSIONS.name: _conversion,
    topics.CREDITS.name: _posting,
    topics.MARKS.name: _mark,
    topics.QUARANTINE.name: _quarantined,
}

#: The topics that a sink reads.
TOPICS: tuple[str, ...] = tuple(_READERS)
