"""The catalogue as a table, so that SQL can put touchpoints into their phases; and which one the ledger follows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import ValidationError

from schemas.catalogue import Catalogue, TouchpointEntry
from schemas.catalogue_digest import catalogue_from, digest_of, text_of
from sinks.client import Store
from sinks.rates import land_rates
from sinks.sql import query

_COLUMNS = (
    *("name", "label", "phase", "phase_position", "channel", "department", "credit"),
    *("inactivity_days", "ropo", "purchase", "look_back_days", "visit_gap_minutes", "models", "version"),
)
_SIDES = {"store": "store", "web": "web", "app": "web"}


def load_catalogue(store: Store, catalogue: Catalogue) -> int:
    """Make `catalogue_touchpoints` say what the catalogue says, no more and no less; give the number of touchpoints."""
    version = int(store.rows(query("catalogue_version", store.database))[0][0]) + 1
    models = list(catalogue.attribution.models)
    rows = [
        (
            name,
            entry.label,
            entry.phase,
            catalogue.phases.index(entry.phase) + 1,
            entry.channel,
            entry.department,
            entry.credit or entry.visit,
            catalogue.journey.inactivity_days,
            _ropo(catalogue, name),
            _purchase(catalogue, name, entry),
            catalogue.attribution.look_back_days,
            catalogue.journey.visit_gap_minutes,
            models,
            version,
        )
        for name, entry in catalogue.touchpoints.items()
    ]
    store.insert("catalogue_log", _COLUMNS, rows)
    return len(rows)


def _ropo(catalogue: Catalogue, name: str) -> str:
    if name in catalogue.ropo.research:
        return "research"
    return "store_contact" if name in catalogue.ropo.store_contacts else ""


def _purchase(catalogue: Catalogue, name: str, entry: TouchpointEntry) -> str:
    closes = any(one.closing and name in one.touchpoints for one in catalogue.conversions.values())
    return _SIDES.get(entry.channel, "") if closes else ""


class InForce(NamedTuple):
    """The catalogue that journeys and ledger follow, and since when.

    `catalogue` None: another version of Touchpath has written it, and this one cannot read it. `rates` is the digest of
    its exchange rates; the view `exchange_rates` has those into the reporting currency.
    """

    digest: str
    rates: str
    catalogue: Catalogue | None
    since: datetime


def catalogue_in_force(store: Store) -> InForce | None:
    """Give the catalogue that was applied last; None: there never was one.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such table.
    """
    rows = store.rows(query("catalogue_in_force", store.database))
    if not rows:
        return None
    digest, rates, text, since = rows[0]
    try:
        catalogue = catalogue_from(text)
    except ValidationError:
        catalogue = None
    return InForce(digest, rates, catalogue, since.replace(tzinfo=UTC))


def put_in_force(store: Store, catalogue: Catalogue, since: datetime) -> None:
    """Write down that journeys and ledger follow this catalogue; spend is converted by its rates from now on, too.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such table.
    """
    # Before the catalogue: broken off between the two, it is not in force and comes here again.
    land_rates(store, catalogue)
    row = digest_of(catalogue).hex(), catalogue.currencies.table.digest, text_of(catalogue), since
    store.insert("catalogues_log", ("digest", "rates", "catalogue", "applied_at"), [row])
