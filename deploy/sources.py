"""What is known of a source, looked up by its name: for imports, trials and replays, which no write key introduces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from producers.settings import SourceSettings, WriteKey

if TYPE_CHECKING:
    from deploy.settings import Settings


def source_of(settings: Settings, name: str, **options: Any) -> SourceSettings:
    """Give the settings of a source: those of the section `sources`, else of its write key, else none but the name.

    `options` override where they are not None.

    Raises:
        ValidationError: an option cannot be used.
    """
    places: tuple[Sequence[SourceSettings], ...] = (settings.sources, settings.collector.write_keys)
    found = next((one for place in places for one in place if one.source == name), None)
    return SourceSettings.model_validate({"source": name, **_known(found), **_given(options)})


def key_of(settings: Settings, name: str, *, public: bool, **options: Any) -> WriteKey:
    """Give what a key of a source opens, without the key itself: what each of its keys of that kind opens, together.

    A source that has none has the settings of `source_of`, and may send everything.

    Raises:
        ValidationError: an option cannot be used.
    """
    keys = [key for key in settings.collector.write_keys if key.source == name]
    keys = [key for key in keys if key.public == public] or keys
    known = _known(keys[0]) if keys else source_of(settings, name).model_dump()
    scopes = {
        "public": public,
        "allow": _together([key.allow for key in keys]),
        "touchpoints": _together([key.touchpoints for key in keys]),
    }
    return WriteKey.model_validate({"key": "none", **known, "source": name, **scopes, **_given(options)})


def _together(scopes: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """Give what is in any of them; None, which is everything, where one of them is or there are none."""
    known = [scope for scope in scopes if scope is not None]
    if not scopes or len(known) < len(scopes):
        return None
    return tuple(dict.fromkeys(name for scope in known for name in scope))


def _known(source: SourceSettings | None) -> dict[str, Any]:
    return {} if source is None else {field: getattr(source, field) for field in SourceSettings.model_fields}


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in options.items() if value is not None}
