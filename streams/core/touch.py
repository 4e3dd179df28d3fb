"""What the fold keeps of a touchpoint. Everything else of it has landed in ClickHouse already."""

import msgspec

#: This event opens a web or app visit.
OPENS_VISIT = 1
#: This event is a conversion: its name reaches one, and no earlier event reached it with the same order.
CONVERTS = 2
#: This event names an order whose journey was neither open nor the last that converted when it came.
OF_OLDER_ORDER = 4
#: A refund of this conversion's order, or what verified it, has been dropped: what it is worth stays as it was said.
FINAL = 8

#: A public key sent it: anybody could have.
UNVERIFIED = 16
#: A machine did it: an open by a mail filter, a page fetched by a crawler. It earns nothing and makes no visit.
MACHINE = 32

#: Nobody has allowed to attribute it: on a path it has no name, and what it earns goes to a line of its own.
NO_CONSENT = 64
#: It says itself that it may be attributed.
SAYS_YES = 128
#: By it the person allows, or forbids, to attribute touches; `consenting` says which.
DECIDES_YES = 256
DECIDES_NO = 512
DECIDES = DECIDES_YES | DECIDES_NO

#: The flags from this bit on are a number: which of the profile's tenants the event belongs to. 0 costs no byte.
TENANT_SHIFT = 10

Key = tuple[int, bytes]
"""The place of an event in its profile's life: (occurred_at in microseconds, event id)."""


class Sale(msgspec.Struct, array_like=True, gc=False):
    """The order that a touchpoint names and the money in it. `revision` counts the postings of the conversion.

    `conversion` is the one that the event reaches by the catalogue's conditions, where that is not the one of its name:
    what they asked about is not kept.
    """

    order: str | None
    minor: int | None
    currency: str | None
    source: str
    revision: int = 0
    conversion: str | None = None


class Touch(msgspec.Struct, array_like=True, gc=False):
    """One event of a profile. `at` is in microseconds since 1970, `id` the event's 16 bytes, `device` a small hash."""

    at: int
    id: bytes
    name: str
    channel: str
    campaign: str | None
    device: int
    flags: int = 0
    sale: Sale | None = None

    @property
    def key(self) -> Key:
        """The event's place in the profile's life."""
        return self.at, self.id

    @property
    def opens_visit(self) -> bool:
        """Does a visit begin with this event?"""
        return bool(self.flags & OPENS_VISIT)

    @property
    def converts(self) -> bool:
        """Is this event a conversion?"""
        return bool(self.flags & CONVERTS)

    @property
    def verified(self) -> bool:
        """Does it come from a source that we trust?"""
        return not self.flags & UNVERIFIED

    @property
    def tenant(self) -> int:
        """Which of the profile's tenants it belongs to: an index of the table in the head."""
        return self.flags >> TENANT_SHIFT

    @property
    def order(self) -> str | None:
        """The order that it names."""
        sale = self.sale
        return None if sale is None else sale.order
