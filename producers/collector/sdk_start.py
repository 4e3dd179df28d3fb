"""What browser SDKs ask for when they start: the settings of Segment's and RudderStack's own services.

So a page changes one address, and its SDK sends here: Segment's settings name this collector as the place to send to.
No destination, no sampling, no reports to anybody else. A key that is not known is told so at the start, where a
developer sees it.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from producers.collector.door import Page, Services, json_answer
from producers.collector.keys import basic_user
from producers.collector.refusal import Refusal
from producers.settings import WriteKey
from schemas.base import derived_id


def segment_settings(key: str, base: str) -> dict[str, Any]:
    """Give what analytics.js wants of `/v1/projects/KEY/settings`; `base` is our own address as the page reaches it."""
    scheme, _, host = base.partition("://")
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": f"{host}/v1",
                "protocol": scheme,
                "unbundledIntegrations": [],
                "addBundledMetadata": False,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {"track": {"__default": {"enabled": True}}, "identify": {"__default": {"enabled": True}}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }


def rudder_config(holder: WriteKey, key: str) -> dict[str, Any]:
    """Give what RudderStack's SDK wants of `/sourceConfig/`: a source that is on, and has no destinations."""
    off = {"enabled": False}
    return {
        "source": {
            "id": str(derived_id("rudder_source", holder.source)),
            "name": holder.source,
            "writeKey": key,
            "enabled": True,
            "workspaceId": str(derived_id("rudder_workspace", holder.source)),
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "destinations": [],
            "connections": [],
        },
    }


async def _segment(request: Request, services: Services) -> Response:
    key = request.path_params["key"]
    _known(key, services)
    return _private(json_answer(200, segment_settings(key, _base(request))))


async def _rudder(request: Request, services: Services) -> Response:
    if request.query_params.get("view") == "ad":  # its look whether an advertisement blocker stops it, without a key
        return json_answer(200, {})
    key = request.query_params.get("writeKey") or basic_user(request.headers.get("authorization")) or ""
    return _private(json_answer(200, rudder_config(_known(key, services), key)))


def _base(request: Request) -> str:
    """Give our own address as the page reaches it: a proxy in front that ends TLS says so."""
    scheme = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    return f"{scheme if scheme in {'http', 'https'} else request.url.scheme}://{request.url.netloc}"


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, max-age=120"  # it names the address that was asked
    return response


def _known(key: str, services: Services) -> WriteKey:
    holder = services.keys.holder(key, services.now()) if key else None
    if holder is None:
        services.metrics.unauthorized.inc()
        raise Refusal(401, "unauthorized", "the write key is not known" if key else "a write key is required")
    return holder


PAGES = (
    Page(
        name="segment_settings",
        paths=("/v1/projects/{key}/settings",),
        about="What Segment's browser SDK asks for when it starts (its `cdnURL`)",
        answer=_segment,
        methods=("GET", "OPTIONS"),
        parameters={"key": {"type": "string"}},
    ),
    Page(
        name="rudder_source_config",
        paths=("/sourceConfig", "/sourceConfig/"),
        about="What RudderStack's browser SDK asks for when it starts (its `configUrl`)",
        answer=_rudder,
        methods=("GET", "OPTIONS"),
    ),
)
