"""What every wire model shares: frozen, no unknown fields, aware UTC times, deterministic ids."""

from datetime import UTC, datetime
from hashlib import sha1
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

#: The root of every id that Touchpath makes. Changing it would change every id ever made.
NAMESPACE = UUID("6b0f6a52-0d0e-5c39-9d3c-5f5f3e1c7a10")
_NAMESPACE_BYTES = NAMESPACE.bytes
_SHORTEST_UUID = 32


def to_utc(moment: datetime) -> datetime:
    """Give the same moment in UTC.

    Raises:
        ValueError: in UTC it lies outside of the years 1 to 9999.
    """
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # pydantic turns only a ValueError into a reason
        raise ValueError("outside of the years 1 to 9999") from None


Timestamp = Annotated[AwareDatetime, AfterValidator(to_utc)]
"""A moment with a zone, kept in UTC, to the microsecond."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=100)]
"""A name of the catalogue: lower case, words by underscore, parts of a touchpoint by dot (`bar.drinks`)."""

ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
"""A value that people chose: a campaign, an order number."""


class WireModel(BaseModel):
    """A record that crosses Kafka. Frozen; a field that is not known is refused, so that a typing error is seen."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, ser_json_bytes="base64")


def derived_id(*parts: str) -> UUID:
    """Give the UUIDv5 of the parts, in order. The separator cannot be part of a sender's text.

    It is what `uuid.uuid5` gives, at two thirds of its cost: each event has one.
    """
    digest = sha1(_NAMESPACE_BYTES + "\x1f".join(parts).encode(), usedforsecurity=False).digest()
    return UUID(bytes=digest[:16], version=5)


def event_id(source: str, sender_id: str) -> UUID:
    """Give the id of an event: the sender's id if it is a UUID, else the UUIDv5 of source and sender's id."""
    if len(sender_id) >= _SHORTEST_UUID:
        try:
            return UUID(sender_id)
        except ValueError:
            pass
    return derived_id("event", source, sender_id)


def profile_id(identifier_key: str) -> UUID:
    """Give the id of the profile that the identifier (`kind:value`) names."""
    return derived_id("profile", identifier_key)
