"""What `/` says: each door with a line that tries it, as a page for people and as JSON for programs. Pure."""

import html
import shlex
from collections.abc import Iterable
from typing import Any

from producers.collector.door import AdminDoor, Door, Page

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Touchpath collector</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:54rem;margin:3rem auto;padding:0 1rem}}
pre{{background:#f4f4f4;padding:.6rem 1rem;overflow-x:auto;margin:.3rem 0 1.2rem}}h2{{margin-top:2rem}}
h3{{margin:0;font-size:1rem}}</style>
<h1>Touchpath collector</h1>
<p>Touchpoints enter here. An event is answered 200 when Kafka has it; what cannot be taken is kept in quarantine, with
the reason. {key}</p>
<h2>Doors</h2>
{doors}
<h2>With an admin key</h2>
{admin_doors}
<h2>Pages</h2>
<ul>
{pages}
</ul>
"""


def facts(
    base: str, key: str | None, doors: Iterable[Door], pages: Iterable[Page], admin_doors: Iterable[AdminDoor] = ()
) -> dict[str, Any]:
    """Give what `/` says. `base` is how the reader reached it (`http://127.0.0.1:8080`), `key` one that may be seen."""
    return {
        "name": "Touchpath collector",
        "openapi": f"{base}/openapi.json",
        "doors": [
            {
                "name": door.name,
                "about": door.about,
                "paths": list(door.paths),
                "methods": list(door.methods),
                "known": {name: list(schema.get("enum", ())) for name, schema in door.parameters.items()},
                "try": curl(base, key, door),
            }
            for door in doors
        ],
        "admin": [
            {
                "name": door.name,
                "about": door.about,
                "paths": list(door.paths),
                "methods": list(door.methods),
                "try": admin_curl(base, door),
            }
            for door in admin_doors
        ],
        "pages": [{"name": page.name, "about": page.about, "paths": list(page.paths)} for page in pages],
    }


def page(
    base: str, key: str | None, doors: Iterable[Door], pages: Iterable[Page], admin_doors: Iterable[AdminDoor] = ()
) -> str:
    """Give the same for people."""
    said = facts(base, key, doors, pages, admin_doors)
    shown = html.escape(key) if key else None
    return _PAGE.format(
        key=f"Here the write key is <code>{shown}</code>." if shown else "A write key is needed.",
        doors="\n".join(
            f"<h3>{' '.join(f'<code>{html.escape(path)}</code>' for path in door['paths'])}</h3>\n"
            f"{html.escape(door['about'])}{_known(door['known'])}\n<pre>{html.escape(door['try'])}</pre>"
            for door in said["doors"]
        ),
        admin_doors="\n".join(
            f"<h3>{' '.join(f'<code>{html.escape(path)}</code>' for path in door['paths'])}</h3>\n"
            f"{html.escape(door['about'])}\n<pre>{html.escape(door['try'])}</pre>"
            for door in said["admin"]
        ),
        pages="\n".join(
            f"<li>{' '.join(_link(path) for path in one['paths'])}: {html.escape(one['about'])}</li>"
            for one in said["pages"]
        ),
    )


def curl(base: str, key: str | None, door: Door) -> str:
    """Give a line for a shell that sends the door's example."""
    address = base + (door.example_path or door.paths[0])
    return f"curl -u {shlex.quote(key or 'YOUR_WRITE_KEY')}: {shlex.quote(address)} -d {shlex.quote(door.example)}"


def admin_curl(base: str, door: AdminDoor) -> str:
    """Give a line for a shell that sends the example of an admin door."""
    address = base + (door.example_path or door.paths[0])
    body = f" -d {shlex.quote(door.example)}" if door.example is not None else ""
    return f"curl -H 'Authorization: Bearer YOUR_ADMIN_KEY' {shlex.quote(address)}{body}"


def _known(names: dict[str, list[str]]) -> str:
    """Say which there are, where an address has a place for a name."""
    said = (f"<br>{html.escape(name)}: {html.escape(', '.join(values))}" for name, values in names.items() if values)
    return "".join(said)


def _link(path: str) -> str:
    path = html.escape(path)
    return f"<code>{path}</code>" if "{" in path else f'<a href="{path}">{path}</a>'
