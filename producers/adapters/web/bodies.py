"""The typed body of an event, by its channel.

Bodies describe: what has the wrong kind is left out, never refused, except a call's numbers, which are measured later.
"""

from decimal import Decimal
from typing import Literal

from producers.adapters.amounts import decimal_of
from producers.adapters.payload import Node
from producers.adapters.problem import Problem
from producers.adapters.web.channel.visit import agent_fields
from schemas.bodies import Body, EmailBody, HotlineBody, LineItem, OtherBody, StoreBody, WebBody

Result = Literal["answered", "abandoned", "resolved"]
_RESULTS: dict[str, Result] = {"answered": "answered", "abandoned": "abandoned", "resolved": "resolved"}


def body_of(channel: str, event: Node, properties: Node, items: tuple[LineItem, ...]) -> Body:
    """Give the body for a channel: web and app, email, hotline, store, else `other`.

    Raises:
        Problem: a call's waiting or talking time is no number of seconds.
    """
    match channel:
        case "web" | "app":
            return _web(event, properties, items)
        case "email":
            return EmailBody(
                mailing=properties.remark("campaign_id", "email_id", "mailing", "campaign_name"),
                subject=properties.remark("email_subject", "subject"),
                link=properties.remark("link_url", "url", "link"),
                machine=properties.values.get("machine") is True,
            )
        case "hotline":
            return HotlineBody(
                queue=properties.remark("queue"),
                reason=properties.remark("reason", "subject"),
                waiting_time=_seconds(properties, "waiting_time", "wait_time"),
                talk_time=_seconds(properties, "talk_time", "duration"),
                result=_RESULTS.get((properties.remark("result") or "").lower()),
            )
        case "store":
            return StoreBody(
                store=properties.remark("store", "store_id"),
                till=properties.remark("till", "till_id", "register"),
                receipt=properties.remark("receipt", "receipt_id", "receipt_number"),
                items=items,
            )
        case _:
            reach = properties.values.get("reach")
            return OtherBody(
                text=properties.remark("text", "message", "title"),
                link=properties.remark("link_url", "url", "link"),
                reach=reach if isinstance(reach, int) and not isinstance(reach, bool) and reach >= 0 else None,
            )


def _web(event: Node, properties: Node, items: tuple[LineItem, ...]) -> WebBody:
    context = event.child("context")
    page = context.values.get("page")
    seen = Node(page if isinstance(page, dict) else {}, context.path)
    # Only a call that names its page means that page's title; in a track call, `title` may be a film's.
    title = properties.remark("title") if "url" in properties.values else None
    return WebBody(
        url=properties.remark("url") or seen.remark("url"),
        path=properties.remark("path") or seen.remark("path"),
        title=title or seen.remark("title") or event.remark("name"),
        referrer=_referrer(properties) or _referrer(seen),
        user_agent=(user_agent := context.remark("userAgent")),
        **agent_fields(user_agent),
        locale=context.remark("locale"),
        items=items,
    )


def _referrer(page: Node) -> str | None:
    stated = page.remark("referrer")
    return None if stated == "$direct" else stated  # RudderStack's word for none


def _seconds(properties: Node, *names: str) -> Decimal | None:
    name = properties.first_filled(names)
    if name is None:
        return None
    seconds = decimal_of(properties.values[name], properties.at(name))
    if seconds < 0 or seconds >= 10**9:
        raise Problem(properties.at(name), "not a number of seconds")
    return seconds.quantize(Decimal("0.001"))
