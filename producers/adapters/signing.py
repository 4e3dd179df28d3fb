"""What checks of signatures have in common: a time that is near, a digest that is compared in constant time.

Every secret is tried, so that a new one can be configured before the provider begins to use it.
"""

import binascii
import hmac
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from producers.adapters.adapter import HookRequest, HookSecrets, SignatureRefused
from producers.adapters.moments import moment_of
from producers.adapters.problem import Problem

_SECRET = "whsec_"  # noqa: S105 # how a secret of Standard Webhooks begins


def header(request: HookRequest, name: str) -> str:
    """Give a header that a signed request has.

    Raises:
        SignatureRefused: it is missing or empty.
    """
    value = request.headers.get(name, "").strip()
    if not value:
        raise SignatureRefused(f"the header {name!r} is missing: the request is not signed")
    return value


def near(written: object, now: datetime, max_age: float) -> None:
    """Check that the signature's own time, in any writing, is at most `max_age` seconds from now.

    Raises:
        SignatureRefused: it is further away, before or behind, or no time at all.
    """
    try:
        age = now - moment_of(written, "$")
    except Problem:
        raise SignatureRefused("the signature's time cannot be read") from None
    if age > timedelta(seconds=max_age):
        raise SignatureRefused(f"the signature is {age} old, more than {max_age:g} seconds")
    if -age > timedelta(seconds=max_age):
        raise SignatureRefused(f"the signature's time is {-age} ahead, more than {max_age:g} seconds")


def standard_webhooks(
    request: HookRequest,
    secrets: HookSecrets,
    now: datetime,
    _fetched: Mapping[str, bytes],
    prefixes: Sequence[str] = ("webhook",),
) -> None:
    """Check signatures as Standard Webhooks specifies them: HMAC-SHA256 over id, time and body; several may be given.

    The secrets are `whsec_` and base64, or base64 alone. The headers begin with one of `prefixes`; Svix, where the
    specification comes from, has its own.
    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

    Raises:
        SignatureRefused: it is missing, wrong, or its time is further from now than the secrets allow.
    """
    id_, sent, given = (_header_of(request, prefixes, name) for name in ("id", "timestamp", "signature"))
    near(sent, now, secrets.max_age)
    keys = [from_base64(secret.removeprefix(_SECRET)) for secret in secrets.secrets]
    if not all(keys):
        raise SignatureRefused("a configured secret is none of Standard Webhooks (whsec_ and base64)")
    versions = (one.partition(",") for one in given.split())
    signatures = [from_base64(signature) for version, _, signature in versions if version == "v1"]
    signed = f"{id_}.{sent}.".encode(errors="replace") + request.body
    one_matches(digests(keys, signed, "sha256"), signatures)


def _header_of(request: HookRequest, prefixes: Sequence[str], name: str) -> str:
    known = (f"{prefix}-{name}" for prefix in prefixes if request.headers.get(f"{prefix}-{name}", "").strip())
    return header(request, next(known, f"{prefixes[0]}-{name}"))


def digests(keys: Iterable[bytes], message: bytes, algorithm: str) -> list[bytes]:
    """Give the HMAC of a message under each key."""
    return [hmac.digest(key, message, algorithm) for key in keys]


def one_matches(expected: Iterable[bytes], given: Iterable[bytes]) -> None:
    """Check that one of the given digests is one of the expected; all are compared, each in constant time.

    Raises:
        SignatureRefused: none is.
    """
    given = list(given)
    found = False
    for one in expected:
        for other in given:
            found |= hmac.compare_digest(one, other)
    if not found:
        raise SignatureRefused("the signature is wrong")


def from_hex(text: str) -> bytes:
    """Read a digest in hexadecimal; nothing where it is none."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def from_base64(text: str) -> bytes:
    """Read a digest in base64; nothing where it is none."""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
