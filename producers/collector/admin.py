"""Who may look up and mend: admin keys. They open no door for events, and a write key opens none of theirs."""

from datetime import datetime
from urllib.parse import urlsplit

from starlette.requests import Request

from producers.collector.door import Services
from producers.collector.keys import basic_user, bearer_token
from producers.collector.refusal import Refusal
from producers.settings import AdminKey

NONE_CONFIGURED = (
    "no admin key is configured: set collector.admin_keys, for instance "
    """TOUCHPATH_COLLECTOR__ADMIN_KEYS='[{"key": "a-long-secret", "name": "Service desk"}]'"""
)


def admin_of(request: Request, services: Services, now: datetime) -> AdminKey:
    """Give who asks: by a bearer token, else by the user name of Basic authentication; never by the address.

    Raises:
        Refusal: 403, there are no admin keys, a page of another site asks, or this is a write key; 401, no key, or none
            that opens anything now.
    """
    if not services.settings.admin_keys:
        raise Refusal(403, "not_configured", NONE_CONFIGURED)
    # A browser may remember a key, and would send it for any page.
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refusal(403, "forbidden", f"an admin key is not for pages of {origin[:200]}")
    authorization = request.headers.get("authorization")
    presented = bearer_token(authorization) or basic_user(authorization)
    if not presented:
        services.metrics.unauthorized.inc()
        raise Refusal(401, "unauthorized", "an admin key is required (Authorization: Bearer KEY)")
    key = services.admin_keys.holder(presented, now)
    if key is not None:
        return key
    services.metrics.unauthorized.inc()
    if services.keys.holder(presented, now) is not None:
        raise Refusal(403, "forbidden", "a write key does not open this; an admin key is required")
    raise Refusal(401, "unauthorized", "the admin key is not known, or not at this time")
