"""The importer of files, with a publisher that keeps what it is given: the same for every format."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from producers.adapters.adapter import Adapter
from producers.adapters.registry import ADAPTERS
from producers.file_import import FileImportError, FileImportSummary, KafkaAwayError, Pace, Progress, import_file
from tests.unit.producers.store.kept import CATALOGUE, NOW, SENDER, Kept, Killed, away_until, killed_at

PACE = Pace(chunk_pieces=7, chunks_under_way=2, give_up_after=0.2)


def pos_csv(count: int) -> bytes:
    """Receipts of three lines; those of two tills stand mixed, as a store's server writes them."""
    rows = ["store_id,till,receipt,timestamp,loyalty_id,product,quantity,value"]
    for pair in range(0, count, 2):
        for item in range(3):
            for receipt in (pair, pair + 1):
                rows.append(f"12,{receipt % 2},{receipt},2017-03-01 10:00:0{item},L7,p{item},1,{receipt}.50")
    return "\n".join(rows).encode() + b"\n"


def footfall(count: int) -> bytes:
    rows = [f"{number},2026-01-01 10:00,2026-01-01 11:00,{number}" for number in range(count)]
    return "\n".join(["store,from,to,count", *rows]).encode() + b"\n"


def scans(count: int) -> bytes:
    return b"".join(
        b'{"card": "L%d", "store": "12", "time": "2026-01-01T10:00:00Z"}\n' % (1 + number) for number in range(count)
    )


def poslog(count: int) -> bytes:
    one = (
        b"<Transaction><RetailStoreID>9</RetailStoreID><WorkstationID>1</WorkstationID><SequenceNumber>%d</SequenceNumber>"
        b"<EndDateTime>2026-10-01T02:01:31</EndDateTime><RetailTransaction><LineItem><Sale><ItemID>1</ItemID>"
        b"<ExtendedAmount>2.50</ExtendedAmount></Sale></LineItem></RetailTransaction></Transaction>\n"
    )
    return b"<POSLog>\n" + b"".join(one % number for number in range(count)) + b"</POSLog>\n"


FORMATS: dict[str, Callable[[int], bytes]] = {
    "pos_csv": pos_csv,
    "footfall": footfall,
    "loyalty_scans": scans,
    "poslog": poslog,
}
EVERY = pytest.mark.parametrize("name", FORMATS)


class Importer:
    """Imports into one state directory, and checkpoints as often as it can."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def __call__(self, adapter: Adapter | str, path: Path, kept: Kept, **more: object) -> FileImportSummary:
        adapter = ADAPTERS[adapter] if isinstance(adapter, str) else adapter
        options: dict[str, object] = {"state_dir": self.state, "now": lambda: NOW, "pace": PACE, **more}
        return import_file(adapter, path, SENDER, CATALOGUE, kept.publisher, **options)  # type: ignore[arg-type] # passed on


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Importer:
    monkeypatch.setattr("producers.file_import.CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr("producers.file_import.RETRY_SECONDS", 0.001)
    return Importer(tmp_path / "state")


def counts(summary: FileImportSummary) -> tuple[int, int, int, int]:
    return summary.received, summary.accepted, summary.duplicate, summary.quarantined


def one_content_each(*runs: Kept) -> int:
    """How many events there are, after a look whether any of them was sent with two meanings."""
    found = defaultdict(set)
    for kept in runs:
        for value in kept.collected:
            found[value["event_id"]].add(str(value))
    assert {len(contents) for contents in found.values()} <= {1}
    return len(found)


@EVERY
@pytest.mark.parametrize("zipped", [False, True])
def test_every_event_of_a_file_is_sent_once(name: str, zipped: bool, run: Importer, tmp_path: Path) -> None:
    path, kept, seen = tmp_path / "file", Kept(), list[Progress]()
    path.write_bytes(gzip.compress(FORMATS[name](100)) if zipped else FORMATS[name](100))
    assert counts(run(name, path, kept, progress=seen.append)) == (100, 100, 0, 0)
    assert len(set(kept.ids)) == len(kept.ids) == 100
    assert (seen[-1].bytes_read, seen[-1].bytes_total, seen[-1].received) == (*[path.stat().st_size] * 2, 100)
    assert run(name, path, kept).already_imported
    assert len(kept.ids) == 100


@EVERY
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("call", [1, 2, 5, 9, 14])
def test_killed_at_any_moment_it_goes_on_without_doubling_or_losing_an_event(
    name: str, zipped: bool, call: int, run: Importer, tmp_path: Path
) -> None:
    path, first, second = tmp_path / "file", Kept(killed_at(call)), Kept()
    path.write_bytes(gzip.compress(FORMATS[name](100)) if zipped else FORMATS[name](100))
    adapter = ADAPTERS[name]
    if name == "pos_csv":  # else all of these few receipts are open until the end
        assert adapter.file is not None
        adapter = replace(
            adapter, file=lambda file, context: ADAPTERS[name].file(file, context, window=9, clean_every=3)
        )  # type: ignore[misc,call-arg]
    with pytest.raises(Killed):
        run(adapter, path, first)
    rest = run(adapter, path, second)
    assert one_content_each(first, second) == 100
    if call > 5:
        assert rest.resumed_at > 0 or rest.passed_over > 0
        assert rest.accepted < 100


@EVERY
def test_kafka_may_be_away_at_the_beginning_and_lose_an_answer(name: str, run: Importer, tmp_path: Path) -> None:
    path, kept = tmp_path / "file", Kept(away_until(4))
    path.write_bytes(FORMATS[name](30))
    kept.lost = 2
    assert counts(run(name, path, kept)) == (30, 30, 0, 0)
    assert one_content_each(kept) == 30
    assert len(kept.ids) == 44  # two chunks of seven were written, and sent again


def test_without_kafka_it_gives_up_and_says_that_nothing_is_wrong_with_the_file(run: Importer, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(scans(3))
    with pytest.raises(KafkaAwayError, match="import again to go on"):
        run("loyalty_scans", path, Kept(away_until(10**9)))


@pytest.mark.parametrize("name", ["pos_csv", "footfall", "loyalty_scans"])
def test_a_half_written_file_is_taken_up_where_it_ended(name: str, run: Importer, tmp_path: Path) -> None:
    path, first, second, content = tmp_path / "file", Kept(), Kept(), FORMATS[name](50)
    half = b"".join(content.splitlines(keepends=True)[:31])[:-3]
    path.write_bytes(half)
    assert run(name, path, first).quarantined == 1
    path.write_bytes(content)
    rest = run(name, path, second)
    assert 0 < rest.resumed_at <= len(half)
    assert rest.quarantined == 0
    assert one_content_each(first, second) == 50


def test_an_xml_file_that_was_cut_off_is_read_again_when_it_is_whole(run: Importer, tmp_path: Path) -> None:
    path, first, second, content = tmp_path / "file", Kept(), Kept(), poslog(50)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(
        FileImportError, match=r"no XML from line \d+, column \d+ on, behind 25 transactions"
    ) as refused:
        run("poslog", path, first)
    assert refused.value.summary is not None
    assert refused.value.summary.accepted == 25
    path.write_bytes(content)
    assert counts(run("poslog", path, second)) == (50, 50, 0, 0)
    assert one_content_each(first, second) == 50


@EVERY
def test_a_gzip_file_that_was_cut_off_gives_what_it_has_and_is_refused(
    name: str, run: Importer, tmp_path: Path
) -> None:
    path, kept, packed = tmp_path / "file.gz", Kept(), gzip.compress(FORMATS[name](1200))
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(FileImportError) as refused:
        run(name, path, kept, pace=Pace())
    assert refused.value.summary is not None
    # Receipts that are still open when the file breaks are not whole.
    assert (0 if name == "pos_csv" else 1) <= refused.value.summary.accepted < 1200
    path.write_bytes(packed)
    run(name, path, kept, pace=Pace())
    assert one_content_each(kept) == 1200


def test_what_is_added_while_a_file_is_read_is_found_by_the_next_import(run: Importer, tmp_path: Path) -> None:
    path, first, second = tmp_path / "file", Kept(), Kept()
    path.write_bytes(footfall(20))

    def till_goes_on(at: Progress) -> None:
        if at.received == 20:
            path.write_bytes(footfall(21))

    run("footfall", path, first, progress=till_goes_on)
    assert counts(run("footfall", path, second)) == (1, 1, 0, 0)
    assert one_content_each(first, second) == 21


def test_lines_keep_their_numbers_where_an_import_goes_on(run: Importer, tmp_path: Path) -> None:
    path, bad = tmp_path / "file", b"1,2026-01-01 10:00,2026-01-01 11:00,many\n"
    path.write_bytes(footfall(20))
    run("footfall", path, Kept())
    path.write_bytes(footfall(20) + bad)
    summary = run("footfall", path, Kept())
    assert counts(summary) == (1, 0, 0, 1)
    assert summary.reasons == ("$.line[22].count: not a number",)


def test_what_stands_twice_in_a_file_is_a_duplicate(run: Importer, tmp_path: Path) -> None:
    path, kept = tmp_path / "file", Kept()
    path.write_bytes(scans(5) + scans(6))
    assert counts(run("loyalty_scans", path, kept)) == (11, 6, 5, 0)
    assert len(kept.ids) == 6


def test_files_that_begin_alike_keep_places_of_their_own(run: Importer, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(poslog(3))
    other.write_bytes(poslog(4))
    for path in (one, other):
        run("poslog", path, Kept())
    assert run("poslog", one, Kept()).already_imported
    assert run("poslog", other, Kept()).already_imported
    assert len(list(run.state.iterdir())) == 1


def test_a_file_is_read_anew_where_that_is_asked_for_or_the_source_says_something_else(
    run: Importer, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(scans(5))
    run("loyalty_scans", path, Kept())
    assert run("loyalty_scans", path, Kept(), restart=True).accepted == 5
    elsewhere = replace(SENDER, default_currency="CHF")
    kept = Kept()
    summary = import_file(
        ADAPTERS["loyalty_scans"], path, elsewhere, CATALOGUE, kept.publisher, state_dir=run.state, now=lambda: NOW
    )
    assert summary.accepted == 5


def test_a_state_that_is_damaged_is_none(run: Importer, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(scans(5))
    run("loyalty_scans", path, Kept())
    for content in ('{"a": 1}', "[1]", "nonsense", "[{}]"):
        for file in run.state.iterdir():
            file.write_text(content)
        assert run("loyalty_scans", path, Kept()).accepted == 5


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("postmark", b"{}", "postmark comes by webhook only"),
        ("poslog", b"<html></html>", "no POSLog"),
        ("footfall", b"", "the file is empty"),
        ("pos_csv", b"a,b\n1,2\n", "no column store_id"),
        ("poslog", None, "No such file"),
    ],
)
def test_what_cannot_be_read_at_all_is_said(
    name: str, content: bytes | None, message: str, run: Importer, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileImportError, match=message):
        run(name, path, Kept())
