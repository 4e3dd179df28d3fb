"""What the fold says: the records of its output topics, made from what it knows."""

from datetime import datetime
from functools import lru_cache
from uuid import UUID

import msgspec

from schemas import topics
from schemas.money import minor_digits
from schemas.policy import Policy
from streams.core.attribution.booking import Booking
from streams.core.clock import moment
from streams.core.ids import id_text
from streams.core.journeys import Journey
from streams.core.moves import Address, in_parts
from streams.core.touch import Touch
from streams.core.wire import (
    WireArrival,
    WireTouch,
    WriteConversion,
    WriteEntry,
    WriteJourney,
    WriteMark,
    WriteMove,
    WritePosting,
    WriteStep,
)

Emission = tuple[str, str, msgspec.Struct]
"""One record to be written: topic, key, and the struct that becomes its value."""


_opened = lru_cache(maxsize=16_384)(moment)  # each of a journey's snapshots says it again


@lru_cache(maxsize=512)
def _digits(currency: str | None) -> int:
    return minor_digits(currency) if currency else 0


def journey(profile_id: str, state: Journey, revision: int, recorded_at: datetime, *, withdrawn: bool) -> Emission:
    """Give the snapshot of a journey."""
    converted = state.converted_at is not None
    record = WriteJourney(  # by position: it is the record that is written most
        state.id,
        profile_id,
        revision,
        withdrawn,
        "converted" if converted else "idle" if state.idle else "open",
        state.opening,
        _opened(state.opened_at),
        moment(state.last_at),
        moment(state.converted_at) if state.converted_at is not None else None,
        state.closing,
        state.touchpoints,
        state.touches,
        state.visits,
        state.conversions,
        state.channels,
        state.first_touchpoint,
        state.last_touchpoint,
        recorded_at,
    )
    return topics.JOURNEYS.name, profile_id, record


def conversion(
    profile_id: str,
    touch: Touch,
    booking: Booking,
    revision: int,
    recorded_at: datetime,
    *,
    withdrawn: bool,
) -> Emission:
    """Give the record of a conversion as it is booked."""
    sale, currency = touch.sale, booking.currency
    record = WriteConversion(
        conversion_id=id_text(touch.id),
        profile_id=profile_id,
        journey_id=booking.journey,
        revision=revision,
        withdrawn=withdrawn,
        conversion=booking.conversion,
        closing=booking.closing,
        occurred_at=moment(touch.at),
        touchpoint=touch.name,
        channel=touch.channel,
        source=sale.source if sale else "",
        order_id=touch.order,
        currency=currency,
        minor_digits=_digits(currency),
        gross_minor=booking.gross,
        net_minor=booking.net,
        path=[
            WriteStep(id_text(step.id), moment(step.at), step.name, step.channel, step.campaign)
            for step in booking.path
        ],
        recorded_at=recorded_at,
        verified=booking.verified,
        fits=booking.fits,
    )
    return topics.CONVERSIONS.name, profile_id, record


def posting(
    profile_id: str,
    touch: Touch,
    booking: Booking,
    cause: str,
    entries: list[WriteEntry],
    recorded_at: datetime,
) -> Emission:
    """Give the posting of a conversion's entries, whose values are in the currency of the booking."""
    conversion_id, currency = id_text(touch.id), booking.currency
    record = WritePosting(
        conversion_id=conversion_id,
        profile_id=profile_id,
        conversion=booking.conversion,
        occurred_at=moment(touch.at),
        cause=cause,
        currency=currency,
        minor_digits=_digits(currency),
        entries=entries,
        recorded_at=recorded_at,
    )
    return topics.CREDITS.name, conversion_id, record


def beyond_horizon(profile_id: str, touch: Touch, recorded_at: datetime) -> Emission:
    """Give the mark of an event that is older than all that is kept of its profile."""
    record = WriteMark(id_text(touch.id), profile_id, "beyond_horizon", recorded_at)
    return topics.MARKS.name, profile_id, record


def arrivals(
    profile_id: str,
    owner: str,
    policy: Policy,
    address: Address,
    touches: list[WireTouch],
    revision: int,
    recorded_at: datetime,
) -> list[Emission]:
    """Give what brings touches from this profile to the one of the address; one record, or several where they are many.

    `recorded_at` is when the later of the two arrived: what moves them, and they themselves.
    """
    target, here, evidence = id_text(address.target), UUID(profile_id), UUID(bytes=address.evidence)
    found: list[Emission] = []
    for part in in_parts(touches):
        arrival = WireArrival(
            owner, address.version, address.cause, evidence, recorded_at, here, revision, part, policy
        )
        found.append((topics.RESOLVED.name, target, WriteMove(target, arrival)))
    return found


def last_words(emissions: list[Emission]) -> list[Emission]:
    """Leave out what is said of a journey or conversion before the last word on it: all have one revision.

    Of two records with one revision readers would keep any.
    """
    last: dict[tuple[str, str], int] = {}
    for place, (topic, _, record) in enumerate(emissions):
        if (name := _named(record)) is not None:
            last[topic, name] = place
    return [
        emission
        for place, emission in enumerate(emissions)
        if (name := _named(emission[2])) is None or last[emission[0], name] == place
    ]


def _named(record: msgspec.Struct) -> str | None:
    """Give whose revisions a record counts; None: it has none."""
    if isinstance(record, WriteJourney):
        return record.journey_id
    return record.conversion_id if isinstance(record, WriteConversion) else None
