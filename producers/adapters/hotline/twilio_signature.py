"""Twilio's signature: HMAC-SHA1 over the address as Twilio knows it and the fields of the form, sorted.

https://www.twilio.com/docs/usage/security#validating-requests. A body that is no form is signed by its SHA-256 in the
address (`bodySHA256`). Twilio signs some addresses with their port and some without, so both are tried.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from producers.adapters.adapter import HookRequest, HookSecrets, SignatureRefused

_PORTS = {"http": 80, "https": 443}
_MOST_FIELDS = 1000


def verify(request: HookRequest, secrets: HookSecrets, _now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check the signature with the account's auth token. It has no time of its own."""
    stated = request.headers.get("x-twilio-signature", "").strip()
    if not stated:
        raise SignatureRefused("the signature is missing: X-Twilio-Signature")
    fields = ""
    try:
        addresses = list(_addresses(_signed_address(request)))
        if is_form(request):
            fields = _fields(request.body)
        elif request.body:
            _check_body(request)
    except ValueError:
        raise SignatureRefused("the address is none; is public_url the one that Twilio was given?") from None
    good = [
        hmac.compare_digest(signature(url + fields, secret).encode(), stated.encode())
        for secret in secrets.secrets
        for url in addresses
    ]
    if not any(good):
        raise SignatureRefused("the signature is wrong; is public_url the address that Twilio was given?")


def is_form(request: HookRequest) -> bool:
    """Say whether the body is a form: by what it is called, else by whether its hash stands in the address."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type:
        return media_type == "application/x-www-form-urlencoded"
    return _stated_hash(request) is None and request.body.lstrip()[:1] not in (b"{", b"[")


def signature(signed: str, token: str) -> str:
    """Give the signature of a text."""
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def _fields(body: bytes) -> str:
    """Give name and value of each field, sorted by both; empty ones are kept, the same one twice counts once."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:  # not UTF-8 is one of them
        raise SignatureRefused("the body is not a form") from None
    return "".join(name + value for name, value in sorted(set(pairs)))


def _check_body(request: HookRequest) -> None:
    stated = _stated_hash(request)
    if stated is None:
        raise SignatureRefused("the body is no form, and its hash is not in the address (bodySHA256)")
    if not hmac.compare_digest(hashlib.sha256(request.body).hexdigest().encode(), stated.lower().encode()):
        raise SignatureRefused("the body is not the one that was signed (bodySHA256)")


def _stated_hash(request: HookRequest) -> str | None:
    return dict(request.query).get("bodySHA256") or dict(parse_qsl(urlsplit(request.url).query)).get("bodySHA256")


def _signed_address(request: HookRequest) -> str:
    """Give the address with the hash that Twilio puts behind it, also where a public address has a query of its own."""
    stated = dict(request.query).get("bodySHA256")
    if stated is None or "bodySHA256=" in request.url:
        return request.url
    return f"{request.url}{'&' if '?' in request.url else '?'}bodySHA256={stated}"


def _addresses(url: str) -> Iterator[str]:
    """Give the address as it is, without its port, and with the port that its scheme has."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, port = host.rpartition(":")
    bare = name if colon and port.isdigit() else host
    yield urlunsplit(parts._replace(netloc=user + at + bare))
    with_port = host if bare != host else f"{host}:{_PORTS.get(parts.scheme, 443)}"
    yield urlunsplit(parts._replace(netloc=user + at + with_port))
