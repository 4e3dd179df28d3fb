"""Store files into real brokers: every receipt once under one id, whatever happens on the way."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.broker import BrokerProcess
from producers.publisher import Publisher
from producers.store_import import Progress, StoreImportError, StoreImportSettings, StoreImportSummary, import_store
from schemas.connection import KafkaConnection
from schemas.topics import COLLECTED, QUARANTINE
from tests.integration.collector_rig import read_source

HEADING = "store_id,till,receipt,timestamp,loyalty_id,product,category,quantity,value\n"


@pytest.fixture
def settings() -> StoreImportSettings:
    source = f"store-{uuid4().hex[:8]}"
    return StoreImportSettings(
        source=source, timezone="Europe/Berlin", currency="EUR", chunk_receipts=50, window_lines=100
    )


def lines_of(receipt: int, items: int = 3) -> list[str]:
    return [
        f"12,1,{receipt},2017-03-01 {receipt % 24:02}:00:{item:02},L7,p{item},c,{item},{receipt}.{item:02}\n"
        for item in range(items)
    ]


def a_file(path: Path, receipts: range) -> Path:
    path.write_text(HEADING + "".join(line for receipt in receipts for line in lines_of(receipt)), encoding="utf-8")
    return path


def counts(summary: StoreImportSummary) -> tuple[int, int, int, int]:
    return summary.received, summary.accepted, summary.duplicate, summary.quarantined


async def test_each_receipt_is_one_purchase_in_kafka(
    broker: BrokerProcess, publisher: Publisher, settings: StoreImportSettings, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    summary = import_store(a_file(tmp_path / "pos.csv", range(500)), settings, publisher, progress=seen.append)
    assert counts(summary) == (500, 500, 0, 0)
    assert summary.lines == 1500
    assert seen[-1].bytes_read == seen[-1].bytes_total
    assert [one.received for one in seen] == sorted(one.received for one in seen)
    collected = await read_source(broker.bootstrap, COLLECTED.name, settings.source)
    assert len({value["event_id"] for value in collected}) == len(collected) == 500
    assert sum(Decimal(value["amount"]["amount"]) for value in collected) == sum(
        3 * receipt + Decimal("0.03") for receipt in range(500)
    )


async def test_the_same_file_again_adds_nothing_under_any_name(
    broker: BrokerProcess, publisher: Publisher, settings: StoreImportSettings, tmp_path: Path
) -> None:
    first, other, state = (
        a_file(tmp_path / "a.csv", range(60)),
        a_file(tmp_path / "b.csv", range(60)),
        tmp_path / "state",
    )
    import_store(first, settings, publisher, state_dir=state)
    again = import_store(other, settings, publisher, state_dir=state)
    assert again.already_imported
    assert counts(again) == (0, 0, 0, 0)
    restarted = import_store(other, settings, publisher, state_dir=state, restart=True)
    assert counts(restarted) == (60, 60, 0, 0)
    collected = await read_source(broker.bootstrap, COLLECTED.name, settings.source)
    assert len({value["event_id"] for value in collected}) == 60


async def test_a_gzip_file_is_read_as_what_is_in_it(
    broker: BrokerProcess, publisher: Publisher, settings: StoreImportSettings, tmp_path: Path
) -> None:
    path = a_file(tmp_path / "pos.csv", range(20))
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert counts(import_store(path, settings, publisher)) == (20, 20, 0, 0)


async def test_a_file_that_has_grown_goes_on_where_it_ended(
    broker: BrokerProcess, publisher: Publisher, settings: StoreImportSettings, tmp_path: Path
) -> None:
    path, state = a_file(tmp_path / "pos.csv", range(40)), tmp_path / "state"
    import_store(path, settings, publisher, state_dir=state)
    size = path.stat().st_size
    a_file(path, range(70))
    summary = import_store(path, settings, publisher, state_dir=state)
    assert summary.resumed_at == size
    assert counts(summary) == (30, 30, 0, 0)
    assert len(await read_source(broker.bootstrap, COLLECTED.name, settings.source)) == 70


async def test_a_half_written_file_loses_only_its_last_receipt_and_gets_it_when_it_is_whole(
    broker: BrokerProcess, publisher: Publisher, settings: StoreImportSettings, tmp_path: Path
) -> None:
    path, state = a_file(tmp_path / "pos.csv", range(30)), tmp_path / "state"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    half = import_store(path, settings, publisher, state_dir=state)
    assert counts(half) == (30, 29, 0, 1)
    assert half.reasons == ("$.line[91]: cut off: the file's last line has no line break",)
    path.write_bytes(whole)
    rest = import_store(path, settings, publisher, state_dir=state)
    assert counts(rest) == (1, 1, 0, 0)
    assert len(await read_source(broker.bootstrap, COLLECTED.name, settings.source)) == 30
    [bad] = await read_source(broker.bootstrap, QUARANTINE.name, settings.source)
    row = bad["raw"].removeprefix(HEADING).encode()
    assert row != bad["raw"].encode(), "the heading comes with it, so that it can be read by itself"
    assert row == whole[:-20][-len(row) :]
    assert bad["door"] == "file:pos.csv?adapter=pos_csv"


async def test_what_is_bad_is_quarantined_and_the_rest_goes_through(
    broker: BrokerProcess, publisher: Publisher, settings: StoreImportSettings, tmp_path: Path
) -> None:
    path = tmp_path / "pos.csv"
    bad = (
        b"12,1,5,2017-03-01 10:00,L1,p,c,many,1.00\n12,1,6,2017-03-01 10:00,L1,\xff,c,1,1.00\n\x00\x01\n"
        + b"y" * 100_000
        + b"\n"
    )
    good = ("".join(lines_of(1)) + "\n\n" + "".join(lines_of(2))).encode()
    path.write_bytes(b"\xef\xbb\xbf" + HEADING.encode() + good + bad)
    summary = import_store(path, settings, publisher)
    assert counts(summary) == (6, 2, 0, 4)
    assert len(await read_source(broker.bootstrap, COLLECTED.name, settings.source)) == 2
    reasons = {
        value["reason"].split(" (")[0]
        for value in await read_source(broker.bootstrap, QUARANTINE.name, settings.source)
    }
    assert reasons == {
        "$.line[10].quantity: not a number",
        "$.line[11]: not UTF-8",
        "$.line[12]: 1 columns where the heading has 9",
        "$.line[13]: 100001 bytes in one line",
    }


PROGRAM = """
import sys
from pathlib import Path
from producers.publisher import Publisher
from producers.store_import import StoreImportSettings, import_store
from schemas.connection import KafkaConnection
settings = StoreImportSettings.model_validate_json(sys.argv[1])
with Publisher(KafkaConnection(bootstrap_servers=sys.argv[2])) as publisher:
    assert publisher.wait_connected(10)
    told = lambda progress: print(progress.received, flush=True)
    import_store(Path(sys.argv[3]), settings, publisher, state_dir=Path(sys.argv[4]), progress=told)
"""


async def test_an_import_that_is_killed_goes_on_near_where_it_was_and_every_receipt_has_one_id(
    broker: BrokerProcess, publisher: Publisher, settings: StoreImportSettings, tmp_path: Path
) -> None:
    receipts = 12_000
    path, state = a_file(tmp_path / "pos.csv", range(receipts)), tmp_path / "state"
    arguments = [settings.model_dump_json(), broker.bootstrap, str(path), str(state)]
    child = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE)
    assert child.stdout is not None
    while not list(state.glob("*.json")) and child.poll() is None:
        child.stdout.readline()
    child.kill()
    child.wait()
    child.stdout.close()
    summary = import_store(path, settings, publisher, state_dir=state)
    assert summary.resumed_at > 0
    assert summary.accepted < receipts
    collected = await read_source(broker.bootstrap, COLLECTED.name, settings.source)
    assert len({value["event_id"] for value in collected}) == receipts


# ---- what is said before anything is sent


@pytest.mark.parametrize(
    ("content", "settings_", "message"),
    [
        (b"", {}, "the file is empty"),
        (b"a,b\n1,2\n", {}, "no column store_id"),
        (b"\xff\xfe\x00\n", {}, "line 1: not UTF-8"),
        (HEADING.encode() + lines_of(1)[0].encode(), {"timezone": None}, "--timezone Europe/Berlin"),
        (HEADING.encode(), {"timezone": "Berlin"}, "'Berlin' is not a time zone"),
        (HEADING.encode(), {"currency": None}, "--currency EUR"),
        (None, {}, "No such file"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_what_to_do(
    content: bytes | None, settings_: dict[str, object], message: str, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    path = tmp_path / "pos.csv"
    if content is not None:
        path.write_bytes(content)
    chosen = StoreImportSettings.model_validate({"timezone": "Europe/Berlin", "currency": "EUR", **settings_})
    with (
        Publisher(KafkaConnection(bootstrap_servers=f"127.0.0.1:{free_port()}")) as publisher,
        pytest.raises(StoreImportError, match=message),
    ):
        import_store(path, chosen, publisher)


def test_without_kafka_the_import_gives_up_and_says_how_to_go_on(tmp_path: Path, free_port: Callable[[], int]) -> None:
    impatient = StoreImportSettings(timezone="UTC", currency="EUR", give_up_after=0.3)
    began = time.monotonic()
    with (
        Publisher(KafkaConnection(bootstrap_servers=f"127.0.0.1:{free_port()}")) as publisher,
        pytest.raises(StoreImportError, match="import again to go on"),
    ):
        import_store(a_file(tmp_path / "pos.csv", range(3)), impatient, publisher)
    assert time.monotonic() - began > 0.3
