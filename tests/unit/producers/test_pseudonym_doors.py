"""With a key in the settings, nothing that names a person leaves a door in the clear: by HTTP, in files, in replays."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import orjson
import pytest
from pydantic import SecretStr

from deploy.quarantine_doors import CannotReplayError, Doors
from deploy.quarantine_store import Kept
from deploy.settings import Settings
from deploy.sources import key_of, source_of
from deploy.topic_pieces import TopicPlace, topic_outcomes
from producers.adapters.adapter import Context
from producers.adapters.registry import ADAPTERS
from producers.collector.app import Collector
from producers.file_import import import_file
from producers.identity_text import pseudonym
from producers.publisher import Publisher
from producers.records import Record, record_of
from producers.settings import CollectorSettings, IdentifierSettings, WriteKey
from producers.store_import import StoreImportSettings, import_store
from schemas.catalogue import load
from schemas.outcome import Accepted, Quarantined
from schemas.quarantine import QuarantineRecord
from schemas.topics import COLLECTED, QUARANTINE
from schemas.touchpoint import Touchpoint

AT = datetime(2026, 11, 22, tzinfo=UTC)
CATALOGUE = load()
IDENTIFIERS = IdentifierSettings(pseudonym_key=SecretStr("0123456789abcdef0123456789abcdef"))
RULES = IDENTIFIERS.rules()
KEY = WriteKey(key=SecretStr("good"), source="shop", default_currency="EUR", snowplow_app_ids=("*",), phone_region="DE")
SETTINGS = Settings(identifiers=IDENTIFIERS, collector=CollectorSettings(write_keys=(KEY,)))
ADA, MAIL, CARD = "c-4711", "ada@example.org", "90112233"
CLEAR = (ADA, MAIL, "ada%40example.org", CARD, "3012345678")


class Taken:
    """Stands where Kafka would be."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def publish(self, records: Sequence[Record]) -> Future[None]:
        self.records += records
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def of(self, topic: str) -> list[Record]:
        return [record for record in self.records if record.topic == topic]

    def clear(self) -> list[str]:
        everything = b"\n".join(record.key + b" " + record.value for record in self.records).decode()
        return [value for value in CLEAR if value.lower() in everything.lower()]


@pytest.fixture
def taken() -> Taken:
    return Taken()


async def sent(taken: Taken, method: str, path: str, **more: Any) -> httpx.Response:
    collector = Collector(SETTINGS.collector, cast(Publisher, taken), CATALOGUE, lambda: AT)
    transport = httpx.ASGITransport(collector.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door", auth=("good", "")) as client:
        return await client.request(method, path, **more)


TRACK = {
    "type": "track",
    "event": "Contacted",
    "messageId": "m1",
    "timestamp": "2026-11-01T10:00:00Z",
    "userId": ADA,
    "context": {"traits": {"email": MAIL, "phone": "030 12345678", "loyaltyId": CARD}, "page": {"url": f"/?e={MAIL}"}},
    "properties": {"who": ADA, "note": f"from {MAIL}, card {CARD}"},
}


async def test_what_an_sdk_sends_is_hidden_whether_it_is_good_or_bad(taken: Taken) -> None:
    bad = {**TRACK, "messageId": "m2", "timestamp": f"not when {MAIL} said"}
    answer = await sent(taken, "POST", "/v1/batch", json={"batch": [TRACK, bad]})
    assert (answer.json()["accepted"], answer.json()["quarantined"]) == (1, 1)
    assert taken.clear() == []
    [good] = taken.of(COLLECTED.name)
    assert good.key.decode() == f"customer:{pseudonym('customer', ADA, RULES)}"
    [kept] = taken.of(QUARANTINE.name)
    assert pseudonym("customer", ADA, RULES) in kept.value.decode()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/track", b'{"userId": "c-4711", "email": "ada@example.org"'),
        ("POST", "/v1/batch", gzip.compress(b'{"batch": [{"userId": "c-4711"', mtime=0)),
        ("POST", "/hooks/postmark", b"<Customer>c-4711 ada@example.org</Customer>"),
        ("POST", "/hooks/sendgrid", b'[{"email": "ada@example.org", "event": "processed"}]'),
        (
            "POST",
            "/com.snowplowanalytics.snowplow/tp2",
            b'{"data": [{"e": "pv", "uid": "c-4711", "url": "/?e=ada%40example.org"}]}',
        ),
        (
            "POST",
            "/hooks/touchpoints",
            b'{"touchpoint": "x", "identifiers": [{"kind": "email", "value": "Ada@example.org"}]}',
        ),
    ],
)
async def test_what_cannot_be_read_is_hidden_or_not_kept(taken: Taken, method: str, path: str, body: bytes) -> None:
    answer = await sent(taken, method, path, content=body)
    assert answer.status_code < 500
    assert taken.records or answer.status_code in {400, 401}
    assert taken.clear() == []


async def test_a_pixel_hides_what_stands_in_its_address(taken: Taken) -> None:
    answer = await sent(taken, "GET", "/i", params={"e": "pv", "uid": ADA, "url": f"https://shop.example/?m={MAIL}"})
    assert answer.status_code == 200
    [record] = taken.records
    assert record.topic == COLLECTED.name
    assert taken.clear() == []


def kept_of(record: QuarantineRecord) -> Kept:
    raw, encoding = record.raw, record.encoding
    return Kept(record.quarantine_id, record.source, record.door, record.reason, raw, encoding, AT, "", "", False)


async def replayed(record: Record) -> list[Touchpoint]:
    """What becomes of a quarantined record that goes through its door again."""
    doors = Doors(partial(source_of, SETTINGS), partial(key_of, SETTINGS), SETTINGS.collector, CATALOGUE)
    try:
        outcomes = await doors.outcomes(kept_of(QuarantineRecord.model_validate_json(record.value)))
    finally:
        await doors.close()
    return [one.touchpoint for one in outcomes if isinstance(one, Accepted)]


async def test_what_was_quarantined_is_replayed_as_the_event_of_the_same_person(taken: Taken) -> None:
    """Without a currency the amount cannot be read; then the source is given one."""
    event = {**TRACK, "event": "Order Completed", "properties": {"order_id": "o-1", "revenue": "a lot"}}
    await sent(taken, "POST", "/v1/track", json=event)
    [bad] = taken.of(QUARANTINE.name)
    mended = bad._replace(value=bad.value.replace(b"a lot", b"12.50"))
    [again] = await replayed(mended)
    await sent(taken, "POST", "/v1/track", json={**event, "properties": {"order_id": "o-1", "revenue": "12.50"}})
    [good] = [Touchpoint.model_validate_json(one.value) for one in taken.of(COLLECTED.name)]
    assert (again.event_id, set(again.identifiers), again.key) == (good.event_id, set(good.identifiers), good.key)
    assert taken.clear() == []


async def test_what_is_not_kept_says_that_it_must_be_sent_again(taken: Taken) -> None:
    await sent(taken, "POST", "/v1/track", content=b'{"userId": "c-4711"')
    [bad] = taken.of(QUARANTINE.name)
    with pytest.raises(CannotReplayError, match="send it again from where it came"):
        await replayed(bad)


async def test_what_others_wrote_into_our_topic_is_hidden_when_it_is_replayed(taken: Taken) -> None:
    theirs = {
        "event_id": "0190a1b2-0000-7000-8000-000000000001", "source": "shop", "touchpoint": "x", "channel": "web",
        "occurred_at": AT.isoformat(), "received_at": AT.isoformat(), "body": {"kind": "web", "url": f"/?e={MAIL}"},
        "identifiers": [{"kind": "email", "value": "Ada@Example.org"}],
    }  # fmt: skip
    record = QuarantineRecord.of(
        source="shop", door="topic:touchpath.collected/0@1", reason="$", raw=orjson.dumps(theirs), received_at=AT
    )
    [again] = await replayed(record_of(Quarantined(record)))
    assert again.key == f"email:{pseudonym('email', MAIL, RULES)}"
    assert MAIL not in again.model_dump_json().lower()


def test_a_file_is_hidden_row_by_row_good_or_bad(taken: Taken, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(
        f"customer_id;email;loyalty_id;note;updated_at\n{ADA};{MAIL};{CARD};mail {MAIL};2026-11-01T10:00:00Z\n"
        f"{ADA};{MAIL};{CARD};;never\n"
    )
    sender = source_of(SETTINGS, "crm").sender("import", SETTINGS.identifiers)
    done = import_file(ADAPTERS["crm_customers"], path, sender, CATALOGUE, cast(Publisher, taken), now=lambda: AT)
    assert (done.accepted, done.quarantined) == (1, 1)
    assert taken.clear() == []
    [bad] = taken.of(QUARANTINE.name)
    raw = QuarantineRecord.model_validate_json(bad.value).raw
    assert raw.splitlines()[0] == "customer_id;email;loyalty_id;note;updated_at"
    assert pseudonym("loyalty", CARD, RULES) in raw
    assert not any(MAIL in reason for reason in done.reasons)


def test_receipts_are_hidden_and_a_card_is_the_same_person_as_by_every_other_door(taken: Taken, tmp_path: Path) -> None:
    path = tmp_path / "pos.csv"
    path.write_text(
        "store_id,till,receipt,timestamp,loyalty_id,product,category,quantity,value\n"
        f"s1,t1,r1,2026-11-01 10:00,{CARD},tea,food,1,5.00\ns1,t1,r2,2026-11-01 10:01,{CARD},tea,food,1,free\n"
    )
    wanted = StoreImportSettings(timezone="Europe/Berlin", currency="EUR")
    done = import_store(path, wanted, cast(Publisher, taken), rules=SETTINGS.identifiers.rules(), now=lambda: AT)
    assert (done.accepted, done.quarantined) == (1, 1)
    assert taken.clear() == []
    [good] = taken.of(COLLECTED.name)
    assert good.key.decode() == f"loyalty:{pseudonym('loyalty', CARD, RULES)}"


def test_a_topic_of_theirs_is_hidden_record_by_record() -> None:
    sender = source_of(SETTINGS, "shop").sender("import", SETTINGS.identifiers)
    context, place = Context(sender, AT, CATALOGUE), TopicPlace("orders", 0, 5)
    for value in (orjson.dumps(TRACK), b"ada@example.org", b'{"email": "ada@example.org"}'):
        for outcome in topic_outcomes(ADAPTERS["segment_archive"], value, place, context):
            assert isinstance(outcome, Accepted | Quarantined)
            record = record_of(outcome)
            text = (record.key + record.value).decode().lower()
            assert [clear for clear in CLEAR if clear in text] == []
