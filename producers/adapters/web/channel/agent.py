"""What sent a web event: browser, system and device of its user agent, and whether that is a machine's.

Browsers by ua-parser's definitions, machines by the list of crawler-user-agents; both are kept by others.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped] # ships no types
from ua_parser import parse

#: Longer ones are nobody's, and would only cost time.
LONGEST = 1024


class Agent(NamedTuple):
    """Families without versions, as reports count them. None: not known."""

    browser: str | None
    system: str | None
    device: str | None
    bot: bool


@lru_cache(maxsize=1)
def _bots() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{entry['pattern']})" for entry in CRAWLER_USER_AGENTS_DATA))


def agent_of(text: str) -> Agent:
    """Read a user agent. It costs some 50 us; `visit.agent_fields` remembers."""
    found = parse(text[:LONGEST])
    browser = found.user_agent.family if found.user_agent else None
    system = found.os.family if found.os else None
    device = found.device.family if found.device else None
    bot = device == "Spider" or _bots().search(text[:LONGEST]) is not None
    return Agent(browser, system, device, bot)
