"""The snippet for web pages: `/touchpath.js`, from the collector's own host, so that it is first-party.

Browsers keep `/touchpath.js` for an hour and ask again by its ETag. `/touchpath-<digest>.js` never changes and is kept
for a year: the one to use with `integrity`; `/touchpath.json` tells both. The build is read once, when first asked.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from producers.collector.door import Page, Services, json_answer
from producers.collector.refusal import Refusal

DIST = Path(__file__).parents[1] / "snippet" / "dist"
#: Seconds that a new version may take to reach a browser; for a week more it may use the old one while it asks.
FRESH = "public, max-age=3600, stale-while-revalidate=604800"
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Build:
    """The committed build: its bytes, the same gzipped, its version, its hash for `integrity`, a digest as its name."""

    plain: bytes
    gzipped: bytes
    version: str
    integrity: str
    digest: str

    def etag(self, packed: bool) -> str:
        """Give the strong ETag of one of the two."""
        return f'"{self.digest}-gzip"' if packed else f'"{self.digest}"'


@cache
def build() -> Build:
    """Read the build.

    Raises:
        OSError: the package was installed without it.
    """
    plain = (DIST / "touchpath.min.js").read_bytes()
    found = re.match(rb"/\*! touchpath\.js ([0-9.]+),", plain)
    version = found[1].decode() if found else "0"
    integrity = (DIST / "touchpath.min.js.sri").read_text(encoding="ascii").strip()
    return Build(plain, gzip.compress(plain, 9, mtime=0), version, integrity, hashlib.sha256(plain).hexdigest()[:16])


async def script(request: Request, _services: Services) -> Response:
    """Give the script, gzipped where the browser takes that; 304 where it has it already."""
    current = build()
    asked = request.path_params.get("digest")
    if asked is not None and asked != current.digest:
        raise Refusal(
            404, "not_found", f"this collector has another build of the snippet: touchpath-{current.digest}.js"
        )
    packed = _takes_gzip(request.headers.get("accept-encoding", ""))
    headers = {
        "Cache-Control": FRESH if asked is None else FOR_EVER,
        "ETag": current.etag(packed),
        "Vary": "Accept-Encoding",
        **_SHARED,
    }
    if current.etag(packed) in re.findall(r'"[^"]*"', request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    content = current.gzipped if packed else current.plain
    return Response(content, headers=headers, media_type="text/javascript; charset=utf-8")


async def about(request: Request, _services: Services) -> Response:
    """Give the script's version, its address that never changes, its hash, and a line to copy into a page."""
    current = build()
    path = f"/touchpath-{current.digest}.js"
    address = escape(str(request.base_url).rstrip("/") + path)
    line = (
        f'<script async src="{address}" integrity="{current.integrity}" crossorigin="anonymous" '
        'data-key="YOUR_PUBLIC_KEY"></script>'
    )
    told = {"version": current.version, "path": path, "integrity": current.integrity, "script": line}
    response = json_answer(200, told)
    response.headers.update({"Cache-Control": "no-cache", **_SHARED})
    return response


#: Anybody may read it: a script with `integrity` is fetched with CORS, from any page that uses it.
_SHARED = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


def _takes_gzip(header: str) -> bool:
    """Read an Accept-Encoding: `gzip` without `q=0`."""
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in {"gzip", "*"}:
            return re.fullmatch(r"\s*q=0(\.0*)?\s*", weight) is None
    return False


_JAVASCRIPT = {200: {"text/javascript": "the script"}}

PAGES: tuple[Page, ...] = (
    Page(
        name="snippet",
        paths=("/touchpath.js",),
        about="the script for web pages",
        answer=script,
        answers=_JAVASCRIPT,
    ),
    Page(
        name="snippet_for_ever",
        paths=("/touchpath-{digest}.js",),
        about="the script at an address that never changes; /touchpath.json tells it",
        answer=script,
        parameters={"digest": {"type": "string", "pattern": "^[0-9a-f]{16}$"}},
        answers=_JAVASCRIPT,
    ),
    Page(
        name="about_snippet",
        paths=("/touchpath.json",),
        about="the script's version, address and hash, and a line with them to copy into a page",
        answer=about,
    ),
)
