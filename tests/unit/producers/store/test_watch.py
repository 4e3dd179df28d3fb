"""A folder that is watched, with a publisher that keeps what it is given and a clock that is turned by hand."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from producers.adapters.registry import ADAPTERS
from producers.file_import import Pace
from producers.watch import LOCK, Rule, Taken, Watcher, WatchError, WatchSettings, locked, rules_of_folders, watch
from tests.unit.producers.store.kept import CATALOGUE, SENDER, Kept, Killed, away_until, killed_at

COUNTS = b"store,from,to,count\n12,2026-01-01 10:00,2026-01-01 11:00,118\n"
SCAN = b'{"card": "L7", "store": "12", "time": "2026-01-01T10:00:00Z"}\n'
NOW = 1_790_000_000.0


class Folder:
    """A folder with a rule for each adapter's folder. Files are written now, unless they are moved in."""

    def __init__(self, path: Path) -> None:
        self.path, self.state, self.now = path / "in", path / "state", NOW
        self.path.mkdir()
        self.stop = threading.Event()
        self.rules = rules_of_folders(ADAPTERS.values(), lambda _adapter: SENDER)
        self.settings = WatchSettings(quiet=5, pace=Pace(give_up_after=0.01))

    def watcher(self, kept: Kept) -> Watcher:
        return Watcher(
            self.path,
            self.rules,
            CATALOGUE,
            kept.publisher,
            state_dir=self.state,
            settings=self.settings,
            stop=self.stop,
            clock=lambda: self.now,
        )

    def put(self, name: str, content: bytes, *, age: float = 0) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (self.now - age, self.now - age))
        return path

    def look(self, watcher: Watcher, later: float = 0) -> list[Taken]:
        self.now += later
        return list(watcher.look())

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# ---- when a file is whole


def test_a_file_is_taken_when_it_has_been_quiet_for_long_enough(folder: Folder) -> None:
    kept = Kept()
    watcher = folder.watcher(kept)
    folder.put("footfall/day.csv", COUNTS)
    assert folder.look(watcher) == []
    assert folder.look(watcher, later=4.9) == []
    [taken] = folder.look(watcher, later=0.1)
    assert (taken.outcome, taken.adapter) == ("done", "footfall")
    assert taken.summary is not None
    assert taken.summary.accepted == len(kept.ids) == 1
    assert folder.files() == ["done/footfall/day.csv"]


def test_a_file_that_is_still_written_waits_however_often_is_looked(folder: Folder) -> None:
    kept, content = Kept(), COUNTS
    watcher = folder.watcher(kept)
    for _ in range(5):
        folder.put("footfall/day.csv", content)
        assert folder.look(watcher, later=4) == []
        content += COUNTS.splitlines(keepends=True)[1]
    assert len(folder.look(watcher, later=5)) == 1


def test_a_file_that_was_moved_in_whole_is_taken_at_once(folder: Folder) -> None:
    watcher = folder.watcher(Kept())
    folder.put("footfall/day.csv", COUNTS, age=86400 * 9)
    assert len(folder.look(watcher)) == 1


@pytest.mark.parametrize("name", ["day.csv.part", "day.csv.tmp", "day.csv~", ".day.csv"])
def test_a_file_that_is_renamed_when_it_is_whole_is_taken_at_once_and_not_before(name: str, folder: Folder) -> None:
    watcher = folder.watcher(Kept())
    path = folder.put(f"footfall/{name}", COUNTS)
    assert folder.look(watcher, later=60) == []
    path.rename(path.with_name("day.csv"))
    assert len(folder.look(watcher, later=1)) == 1


def test_links_lie_where_they_are(folder: Folder) -> None:
    (folder.path / "footfall").mkdir()
    target = folder.path.parent / "elsewhere.csv"
    target.write_bytes(COUNTS)
    (folder.path / "footfall" / "day.csv").symlink_to(target)
    assert folder.look(folder.watcher(Kept()), later=10**6) == []


# ---- which adapter


def test_each_folder_has_its_adapter_and_what_no_rule_fits_stays(folder: Folder) -> None:
    kept = Kept()
    folder.put("footfall/day.csv", COUNTS, age=9)
    folder.put("loyalty_scans/deep/below/scans.jsonl", SCAN, age=9)
    folder.put("readme.txt", b"nothing", age=9)
    taken = folder.look(folder.watcher(kept))
    assert {one.adapter for one in taken} == {"footfall", "loyalty_scans"}
    assert {value["touchpoint"] for value in kept.collected} == {"footfall", "branch_visit"}
    assert folder.files() == ["done/footfall/day.csv", "done/loyalty_scans/deep/below/scans.jsonl", "readme.txt"]


def test_the_first_rule_that_fits_counts(folder: Folder) -> None:
    folder.rules = [
        Rule(pattern="*.jsonl", adapter=ADAPTERS["loyalty_scans"], sender=SENDER),
        Rule(pattern="*", adapter=ADAPTERS["footfall"], sender=SENDER),
    ]
    folder.put("a.jsonl", SCAN, age=9)
    folder.put("b.csv", COUNTS, age=9)
    assert [one.adapter for one in folder.look(folder.watcher(Kept()))] == ["loyalty_scans", "footfall"]


def test_the_oldest_file_comes_first(folder: Folder) -> None:
    for name, age in (("b", 10), ("a", 8), ("c", 9)):
        folder.put(f"loyalty_scans/{name}.jsonl", SCAN, age=age)
    assert [one.path.stem for one in folder.look(folder.watcher(Kept()))] == ["b", "c", "a"]


# ---- what becomes of it


def test_what_cannot_be_read_is_moved_away_with_its_reason_and_the_others_come_in(folder: Folder) -> None:
    kept = Kept()
    watcher = folder.watcher(kept)
    folder.put("poslog/bad.xml", b"<POSLog><Transaction>", age=10)
    folder.put("footfall/worse.csv", COUNTS.replace(b"118", b"many"), age=9)
    folder.put("footfall/good.csv", COUNTS, age=8)
    assert [one.outcome for one in folder.look(watcher)] == ["failed", "failed", "done"]
    assert folder.files() == [
        "done/footfall/good.csv",
        "failed/footfall/worse.csv",
        "failed/footfall/worse.csv.reason.txt",
        "failed/poslog/bad.xml",
        "failed/poslog/bad.xml.reason.txt",
    ]
    assert "no XML from line 1" in (folder.path / "failed/poslog/bad.xml.reason.txt").read_text()
    worse = (folder.path / "failed/footfall/worse.csv.reason.txt").read_text()
    assert "1 read: 0 accepted, 0 duplicate, 1 quarantined" in worse
    assert "$.line[2].count: not a number" in worse
    assert len(kept.ids) == 1


def test_a_file_with_some_bad_rows_is_done(folder: Folder) -> None:
    folder.put("footfall/day.csv", COUNTS + b"12,yesterday,,1\n", age=9)
    [taken] = folder.look(folder.watcher(Kept()))
    assert taken.outcome == "done"
    assert taken.summary is not None
    assert (taken.summary.accepted, taken.summary.quarantined) == (1, 1)


def test_a_mended_file_that_is_put_back_is_imported(folder: Folder) -> None:
    kept = Kept()
    watcher = folder.watcher(kept)
    folder.put("footfall/day.csv", COUNTS.replace(b"118", b"many"), age=9)
    folder.look(watcher)
    folder.put("footfall/day.csv", COUNTS, age=9)
    [taken] = folder.look(watcher)
    assert taken.outcome == "done"
    assert len(kept.ids) == 1


def test_files_of_one_name_do_not_replace_each_other(folder: Folder) -> None:
    watcher = folder.watcher(Kept())
    for count in (b"1", b"2", b"3"):
        folder.put("footfall/day.csv", COUNTS.replace(b"118", count), age=9)
        folder.look(watcher)
    assert folder.files() == ["done/footfall/day.csv", "done/footfall/day~2.csv", "done/footfall/day~3.csv"]


def test_the_same_content_again_is_moved_away_and_sends_nothing(folder: Folder) -> None:
    kept = Kept()
    watcher = folder.watcher(kept)
    for name in ("one.csv", "other.csv"):
        folder.put(f"footfall/{name}", COUNTS, age=9)
    assert [one.summary is not None and one.summary.already_imported for one in folder.look(watcher)] == [False, True]
    assert len(kept.ids) == 1


def test_without_kafka_a_file_stays_and_comes_in_when_kafka_is_back(folder: Folder) -> None:
    kept = Kept(away_until(3))
    watcher = folder.watcher(kept)
    folder.put("footfall/day.csv", COUNTS, age=9)
    while (outcome := folder.look(watcher)[0].outcome) == "waiting":
        assert folder.files() == ["footfall/day.csv"]
    assert outcome == "done"
    assert len(kept.ids) == 1


def test_a_file_that_changes_while_it_is_imported_is_looked_at_again(folder: Folder) -> None:
    def till_goes_on(call: int) -> None:
        if call == 1:
            with (folder.path / "footfall/day.csv").open("ab") as file:
                file.write(b"12,2026-01-01 11:00,2026-01-01 12:00,140\n")

    kept = Kept(till_goes_on)
    watcher = folder.watcher(kept)
    path = folder.put("footfall/day.csv", COUNTS, age=9)
    assert folder.look(watcher) == []
    assert path.exists()
    os.utime(path, (folder.now, folder.now))
    folder.look(watcher)
    [taken] = folder.look(watcher, later=5)
    assert taken.outcome == "done"
    assert len(set(kept.ids)) == len(kept.ids) == 2


def test_a_file_that_is_kept_is_read_on_where_it_ended(folder: Folder) -> None:
    folder.rules = [Rule(pattern="*", adapter=ADAPTERS["footfall"], sender=SENDER, keep=True)]
    kept = Kept()
    watcher = folder.watcher(kept)
    folder.put("day.csv", COUNTS, age=9)
    assert len(folder.look(watcher)) == 1
    assert folder.look(watcher, later=60) == []
    folder.put("day.csv", COUNTS + b"12,2026-01-01 11:00,2026-01-01 12:00,140\n")
    assert folder.look(watcher) == []
    [taken] = folder.look(watcher, later=5)
    assert taken.summary is not None
    assert (taken.summary.accepted, taken.summary.resumed_at) == (1, len(COUNTS))
    assert folder.files() == ["day.csv"]


def test_one_file_that_an_adapter_stumbles_over_does_not_keep_the_others_out(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("producers.adapters.store.rows.file_rows", stumble)
    folder.put("footfall/day.csv", COUNTS, age=9)
    folder.put("pos_csv/other.csv", b"a,b\n", age=8)
    assert [one.outcome for one in folder.look(folder.watcher(Kept()))] == ["failed", "failed"]
    assert "KeyError: 'oops'" in (folder.path / "failed/footfall/day.csv.reason.txt").read_text()


# ---- killed, stopped, twice


@pytest.mark.parametrize("name", ["import_file", "shutil.move", "_note"])
def test_killed_at_any_moment_it_goes_on_without_doubling(
    name: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Killed

    kept = Kept()
    folder.put("footfall/good.csv", COUNTS, age=9)
    folder.put("poslog/bad.xml", b"<html/>", age=8)
    with monkeypatch.context() as patch:
        patch.setattr(f"producers.watch.{name}", killed)
        with pytest.raises(Killed):
            folder.look(folder.watcher(kept))
    folder.look(folder.watcher(kept))
    assert len(kept.ids) == 1
    assert folder.files() == ["done/footfall/good.csv", "failed/poslog/bad.xml", "failed/poslog/bad.xml.reason.txt"]


def test_killed_in_the_middle_of_a_file_it_goes_on_there(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.file_import.CHECKPOINT_SECONDS", 0)
    folder.settings = WatchSettings(pace=Pace(chunk_pieces=5, chunks_under_way=0))
    rows = b"".join(SCAN.replace(b"L7", b"L%d" % (7 + number)) for number in range(50))
    folder.put("loyalty_scans/a.jsonl", rows, age=9)
    first, second = Kept(killed_at(6)), Kept()
    with pytest.raises(Killed):
        folder.look(folder.watcher(first))
    [taken] = folder.look(folder.watcher(second))
    assert len(first.ids) == len(second.ids) == 25
    assert len({*first.ids, *second.ids}) == 50
    assert taken.outcome == "done"


def test_asked_to_stop_it_stops_in_the_middle_of_a_file_and_leaves_it(folder: Folder) -> None:
    folder.settings = WatchSettings(pace=Pace(chunk_pieces=1, chunks_under_way=0))
    kept = Kept(lambda call: folder.stop.set() if call == 2 else None)
    folder.put("loyalty_scans/a.jsonl", SCAN + SCAN.replace(b"L7", b"L8") + SCAN.replace(b"L7", b"L9"), age=9)
    assert folder.look(folder.watcher(kept)) == []
    assert kept.calls == 2
    assert folder.files() == ["loyalty_scans/a.jsonl"]


def test_two_watchers_cannot_have_one_folder(folder: Folder) -> None:
    with locked(folder.path), pytest.raises(WatchError, match="another watcher has this folder"):
        watch(folder.path, folder.rules, CATALOGUE, Kept().publisher, state_dir=folder.state, once=True)
    watch(folder.path, folder.rules, CATALOGUE, Kept().publisher, state_dir=folder.state, once=True)
    assert folder.files() == [LOCK]


def test_a_folder_that_cannot_be_watched_is_refused_with_what_to_do(folder: Folder) -> None:
    with pytest.raises(WatchError, match="no such folder"):
        watch(folder.path / "x", folder.rules, CATALOGUE, Kept().publisher, state_dir=folder.state)
    with pytest.raises(WatchError, match="which files are read by which adapter"):
        watch(folder.path, [], CATALOGUE, Kept().publisher, state_dir=folder.state)


def test_it_watches_until_it_is_stopped_and_tells_of_each_file(folder: Folder) -> None:
    told: list[Taken] = []
    path = folder.put("footfall/day.csv", COUNTS)
    os.utime(path, (1, 1))

    def tell(taken: Taken) -> None:
        told.append(taken)
        folder.stop.set()

    kept = Kept()
    watch(folder.path, folder.rules, CATALOGUE, kept.publisher, state_dir=folder.state, stop=folder.stop, told=tell)
    assert [one.outcome for one in told] == ["done"]
    assert len(kept.ids) == 1
