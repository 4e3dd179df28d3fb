"""What a referring address is: a search engine, a social network, an AI assistant, another site, or one of our own.

The names are those of Matomo's list of search engines and social networks (CC0, its commit stands in
`referrers.json`). There `{}` before or behind a name stands for a country: `google.{}`, `{}.bing.com`.
"""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

Kind = Literal["search", "social", "ai", "other"]

_COUNTRY = re.compile(r"[a-z]{2}|(com|org|net|co|it|edu)(\.[a-z]{2})?")
_APP = re.compile(r"android-app:/+([a-z0-9_.]+)", re.IGNORECASE)
#: Apps whose links open a browser name themselves, not a site.
_APPS: dict[str, tuple[Kind, str]] = {
    "com.google.android.googlequicksearchbox": ("search", "Google"),
    "com.google.android.gm": ("other", "Gmail"),
    "com.linkedin.android": ("social", "LinkedIn"),
    "com.slack": ("other", "Slack"),
    "org.telegram.messenger": ("social", "Telegram"),
    "com.pinterest": ("social", "Pinterest"),
    "com.facebook.katana": ("social", "Facebook"),
    "com.instagram.android": ("social", "Instagram"),
    "com.instagram.barcelona": ("social", "Threads"),
    "com.reddit.frontpage": ("social", "reddit"),
}


class Referrer(NamedTuple):
    """A referring site. `name` is the list's, or the host where no list has it."""

    kind: Kind
    name: str
    host: str


class _Lists(NamedTuple):
    exact: dict[str, tuple[Kind, str]]
    behind: dict[str, tuple[Kind, str]]  # `google.{}`, by `google`
    before: dict[str, tuple[Kind, str]]  # `{}.bing.com`, by `bing.com`
    below: dict[str, tuple[Kind, str]]  # a site with all its subdomains


@lru_cache(maxsize=1)
def _lists() -> _Lists:
    data = json.loads(Path(__file__).with_name("referrers.json").read_text(encoding="utf-8"))
    lists = _Lists({}, {}, {}, {})
    kinds: tuple[Kind, ...] = ("search", "social", "ai")
    for kind in kinds:
        for name, places in data[kind].items():
            for place in places:
                known: tuple[Kind, str] = (kind, name)
                if place.startswith("{}."):
                    lists.before[place[3:]] = known
                elif place.endswith(".{}"):
                    lists.behind[place[:-3]] = known
                elif kind == "search":
                    lists.exact[place] = known
                else:
                    lists.below[place] = known
    return lists


@lru_cache(maxsize=16_384)
def referrer_of(address: str) -> Referrer | None:
    """Give what a referring address is; None where it is no address of a site or app."""
    if (app := _APP.match(address)) is not None:
        package = app[1].lower()
        kind, name = _APPS.get(package, ("other", package))
        return Referrer(kind, name, package)
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or "." not in host:
        return None
    kind, name = _known(host, parts.path) or ("other", host)
    return Referrer(kind, name, host)


def _known(host: str, path: str) -> tuple[Kind, str] | None:
    lists = _lists()
    labels = host.split(".")
    first = path.split("/")[1:3]
    for depth in (2, 1, 0):  # `x.com/i/grok` is told from `x.com`
        tail = "/".join(["", *first[:depth]]) if depth else ""
        if depth > len(first):
            continue
        for start in range(len(labels) - 1):
            if (found := lists.below.get(".".join(labels[start:]) + tail)) is not None:
                return found
    if (found := lists.exact.get(host)) is not None:
        return found
    if len(labels) > 2 and _COUNTRY.fullmatch(labels[0]) and (found := lists.before.get(".".join(labels[1:]))):
        return found
    for length in (1, 2):
        name, country = ".".join(labels[:-length]), ".".join(labels[-length:])
        if name and _COUNTRY.fullmatch(country) and (found := lists.behind.get(name)) is not None:
            return found
    return None


def within(host: str, site: str) -> bool:
    """Say whether a host is the site or one of its subdomains; `www.` counts as nothing."""
    host, site = host.removeprefix("www."), site.removeprefix("www.")
    return host == site or host.endswith(f".{site}")
