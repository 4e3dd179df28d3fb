"""Requests as each provider signs them, with keys made here, and what a forger would do to them."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from producers.adapters.adapter import HookRequest

URL = "https://door.example/hooks/x?key=good"
CERTIFICATE_URL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:mail"
CERTIFIED_FROM = datetime(2024, 1, 1, tzinfo=UTC)

SENDGRID = b'[{"email":"ada@example.org","event":"open","sg_event_id":"e1","timestamp":1714564000}]\r\n'
MAILGUN = {"event": "opened", "id": "e1", "timestamp": 1714564000.5, "recipient": "ada@example.org"}
SES = {
    "eventType": "Open",
    "mail": {"destination": ["ada@example.org"], "messageId": "m1"},
    "open": {"timestamp": "2024-05-01T11:59:00Z"},
}
MANDRILL = [{"event": "open", "_id": "m1", "ts": 1714564000, "msg": {"email": "ada@example.org"}}]
RESEND = b'{"type":"email.opened","created_at":"2024-05-01T11:59:00Z","data":{"to":["ada@example.org"]}}'
MAILERSEND = (
    b'{"type":"activity.opened","data":{"id":"a1","created_at":"2024-05-01T11:59:00Z",'
    b'"email":{"recipient":{"email":"ada@example.org"}}}}'
)


@dataclass(frozen=True)
class Signer:
    """One provider. `secret` is what the operator configures; `signed_part` stands in what the signature covers."""

    name: str
    secret: str
    other_secret: str
    sign: Callable[[datetime], HookRequest]
    signed_part: bytes
    header: str | None
    timed: bool = True
    fetched: Mapping[str, bytes] = field(default_factory=dict)

    def unsigned(self, at: datetime) -> HookRequest:
        """The request as somebody sends it who has no key."""
        request = self.sign(at)
        if self.header is not None:
            return replace(request, headers={k: v for k, v in request.headers.items() if k != self.header})
        body = json.loads(request.body)
        body.pop("signature", None)
        body.pop("Signature", None)
        return replace(request, body=json.dumps(body).encode())

    def changed(self, at: datetime) -> HookRequest:
        """The request with one byte of what is signed changed."""
        request = self.sign(at)
        assert request.body.count(self.signed_part) == 1
        other = self.signed_part[:-1] + bytes([self.signed_part[-1] ^ 1])
        return replace(request, body=request.body.replace(self.signed_part, other))


def mac(secret: bytes, message: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.digest(secret, message, algorithm)


@cache
def sendgrid_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(1000 + number, ec.SECP256R1())


def public(key: ec.EllipticCurvePrivateKey) -> str:
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(key.public_key().public_bytes(*form)).decode()


def sendgrid(at: datetime, body: bytes = SENDGRID) -> HookRequest:
    stamp = str(int(at.timestamp()))
    signature = sendgrid_key().sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": stamp,
    }
    return HookRequest(body, headers, (), URL)


def mailgun(at: datetime, secret: str = "mailgun-key") -> HookRequest:
    stamp, token = str(int(at.timestamp())), "885894756b6c371a377f5f9516d60a4db497ad27d4931ed215"
    signature = {"timestamp": stamp, "token": token, "signature": mac(secret.encode(), (stamp + token).encode()).hex()}
    return HookRequest(json.dumps({"signature": signature, "event-data": MAILGUN}).encode(), {}, (), URL)


@cache
def sns_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def sns_certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(sns_key().public_key())
        .serial_number(1)
        .not_valid_before(CERTIFIED_FROM)
        .not_valid_after(CERTIFIED_FROM + timedelta(days=365))
        .sign(sns_key(), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def sns_message(at: datetime, **fields: str | None) -> dict[str, str]:
    message = {
        "Type": "Notification",
        "MessageId": "19ba9823-d7f2-53c1-860e-cb10e0d13dfc",
        "TopicArn": TOPIC,
        "Message": json.dumps(SES),
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "1",
        "SigningCertURL": CERTIFICATE_URL,
    }
    return {name: value for name, value in (message | fields).items() if value is not None}


def ses(at: datetime, **fields: str | None) -> HookRequest:
    """A message of SNS with a good signature of its version, over the fields that Amazon's documents name."""
    message = sns_message(at, **fields)
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    if message["Type"] != "Notification":
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    signed = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    algorithm = hashes.SHA256() if message["SignatureVersion"] == "2" else hashes.SHA1()
    signature = sns_key().sign(signed.encode(), padding.PKCS1v15(), algorithm)
    body = message | {"Signature": base64.b64encode(signature).decode()}
    return HookRequest(json.dumps(body).encode(), {"content-type": "text/plain; charset=UTF-8"}, (), URL)


def mandrill(_at: datetime, events: object = MANDRILL, secret: str = "mandrill-key", url: str = URL) -> HookRequest:
    text = json.dumps(events)
    signature = base64.b64encode(mac(secret.encode(), f"{url}mandrill_events{text}".encode(), "sha1")).decode()
    return HookRequest(urlencode({"mandrill_events": text}).encode(), {"x-mandrill-signature": signature}, (), url)


def svix_secret(text: str) -> str:
    return "whsec_" + base64.b64encode(text.encode()).decode()


def resend(at: datetime, prefix: str = "svix", more: str = "") -> HookRequest:
    stamp = str(int(at.timestamp()))
    signature = base64.b64encode(mac(b"resend-key", f"msg_1.{stamp}.".encode() + RESEND)).decode()
    headers = {"id": "msg_1", "timestamp": stamp, "signature": f"{more}v1,{signature}"}
    return HookRequest(RESEND, {f"{prefix}-{name}": value for name, value in headers.items()}, (), URL)


def mailersend(_at: datetime) -> HookRequest:
    return HookRequest(MAILERSEND, {"signature": mac(b"mailersend-key", MAILERSEND).hex()}, (), URL)


ADA = b"ada@example.org"
SIGNERS = (
    Signer(
        "sendgrid",
        public(sendgrid_key()),
        public(sendgrid_key(1)),
        sendgrid,
        b"\r\n",
        "x-twilio-email-event-webhook-signature",
    ),
    Signer("mailgun", "mailgun-key", "another", mailgun, b"4931ed215", None),
    Signer("ses", TOPIC, TOPIC + "s", ses, ADA, None, fetched={CERTIFICATE_URL: sns_certificate()}),
    Signer("mandrill", "mandrill-key", "another", mandrill, b"1714564000", "x-mandrill-signature", timed=False),
    Signer("resend", svix_secret("resend-key"), svix_secret("another"), resend, ADA, "svix-signature"),
    Signer("mailersend", "mailersend-key", "another", mailersend, ADA, "signature", timed=False),
)
