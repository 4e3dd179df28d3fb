"""The touchpoint envelope: one contact between a person and the brand, as it enters Kafka."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, JsonValue, StringConstraints, model_validator

from schemas.base import Name, ShortText, Timestamp, WireModel
from schemas.bodies import Body
from schemas.identifier import Identifier, order_key, strongest
from schemas.money import Money

#: A touchpoint before this moment is an error of the sender's clock.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
#: So far may a sender's clock run ahead of ours.
AHEAD = timedelta(days=1)


class Campaign(WireModel):
    """The campaign that brought or is the touchpoint (UTM's terms)."""

    name: ShortText | None = None
    source: ShortText | None = None
    medium: ShortText | None = None
    term: ShortText | None = None
    content: ShortText | None = None


class Touchpoint(WireModel):
    """One contact between a person and the brand.

    `occurred_at` is the sender's time, `received_at` the door's. `order_id` names the order that the touchpoint is
    about, and `amount` the money in it. `name` is the sender's own word for the event, where it has one. `verified` is
    False where anybody could have sent it, as with a key that stands in a web page; True is left out of the JSON.
    """

    event_id: UUID
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    touchpoint: Name
    channel: Name
    occurred_at: Timestamp
    received_at: Timestamp
    identifiers: tuple[Identifier, ...] = Field(default=(), max_length=50)
    campaign: Campaign | None = None
    order_id: ShortText | None = None
    amount: Money | None = None
    name: ShortText | None = None
    body: Body
    properties: dict[str, JsonValue] = Field(default_factory=dict)
    verified: bool = Field(default=True, exclude_if=lambda verified: verified is True)

    @model_validator(mode="after")
    def _happened_at_a_possible_time(self) -> Self:
        if self.occurred_at < EARLIEST:
            raise ValueError(f"occurred_at {self.occurred_at.isoformat()} is before {EARLIEST.date()}")
        if self.occurred_at - AHEAD > self.received_at:  # this way round it cannot run out of the calendar
            raise ValueError(f"occurred_at {self.occurred_at.isoformat()} is more than a day ahead of its arrival")
        return self

    @property
    def key(self) -> str:
        """The key in `touchpath.collected`: the strongest identifier; without one the order, or else `event:<id>`."""
        identifier = strongest(self.identifiers)
        return identifier.key if identifier else order_key(self.order_id) or f"event:{self.event_id}"
