"""Touches that change their profile: addresses that a profile remembers, and touches as they travel.

What may live here: shapes and look-ups. What a move changes in a life is in `remake`.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from schemas.money import minor_digits
from schemas.moves import MoveCause
from schemas.policy import Policy
from streams.core.clock import micros, moment
from streams.core.touch import (
    DECIDES,
    DECIDES_NO,
    DECIDES_YES,
    MACHINE,
    NO_CONSENT,
    SAYS_YES,
    TENANT_SHIFT,
    UNVERIFIED,
    Sale,
    Touch,
)
from streams.core.wire import ReadForwarding, ReadRoute, WireArrival, WireTouch, encode

EPOCH = 1 << 20
"""The postings of a conversion count on from its plan's version times this.

One event can be in two profiles for a while: a second copy of it may reach the new profile before the first one does.
Both post; that their numbers, and so the ids of their entries, differ is due to the version under which each came.
"""
PART_BYTES = 500_000
"""An arrival with more bytes of touches is written in parts."""
_MOST_OF_ONE = 8_000  # bytes of a touch with the longest texts
_BEGIN = micros(datetime.min.replace(tzinfo=UTC))
_END = micros(datetime.max.replace(tzinfo=UTC))


def tenant_name(owner: str, policy: Policy) -> str:
    """Give the name under which a profile knows a tenant: an owner's events under one policy."""
    return owner if policy == "last_known" else f"{policy}|{owner}"


class Address(msgspec.Struct, array_like=True, gc=False):
    """Where a tenant's touches with `since <= at < until` belong; None: no border. Moments are in microseconds."""

    tenant: int
    since: int | None
    until: int | None
    target: bytes
    version: int
    cause: MoveCause
    evidence: bytes
    recorded_at: int

    def covers(self, at: int) -> bool:
        """Say whether it speaks of that moment."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    @property
    def recorded(self) -> datetime:
        """When what caused it arrived."""
        return moment(self.recorded_at)


def routes_of(tenant: int, forwarding: ReadForwarding) -> list[Address]:
    """Give the routes of a forwarding as addresses."""
    recorded_at, evidence = micros(forwarding.recorded_at), forwarding.evidence.bytes
    return [
        Address(
            tenant,
            None if route.since is None else micros(route.since),
            None if route.until is None else micros(route.until),
            route.profile_id.bytes,
            forwarding.version,
            forwarding.cause,
            evidence,
            recorded_at,
        )
        for route in forwarding.routes
    ]


def newest(addresses: Iterable[Address], tenant: int, at: int, above: int) -> Address | None:
    """Give the newest address of the tenant with this moment and a version above the one given."""
    found: Address | None = None
    for address in addresses:
        if address.tenant == tenant and address.version > above and address.covers(at):
            found, above = address, address.version
    return found


def without(addresses: Iterable[Address], newer: Address) -> list[Address]:
    """Cut out of older addresses of the tenant what a newer one speaks of."""
    kept: list[Address] = []
    for address in addresses:
        if address.tenant != newer.tenant or address.version > newer.version:
            kept.append(address)
            continue
        if newer.since is not None and (address.since is None or address.since < newer.since):
            kept.append(msgspec.structs.replace(address, until=_earlier(address.until, newer.since)))
        if newer.until is not None and (address.until is None or newer.until < address.until):
            kept.append(msgspec.structs.replace(address, since=_later(address.since, newer.until)))
    return kept


def _earlier(until: int | None, border: int) -> int:
    return border if until is None else min(until, border)


def _later(since: int | None, border: int) -> int:
    return border if since is None else max(since, border)


def leave(touch: Touch, *, dropped: bool = False) -> WireTouch:
    """Give a touch as it travels. `dropped`: only what it decides is left of it."""
    flags, sale = touch.flags, touch.sale
    moved = WireTouch(
        UUID(bytes=touch.id),
        moment(touch.at),
        touch.name,
        touch.channel,
        touch.campaign,
        touch.device,
        bool(flags & UNVERIFIED),
        bool(flags & MACHINE),
        bool(flags & NO_CONSENT),
        bool(flags & SAYS_YES),
        bool(flags & DECIDES_YES) if flags & DECIDES else None,
        dropped,
    )
    if sale is not None:
        moved.named_sale = True
        moved.order_id, moved.minor, moved.currency, moved.source = sale.order, sale.minor, sale.currency, sale.source
        moved.postings, moved.conversion = sale.revision, sale.conversion
    return moved


def enter(moved: WireTouch, tenant: int, version: int) -> Touch:
    """Give a touch that came under a version of its owner's plan; what its profile makes of it is not known yet."""
    sale: Sale | None = None
    if moved.named_sale:
        sale = Sale(moved.order_id, moved.minor, moved.currency, moved.source, conversion=moved.conversion)
        sale.revision = max(moved.postings, version * EPOCH)
    return Touch(
        micros(moved.occurred_at),
        moved.event_id.bytes,
        moved.touchpoint,
        moved.channel,
        moved.campaign,
        moved.device,
        (UNVERIFIED if moved.unverified else 0)
        | (MACHINE if moved.machine else 0)
        | (NO_CONSENT if moved.no_consent else 0)
        | (SAYS_YES if moved.says_yes else 0)
        | (0 if moved.decides is None else DECIDES_YES if moved.decides else DECIDES_NO)
        | tenant << TENANT_SHIFT,
        sale,
    )


def in_parts(touches: list[WireTouch]) -> Iterator[list[WireTouch]]:
    """Cut touches into what one record may hold."""
    if len(touches) * _MOST_OF_ONE <= PART_BYTES:
        yield touches
        return
    part: list[WireTouch] = []
    size = 0
    for touch in touches:
        weight = len(encode(touch)) + 1
        if part and size + weight > PART_BYTES:
            yield part
            part, size = [], 0
        part.append(touch)
        size += weight
    yield part


def check_forwarding(forwarding: ReadForwarding) -> None:
    """Look at the figures that the quick reader lets through.

    Raises:
        ValueError: a moment that lies outside of the calendar in UTC.
    """
    check_moments(forwarding.recorded_at, *_borders(forwarding.routes))


def check_arrival(arrival: WireArrival) -> None:
    """Look at the figures that the quick reader lets through.

    Raises:
        ValueError: a moment that lies outside of the calendar in UTC, or a currency that nobody knows.
    """
    check_moments(arrival.recorded_at, *(touch.occurred_at for touch in arrival.touches))
    for touch in arrival.touches:
        if touch.currency is not None:
            minor_digits(touch.currency)


def _borders(routes: Iterable[ReadRoute]) -> Iterator[datetime]:
    for route in routes:
        if route.since is not None:
            yield route.since
        if route.until is not None:
            yield route.until


def check_moments(*moments: datetime) -> None:
    """Look at moments that the quick reader lets through.

    Raises:
        ValueError: one lies outside of the calendar in UTC.
    """
    for each in moments:
        if not _BEGIN <= micros(each) <= _END:
            raise ValueError("a moment lies outside of the possible times")
