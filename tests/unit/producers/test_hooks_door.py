"""`/hooks/<adapter>` over HTTP: who may send, whose signature is good, what is fetched, and what is answered."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from producers.adapters.adapter import HookRequest
from producers.collector.app import Collector
from producers.settings import CollectorSettings
from schemas.catalogue import load
from schemas.topics import COLLECTED, QUARANTINE
from tests.unit.producers.accepting import AcceptingPublisher
from tests.unit.producers.email.signers import (
    CERTIFICATE_URL,
    MAILERSEND,
    SES,
    SIGNERS,
    TOPIC,
    Signer,
    mac,
    mandrill,
    ses,
    sns_certificate,
)

CATALOGUE = load()
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
OPEN = {"RecordType": "Open", "Recipient": "ada@example.org", "ReceivedAt": "2024-05-01T11:59:00Z", "Tag": "spring"}
CONFIRMATION = f"https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336"
SUBSCRIPTION = {"Type": "SubscriptionConfirmation", "Token": "2336", "Message": "Hello", "SubscribeURL": CONFIRMATION}
SIGNED = pytest.mark.parametrize("signer", SIGNERS, ids=[signer.name for signer in SIGNERS])


class Door:
    """A collector with one key, a publisher that acknowledges, and a network of two addresses."""

    def __init__(self, **hooks: dict[str, Any]) -> None:
        self.fetched: list[str] = []
        self.network = {CERTIFICATE_URL: sns_certificate(), CONFIRMATION: b"<ConfirmSubscriptionResponse/>"}
        self.publisher = AcceptingPublisher()
        settings = CollectorSettings.model_validate({"write_keys": [{"key": "good", "source": "shop", "hooks": hooks}]})
        self.collector = Collector(settings, self.publisher, CATALOGUE, lambda: NOW, self._fetch)  # type: ignore[arg-type] # the fake
        transport = httpx.ASGITransport(self.collector.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="https://door.example")

    async def _fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if url not in self.network:
            raise OSError(f"{url} does not answer")
        return self.network[url]

    async def post(self, name: str, body: object, key: str | None = "good", **more: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        query = "" if key is None else f"?key={key}"
        return await self.client.post(f"/hooks/{name}{query}", content=content, **more)

    async def send(self, signer: Signer, request: HookRequest) -> httpx.Response:
        return await self.post(signer.name, request.body, headers=dict(request.headers))

    async def bad_signatures(self, adapter: str) -> float:
        wanted = f'touchpath_collector_bad_signatures_total{{adapter="{adapter}",source="shop"}}'
        lines = (await self.client.get("/metrics")).text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(wanted))

    def topics(self) -> list[str]:
        return [record.topic for record in self.publisher.taken]


def door_for(signer: Signer, *secrets: str, **more: Any) -> Door:
    public = f"https://door.example/hooks/{signer.name}"
    return Door(**{signer.name: {"secrets": list(secrets or [signer.secret]), "public_url": public, **more}})


def signed(signer: Signer, at: datetime = NOW) -> HookRequest:
    """Sign for the address that this test's collector has."""
    if signer.name == "mandrill":
        return mandrill(at, url="https://door.example/hooks/mandrill?key=good")
    return signer.sign(at)


# ---- signatures


@SIGNED
async def test_a_signed_hook_is_taken_and_its_retry_is_a_duplicate(signer: Signer) -> None:
    door = door_for(signer)
    answer = await door.send(signer, signed(signer))
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    event = orjson.loads(door.publisher.taken[0].value)
    assert (event["source"], event["touchpoint"]) == ("shop", "email_opened")
    assert event["identifiers"] == [{"kind": "email", "value": "ada@example.org"}]
    again = await door.send(signer, signed(signer, NOW - timedelta(seconds=9)))
    assert (again.json()["duplicate"], len(door.publisher.taken)) == (1, 1)
    assert await door.bad_signatures(signer.name) == 0


@SIGNED
async def test_a_bad_signature_is_answered_401_and_counted_and_nothing_is_kept(signer: Signer) -> None:
    door = door_for(signer)
    for request in (signer.unsigned(NOW), signer.changed(NOW)):
        answer = await door.send(signer, request)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
        assert answer.json()["message"]
    assert await door.bad_signatures(signer.name) == 2
    assert door.topics() == []


@SIGNED
async def test_both_secrets_are_good_while_they_rotate(signer: Signer) -> None:
    door = door_for(signer, signer.other_secret, signer.secret)
    assert (await door.send(signer, signed(signer))).status_code == 200
    door = door_for(signer, signer.other_secret)
    assert (await door.send(signer, signed(signer))).status_code == 401


@pytest.mark.parametrize("signer", [one for one in SIGNERS if one.timed], ids=lambda signer: signer.name)
async def test_an_old_signature_is_refused_unless_the_operator_allows_its_age(signer: Signer) -> None:
    old = signed(signer, NOW - timedelta(hours=1))
    door = door_for(signer)
    answer = await door.send(signer, old)
    assert (answer.status_code, "old" in answer.json()["message"]) == (401, True)
    assert await door.bad_signatures(signer.name) == 1
    assert (await door_for(signer, max_age=7200).send(signer, old)).status_code == 200


@pytest.mark.parametrize("signer", [one for one in SIGNERS if one.name != "ses"], ids=lambda signer: signer.name)
async def test_without_a_configured_secret_the_answer_says_what_to_set(signer: Signer) -> None:
    door = Door()
    answer = await door.send(signer, signed(signer))
    assert answer.status_code == 401
    assert f"set hooks.{signer.name}.secrets" in answer.json()["message"]
    assert await door.bad_signatures(signer.name) == 1
    door = Door(**{signer.name: {"unsigned": True}})
    assert (await door.send(signer, signer.unsigned(NOW))).json()["accepted"] == 1


async def test_mandrill_signs_the_public_address_whatever_the_collector_is_called_within() -> None:
    request = mandrill(NOW, url="https://mail.shop.example/in?key=good")
    hook = {"secrets": ["mandrill-key"], "public_url": "https://mail.shop.example/in"}
    headers = dict(request.headers)
    assert (await Door(mandrill=hook).post("mandrill", request.body, headers=headers)).status_code == 200
    del hook["public_url"]
    assert (await Door(mandrill=hook).post("mandrill", request.body, headers=headers)).status_code == 401


TRIAL = b'{"type":"webhook.test","message":"This is a ping test message","created_at":"2024-05-01T12:00:00.577080Z"}'
TRIAL_SECRET = b"test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G"


@pytest.mark.parametrize("hooks", [{}, {"mandrill": {"secrets": ["k"]}, "mailersend": {"secrets": ["k"]}}])
async def test_a_providers_trial_of_an_address_is_answered_200_before_and_after_a_secret_is_there(
    hooks: dict[str, Any],
) -> None:
    door = Door(**hooks)
    request = mandrill(NOW, [], "test-webhook", "https://door.example/hooks/mandrill?key=good")
    answer = await door.post("mandrill", request.body, headers=dict(request.headers))
    assert (answer.status_code, answer.json()["received"]) == (200, 0)
    assert (await door.client.head("/hooks/mandrill")).status_code == 200  # what comes before it, without a key
    answer = await door.post("mailersend", TRIAL, headers={"signature": mac(TRIAL_SECRET, TRIAL).hex()})
    assert (answer.status_code, answer.json()["received"]) == (200, 0)
    assert (await door.post("mailersend", TRIAL, headers={"signature": mac(b"x", TRIAL).hex()})).status_code == 401


@pytest.mark.parametrize("hooks", [{}, {"mandrill": {"secrets": ["k"]}, "mailersend": {"secrets": ["k"]}}])
async def test_the_secret_of_a_trial_which_everybody_knows_opens_nothing_else(hooks: dict[str, Any]) -> None:
    door = Door(**hooks)
    request = mandrill(NOW, [{"event": "open"}], "test-webhook", "https://door.example/hooks/mandrill?key=good")
    assert (await door.post("mandrill", request.body, headers=dict(request.headers))).status_code == 401
    twice = b'{"type":"webhook.test",' + MAILERSEND[1:]
    for body in (MAILERSEND, twice, b"[" + TRIAL + b"," + MAILERSEND + b"]"):
        answer = await door.post("mailersend", body, headers={"signature": mac(TRIAL_SECRET, body).hex()})
        assert answer.status_code == 401
    assert door.topics() == []


# ---- Amazon SNS


async def test_a_subscription_is_confirmed_once_at_the_address_that_amazon_names() -> None:
    door = Door()
    answer = await door.post("ses", ses(NOW, **SUBSCRIPTION).body)
    assert (answer.status_code, answer.json()["received"]) == (200, 0)
    assert door.fetched == [CERTIFICATE_URL, CONFIRMATION]
    assert door.topics() == []


async def test_the_end_of_a_subscription_is_not_taken_back() -> None:
    door = Door()
    answer = await door.post("ses", ses(NOW, **SUBSCRIPTION | {"Type": "UnsubscribeConfirmation"}).body)
    assert answer.status_code == 200
    assert door.fetched == [CERTIFICATE_URL]


async def test_a_forged_subscription_is_never_fetched() -> None:
    door = Door()
    message = orjson.loads(ses(NOW, **SUBSCRIPTION).body)
    for change in (
        {"Token": "1"},
        {"SubscribeURL": "https://evil.example/"},
        {"SigningCertURL": "https://evil.example/"},
    ):
        assert (await door.post("ses", message | change)).status_code == 401
    evil = ses(NOW, **SUBSCRIPTION | {"SubscribeURL": "https://evil.example/"})  # Amazon's own signature, another place
    assert (await door.post("ses", evil.body)).status_code == 401
    assert set(door.fetched) == {CERTIFICATE_URL}
    assert await door.bad_signatures("ses") == 4


async def test_while_amazon_does_not_answer_the_hook_is_sent_again() -> None:
    for missing in (CERTIFICATE_URL, CONFIRMATION):
        door = Door()
        del door.network[missing]
        answer = await door.post("ses", ses(NOW, **SUBSCRIPTION).body)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"]
        assert await door.bad_signatures("ses") == 0


async def test_one_notice_for_two_recipients_is_two_events_in_one_answer() -> None:
    bounce = {
        "timestamp": "2024-05-01T11:59:00Z",
        "bouncedRecipients": [{"emailAddress": "a@x.de"}, {"emailAddress": "b@x.de"}],
    }
    notice = {"notificationType": "Bounce", "bounce": bounce, "mail": {"messageId": "m"}}
    answer = await Door().post("ses", ses(NOW, Message=orjson.dumps(notice).decode(), SignatureVersion="2").body)
    assert answer.json()["accepted"] == 2


async def test_raw_delivery_has_no_signature_and_wants_the_operators_word() -> None:
    raw = orjson.dumps(SES)
    assert (await Door().post("ses", raw)).status_code == 401
    assert (await Door(ses={"unsigned": True}).post("ses", raw)).json()["accepted"] == 1


# ---- keys


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?key=good", {}),
        ("?write_key=good", {}),
        ("?writeKey=good", {}),
        ("", {"x-write-key": "good"}),
        ("", {"authorization": "Bearer good"}),
        ("", {"authorization": "Basic " + base64.b64encode(b"good:anything").decode()}),
    ],
)
async def test_the_key_may_stand_in_the_query_in_a_header_or_in_basic_authentication(
    query: str, headers: dict[str, str]
) -> None:
    door = Door()
    answer = await door.client.post(f"/hooks/postmark{query}", content=orjson.dumps(OPEN), headers=headers)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert door.topics() == [COLLECTED.name]


@pytest.mark.parametrize("key", [None, "", "bad"])
async def test_without_a_good_key_a_hook_is_answered_401_and_leaves_nothing(key: str | None) -> None:
    door = Door()
    answer = await door.post("postmark", OPEN, key)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    # A provider may have a password for us and wait to be asked for it.
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert door.topics() == []


@SIGNED
async def test_a_good_signature_does_not_stand_for_the_key(signer: Signer) -> None:
    door = door_for(signer)
    request = signed(signer)
    answer = await door.post(signer.name, request.body, "bad", headers=dict(request.headers))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert door.fetched == []


# ---- answers


@pytest.mark.parametrize("name", ["nothing", "newsletter", "../postmark", "x" * 300])
async def test_a_hook_that_is_none_is_answered_404_with_those_that_are(name: str) -> None:
    answer = await Door().post(name.replace("/", "%2F"), OPEN)
    assert answer.status_code == 404
    if "/" not in name:
        known = answer.json()["message"].partition("there are ")[2].split(", ")
        assert {"mailgun", "postmark", "sendgrid", "ses"} <= set(known)
        assert "newsletter" not in known


async def test_what_cannot_be_read_is_answered_400_and_kept() -> None:
    door = Door()
    answer = await door.post("postmark", b"{")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_body")
    assert door.topics() == [QUARANTINE.name]


async def test_a_bad_event_is_kept_and_its_neighbours_are_taken_and_the_answer_is_200_so_that_nobody_retries() -> None:
    door = Door(sendgrid={"unsigned": True})
    good = {"event": "open", "timestamp": 1714564000, "email": "ada@example.org"}
    answer = await door.post("sendgrid", [good, {"event": "new"}, 5, good | {"event": "click", "url": "https://x/"}])
    assert answer.status_code == 200
    assert [one["status"] for one in answer.json()["events"]] == ["accepted", "quarantined", "quarantined", "accepted"]
    assert answer.json()["events"][1]["reason"].startswith("$[1].event: 'new' is none of")
    assert sorted(door.topics()) == [COLLECTED.name, COLLECTED.name, QUARANTINE.name, QUARANTINE.name]


async def test_what_is_kept_of_a_bad_event_names_its_door() -> None:
    door = Door(sendgrid={"unsigned": True})
    await door.post("sendgrid", [{"event": "new"}])
    record = orjson.loads(door.publisher.taken[0].value)
    assert (record["door"], record["raw"]) == ("http:/hooks/sendgrid", '{"event":"new"}')


async def test_a_provider_that_looks_first_is_told_what_is_here() -> None:
    answer = await Door().client.get("/hooks/ses")
    assert (answer.status_code, answer.json()["adapter"], answer.json()["send"]) == (200, "ses", "POST")


async def test_a_hooks_signature_is_over_the_bytes_as_they_came() -> None:
    signer = next(one for one in SIGNERS if one.name == "sendgrid")
    door = door_for(signer)
    request = signer.sign(NOW)
    pretty = replace(request, body=orjson.dumps(orjson.loads(request.body)))
    assert (await door.send(signer, pretty)).status_code == 401
    assert (await door.send(signer, request)).status_code == 200
