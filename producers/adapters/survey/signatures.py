"""The signatures that survey tools put on their webhooks: HMAC-SHA256, compared in constant time.

A secret of a `HookSecrets` that cannot be read is passed by, so that one bad entry does not stop a rotation.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime

from producers.adapters.adapter import HookRequest, HookSecrets, SignatureRefused


def typeform(request: HookRequest, secrets: HookSecrets, _now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check `Typeform-Signature: sha256=<base64 of the HMAC over the raw body>`. It covers no time.

    Source: https://www.typeform.com/developers/webhooks/secure-your-webhooks/

    Raises:
        SignatureRefused: it is missing or wrong.
    """
    given = _header(request, "typeform-signature").removeprefix("sha256=")
    _one_of(given, [_base64(secret.encode(), request.body) for secret in secrets.secrets])


def delighted(request: HookRequest, secrets: HookSecrets, _now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check `X-Delighted-Webhook-Signature: sha256=<hex of the HMAC over the raw body>`; the secret is the API key.

    Source: https://app.delighted.com/docs/api/webhooks

    Raises:
        SignatureRefused: it is missing or wrong.
    """
    given = _header(request, "x-delighted-webhook-signature").removeprefix("sha256=").lower()
    _one_of(given, [hmac.digest(secret.encode(), request.body, "sha256").hex() for secret in secrets.secrets])


def standard_webhooks(request: HookRequest, secrets: HookSecrets, now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check the signature of the Standard Webhooks specification, over id, time and raw body; several may be given.

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

    Raises:
        SignatureRefused: it is missing, wrong, or its time is further from now than the secrets allow.
    """
    id_, sent = _header(request, "webhook-id"), _header(request, "webhook-timestamp")
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
        raise SignatureRefused("webhook-timestamp: not seconds since 1970")
    age = abs(now.timestamp() - int(sent))
    if age > secrets.max_age:
        raise SignatureRefused(f"webhook-timestamp: {age:.0f} seconds from now, more than {secrets.max_age:.0f}")
    signed = b".".join((id_.encode(errors="surrogatepass"), sent.encode(), request.body))
    expected = [_base64(key, signed) for secret in secrets.secrets if (key := _key(secret)) is not None]
    given = [one.partition(",")[2] for one in _header(request, "webhook-signature").split() if one.startswith("v1,")]
    if not any(_is_one_of(one, expected) for one in given[:10]):
        raise SignatureRefused("webhook-signature: wrong")


def _header(request: HookRequest, name: str) -> str:
    value = request.headers.get(name, "").strip()
    if not value:
        raise SignatureRefused(f"{name}: missing")
    return value


def _key(secret: str) -> bytes | None:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return None


def _base64(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, "sha256")).decode()


def _one_of(given: str, expected: list[str]) -> None:
    if not _is_one_of(given, expected):
        raise SignatureRefused("the signature is wrong")


def _is_one_of(given: str, expected: list[str]) -> bool:
    told = given.encode(errors="surrogatepass")
    return any(hmac.compare_digest(told, one.encode()) for one in expected)
