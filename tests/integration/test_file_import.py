"""Files of store systems into a real broker by a watched folder: late, killed, and in any order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import orjson
import pytest

from deploy.local.broker import BrokerProcess
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Sender
from producers.publisher import Publisher
from producers.watch import Taken, rules_of_folders, watch
from schemas.catalogue import load
from schemas.topics import COLLECTED
from schemas.touchpoint import Touchpoint
from tests.integration.collector_rig import make_topics, read_source
from tests.properties.folding import end_state, essence, run

CATALOGUE = load()
HEADING = b"store_id,till,receipt,timestamp,loyalty_id,product,value\n"


@pytest.fixture
async def broker(tansu_broker: BrokerProcess) -> BrokerProcess:
    await make_topics(tansu_broker.bootstrap)
    return tansu_broker


def put(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (1, 1))  # moved in: it was whole long ago


def files_of_a_week() -> dict[str, bytes]:
    """What two branches sent in a week: receipts, cards at the door, a return, each day in a file of its own."""
    files = {}
    for day in range(1, 8):
        rows = [f"12,1,{n},2026-10-0{day} 1{n}:00:00,L{n % 3},tea,{day}.{n}0\n" for n in range(1, 6)]
        files[f"pos_csv/day-{day}.csv"] = HEADING + "".join(rows).encode()
        scans = [{"card": f"L{n}", "store": "12", "time": f"2026-10-0{day} 09:0{n}"} for n in range(3)]
        files[f"loyalty_scans/day-{day}.jsonl"] = b"".join(orjson.dumps(scan) + b"\n" for scan in scans)
    back = {"store": "12", "till": "1", "receipt": "9", "time": "2026-10-07 17:00", "card": "L1", "sku": "tea"}
    back |= {"value": -1.10, "original_receipt": "1", "original_date": "2026-10-01"}
    files["pos_json/back.jsonl"] = orjson.dumps(back) + b"\n"
    return files


async def test_files_that_come_days_late_give_the_same_journeys(
    broker: BrokerProcess, publisher: Publisher, tmp_path: Path
) -> None:
    files = files_of_a_week()
    in_time, late = sorted(files), sorted(files, reverse=True)
    states = []
    for order in (in_time, late):
        source, folder = f"store-{uuid4().hex[:8]}", tmp_path / uuid4().hex
        folder.mkdir()
        rules = rules_of_folders(
            ADAPTERS.values(),
            lambda _, source=source: Sender(source, "watch", "EUR", zone=ZoneInfo("Europe/Berlin")),  # type: ignore[misc] # mypy cannot infer a default's type in a lambda
        )
        told: list[Taken] = []
        for name in order:  # each comes alone, and is imported before the next one is there
            put(folder, name, files[name])
            watch(folder, rules, CATALOGUE, publisher, state_dir=tmp_path / "state", told=told.append, once=True)
        assert [one.outcome for one in told] == ["done"] * len(files)
        collected = await read_source(broker.bootstrap, COLLECTED.name, source)
        assert len(collected) == len({one["event_id"] for one in collected}) == 7 * 5 + 7 * 3 + 1
        # The source is part of the ids, and the journeys are to be compared: so both are read as of one source.
        by_place = {one["occurred_at"] + one["touchpoint"] + str(one["identifiers"]): one for one in collected}
        assert len(by_place) == len(collected)
        states.append(list(by_place.items()))
    same = {place: one["event_id"] for place, one in states[0]}
    first, second = (
        [Touchpoint.model_validate({**one, "event_id": same[place], "source": "store"}) for place, one in s]
        for s in states
    )
    assert [one.event_id for one in first] != [one.event_id for one in second]
    ends = [essence(end_state(run(events, [5, 20], CATALOGUE))) for events in (first, second)]
    assert ends[0] == ends[1]
    journeys, conversions, _ = ends[0]
    assert journeys
    assert (
        sum(one["net_minor"] for one in conversions.values())
        == sum(day * 100 + n * 10 for day in range(1, 8) for n in range(1, 6)) - 110
    )


PROGRAM = """
import sys
from pathlib import Path
from zoneinfo import ZoneInfo
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Sender
from producers.file_import import Pace
from producers.publisher import Publisher
from producers.watch import WatchSettings, rules_of_folders, watch
from schemas.catalogue import load
from schemas.connection import KafkaConnection
folder, state, bootstrap, source = sys.argv[1:]
rules = rules_of_folders(ADAPTERS.values(), lambda _: Sender(source, "watch", "EUR", zone=ZoneInfo("UTC")))
settings = WatchSettings(every=0.05, pace=Pace(chunk_pieces=20, chunks_under_way=2))
with Publisher(KafkaConnection(bootstrap_servers=bootstrap)) as publisher:
    assert publisher.wait_connected(20)
    watch(Path(folder), rules, load(), publisher, state_dir=Path(state), settings=settings,
          progress=lambda path, at: print(at.received, flush=True), told=lambda taken: print("moved", flush=True))
"""


async def test_a_watcher_that_is_killed_again_and_again_brings_every_event_in_once(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    source, folder, state = f"store-{uuid4().hex[:8]}", tmp_path / "in", tmp_path / "state"
    for file in range(3):
        scans = [{"card": f"L{n}", "store": str(file), "time": "2026-10-01T10:00:00Z"} for n in range(1, 801)]
        put(folder, f"loyalty_scans/{file}.jsonl", b"".join(orjson.dumps(scan) + b"\n" for scan in scans))
    arguments = [str(folder), str(state), broker.bootstrap, source]

    def waiting() -> list[Path]:
        return list((folder / "loyalty_scans").iterdir())

    kills, end = 0, time.monotonic() + 120
    while waiting() and time.monotonic() < end:
        child = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE)
        try:
            assert child.stdout is not None
            for seen, _ in enumerate(child.stdout):
                if (seen > 8 + 20 * kills and kills < 2) or not waiting():
                    break
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()
        kills += 1
    assert kills >= 2
    assert not waiting()
    assert sorted(path.name for path in (folder / "done/loyalty_scans").iterdir()) == ["0.jsonl", "1.jsonl", "2.jsonl"]
    collected = await read_source(broker.bootstrap, COLLECTED.name, source)
    assert len({one["event_id"] for one in collected}) == 2400
    assert len({(one["event_id"], one["occurred_at"], str(one["identifiers"])) for one in collected}) == 2400
