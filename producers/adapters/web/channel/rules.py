"""The channel of a web touchpoint by the catalogue's rules, in their order: the first that fits decides. Pure."""

from functools import lru_cache
from re import fullmatch
from urllib.parse import parse_qsl, urlsplit

from producers.adapters.web.channel.referrers import Referrer, referrer_of, within
from schemas.catalogue import ChannelRule, WebSettings
from schemas.touchpoint import Campaign


def channel_of(web: WebSettings, url: str | None, referrer: str | None, campaign: Campaign | None) -> str | None:
    """Give the channel that brought the visitor; None: nothing says that anything did."""
    if not web.rules or (url is None and referrer is None and campaign is None):
        return None
    host, clicks = _page(url) if url is not None else ("", frozenset())
    source = external(web, referrer, host) if referrer is not None else None
    for rule in web.rules:
        if _fits(rule, source, campaign, clicks):
            return rule.channel
    return None


def external(web: WebSettings, referrer: str, host: str) -> Referrer | None:
    """Give the referrer if it is another site: not our own, and not where one only pays or logs in."""
    found = referrer_of(referrer)
    if found is None or (host and (within(found.host, host) or within(host, found.host))):
        return None
    return None if _among(found.host, web.own_domains) or _among(found.host, web.never_referrers) else found


def _among(host: str, sites: tuple[str, ...]) -> bool:
    """Say whether a host is one of the sites or below one; the same as `within` for each, in a few look-ups."""
    known, rest = _known(sites), host.removeprefix("www.")
    while rest:
        if rest in known:
            return True
        rest = rest.partition(".")[2]
    return False


@lru_cache(maxsize=64)
def _known(sites: tuple[str, ...]) -> frozenset[str]:
    return frozenset(site.removeprefix("www.") for site in sites)


@lru_cache(maxsize=16_384)
def _page(url: str) -> tuple[str, frozenset[str]]:
    """Give a page's host, and the names of what stands in its query."""
    try:
        parts = urlsplit(url)
        names = frozenset(name.lower() for name, value in parse_qsl(parts.query, max_num_fields=200) if value)
        return parts.hostname or "", names
    except ValueError:
        return "", frozenset()


def _fits(rule: ChannelRule, source: Referrer | None, campaign: Campaign | None, clicks: frozenset[str]) -> bool:
    if rule.medium is not None and not _matches(rule.medium, campaign.medium if campaign else None):
        return False
    if rule.source is not None and not _matches(rule.source, campaign.source if campaign else None):
        return False
    if rule.click_ids and clicks.isdisjoint(rule.click_ids):
        return False
    if rule.referrers and (source is None or source.kind not in rule.referrers):
        return False
    return not rule.sites or (source is not None and any(within(source.host, site) for site in rule.sites))


def _matches(pattern: str, value: str | None) -> bool:
    return value is not None and fullmatch(pattern, value.strip().lower()) is not None
