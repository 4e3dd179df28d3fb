"""Times on their way into a query: what the database's times can hold, and how they are written."""

from __future__ import annotations

from datetime import UTC, datetime

#: What the database's times can hold, and nothing is recorded outside of.
EARLIEST, FOREVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(2299, 1, 1, tzinfo=UTC)


def query_time(moment: datetime) -> str:
    """Write an aware time as a query's parameter, in UTC; what the database cannot hold becomes what it can."""
    # The driver cuts parameters of type datetime to whole seconds.
    return min(max(moment, EARLIEST), FOREVER).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
