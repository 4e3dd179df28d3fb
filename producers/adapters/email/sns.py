"""The envelope of Amazon SNS: its signature in both versions, its certificate's place, its subscription to confirm.

What is signed: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
The hosts: those that Amazon's own validator takes, https://github.com/aws/aws-js-sns-message-validator
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from producers.adapters.adapter import HookRequest, HookSecrets, SignatureRefused
from producers.adapters.signing import from_base64, near, one_matches

NOTIFICATION = "Notification"
SUBSCRIBE = "SubscriptionConfirmation"
UNSUBSCRIBE = "UnsubscribeConfirmation"

_HOST = r"https://sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?"
_CERTIFICATE = re.compile(_HOST + r"/SimpleNotificationService-[0-9A-Za-z]+\.pem")
_CONFIRMATION = re.compile(_HOST + r"/\?Action=ConfirmSubscription&[!-~]+")
_HASHES = {"1": SHA1, "2": SHA256}
#: In the order in which they are signed. Which of them a message has depends on its type.
_SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_REQUIRED = ("Message", "MessageId", "Timestamp", "TopicArn", "Type", "Signature", "SignatureVersion", "SigningCertURL")


def envelope(request: HookRequest) -> dict[str, str]:
    """Give the texts of an envelope.

    Raises:
        SignatureRefused: it is none, or is not signed.
    """
    try:
        value = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        value = None
    given: dict[str, Any] = value if isinstance(value, dict) else {}
    texts = {name: text for name, text in given.items() if isinstance(text, str)}
    if missing := [name for name in _REQUIRED if not texts.get(name)]:
        raise SignatureRefused(f"this is no signed message of Amazon SNS: {', '.join(missing)} is missing")
    if any(name in given and given[name] is not None and name not in texts for name in _SIGNED):
        raise SignatureRefused("this is no message of Amazon SNS: what it signs is not text")
    return texts


def needs(request: HookRequest) -> tuple[str, ...]:
    """Give the certificate's address.

    Raises:
        SignatureRefused: it is not on a host of Amazon SNS.
    """
    url = envelope(request)["SigningCertURL"]
    if _CERTIFICATE.fullmatch(url) is None:
        raise SignatureRefused(f"the certificate is not at Amazon SNS: {url[:200]!r}")
    return (url,)


def confirms(request: HookRequest) -> str | None:
    """Give the address that confirms a subscription, where the message asks for it.

    The end of a subscription has such an address too: it would take it back, so it is left alone.

    Raises:
        SignatureRefused: it is not on a host of Amazon SNS.
    """
    message = envelope(request)
    if message["Type"] != SUBSCRIBE:
        return None
    url = message.get("SubscribeURL", "")
    if _CONFIRMATION.fullmatch(url) is None:
        raise SignatureRefused(f"the subscription is not to be confirmed at Amazon SNS: {url[:200]!r}")
    return url


def verify(request: HookRequest, secrets: HookSecrets, now: datetime, fetched: Mapping[str, bytes]) -> None:
    """Check the signature, its age, and the topic where the operator has named topics (their ARNs are the secrets).

    Raises:
        SignatureRefused: the signature is missing, wrong or too old, or the topic is another.
    """
    message = envelope(request)
    if secrets.secrets:
        try:
            one_matches((topic.encode() for topic in secrets.secrets), [message["TopicArn"].encode()])
        except SignatureRefused:
            raise SignatureRefused(f"the topic {message['TopicArn'][:200]!r} is none of the configured") from None
    near(message["Timestamp"], now, secrets.max_age)
    algorithm = _HASHES.get(message["SignatureVersion"])
    if algorithm is None:
        raise SignatureRefused(f"the signature version {message['SignatureVersion'][:20]!r} is not known")
    key = _key(fetched.get(message["SigningCertURL"], b""), now)
    signed = "".join(f"{name}\n{message[name]}\n" for name in _SIGNED if name in message)
    try:
        key.verify(from_base64(message["Signature"]), signed.encode(), PKCS1v15(), algorithm())
    except InvalidSignature:
        raise SignatureRefused("the signature is wrong") from None


def _key(pem: bytes, now: datetime) -> RSAPublicKey:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise SignatureRefused("the certificate of Amazon SNS cannot be read") from None
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise SignatureRefused("the certificate of Amazon SNS is not valid at this time")
    if not isinstance(key, RSAPublicKey):
        raise SignatureRefused("the certificate of Amazon SNS has no RSA key")
    return key
