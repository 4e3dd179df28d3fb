"""What ClickHouse knows of one customer: the questions of `touchpath profile`.

Touchpoints are found by index, so that a question costs what this customer has, not what all have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from deploy.identity_store import IdentityStore
from deploy.profile_story import Attribute, Consent, Contact, Conversion, Customer, Figures, Journey
from schemas.base import profile_id as named_profile
from schemas.money import minor_digits
from sinks.client import Store
from sinks.sql import query

#: So many complaints are listed.
MOST_COMPLAINTS = 100


@dataclass(frozen=True, slots=True)
class Heir:
    """A profile that has identifiers of one that is no more."""

    profile_id: UUID
    named_by: str
    identifiers: tuple[str, ...]
    since: datetime
    has_its_name: bool
    """Is the identifier here that named the one that is no more?"""


class ProfileStore:
    """Questions about profiles; `store` stays the caller's."""

    def __init__(self, store: Store, identities: IdentityStore) -> None:
        self._store = store
        self._identities = identities

    def customer(self, profile_id: UUID, most: int = 10) -> Customer | None:
        """Give what is known of a profile, of each list the newest `most`; None: there is no such profile (any more).

        Raises:
            StoreError: ClickHouse does not answer, or has no tables.
        """
        of = {"profile_id": profile_id}
        few = {**of, "most": most}
        members = self._identities.members(profile_id)
        [(touchpoints, first, last, channel, owners)] = self._rows("profile_figures", of)
        if not members and not touchpoints:
            return None
        [(journeys, conversions, value)] = self._rows("profile_sums", of)
        known = [*(member.identifier for member in members), *owners]
        return Customer(
            profile_id=profile_id,
            named_by=next((one for one in known if named_profile(one) == profile_id), ""),
            identifiers=members,
            attributes=[
                Attribute(name, json, value, _utc(at), source, verified)
                for name, json, value, at, source, verified in self._rows("profile_attributes", of)
            ],
            consent=[
                Consent(purpose, allowed, _utc(at), source, touchpoint)
                for purpose, allowed, at, source, touchpoint in self._rows("profile_consent", of)
            ],
            figures=Figures(
                touchpoints,
                _utc_or_none(first),
                _utc_or_none(last),
                channel,
                journeys,
                conversions,
                {currency: _written(amount, currency) for currency, amount in value.items()},
            ),
            journeys=[
                Journey(_utc(opened), _utc(last), _utc_or_none(converted), *rest)
                for opened, last, converted, *rest in self._rows("profile_journeys", few)
            ],
            conversions=[
                Conversion(_utc(at), name, channel, order, _written(gross, money), _written(net, money), money, *rest)
                for at, name, channel, order, gross, net, money, *rest in self._rows("profile_conversions", few)
            ],
            complaints=self._contacts({**of, "most": MOST_COMPLAINTS, "complaints": True}),
            contacts=self._contacts({**few, "complaints": False}),
        )

    def erased(self, profile_id: UUID) -> datetime | None:
        """Say on which day a profile was erased last; None: never, or it had no conversion that would show it."""
        found = self._rows("profile_erased", {"profile_id": profile_id})
        return _utc(found[0][0]) if found else None

    def heirs(self, profile_id: UUID) -> list[Heir]:
        """Say where the identifiers are now that were ever in a profile; first who has the one that named it."""
        return [
            Heir(id_, named_by, tuple(sorted(identifiers)), _utc(since), bool(has_its_name))
            for id_, named_by, identifiers, since, has_its_name in self._rows(
                "profile_heirs", {"profile_id": profile_id}
            )
        ]

    def _contacts(self, parameters: Mapping[str, Any]) -> list[Contact]:
        return [
            Contact(_utc(at), name, channel, source, campaign, order, _written_or_none(amount, money), money, id_)
            for at, name, channel, source, campaign, order, amount, money, id_ in self._rows(
                "profile_touchpoints", parameters
            )
        ]

    def _rows(self, name: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._store.rows(query(name, self._store.database), parameters)


def _written(amount: Decimal, currency: str) -> Decimal:
    """Give an amount with as many decimals as its currency has, or as it needs: 19.90, not 19.9000."""
    try:
        digits = minor_digits(currency)
    except ValueError:
        digits = 0
    short = round(amount, digits)
    return short if short == amount else amount.normalize()


def _written_or_none(amount: Decimal | None, currency: str) -> Decimal | None:
    return None if amount is None else _written(amount, currency)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _utc_or_none(moment: datetime | None) -> datetime | None:
    return None if moment is None else _utc(moment)
