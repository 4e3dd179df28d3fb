"""Whose events live in a profile, and where those have gone that lived there: tenants, their places, their addresses.

A tenant is an identifier and a policy whose events move together. Events carry the number of its place, not its name.
"""

from collections.abc import Callable, Collection

import msgspec

from streams.core.moves import Address, newest

#: Whenever the table of tenants has grown by so many, it is looked through for those who are gone.
_LOOK_AROUND = 16


class Others(msgspec.Struct, array_like=True, gc=False):
    """What few profiles have: tenants beside the first (None: the place is free), and where some have moved to."""

    tenants: list[str | None] = []
    addresses: list[Address] = []


class Tenancy:
    """The tenants of a profile while a batch is folded.

    `first` is named by `moves.tenant_name`; None: the place is free; "": events without an owner, which never move.
    """

    __slots__ = ("first", "others")

    def __init__(self, first: str | None, others: Others | None) -> None:
        self.first = first
        self.others = others

    @property
    def addresses(self) -> list[Address]:
        """Where tenants have moved to."""
        return self.others.addresses if self.others is not None else []

    @property
    def names(self) -> list[str | None]:
        """The tenants by their places; None: the place is free."""
        return [self.first, *(self.others.tenants if self.others is not None else ())]

    def place(self, name: str, inhabited: Callable[[], Collection[int]]) -> int:
        """Give the place of a tenant; it gets one if it has none. `inhabited` finds the places that events name."""
        others = self.others.tenants if self.others is not None else []
        if len(others) % _LOOK_AROUND == _LOOK_AROUND - 1 and name != self.first and name not in others:
            taken = {*inhabited(), *(address.tenant for address in self.addresses)}
            others[:] = [tenant if place in taken else None for place, tenant in enumerate(others, start=1)]
        for wanted in (name, None):
            if self.first == wanted:
                self.first = name
                return 0
            if wanted in others:
                place = others.index(wanted)
                others[place] = name
                return 1 + place
        self.others = Others([*others, name], self.addresses)
        return 1 + len(others)

    def address(self, name: str, at: int, version: int) -> Address | None:
        """Give where a tenant's events of that moment belong, by a version above the one given; None: here."""
        others = self.others
        if others is None or not others.addresses:
            return None
        if name == self.first:
            return newest(others.addresses, 0, at, version)
        if name not in others.tenants:
            return None
        return newest(others.addresses, 1 + others.tenants.index(name), at, version)

    def note(self, tenant: int, addresses: list[Address], *, lives_here: bool) -> None:
        """Keep the addresses, and the place of the tenant only if something is left of it."""
        names = self.names
        if not lives_here and all(address.tenant != tenant for address in addresses):
            names[tenant] = None
        self._keep(names, addresses)

    def clear(self) -> None:
        """Keep of all tenants only those that have an address."""
        addressed = {address.tenant for address in self.addresses}
        names = [name if place in addressed else None for place, name in enumerate(self.names)]
        self._keep(names, self.addresses)

    def _keep(self, names: list[str | None], addresses: list[Address]) -> None:
        while len(names) > 1 and names[-1] is None:
            names.pop()
        self.first = names[0]
        self.others = Others(names[1:], addresses) if addresses or len(names) > 1 else None
