"""Times as people type them: a date, a time, or how long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deploy.cli.exits import CommandError, Exit

AGES = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str | None, option: str, now: datetime) -> datetime | None:
    """Read a time, UTC where it has no zone, or an age: `90m`, `2h`, `3d`; give it in UTC.

    Raises:
        CommandError: it is neither, or a time that no calendar here holds (999999d ago).
    """
    if text is None:
        return None
    try:
        if text[:-1].isdecimal() and text[-1:] in AGES:
            return now - timedelta(**{AGES[text[-1]]: int(text[:-1])})
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise CommandError(f"{option}: {text!r} lies before or beyond all times", Exit.USAGE) from None
    except ValueError:
        raise CommandError(
            f"{option}: {text!r} is neither a time (2026-03-01T08:00) nor an age (2h)", Exit.USAGE
        ) from None
