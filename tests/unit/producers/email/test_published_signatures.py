"""The signatures that the providers' own libraries and others' tests have published are good ones here.

Each is data from the place that is named: a key made for a test, a payload and the signature that belongs to them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from producers.adapters.adapter import HookRequest, HookSecrets, SignatureRefused
from producers.adapters.email import mailersend, mailgun, mandrill, resend, sendgrid

ANY_TIME = datetime(2024, 5, 1, tzinfo=UTC)
PUBLISHED = Path(__file__).with_name("published")


def request(body: bytes, url: str = "https://door.example/", **headers: str) -> HookRequest:
    return HookRequest(body, {name.replace("_", "-"): value for name, value in headers.items()}, (), url)


# https://github.com/sendgrid/sendgrid-python/blob/main/test/unit/test_eventwebhook.py
SENDGRID_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eN"
    "Ec6wEA3F+g=="
)
SENDGRID_OTHER_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R"
    "1NGe1OPzpA=="
)
SENDGRID_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)
SENDGRID_SIGNATURE = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
SENDGRID_BAD_SIGNATURE = (
    "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH3j/0="
)


@pytest.mark.parametrize(
    ("key", "signature", "body", "good"),
    [
        (SENDGRID_KEY, SENDGRID_SIGNATURE, SENDGRID_BODY, True),
        (SENDGRID_OTHER_KEY, SENDGRID_SIGNATURE, SENDGRID_BODY, False),
        (SENDGRID_KEY, SENDGRID_BAD_SIGNATURE, SENDGRID_BODY, False),
        (SENDGRID_KEY, SENDGRID_SIGNATURE, SENDGRID_BODY.removesuffix(b"\r\n"), False),
        (SENDGRID_KEY, SENDGRID_SIGNATURE, b"payload", False),
    ],
)
def test_the_vectors_of_sendgrids_own_library(key: str, signature: str, body: bytes, good: bool) -> None:
    signed = request(
        body,
        x_twilio_email_event_webhook_signature=signature,
        x_twilio_email_event_webhook_timestamp="1600112502",
    )
    now = datetime.fromtimestamp(1600112510, UTC)
    if good:
        sendgrid.verify(signed, HookSecrets((key,)), now, {})
    else:
        with pytest.raises(SignatureRefused, match="wrong"):
            sendgrid.verify(signed, HookSecrets((key,)), now, {})


def test_the_vector_of_svixs_own_library() -> None:
    # https://github.com/svix/svix-webhooks/blob/main/python/tests/test_webhooks.py
    signed = request(
        b'{"test": 2432232314}',
        svix_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        svix_timestamp="1614265330",
        svix_signature="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    )
    secrets = HookSecrets(("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",))
    resend.verify(signed, secrets, datetime.fromtimestamp(1614265330, UTC), {})
    bad = dict(signed.headers) | {"svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="}
    with pytest.raises(SignatureRefused, match="wrong"):
        resend.verify(
            HookRequest(signed.body, bad, (), signed.url), secrets, datetime.fromtimestamp(1614265330, UTC), {}
        )


def test_a_request_of_resend_with_line_ends_of_windows() -> None:
    # https://github.com/symfony/symfony/tree/7.2/src/Symfony/Component/Mailer/Bridge/Resend/Tests/Webhook
    signed = request(
        (PUBLISHED / "resend.json").read_bytes(),
        svix_id="172c41ce-ba6d-4281-8a7a-541faa725748",
        svix_timestamp="1712569389",
        svix_signature="v1,4wjuRp64yC/2itgCQwl2xPePVwSPTdPbXLIY6IxGLTA=",
    )
    secrets = HookSecrets(("whsec_ESwTAuuIe3yfH4DgdgI+ENsiNzPAGdp+",))
    resend.verify(signed, secrets, datetime.fromtimestamp(1712569389, UTC), {})


def test_a_request_of_mailersend() -> None:
    # https://github.com/symfony/symfony/tree/7.2/src/Symfony/Component/Mailer/Bridge/MailerSend/Tests/Webhook
    signed = request(
        (PUBLISHED / "mailersend.json").read_bytes(),
        signature="e60f87b019f0aaae29042b14762991765ebb0cd6f6d42884af9fccca4cbd16e7",
    )
    mailersend.verify(signed, HookSecrets(("GvLY88Uyj70jQm3fUwYyWmAaiz98wWim",)), ANY_TIME, {})


@pytest.mark.parametrize(
    ("timestamp", "token", "signature"),
    [
        # https://github.com/symfony/symfony/tree/7.2/src/Symfony/Component/Mailer/Bridge/Mailgun/Tests/Webhook
        (
            "1661621710",
            "885894756b6c371a377f5f9516d60a4db497ad27d4931ed215",
            "606307bb55b72686b1b2a2c8c37ae6e6ec89496592bac4a4eee5a346337d04a5",
        ),
        (
            "1661621787",
            "d1931d9645b65e60f6fddf94448e982ff8db9256144a7fcb15",
            "1aed11dcc25700d6b75f9a6d568343ea02ecdd3fc89cc3209e2883a19e5cdd50",
        ),
    ],
)
def test_signatures_of_mailgun(timestamp: str, token: str, signature: str) -> None:
    body = f'{{"signature":{{"timestamp":"{timestamp}","token":"{token}","signature":"{signature}"}}}}'.encode()
    secrets = HookSecrets(("key-0p6mqbf74lb20gzq9f4dhpn9rg3zyk26",))
    mailgun.verify(request(body), secrets, datetime.fromtimestamp(int(timestamp) + 60, UTC), {})
    with pytest.raises(SignatureRefused, match="old"):
        mailgun.verify(request(body), secrets, datetime.fromtimestamp(int(timestamp) + 3600, UTC), {})


def test_a_request_of_mandrill() -> None:
    # https://github.com/evendis/mandrill-rails, spec/fixtures/webhook_examples/click_with_signature.json
    signed = request(
        (PUBLISHED / "mandrill.form").read_bytes(),
        "http://requestb.in/q9a918q9",
        x_mandrill_signature="7rUa4lNJitlb178MgGOcHO6T4Bg=",
    )
    mandrill.verify(signed, HookSecrets(("ntynTMaFpM_octE5R1DKAw",)), ANY_TIME, {})
