"""From a payload that cannot be taken to its quarantine record, with a bound on what is kept of it."""

from datetime import datetime

from producers.adapters.kept import without_addresses
from producers.adapters.never_kept import without_fields
from producers.adapters.sender import Limits, Sender
from schemas.outcome import Quarantined
from schemas.quarantine import QuarantineRecord

REASON_LIMIT = 1000


def quarantined(reason: str, raw: bytes, sender: Sender, received_at: datetime, limits: Limits) -> Quarantined:
    """Keep the bytes and the reason; of a payload above the bound the first bytes, and the reason says so.

    Addresses of machines are cut in the bytes, and fields that the source never wants kept are taken out, as they are
    in what is good.
    """
    reason = reason[:REASON_LIMIT]
    if sender.never_keep:
        kept = without_fields(raw, sender.never_keep)
        if kept is None:
            reason = f"{reason} (of its {len(raw)} bytes the first 0 are kept: a field in them is never to be kept)"
        raw = kept or b""
    if len(raw) > limits.quarantined_bytes:
        reason = f"{reason} (of its {len(raw)} bytes the first {limits.quarantined_bytes} are kept)"
        raw = raw[: limits.quarantined_bytes]
    raw = without_addresses(raw)
    return Quarantined(
        QuarantineRecord.of(source=sender.source, door=sender.door, reason=reason, raw=raw, received_at=received_at)
    )
