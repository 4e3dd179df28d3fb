"""Signatures of survey tools: the published vectors pass, and nothing that differs from them does."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from producers.adapters import signing
from producers.adapters.adapter import HookRequest, HookSecrets, SignatureRefused
from producers.adapters.survey import delighted, formbricks, signatures, typeform

#: The vector of the Standard Webhooks libraries' own tests.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SENT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def request(headers: dict[str, str], body: bytes = BODY) -> HookRequest:
    return HookRequest(body, headers, (), "https://example.org/hooks/x")


def standard(
    headers: dict[str, str], body: bytes = BODY, now: datetime = SENT, secrets: tuple[str, ...] = (SECRET,)
) -> None:
    signing.standard_webhooks(request(headers, body), HookSecrets(secrets), now, {})


def test_the_vector_of_standard_webhooks_passes_also_among_others_and_while_a_secret_rotates() -> None:
    standard(HEADERS)
    standard(HEADERS, secrets=(SECRET.removeprefix("whsec_"),))
    standard(HEADERS, secrets=("whsec_AAAA", SECRET))
    signature = HEADERS["webhook-signature"]
    standard(HEADERS | {"webhook-signature": f"v1a,xyz v1,AAAA {signature} v2,BBBB"})


@pytest.mark.parametrize("away", [timedelta(seconds=300), timedelta(seconds=-300)])
def test_a_signature_may_be_as_old_or_ahead_as_the_settings_say_and_no_more(away: timedelta) -> None:
    standard(HEADERS, now=SENT + away)
    with pytest.raises(SignatureRefused):
        standard(HEADERS, now=SENT + away * 1.01)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "1614265331"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": HEADERS["webhook-signature"].replace("v1,", "v2,")},
        {"webhook-signature": HEADERS["webhook-signature"].replace("g0", "g1")},
    ],
)
def test_whatever_differs_from_the_vector_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(SignatureRefused):
        standard(HEADERS | changed)


def test_another_body_another_secret_or_none_is_refused() -> None:
    for body, secrets in ((BODY + b" ", (SECRET,)), (BODY, ("whsec_AAAA",)), (BODY, ()), (BODY, ("not base64",))):
        with pytest.raises(SignatureRefused):
            standard(HEADERS, body, secrets=secrets)


def digest(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()


def in_base64(raw: bytes) -> str:
    return "sha256=" + b64encode(raw).decode()


def in_hexadecimal(raw: bytes) -> str:
    return "sha256=" + raw.hex()


SIGNED = {
    "typeform": ("typeform-signature", in_base64, signatures.typeform),
    "delighted": ("x-delighted-webhook-signature", in_hexadecimal, signatures.delighted),
}


@pytest.mark.parametrize("name", SIGNED)
def test_the_hmac_over_the_raw_body_passes_and_no_other(name: str) -> None:
    header, written, verify = SIGNED[name]
    right = written(digest("s3cret", BODY))
    verify(request({header: right}), HookSecrets(("other", "s3cret")), SENT, {})
    wrong = [
        ({header: right}, BODY + b"\n", ("s3cret",)),
        ({header: right}, BODY, ("other",)),
        ({header: right}, BODY, ()),
        ({header: right[:-4] + "AAAA"}, BODY, ("s3cret",)),
        ({header: "sha256="}, BODY, ("s3cret",)),
        ({header: "zork"}, BODY, ("s3cret",)),
        ({}, BODY, ("s3cret",)),
    ]
    for headers, body, secrets in wrong:
        with pytest.raises(SignatureRefused):
            verify(request(headers, body), HookSecrets(secrets), SENT, {})


def test_a_typeform_signature_of_another_implementation_passes() -> None:
    # Computed with OpenSSL: printf '{"test": 2432232314}' | openssl dgst -sha256 -hmac 123456 -binary | base64
    given = {"typeform-signature": "sha256=fOHbKN6lbBF49rbt2bqPXeluCyf0Mn1TumSfk9f925M="}
    signatures.typeform(request(given), HookSecrets(("123456",)), SENT, {})


def test_the_adapters_use_these_checks() -> None:
    hooks = (typeform.ADAPTER.hook, delighted.ADAPTER.hook, formbricks.ADAPTER.hook)
    assert [hook.verify for hook in hooks if hook] == [
        signatures.typeform, signatures.delighted, formbricks.verify,
    ]  # fmt: skip
