"""The quarantine record: what could not be taken, why, and where it came from."""

import base64
from typing import Literal, Self
from uuid import UUID

from pydantic import ValidationError

from schemas.base import Timestamp, WireModel, derived_id


class QuarantineRecord(WireModel):
    """The original bytes with the reason as a path (`$.properties.revenue: not a number`).

    `raw` is text where the bytes are UTF-8, else base64, as `encoding` says. `door` is where it came from:
    `http:/v1/track`, `file:receipts.csv`, `topic:touchpath.collected/3@17`.
    """

    quarantine_id: UUID
    source: str
    door: str
    reason: str
    raw: str
    encoding: Literal["utf-8", "base64"]
    received_at: Timestamp

    @classmethod
    def of(cls, *, source: str, door: str, reason: str, raw: bytes, received_at: Timestamp) -> Self:
        """Make the record. The same bytes of the same source have the same id, so that a retry adds nothing."""
        encoding: Literal["utf-8", "base64"]
        try:
            text, encoding = raw.decode(), "utf-8"
        except UnicodeDecodeError:
            text, encoding = base64.b64encode(raw).decode("ascii"), "base64"
        return cls(
            quarantine_id=derived_id("quarantine", source, encoding, text),
            source=source,
            door=door,
            reason=reason,
            raw=text,
            encoding=encoding,
            received_at=received_at,
        )

    @property
    def original(self) -> bytes:
        """The bytes as they came."""
        return self.raw.encode() if self.encoding == "utf-8" else base64.b64decode(self.raw)


def reason_of(error: ValidationError) -> str:
    """Say what is wrong first, as a path: `$.amount.currency: 'XXQ' is not an ISO 4217 currency code`."""
    details = error.errors(include_url=False, include_input=False)
    first = details[0]
    path = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return f"{path}: {message}{more}"
