from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from streams.worker.ledger import BatchLedger


@dataclass(frozen=True)
class At:
    offset: int


def records(start: int, stop: int) -> list[At]:
    return [At(offset) for offset in range(start, stop)]


def ledger(committed: int | None = None, generation: int = 1) -> BatchLedger[str]:
    made: BatchLedger[str] = BatchLedger()
    made.begin(generation, [("p", committed)])
    return made


def test_the_record_at_offset_0_is_delivered_when_nothing_was_committed() -> None:
    assert ledger(None).fresh(1, "p", records(0, 3)) == records(0, 3)


def test_the_record_at_offset_0_is_delivered_when_offset_0_was_committed() -> None:
    assert ledger(0).fresh(1, "p", records(0, 3)) == records(0, 3)


def test_the_record_at_offset_0_alone_can_be_committed() -> None:
    book = ledger(None)
    book.deliver("p", 1, 1, 10)
    assert book.finish(1, "p", 1)
    assert book.committable() == {"p": 1}


def test_the_committed_offset_is_the_next_one_to_read() -> None:
    assert ledger(2).fresh(1, "p", records(0, 5)) == records(2, 5)


def test_what_was_delivered_is_not_delivered_again() -> None:
    book = ledger(None)
    book.deliver("p", 3, 3, 10)
    assert book.fresh(1, "p", records(0, 5)) == records(3, 5)
    assert book.fresh(1, "p", records(0, 3)) == []


def test_a_batch_of_an_old_generation_is_dropped() -> None:
    book = ledger(None, generation=2)
    assert book.fresh(1, "p", records(0, 3)) == ()


def test_the_end_of_a_batch_of_an_old_generation_changes_nothing() -> None:
    book = ledger(None, generation=1)
    book.deliver("p", 3, 3, 10)
    book.begin(2, [("p", None)])
    book.deliver("p", 3, 3, 10)
    assert not book.finish(1, "p", 3)
    assert book.committable() == {}
    assert book.bytes_in_flight == 10


def test_a_batch_of_a_revoked_partition_is_dropped() -> None:
    book = ledger(None)
    book.end()
    assert book.fresh(1, "p", records(0, 3)) == ()
    assert not book.finish(1, "p", 3)


def test_nothing_is_committed_past_a_batch_that_is_not_finished() -> None:
    book = ledger(None)
    book.deliver("p", 3, 3, 10)
    book.deliver("p", 6, 3, 10)
    book.finish(1, "p", 6)
    assert book.committable() == {}
    book.finish(1, "p", 3)
    assert book.committable() == {"p": 6}


def test_what_was_committed_is_not_committed_again() -> None:
    book = ledger(None)
    book.deliver("p", 3, 3, 10)
    book.finish(1, "p", 3)
    book.committed(book.committable().items())
    assert book.committable() == {}


def test_gaps_between_offsets_as_markers_and_compaction_leave_them_do_no_harm() -> None:
    book = ledger(7)
    assert book.fresh(1, "p", [At(9), At(12)]) == [At(9), At(12)]
    book.deliver("p", 13, 2, 10)
    book.finish(1, "p", 13)
    assert book.committable() == {"p": 13}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_in_whatever_order_batches_finish_all_is_committed_and_nothing_too_early(sizes, chance) -> None:  # type: ignore[no-untyped-def]
    book = ledger(None)
    ends = []
    for size in sizes:
        ends.append((ends[-1] if ends else 0) + size)
        book.deliver("p", ends[-1], size, size)
    finished = set()
    for end in chance.sample(ends, len(ends)):
        book.finish(1, "p", end)
        finished.add(end)
        front = 0
        for candidate in ends:
            if candidate not in finished:
                break
            front = candidate
        assert book.committable() == ({"p": front} if front else {})
    assert book.bytes_in_flight == 0
    assert book.records_in_flight("p") == 0
