"""What was spent on advertising and contact: per day, channel and campaign. It never crosses Kafka."""

from dataclasses import dataclass
from datetime import date

from schemas.money import Money


@dataclass(frozen=True, slots=True)
class Spend:
    """What one campaign of one channel cost on one day. `campaign` None: the channel as a whole."""

    channel: str
    campaign: str | None
    cost: Money
    impressions: int | None = None
    clicks: int | None = None


@dataclass(frozen=True, slots=True)
class SpendDay:
    """All that one source says of a day. A later import of the same source and day replaces all of it."""

    day: date
    spends: tuple[Spend, ...]
