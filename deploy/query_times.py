"""Times on their way into a query: what the database's times can hold."""

from __future__ import annotations

from datetime import UTC, datetime

#: What the database's times can hold, and nothing is recorded outside of.
EARLIEST, FOREVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(2299, 1, 1, tzinfo=UTC)


def storable(moment: datetime) -> datetime:
    """Give an aware time as near as the database can hold it: one that it cannot, it refuses or takes for another."""
    return min(max(moment, EARLIEST), FOREVER)
