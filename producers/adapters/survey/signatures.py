"""The signatures that survey tools put on their webhooks: HMAC-SHA256 over the raw body."""

from collections.abc import Mapping
from datetime import datetime

from producers.adapters.adapter import HookRequest, HookSecrets
from producers.adapters.signing import digests, from_base64, from_hex, header, one_matches

_PREFIX = "sha256="


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
