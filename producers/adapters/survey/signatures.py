"""The signatures that survey tools put on their webhooks: HMAC-SHA256 over the raw body."""

from collections.abc import Mapping
from datetime import datetime

from producers.adapters.adapter import HookRequest, HookSecrets, SignatureRefused
from producers.adapters.email.signing import digests, from_base64, from_hex, header, near, one_matches

_PREFIX = "sha256="
_SECRET = "whsec_"  # noqa: S105 # how a secret begins


def typeform(request: HookRequest, secrets: HookSecrets, _now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check `Typeform-Signature: sha256=<base64>`. It covers no time.

    Source: https://www.typeform.com/developers/webhooks/secure-your-webhooks/

    Raises:
        SignatureRefused: it is missing or wrong.
    """
    given = from_base64(header(request, "typeform-signature").removeprefix(_PREFIX))
    one_matches(digests(map(str.encode, secrets.secrets), request.body, "sha256"), [given])


def delighted(request: HookRequest, secrets: HookSecrets, _now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check `X-Delighted-Webhook-Signature: sha256=<hexadecimal>`; the secret is the API key. It covers no time.

    Source: https://app.delighted.com/docs/api/webhooks

    Raises:
        SignatureRefused: it is missing or wrong.
    """
    given = from_hex(header(request, "x-delighted-webhook-signature").removeprefix(_PREFIX))
    one_matches(digests(map(str.encode, secrets.secrets), request.body, "sha256"), [given])


def standard_webhooks(request: HookRequest, secrets: HookSecrets, now: datetime, _fetched: Mapping[str, bytes]) -> None:
    """Check the signature of the Standard Webhooks specification, over id, time and body; several may be given.

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

    Raises:
        SignatureRefused: it is missing, wrong, or its time is further from now than the secrets allow.
    """
    id_, sent, given = (header(request, f"webhook-{name}") for name in ("id", "timestamp", "signature"))
    near(sent, now, secrets.max_age)
    keys = [from_base64(secret.removeprefix(_SECRET)) for secret in secrets.secrets]
    if not all(keys):
        raise SignatureRefused("a configured secret is none of Standard Webhooks (whsec_ and base64)")
    versions = (one.partition(",") for one in given.split())
    signatures = [from_base64(signature) for version, _, signature in versions if version == "v1"]
    signed = f"{id_}.{sent}.".encode(errors="replace") + request.body
    one_matches(digests(keys, signed, "sha256"), signatures)
