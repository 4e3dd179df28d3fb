"""What every event of a mailing has in common: a recipient, a mailing, a campaign, perhaps a link, perhaps a machine.

Each provider's file says where these stand in its payload; here they become a draft, the same for all of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from producers.adapters.adapter import Draft
from producers.adapters.moments import parsed
from producers.adapters.payload import SHORT_LIMIT, Node
from producers.adapters.person import email, identifiers
from producers.adapters.pieces import json_value
from producers.adapters.problem import Problem
from producers.adapters.sender import Limits
from schemas.bodies import EmailBody
from schemas.identifier import is_blank
from schemas.touchpoint import Campaign

SENT = "email_sent"
DELIVERED = "email_delivered"
OPENED = "email_opened"
CLICKED = "email_clicked"
BOUNCED = "email_bounced"
COMPLAINED = "email_complained"
UNSUBSCRIBED = "email_unsubscribed"
SUBSCRIBED = "email_subscribed"
# What is told of a mailing without being a contact: accepted under a name of its own, and never with credit.
DEFERRED = "email_deferred"
DROPPED = "email_dropped"
FAILED = "email_failed"
SUPPRESSED = "email_suppressed"
REACTIVATED = "email_reactivated"
REPLIED = "email_auto_replied"
CONTACT = "email_contact_changed"
PART_OPENED = "email_open_started"
SCANNED = "email_link_scanned"
SCHEDULED = "email_scheduled"

#: What fetches images before a person sees the mail says so by its user agent where the provider does not: Apple's
#: Mail Privacy Protection by no more than `Mozilla/5.0`, Gmail's prefetch by a browser of 2015 that never was.
#: https://bird.com/blog/gmail-prefetching-images
#: Google's and Yahoo's image proxies fetch when the person opens: they are not here.
_APPLE = "Mozilla/5.0"
_GMAIL = "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"

_PARTS = ("name", "source", "medium", "term", "content")
_UTM = {"utm_campaign": "name"} | {f"utm_{part}": part for part in _PARTS[1:]}
_MOST_PARAMETERS = 200


def mail_draft(
    event: Node,
    touchpoint: str,
    *,
    at: str,
    when: object,
    address: str | None,
    name: str | None,
    id: str | None = None,  # noqa: A002 # the draft's own word
    mailing: str | None = None,
    campaign: str | None = None,
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    subject: str | None = None,
    link: str | None = None,
    user_agent: str | None = None,
    machine: bool = False,
    kept: Iterable[str] = (),
    properties: Mapping[str, Any] | None = None,
) -> Draft:
    """Make the draft of one event of a mailing.

    `mailing` falls back on the first tag, then on the campaign; the campaign on `metadata` (`utm_*`, `campaign`),
    then on the first tag, then on the link's own `utm_*`. `kept` names fields of the event that go into the
    properties as they are. A click of a machine is no click of a person: it gets a name of its own, without credit.

    Raises:
        Problem: `when` is no time.
    """
    tags = list(tags)
    metadata = metadata or {}
    found = campaign_of(campaign, metadata, tags, link)
    machine = machine or (touchpoint in (OPENED, PART_OPENED) and prefetches(user_agent))
    own = campaign or _said(metadata).get("name")
    told: dict[str, Any] = {name: event.values.get(name) for name in kept}
    told |= {"user_agent": user_agent, "tags": tags, "metadata": dict(metadata)} | dict(properties or {})
    return Draft(
        touchpoint=SCANNED if machine and touchpoint == CLICKED else touchpoint,
        channel="email",
        occurred_at=parsed(when, at),
        at=at,
        id=id,
        identifiers=identifiers(email=email(address)),
        campaign=found,
        name=name,
        body=EmailBody(
            mailing=mailing or (tags[0] if tags else own),
            subject=subject,
            link=link,
            machine=machine,
        ),
        properties={name: value for name, value in told.items() if value not in (None, "", [], {})},
    )


def campaign_of(own: str | None, metadata: Mapping[str, Any], tags: list[str], link: str | None) -> Campaign | None:
    """Give the campaign: what the provider says, else the sender's metadata, its first tag, the link's `utm_*`."""
    said, linked = _said(metadata), utm_of_link(link)
    parts = {part: said.get(part) or linked.get(part) for part in _PARTS}
    parts["name"] = own or said.get("name") or (tags[0] if tags else None) or linked.get("name")
    return Campaign(**parts) if any(parts.values()) else None


def utm_of_link(link: str | None) -> dict[str, str]:
    """Give a link's `utm_*` parameters by the campaign's parts: `{"name": "spring", "source": "newsletter"}`."""
    if link is None or "utm_" not in link.lower():
        return {}
    try:
        return _utm(dict(parse_qsl(urlsplit(link).query, max_num_fields=_MOST_PARAMETERS)))
    except ValueError:  # no address, or one of a thousand parameters
        return {}


def prefetches(user_agent: str | None) -> bool:
    """Say whether a user agent is one that fetches images before anybody has opened the mail."""
    return user_agent is not None and (user_agent.strip() == _APPLE or user_agent.strip().endswith(_GMAIL))


def short(value: object) -> str | None:
    """Give a text that only describes, cut to 500 characters; None for blanks and what is no text or number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()[:SHORT_LIMIT].strip()
    return None if is_blank(text) else text


def texts(value: object) -> list[str]:
    """Give the texts of a list, or of one text; what is neither is passed by."""
    items = value if isinstance(value, list) else [value]
    return [text for text in map(short, items) if text is not None]


def inner_json(event: Node, name: str, limits: Limits) -> dict[str, Any]:
    """Give the object that a field holds as JSON text; of any other text `{name: text}`."""
    text = event.remark(name)
    if text is None:
        return {}
    try:
        found = json_value(text.encode(), event.at(name), limits)
    except Problem:
        found = None
    return found if isinstance(found, dict) else {name: text}


def _said(metadata: Mapping[str, Any]) -> dict[str, str]:
    found = _utm(metadata)
    if "name" not in found and (text := short(metadata.get("campaign"))):
        found["name"] = text
    return found


def _utm(values: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in values.items():
        part = _UTM.get(name.lower())
        if part is not None and (text := short(value)):
            found.setdefault(part, text)
    return found
