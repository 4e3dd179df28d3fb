"""What of a catalogue decides what profiles say: by its digest two catalogues are told apart, and one is kept as text.

Labels, departments, names of senders' events, doors and reports are not part of it: where only they change, every
journey and every credit stays as it is.
"""

import hashlib
import json
from typing import Any

from schemas.catalogue import Catalogue

DIGEST_BYTES = 8


def digest_of(catalogue: Catalogue) -> bytes:
    """Give the short digest of all that journeys, conversions and credits are derived by, the rates among it."""
    text = json.dumps(_deciding(catalogue), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]


def edition_of(catalogue: Catalogue) -> str:
    """Give what workers that go by this catalogue call themselves: `catalogue-362e9ca9edeba24b`."""
    return f"catalogue-{digest_of(catalogue).hex()}"


def text_of(catalogue: Catalogue) -> str:
    """Give the catalogue as JSON that `catalogue_from` reads. The rates are not in it."""
    return catalogue.model_dump_json(exclude_unset=True)


def catalogue_from(text: str | bytes) -> Catalogue:
    """Read a catalogue that `text_of` has written.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return Catalogue.model_validate_json(text)


def _deciding(catalogue: Catalogue) -> dict[str, Any]:
    currencies, retention = catalogue.currencies, catalogue.retention_phase
    return {
        "journey": catalogue.journey.model_dump(mode="json"),
        "attribution": catalogue.attribution.model_dump(mode="json"),
        "touchpoints": {
            name: [entry.credit, entry.visit, entry.phase == retention] for name, entry in catalogue.touchpoints.items()
        },
        # Their order counts: the first one whose conditions hold is the one.
        "conversions": [[name, entry.model_dump(mode="json")] for name, entry in catalogue.conversions.items()],
        "refunds": sorted(catalogue.refunds),
        "currencies": [currencies.reporting, currencies.base, currencies.table.digest] if currencies.reporting else [],
    }
