"""Fetching the little that hooks need (certificates, confirmations): https, a time limit, a bound, a memory."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable

import httpx

MOST_BYTES = 64 * 1024
MOST_KEPT = 32
SECONDS = 5.0

Fetch = Callable[[str], Awaitable[bytes]]
"""Gets what an address holds; raises OSError where it cannot. The real one remembers, and has a time limit."""


class Fetcher:
    """Gets addresses that an adapter has vouched for, and remembers what the last ones held."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    async def __call__(self, url: str) -> bytes:
        """Give what the address holds.

        Raises:
            OSError: no answer in time, no 200, more than 64 KiB, or no https.
        """
        if (kept := self._kept.get(url)) is not None:
            return kept
        if not url.startswith("https://"):
            raise OSError(f"{url[:200]} is not https")
        try:
            async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client:
                answer = await client.get(url)
        except httpx.HTTPError as error:
            raise OSError(f"{url[:200]}: {error}") from error
        if answer.status_code != 200 or len(answer.content) > MOST_BYTES:
            raise OSError(f"{url[:200]}: answered {answer.status_code} with {len(answer.content)} bytes")
        self._kept[url] = answer.content
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return answer.content
