"""Moments as whole microseconds since 1970 in UTC: what the fold counts in."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 24 * 60 * 60 * 1_000_000
MINUTE = 60 * 1_000_000

_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Give an aware moment as microseconds since 1970."""
    return (moment - EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """Give the moment, in UTC, that microseconds since 1970 are."""
    return EPOCH + timedelta(0, 0, at)
