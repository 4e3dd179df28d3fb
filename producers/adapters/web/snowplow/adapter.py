"""Snowplow's trackers: POST of `payload_data` or a pixel, one touchpoint for each event. Pure, as every adapter.

All that the trackers send is taken: page views, page pings, structured and self-describing events, transactions and
the shop's actions. Of the rest of an event its entities are kept; where the device stood and advertising ids are not.
"""

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.payload import SHORT_LIMIT, TEXT_LIMIT, Node
from producers.adapters.web.bodies import body_of
from producers.adapters.web.channel.visit import agent_fields, visit_channel
from producers.adapters.web.snowplow.clock import occurred_at
from producers.adapters.web.snowplow.entities import Entity, by_name, entities_of
from producers.adapters.web.snowplow.events import Event, what_of
from producers.adapters.web.snowplow.payload import Hit, content_of, pieces
from producers.adapters.web.snowplow.people import identifiers_of
from schemas.base import derived_id
from schemas.bodies import Body, WebBody
from schemas.identifier import is_blank
from schemas.touchpoint import Campaign

_KEPT = {
    "aid": "app_id",
    "p": "platform",
    "tna": "tracker",
    "tv": "tracker_version",
    "sid": "session_id",
    "vid": "visit_number",
    "tz": "timezone",
    "res": "screen",
    "vp": "viewport",
    "ip": "ip",  # of the visitor, by a server's tracker; it is cut before it is kept
}
_PRIVATE = frozenset(
    {
        "appleidfa",
        "appleidfv",
        "androididfa",
        "openidfa",
        "latitude",
        "longitude",
        "latitudelongitudeaccuracy",
        "altitude",
        "altitudeaccuracy",
        "bearing",
    }
)
_UTM = {
    "utm_campaign": "name",
    "utm_source": "source",
    "utm_medium": "medium",
    "utm_term": "term",
    "utm_content": "content",
}
#: Platforms whose user agent is a person's, and those that are an app.
_BROWSERS = frozenset({"web", "mob"})
_APPS = frozenset({"mob", "app", "headset"})


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one event."""
    hit: Hit = piece.value
    event = Node(hit.fields, piece.path)
    entities = entities_of(event, context.limits)
    what = what_of(event, hit, entities, context)
    moment, at = occurred_at(event, context.received_at)
    channel = _channel(event, what.touchpoint, context)
    url = _page(event, hit, entities)
    campaign = _campaign(url, entities)
    body = _body(event, hit, url, channel, what)
    return Draft(
        touchpoint=what.touchpoint,
        channel=visit_channel(what.touchpoint, channel, body, campaign, context.catalogue),
        occurred_at=moment,
        at=at,
        id=_id(event, hit, context),
        identifiers=identifiers_of(event, entities),
        campaign=campaign,
        order_id=what.worth.order_id,
        amount=what.worth.amount,
        name=what.name[:SHORT_LIMIT] if what.name is not None else None,
        body=body,
        properties=_properties(event, what, entities),
    )


def _id(event: Node, hit: Hit, context: Context) -> str:
    """By `eid`; without one by the content. A pixel of a page without scripts says not even when: each one counts."""
    stated = event.text("eid")
    if stated is not None:
        return stated
    content = content_of(hit)
    if event.first_present(("dtm", "ttm")) is None:
        content += f"{context.received_at.isoformat()}{event.path}"
    return str(derived_id("content", context.sender.source, "snowplow", content))


def _channel(event: Node, touchpoint: str, context: Context) -> str:
    """`app` for what an app did of the shop's, else the usual one."""
    usual = context.usual_channel(touchpoint)
    if event.values.get("p") not in _APPS or "app" not in context.catalogue.channels:
        return usual
    if context.catalogue.entry(touchpoint) is not None:
        return "app" if usual == "web" else usual
    return context.sender.channel or "app"


def _page(event: Node, hit: Hit, entities: list[Entity]) -> str | None:
    stated = event.remark("url")
    if stated is not None:
        return stated
    for entity in entities:
        if entity.name in {"deep_link", "deep_link_received"} and (link := entity.data.remark("url")) is not None:
            return link
    # A pixel cannot say its page; the browser does so for it.
    return hit.page[:TEXT_LIMIT] if hit.page and event.values.get("e") == "pv" and "dtm" not in event.values else None


def _campaign(url: str | None, entities: list[Entity]) -> Campaign | None:
    """Give the campaign by the page's address, else by an entity that speaks of marketing."""
    campaign = _page_campaign(url) if url is not None else None
    if campaign is not None:
        return campaign
    for entity in entities:
        if "marketing" in entity.name or "campaign" in entity.name:
            found = {
                part: stated[:SHORT_LIMIT]
                for name, part in _UTM.items()
                if (stated := entity.data.remark(name, name.removeprefix("utm_"), part)) is not None
            }
            if found:
                return Campaign(**found)
    return None


@lru_cache(maxsize=16_384)  # a visitor stays on a page for many events
def _page_campaign(url: str) -> Campaign | None:
    found: dict[str, str] = {}
    try:
        pairs = parse_qsl(urlsplit(url).query)
    except ValueError:  # an address of somebody who made it by hand
        return None
    for name, value in pairs:
        if (part := _UTM.get(name.lower())) is not None and not is_blank(value):
            found.setdefault(part, value.strip()[:SHORT_LIMIT])
    return Campaign(**found) if found else None


def _body(event: Node, hit: Hit, url: str | None, channel: str, what: Event) -> Body:
    if channel not in {"web", "app"}:
        return body_of(channel, Node({}, event.path), Node(what.properties, event.path), what.worth.items)
    # A server's tracker sends by a library, whose name is not a visitor's browser.
    own = hit.user_agent if event.values.get("p", "web") in _BROWSERS else None
    user_agent = event.remark("ua") or (own[:TEXT_LIMIT] if own else None)
    return WebBody(
        url=url,
        path=_path(url),
        title=event.remark("page"),
        referrer=event.remark("refr"),
        user_agent=user_agent,
        **agent_fields(user_agent),
        locale=event.remark("lang"),
        items=what.worth.items,
    )


def _path(url: str | None) -> str | None:
    try:
        return urlsplit(url).path or None if url is not None else None
    except ValueError:
        return None


def _properties(event: Node, what: Event, entities: list[Entity]) -> dict[str, Any]:
    kept = dict(what.properties)
    for theirs, ours in _KEPT.items():
        if (text := event.remark(theirs)) is not None:
            kept.setdefault(ours, text)
    if entities:
        kept.setdefault("contexts", by_name(entities))
    return _public(kept)


def _public(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items() if name.lower() not in _PRIVATE}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return _public(value)
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


ADAPTER = Adapter(
    name="snowplow",
    about="Snowplow: page views and pings, structured and self-describing events, transactions and the shop's actions",
    area="web",
    pieces=pieces,
    read=read,
    hook=Hook(signature="none: the write key, or the application's id"),
)
