"""Who may write, or mend: the keys of a request, whose they are, and since when and until when they open anything."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Generic, TypeVar

from producers.settings import AdminKey, WriteKey

Key = TypeVar("Key", WriteKey, AdminKey)


class KeyRing(Generic[Key]):
    """The configured keys. With none configured, no key opens anything.

    Keys are looked up by a digest that is keyed with a secret of this process, and then compared in constant time: how
    long it takes tells nothing of a key, and does not grow with their number.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self._secret = secrets.token_bytes(32)
        self._keys: dict[bytes, Key] = {self._digest(key.key.get_secret_value()): key for key in keys}

    def holder(self, presented: str, now: datetime) -> Key | None:
        """Give whose key it is, if it opens at that time."""
        digest = self._digest(presented)
        key = self._keys.get(digest)
        if key is None or not hmac.compare_digest(digest, self._digest(key.key.get_secret_value())):
            return None
        return key if key.opens_at(now) else None

    def _digest(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode(errors="replace"), key=self._secret, digest_size=32).digest()


def basic_user(authorization: str | None) -> str | None:
    """Give the user name of a Basic `Authorization` header, which is where Segment's SDKs put the write key."""
    scheme, _, rest = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""  # something was presented, and it is no key


def bearer_token(authorization: str | None) -> str | None:
    """Give the token of a Bearer `Authorization` header (RFC 6750)."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
