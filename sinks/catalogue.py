"""The catalogue as a table, so that SQL can put touchpoints into their phases and departments."""

from __future__ import annotations

from schemas.catalogue import Catalogue, TouchpointEntry
from sinks.client import Store
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
