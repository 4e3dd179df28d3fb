"""What is known of a source, looked up by its name: for imports, trials and replays, which no write key introduces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from producers.settings import SourceSettings

if TYPE_CHECKING:
    from deploy.settings import Settings


def source_of(settings: Settings, name: str, *, behind_key: bool = False, **options: Any) -> SourceSettings:
    """Give the settings of a source: those of the section `sources`, else of its write key, else none but the name.

    `behind_key` asks the write keys first, as the collector does. `options` override where they are not None.

    Raises:
        ValidationError: an option cannot be used.
    """
    places: list[Sequence[SourceSettings]] = [settings.sources, settings.collector.write_keys]
    if behind_key:
        places.reverse()
    found = next((one for place in places for one in place if one.source == name), None)
    known = {} if found is None else {field: getattr(found, field) for field in SourceSettings.model_fields}
    given = {field: value for field, value in options.items() if value is not None}
    return SourceSettings.model_validate({"source": name, **known, **given})
