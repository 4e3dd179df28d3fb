"""From a payload that cannot be taken to its quarantine record, with a bound on what is kept of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from producers.adapters.hidden_bytes import bytes_hidden, text_hidden, value_hidden
from producers.adapters.kept import without_addresses
from producers.adapters.never_kept import without, without_fields
from producers.adapters.sender import Limits, Sender
from schemas.outcome import Quarantined
from schemas.quarantine import QuarantineRecord

REASON_LIMIT = 1000


def quarantined(
    reason: str,
    raw: bytes,
    sender: Sender,
    received_at: datetime,
    limits: Limits,
    named: Mapping[str, str] | None = None,
) -> Quarantined:
    """Keep the bytes and the reason; of a payload above the bound the first bytes, and the reason says so.

    Addresses of machines are cut in the bytes, fields that the source never wants kept are taken out, and identifiers
    are hidden, as they are in what is good. `named`: columns that the operator names, folded → kind of identifier.
    """
    reason = text_hidden(reason, sender)[:REASON_LIMIT]
    if sender.never_keep:
        kept = without_fields(raw, sender.never_keep)
        if kept is None:
            reason = f"{reason} (of its {len(raw)} bytes the first 0 are kept: a field in them is never to be kept)"
        raw = kept or b""
    if sender.rules.key is not None:
        hidden = bytes_hidden(raw, sender, named or {})
        if hidden is None:
            reason = f"{reason} (of its {len(raw)} bytes the first 0 are kept: nobody can tell the identifiers in them)"
        raw = hidden or b""
    if len(raw) > limits.quarantined_bytes:
        reason = f"{reason} (of its {len(raw)} bytes the first {limits.quarantined_bytes} are kept)"
        raw = raw[: limits.quarantined_bytes]
    raw = without_addresses(raw)
    return Quarantined(
        QuarantineRecord.of(source=sender.source, door=sender.door, reason=reason, raw=raw, received_at=received_at)
    )


def kept_content(value: Any, sender: Sender) -> str:
    """Give what an event without an id is known by: its content as quarantine keeps it, so that a replay has its id.

    Raises:
        TypeError: it is nothing that JSON can write.
    """
    whole = without(value, sender.never_keep)
    if sender.rules.key is not None:
        whole = value_hidden(whole, sender)
    return without_addresses(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS, default=str)).decode()
