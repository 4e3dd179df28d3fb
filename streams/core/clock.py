"""Moments as whole microseconds since 1970 in UTC: what the fold counts in."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 24 * 60 * 60 * 1_000_000
MINUTE = 60 * 1_000_000

_MICROSECOND = timedelta(microseconds=1)
#: A producer may write any number as a record's timestamp; the calendar ends with this one, in milliseconds.
_LAST_TIMESTAMP = 253_402_300_799_000


def micros(moment: datetime) -> int:
    """Give an aware moment as microseconds since 1970."""
    return (moment - EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """Give the moment, in UTC, that microseconds since 1970 are."""
    return EPOCH + timedelta(0, 0, at)


def stamped(timestamp: int) -> datetime:
    """Give the moment, in UTC, of a record's timestamp in milliseconds; of one beyond the calendar, its border."""
    return moment(1000 * min(max(timestamp, 0), _LAST_TIMESTAMP))
