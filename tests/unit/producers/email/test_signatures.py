"""Whoever knows no secret is refused, whatever they send; whoever knows one of them is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from producers.adapters.adapter import HookRequest, HookSecrets, SignatureRefused
from producers.adapters.registry import ADAPTERS
from tests.unit.producers.email.signers import (
    MAILERSEND,
    SENDGRID,
    SIGNERS,
    URL,
    Signer,
    mandrill,
    public,
    resend,
    sendgrid,
    sendgrid_key,
    svix_secret,
)

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
LATE = timedelta(seconds=301)
EACH = pytest.mark.parametrize("signer", SIGNERS, ids=[signer.name for signer in SIGNERS])
TIMED = pytest.mark.parametrize(
    "signer", timed := [one for one in SIGNERS if one.timed], ids=[one.name for one in timed]
)


def verify(signer: Signer, request: HookRequest, *secrets: str, now: datetime = NOW, max_age: float = 300) -> None:
    hook = ADAPTERS[signer.name].hook
    assert hook is not None
    assert hook.verify is not None
    hook.verify(request, HookSecrets(secrets or (signer.secret,), max_age), now, signer.fetched)


def signer_of(name: str) -> Signer:
    return next(one for one in SIGNERS if one.name == name)


def test_every_adapter_of_mail_that_checks_signatures_is_tried_here() -> None:
    signing = {one.name for one in ADAPTERS.values() if one.area == "email" and one.hook and one.hook.verify}
    assert signing == {signer.name for signer in SIGNERS}


@EACH
def test_what_the_provider_has_signed_is_taken(signer: Signer) -> None:
    verify(signer, signer.sign(NOW))


@EACH
def test_while_secrets_rotate_the_old_and_the_new_one_are_good(signer: Signer) -> None:
    verify(signer, signer.sign(NOW), signer.other_secret, signer.secret)
    verify(signer, signer.sign(NOW), signer.secret, signer.other_secret)


@EACH
def test_without_a_signature_nothing_is_taken(signer: Signer) -> None:
    with pytest.raises(SignatureRefused, match=r"not signed|no signed"):
        verify(signer, signer.unsigned(NOW))


@EACH
def test_under_another_secret_nothing_is_taken_and_the_answer_does_not_hold_it(signer: Signer) -> None:
    with pytest.raises(SignatureRefused) as refused:
        verify(signer, signer.sign(NOW), signer.other_secret)
    assert signer.other_secret not in str(refused.value)


@EACH
def test_one_byte_changed_is_refused(signer: Signer) -> None:
    with pytest.raises(SignatureRefused, match="wrong"):
        verify(signer, signer.changed(NOW))


@EACH
def test_a_body_that_is_nothing_is_refused(signer: Signer) -> None:
    for body in (b"", b"null", b"[]", b"\xff\xfe", b'{"signature":{"timestamp":1,"token":2,"signature":3}}'):
        with pytest.raises(SignatureRefused):
            verify(signer, replace(signer.sign(NOW), body=body))


@TIMED
def test_a_good_signature_that_is_replayed_later_is_refused(signer: Signer) -> None:
    with pytest.raises(SignatureRefused, match="old"):
        verify(signer, signer.sign(NOW - LATE))
    verify(signer, signer.sign(NOW - LATE), max_age=3600)


@TIMED
def test_a_signature_from_the_future_is_refused(signer: Signer) -> None:
    with pytest.raises(SignatureRefused, match="ahead"):
        verify(signer, signer.sign(NOW + LATE))


@TIMED
def test_exactly_the_greatest_age_is_good(signer: Signer) -> None:
    verify(signer, signer.sign(NOW - timedelta(seconds=300)))


# ---- what only one of them has


def test_sendgrids_key_may_be_pasted_as_pem_and_broken_into_lines() -> None:
    key = public(sendgrid_key())
    pem = f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----\n"
    verify(signer_of("sendgrid"), sendgrid(NOW), pem)


@pytest.mark.parametrize("key", ["", "no key", "MFkwEwYHKoZIzj0CAQ==", public(sendgrid_key())[:-8]])
def test_a_configured_key_that_is_none_is_said_to_be_none(key: str) -> None:
    with pytest.raises(SignatureRefused, match="configured"):
        verify(signer_of("sendgrid"), sendgrid(NOW), key)


@pytest.mark.parametrize("signature", ["", "x", "////", "MEUCIGHQVtGj"])
def test_a_signature_of_sendgrid_that_is_none_is_refused(signature: str) -> None:
    request = sendgrid(NOW)
    headers = dict(request.headers) | {"x-twilio-email-event-webhook-signature": signature}
    with pytest.raises(SignatureRefused):
        verify(signer_of("sendgrid"), replace(request, headers=headers))


def test_sendgrids_signature_covers_the_line_end_behind_the_events() -> None:
    with pytest.raises(SignatureRefused, match="wrong"):
        verify(signer_of("sendgrid"), replace(sendgrid(NOW), body=SENDGRID.rstrip()))


def test_one_of_several_signatures_of_svix_is_enough_and_other_versions_are_passed_by() -> None:
    verify(signer_of("resend"), resend(NOW, more="v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,AAAA v1 , "))
    verify(signer_of("resend"), resend(NOW, prefix="webhook"))
    good = resend(NOW)
    for signature in ("v1", "v1,", ",", good.headers["svix-signature"].replace("v1,", "v2,")):
        with pytest.raises(SignatureRefused, match="wrong"):
            verify(signer_of("resend"), replace(good, headers=dict(good.headers) | {"svix-signature": signature}))


def test_svix_secrets_may_come_without_their_prefix_and_a_bad_one_is_said() -> None:
    verify(signer_of("resend"), resend(NOW), svix_secret("resend-key").removeprefix("whsec_"))
    with pytest.raises(SignatureRefused, match="configured"):
        verify(signer_of("resend"), resend(NOW), "whsec_", svix_secret("resend-key"))


def test_mandrills_signature_covers_the_address_as_it_was_given() -> None:
    request = mandrill(NOW)
    for url in (URL + "/", URL.partition("?")[0], URL.replace("https", "http")):
        with pytest.raises(SignatureRefused, match="wrong"):
            verify(signer_of("mandrill"), replace(request, url=url))


def test_mandrills_trial_of_an_address_is_signed_with_a_key_that_opens_nothing_else() -> None:
    verify(signer_of("mandrill"), mandrill(NOW, [], "test-webhook"))
    with pytest.raises(SignatureRefused, match="wrong"):
        verify(signer_of("mandrill"), mandrill(NOW, [{"event": "open"}], "test-webhook"))


def test_a_digest_that_is_none_is_refused() -> None:
    for signature in ("zz", "00", "é"):
        with pytest.raises(SignatureRefused, match="wrong"):
            verify(signer_of("mailersend"), HookRequest(MAILERSEND, {"signature": signature}, (), URL))
