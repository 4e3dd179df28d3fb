"""What every adapter that speaks of pages says of them: the channel of a visit, and the agent that sent it."""

from functools import lru_cache
from typing import Any

from producers.adapters.web.channel.agent import agent_of
from producers.adapters.web.channel.rules import channel_of
from schemas.bodies import Body, WebBody
from schemas.catalogue import Catalogue
from schemas.touchpoint import Campaign


@lru_cache(maxsize=16_384)
def agent_fields(user_agent: str | None) -> dict[str, Any]:
    """Give the fields of a `WebBody` that its user agent says; nobody changes the dict."""
    return agent_of(user_agent)._asdict() if user_agent is not None else {}


def visit_channel(name: str, channel: str, body: Body, campaign: Campaign | None, catalogue: Catalogue) -> str:
    """Give the channel of a touchpoint by its page, referrer and campaign, else the one that it has.

    Only what is part of a visit gets another channel: the visit earns the credit, by its first event.
    """
    if channel not in {"web", "app"} or not isinstance(body, WebBody):
        return channel
    entry = catalogue.entry(name)
    if entry is None or not entry.visit:
        return channel
    return channel_of(catalogue.web, body.url, body.referrer, campaign) or channel
