"""The catalogue as a table, so that SQL can put touchpoints into their phases and departments."""

from __future__ import annotations

from schemas.catalogue import Catalogue
from sinks.client import Store
from sinks.sql import query

_COLUMNS = (
    *("name", "label", "phase", "phase_position", "channel", "department", "credit"),
    *("inactivity_days", "version"),
)


def load_catalogue(store: Store, catalogue: Catalogue) -> int:
    """Make `catalogue_touchpoints` say what the catalogue says, no more and no less; give the number of touchpoints."""
    version = int(store.rows(query("catalogue_version", store.database))[0][0]) + 1
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
            version,
        )
        for name, entry in catalogue.touchpoints.items()
    ]
    store.insert("catalogue_log", _COLUMNS, rows)
    return len(rows)
