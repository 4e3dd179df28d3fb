"""Cross-origin requests: every POST of a browser's SDK is preflighted, and its origin wants to be named."""

import re

#: What the SDKs of browsers send. A write key in `authorization` is no cookie, so allowing credentials opens nothing.
_ALLOWED = re.compile(
    r"authorization|content-type|content-encoding|x-retry-count|anonymousid|sentat|rsa-[a-z0-9-]+|sp-anonymous"
)
_ALWAYS = ("authorization", "content-type", "x-retry-count", "anonymousid", "sentat", "sp-anonymous")


def headers(origin: str | None, origins: tuple[str, ...]) -> dict[str, str]:
    """Give the headers that every answer to that origin carries, none where it may not read the answer."""
    if not origin or ("*" not in origins and origin not in origins):
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Retry-After",
        "Vary": "Origin",
    }


def preflight(origin: str | None, wanted: str | None, origins: tuple[str, ...]) -> dict[str, str]:
    """Give the headers that answer a preflight asking for the request headers `wanted`."""
    common = headers(origin, origins)
    if not common:
        return {}
    asked = [name.strip().lower() for name in (wanted or "").split(",") if name.strip()]
    allowed = [name for name in asked if _ALLOWED.fullmatch(name)] or list(_ALWAYS)
    return {
        **common,
        "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
        "Access-Control-Allow-Headers": ", ".join(allowed),
        "Access-Control-Max-Age": "86400",
    }
