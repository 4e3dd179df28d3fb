"""Signed surveys over HTTP: a good signature is taken once, a wrong or old one is a 401 that is counted."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from producers.collector.app import Collector
from producers.settings import CollectorSettings
from schemas.catalogue import load
from schemas.topics import COLLECTED
from tests.unit.producers.accepting import AcceptingPublisher

EXAMPLES = Path(__file__).parents[3] / "examples"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = "whsec_" + b64encode(b"0123456789abcdef0123456789abcdef").decode()
CATALOGUE = load()


def digest(secret: bytes, content: bytes) -> bytes:
    return hmac.new(secret, content, hashlib.sha256).digest()


def typeform(body: bytes) -> dict[str, str]:
    return {"Typeform-Signature": "sha256=" + b64encode(digest(KEY.encode(), body)).decode()}


def delighted(body: bytes) -> dict[str, str]:
    return {"X-Delighted-Webhook-Signature": "sha256=" + digest(KEY.encode(), body).hex()}


def formbricks(body: bytes, at: datetime = NOW) -> dict[str, str]:
    sent = str(int(at.timestamp()))
    signature = b64encode(digest(b64decode(KEY.removeprefix("whsec_")), b".".join((b"m1", sent.encode(), body))))
    return {"webhook-id": "m1", "webhook-timestamp": sent, "webhook-signature": f"v1,{signature.decode()}"}


Signer = Callable[[bytes], dict[str, str]]
CASES: list[tuple[str, str, Signer, int]] = [
    ("typeform", "nps_form.json", typeform, 2),
    ("delighted", "response_created.json", delighted, 1),
    ("formbricks", "response_finished.json", formbricks, 2),
]


def collector(name: str, publisher: AcceptingPublisher) -> httpx.AsyncClient:
    hooks: dict[str, Any] = {name: {"secrets": ["an older one", KEY] if name != "formbricks" else [KEY]}}
    settings = CollectorSettings.model_validate({"write_keys": [{"key": "good", "source": "desk", "hooks": hooks}]})
    app = Collector(settings, publisher, CATALOGUE, lambda: NOW).app  # type: ignore[arg-type] # the fake
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://door.example")


@pytest.mark.parametrize(("name", "file", "sign", "answers"), CASES, ids=[case[0] for case in CASES])
async def test_a_signed_payload_is_taken_and_a_retry_is_known(name: str, file: str, sign: Signer, answers: int) -> None:
    body, publisher = (EXAMPLES / name / file).read_bytes(), AcceptingPublisher()
    async with collector(name, publisher) as client:
        first = await client.post(f"/hooks/{name}?key=good", content=body, headers=sign(body))
        again = await client.post(f"/hooks/{name}?key=good", content=body, headers=sign(body))
    assert (first.status_code, first.json()["accepted"]) == (200, answers)
    assert (again.status_code, again.json()["duplicate"]) == (200, answers)
    assert [record.topic for record in publisher.taken] == [COLLECTED.name] * answers


@pytest.mark.parametrize(("name", "file", "sign"), [case[:3] for case in CASES], ids=[case[0] for case in CASES])
async def test_without_a_good_signature_nothing_is_taken(name: str, file: str, sign: Signer) -> None:
    body, publisher = (EXAMPLES / name / file).read_bytes(), AcceptingPublisher()
    async with collector(name, publisher) as client:
        for content, headers in ((body, {}), (body + b" ", sign(body)), (body, sign(b""))):
            refused = await client.post(f"/hooks/{name}?key=good", content=content, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "bad_signature")
    assert publisher.taken == []


async def test_the_trial_of_an_address_by_formbricks_is_answered_before_there_is_a_secret_and_opens_nothing() -> None:
    publisher = AcceptingPublisher()
    body = (EXAMPLES / "formbricks" / "response_finished.json").read_bytes()
    async with collector("typeform", publisher) as client:  # no secret for formbricks
        trial = await client.post("/hooks/formbricks?key=good", json={"event": "testEndpoint"})
        assert (trial.status_code, trial.json()["received"]) == (200, 0)
        for other in (body, b'[{"event":"testEndpoint"}]', b'{"event":"testEndpoint","data":{}}'):
            refused = await client.post("/hooks/formbricks?key=good", content=other, headers=formbricks(other))
            assert (refused.status_code, refused.json()["code"]) == (401, "bad_signature")
    assert publisher.taken == []


async def test_an_old_signature_of_formbricks_is_refused() -> None:
    body, publisher = (EXAMPLES / "formbricks" / "response_finished.json").read_bytes(), AcceptingPublisher()
    old = formbricks(body, datetime(2026, 11, 21, tzinfo=UTC))
    async with collector("formbricks", publisher) as client:
        assert (await client.post("/hooks/formbricks?key=good", content=body, headers=old)).status_code == 401
    assert publisher.taken == []
