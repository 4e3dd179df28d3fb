"""A web touchpoint with its channel and its agent: the last step of every adapter that speaks of pages."""

from typing import Any

from producers.adapters.web.channel.agent import agent_of
from producers.adapters.web.channel.rules import channel_of
from schemas.bodies import WebBody
from schemas.catalogue import Catalogue
from schemas.touchpoint import Touchpoint


def placed(touchpoint: Touchpoint, catalogue: Catalogue) -> Touchpoint:
    """Give the touchpoint with what its page, referrer, campaign and user agent say.

    Only what is part of a visit gets another channel: the visit earns the credit, by its first event.
    """
    body = touchpoint.body
    if not isinstance(body, WebBody):
        return touchpoint
    changed: dict[str, Any] = {}
    if body.user_agent is not None:
        agent = agent_of(body.user_agent)
        changed["body"] = body.model_copy(update=agent._asdict())
    entry = catalogue.entry(touchpoint.touchpoint)
    if touchpoint.channel in {"web", "app"} and entry is not None and entry.visit:
        channel = channel_of(catalogue.web, body.url, body.referrer, touchpoint.campaign)
        if channel is not None:
            changed["channel"] = channel
    return touchpoint.model_copy(update=changed) if changed else touchpoint
