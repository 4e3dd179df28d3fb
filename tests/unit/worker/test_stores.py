from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.worker.stores import DiskStore, MemoryStore, PartitionStore, StoreShelf

Make = Callable[[], PartitionStore]


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PartitionStore:
    return MemoryStore() if request.param == "memory" else DiskStore(tmp_path / "s", "log", 100.0)


def test_a_value_can_be_read_changed_and_removed(store: PartitionStore) -> None:
    store.apply([(b"a", b"1"), (b"b", b"2")], 2)
    store.apply([(b"a", b"3"), (b"b", None), (b"never", None)], 5)
    assert (store.get(b"a"), store.get(b"b"), store.get(b"never")) == (b"3", None, None)
    assert store.changelog_offset == 5


def test_an_empty_value_is_a_value_and_no_tombstone(store: PartitionStore) -> None:
    store.apply([(b"a", b"")], 1)
    assert store.get(b"a") == b""


def test_a_key_may_look_like_the_stores_own_notes(store: PartitionStore) -> None:
    store.apply([(b"m:changelog-offset", b"77"), (b"", b"empty")], 3)
    assert (store.get(b"m:changelog-offset"), store.get(b""), store.changelog_offset) == (b"77", b"empty", 3)


def test_wiping_forgets_data_and_offset(store: PartitionStore) -> None:
    store.apply([(b"a", b"1")], 9)
    store.wipe()
    assert (store.get(b"a"), store.changelog_offset) == (None, 0)


def reopened(path: Path, changelog: str = "log", now: float = 0.0) -> DiskStore:
    return DiskStore(path, changelog, max_idle=100.0, clock=lambda: now)


def test_a_disk_store_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    first = reopened(tmp_path / "s")
    first.apply([(b"a", b"1")], 4)
    first.close()
    again = reopened(tmp_path / "s", now=100.0)
    assert (again.get(b"a"), again.changelog_offset) == (b"1", 4)


def test_a_disk_store_of_another_changelog_starts_anew(tmp_path: Path) -> None:
    first = reopened(tmp_path / "s", "cluster-1/log")
    first.apply([(b"a", b"1")], 4)
    first.close()
    again = reopened(tmp_path / "s", "cluster-2/log")
    assert (again.get(b"a"), again.changelog_offset) == (None, 0)


def test_a_disk_store_that_may_have_missed_tombstones_starts_anew(tmp_path: Path) -> None:
    first = reopened(tmp_path / "s", now=0.0)
    first.apply([(b"a", b"1")], 4)
    first.close()
    again = reopened(tmp_path / "s", now=100.5)
    assert (again.get(b"a"), again.changelog_offset) == (None, 0)


def test_a_disk_store_killed_at_any_write_has_data_and_offset_in_step(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from streams.worker.stores import DiskStore
store = DiskStore(Path(sys.argv[1]), "log", 1e9)
print("ready", flush=True)
n = store.changelog_offset
while True:
    n += 1
    store.apply([(b"n", b"%d" % n), (b"k%d" % (n % 100), b"%d" % n)], n)
"""
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "s")],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        process.kill()
        process.wait()
        process.stdout.close()
        store = DiskStore(tmp_path / "s", "log", 1e9)
        last = store.changelog_offset
        assert last > 0
        assert store.get(b"n") == b"%d" % last
        assert store.get(b"k%d" % (last % 100)) == b"%d" % last
        store.close()


def test_the_shelf_closes_what_went_to_somebody_else_and_keeps_the_rest() -> None:
    shelf = StoreShelf(lambda *_: MemoryStore())
    kept, gone = shelf.take("fold", 0), shelf.take("fold", 1)
    kept.apply([(b"a", b"1")], 1)
    gone.apply([(b"a", b"1")], 1)
    shelf.keep_only({("fold", 0)})
    assert shelf.take("fold", 0) is kept
    assert gone.get(b"a") is None
    assert shelf.take("fold", 1) is not gone
