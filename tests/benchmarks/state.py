"""What an event costs in the fold, and what the state weighs: by touchpoints a profile, and by profiles.

No Kafka here: resolve and fold on a partition's store, as the worker calls them, in batches of 2,000. Every case is
a process of its own, so that its memory is its own. Lives are folded once and laid under many profile ids, which
gives the same bytes as folding each of them would.

    python -m tests.benchmarks.state            all cases
    python -m tests.benchmarks.state --quick    without the million
"""

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from schemas.base import profile_id
from schemas.catalogue import load
from schemas.touchpoint import Touchpoint
from streams.core.fold import FoldStage
from streams.core.resolve import ResolveStage
from streams.worker.stores import DiskStore, MemoryStore, PartitionStore
from tests.benchmarks.events import touchpoints

BATCH = 2_000
MEASURED = 40_000
LIFE_DAYS = 150


@dataclass(frozen=True)
class ARecord:
    offset: int
    key: bytes
    value: bytes
    timestamp: int
    topic: str = "touchpath.collected"


def records(events: Iterator[Touchpoint]) -> list[ARecord]:
    return [ARecord(n, e.key.encode(), e.model_dump_json().encode(), 1_790_000_000_000) for n, e in enumerate(events)]


def fold_all(incoming: list[ARecord], store: PartitionStore) -> list[float]:
    """Send records through both stages; give the CPU microseconds an event of each batch."""
    resolve, fold = ResolveStage(load()), FoldStage(load())
    costs = []
    for begin in range(0, len(incoming), BATCH):
        batch = incoming[begin : begin + BATCH]
        started = time.process_time()
        resolved = resolve.process(0, batch, store.get).outputs
        result = fold.process(0, [ARecord(n, o.key, o.value, o.timestamp) for n, o in enumerate(resolved)], store.get)
        store.apply(result.state.items(), begin)
        costs.append((time.process_time() - started) / len(batch) * 1e6)
    return costs


def fill(store: PartitionStore, profiles: int, each: int) -> int:
    """Give `profiles` customers a life of `each` touchpoints; return the bytes of one life's state."""
    lives = min(profiles, 200)
    pattern = MemoryStore()
    fold_all(records(touchpoints(lives * each, lives, seed=7, days=LIFE_DAYS, late=0)), pattern)
    by_life: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for key, value in pattern.data.items():
        by_life.setdefault(key[:36], []).append((key[36:], value))
    patterns = list(by_life.values())
    changes: list[tuple[bytes, bytes | None]] = []
    for number in range(profiles):
        key = str(profile_id(f"customer:c{number}")).encode()
        changes += [(key + suffix, bytes(bytearray(value))) for suffix, value in patterns[number % len(patterns)]]
        if len(changes) > 10_000:
            store.apply(changes, 0)
            changes = []
    store.apply(changes, 0)
    return sum(len(key) + len(value) for key, value in pattern.data.items()) // len(patterns)


def case(profiles: int, each: int, kind: str) -> dict[str, float | int | str]:
    """Measure one case in this process."""
    with tempfile.TemporaryDirectory() as folder:
        store: PartitionStore = MemoryStore() if kind == "memory" else DiskStore(Path(folder) / "p0", "bench", 3600)
        incoming = records(touchpoints(MEASURED, profiles, seed=11, start=LIFE_DAYS, days=30))
        empty = psutil.Process().memory_info().rss
        state_bytes = fill(store, profiles, each)
        filled = psutil.Process().memory_info().rss
        costs = sorted(fold_all(incoming, store))
        return {
            "profiles": profiles,
            "touchpoints a profile": each,
            "store": kind,
            "us an event (median)": round(costs[len(costs) // 2], 1),
            "us an event (least)": round(costs[0], 1),
            "state bytes a profile": state_bytes,
            "memory bytes a profile": round((filled - empty) / profiles),
            "memory MiB": round(psutil.Process().memory_info().rss / 2**20),
        }


def run_cases(quick: bool) -> list[dict[str, float | int | str]]:
    """Run every case in a process of its own."""
    cases = [(2_000, 10, "memory"), (2_000, 100, "memory"), (500, 1_000, "memory"), (1, 1_000, "memory")]
    for profiles in (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000):
        cases += [(profiles, 20, "memory"), (profiles, 20, "disk")]
    rows = []
    for profiles, each, kind in cases:
        command = [sys.executable, "-m", __spec__.name, "--case", str(profiles), str(each), kind]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout))
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Read the arguments and run."""
    if "--case" in sys.argv:
        profiles, each, kind = sys.argv[sys.argv.index("--case") + 1 :]
        gc.disable()  # as the worker has it in its batches
        print(json.dumps(case(int(profiles), int(each), kind)))
    else:
        run_cases("--quick" in sys.argv)


if __name__ == "__main__":
    main()
