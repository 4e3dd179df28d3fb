"""Amazon SNS: what is signed, where its certificate may come from, and what is confirmed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from producers.adapters.adapter import Context, HookRequest, HookSecrets, SignatureRefused
from producers.adapters.email import ses as adapter
from producers.adapters.email import sns
from producers.adapters.sender import Sender
from schemas.catalogue import load
from tests.unit.producers.email.signers import CERTIFICATE_URL, CERTIFIED_FROM, TOPIC, ses, sns_certificate

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
FETCHED = {CERTIFICATE_URL: sns_certificate()}
CONFIRMATION = f"https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"
SUBSCRIPTION = {
    "Type": "SubscriptionConfirmation",
    "Token": "2336412f37",
    "Message": f"You have chosen to subscribe to the topic {TOPIC}.",
    "SubscribeURL": CONFIRMATION,
}


def verify(request: HookRequest, now: datetime = NOW, *topics: str, fetched: dict[str, bytes] = FETCHED) -> None:
    sns.verify(request, HookSecrets(topics), now, fetched)


def body(request: HookRequest) -> dict[str, object]:
    found: dict[str, object] = json.loads(request.body)
    return found


def rewritten(request: HookRequest, **fields: object) -> HookRequest:
    return replace(request, body=json.dumps(body(request) | fields).encode())


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_signature_are_known(version: str) -> None:
    verify(ses(NOW, SignatureVersion=version))
    with pytest.raises(SignatureRefused, match="wrong"):
        verify(rewritten(ses(NOW, SignatureVersion=version), SignatureVersion="21"[int(version) - 1]))


def test_another_version_is_not_guessed() -> None:
    with pytest.raises(SignatureRefused, match="version '3'"):
        verify(rewritten(ses(NOW), SignatureVersion="3"))


@pytest.mark.parametrize(
    "fields", [{"Subject": "Amazon SES"}, SUBSCRIPTION, SUBSCRIPTION | {"Type": "UnsubscribeConfirmation"}]
)
def test_each_type_signs_its_own_fields(fields: dict[str, str]) -> None:
    verify(ses(NOW, **fields))
    for name in set(fields) & {"Subject", "Token", "SubscribeURL"}:
        with pytest.raises(SignatureRefused, match="wrong"):
            verify(rewritten(ses(NOW, **fields), **{name: "other"}))


def test_letters_beyond_ascii_are_signed_as_utf_8() -> None:
    verify(ses(NOW, Message="Ａ Ｍｅｓｓａｇｅ Ｆｏｒ ｙｏｕ！"))


def test_a_subject_of_null_is_none() -> None:
    verify(rewritten(ses(NOW), Subject=None))


@pytest.mark.parametrize("name", ["Message", "Subject", "Token"])
def test_a_field_that_would_be_signed_and_is_no_text_is_refused(name: str) -> None:
    with pytest.raises(SignatureRefused):
        verify(rewritten(ses(NOW), **{name: {"a": 1}}))


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-01.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-01.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-01.pem",
        "https://sns.evil.example/SimpleNotificationService-01.pem",
        "https://evil.example/https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-01.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-01.pem",
        "https://sns.eu-central-1.amazonaws.com/bucket/SimpleNotificationService-01.pem",
        "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-01.pem?a=.pem",
        "https://sns.eu-central-1.amazonaws.com/../SimpleNotificationService-01.pem",
        "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-01.pem\n",
        "https://sns.a.b.amazonaws.com/SimpleNotificationService-01.pem",
        "https://s3.eu-central-1.amazonaws.com/SimpleNotificationService-01.pem",
        "https://sns.eu-central-1.amazonaws.com/",
        "nonsense",
    ],
)
def test_a_certificate_from_elsewhere_is_not_even_fetched(url: str) -> None:
    with pytest.raises(SignatureRefused, match="not at Amazon SNS"):
        sns.needs(rewritten(ses(NOW), SigningCertURL=url))


@pytest.mark.parametrize("host", ["sns.eu-central-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn"])
def test_a_certificate_comes_from_the_hosts_of_its_region(host: str) -> None:
    url = f"https://{host}/SimpleNotificationService-01ff.pem"
    assert sns.needs(rewritten(ses(NOW), SigningCertURL=url)) == (url,)


def test_a_certificate_that_is_none_or_not_valid_now_is_refused() -> None:
    for content in (b"", b"nonsense", sns_certificate()[:200]):
        with pytest.raises(SignatureRefused, match="certificate"):
            verify(ses(NOW), fetched={CERTIFICATE_URL: content})
    for now in (CERTIFIED_FROM - timedelta(minutes=1), CERTIFIED_FROM + timedelta(days=366)):
        with pytest.raises(SignatureRefused, match="certificate"):
            verify(ses(now), now)


def test_topics_that_are_not_named_are_refused_and_without_names_all_are_taken() -> None:
    verify(ses(NOW), NOW, TOPIC)
    verify(ses(NOW), NOW)
    with pytest.raises(SignatureRefused, match="topic"):
        verify(ses(NOW), NOW, "arn:aws:sns:eu-central-1:1:other")


def test_a_subscription_is_confirmed_at_amazon_and_its_end_is_left_alone() -> None:
    assert sns.confirms(ses(NOW, **SUBSCRIPTION)) == CONFIRMATION
    assert sns.confirms(ses(NOW, **SUBSCRIPTION | {"Type": "UnsubscribeConfirmation"})) is None
    assert sns.confirms(ses(NOW)) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://www.amazonaws.com/?Action=ConfirmSubscription&Token=1",
        "http://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=1",
        "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe&Token=1",
        "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=1 2",
        "",
    ],
)
def test_no_other_address_is_fetched_to_confirm(url: str) -> None:
    with pytest.raises(SignatureRefused, match="confirmed"):
        sns.confirms(ses(NOW, **SUBSCRIPTION | {"SubscribeURL": url}))


@pytest.mark.parametrize(
    "fields",
    [
        SUBSCRIPTION,
        SUBSCRIPTION | {"Type": "UnsubscribeConfirmation"},
        {"Message": "Successfully validated SNS topic for Amazon SES event publishing."},
        {"Message": '{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"You have subscribed"}\n'},
    ],
)
def test_messages_that_only_set_up_the_topic_are_no_events(fields: dict[str, str]) -> None:
    context = Context(Sender("shop", "hook"), NOW, load())
    assert list(adapter.pieces(ses(NOW, **fields), context)) == []
