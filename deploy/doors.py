"""Every way in, as a list for people: the adapters of the registry, and the doors that are built in."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from producers.adapters.adapter import Adapter
from producers.adapters.registry import ADAPTERS


@dataclass(frozen=True, slots=True)
class WayIn:
    """One adapter or built-in door. `hook` and `files` are None where it has no webhook, or takes no files."""

    name: str
    area: str
    about: str
    hook: str | None
    signature: str | None
    files: str | None
    zone_needed: bool = False


_BUILT_IN = (
    WayIn(
        name="segment",
        area="web",
        about="Segment's and RudderStack's SDKs: track, identify, page, screen, group, alias, batch",
        hook="/v1/{call}",
        signature="none: the write key protects it",
        files=None,
    ),
)


#: Doors of their own, which are no `/hooks/<adapter>`.
_ADDRESSES = {"snowplow": "/com.snowplowanalytics.snowplow/tp2"}


def ways_in() -> list[WayIn]:
    """List all, by area and name."""
    known = [_way_in(adapter) for adapter in ADAPTERS.values()]
    built_in = [way for way in _BUILT_IN if way.name not in ADAPTERS]
    return sorted([*built_in, *known], key=lambda way: (way.area, way.name))


def way_in(name: str) -> WayIn | None:
    """Give the one of that name."""
    return next((way for way in ways_in() if way.name == name), None)


def example_of_hook(way: WayIn, address: str) -> str | None:
    """Give a command that sends one payload; `address` is the collector's: `http://127.0.0.1:8080`."""
    if way.name == "segment":
        event = """{"userId": "ada", "event": "Product Viewed", "properties": {"product_id": "p1"}}"""
        return f"curl -u KEY: {address}/v1/track -d {shlex.quote(event)}"
    if way.name == "snowplow":
        event = """{"data": [{"e": "pv", "aid": "shop", "url": "https://shop.example/tea", "page": "Tea"}]}"""
        return f"curl '{address}{way.hook}?key=KEY' -d {shlex.quote(event)}"
    if way.hook is None:
        return None
    return f"curl '{address}{way.hook}?key=KEY' --data-binary @payload"


def example_of_import(way: WayIn) -> str | None:
    """Give a command that imports files."""
    if way.files is None:
        return None
    zone = " --timezone Europe/Berlin" if way.zone_needed else ""
    return f"touchpath import {way.name} FILE... --source SOURCE{zone}"


def _way_in(adapter: Adapter) -> WayIn:
    return WayIn(
        name=adapter.name,
        area=adapter.area,
        about=adapter.about,
        hook=_ADDRESSES.get(adapter.name, f"/hooks/{adapter.name}") if adapter.hook else None,
        signature=adapter.hook.signature if adapter.hook else None,
        files=f"touchpath import {adapter.name}" if adapter.file else None,
        zone_needed=adapter.zone_needed,
    )
