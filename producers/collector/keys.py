"""Who may write: the write keys of a request, and whose they are."""

import base64
import binascii
import hmac
from collections.abc import Iterable

from producers.settings import WriteKey


class KeyRing:
    """The configured keys. With none configured, no key opens anything."""

    def __init__(self, keys: Iterable[WriteKey]) -> None:
        self._keys = tuple((key.key.get_secret_value().encode(), key) for key in keys)

    def holder(self, presented: str) -> WriteKey | None:
        """Give whose key it is. Every key is compared, each in constant time, so that timing tells nothing."""
        found = None
        given = presented.encode(errors="replace")
        for secret, key in self._keys:
            if hmac.compare_digest(secret, given):
                found = key
        return found


def basic_user(authorization: str | None) -> str | None:
    """Give the user name of a Basic `Authorization` header, which is where Segment's SDKs put the write key."""
    scheme, _, rest = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""  # something was presented, and it is no key
