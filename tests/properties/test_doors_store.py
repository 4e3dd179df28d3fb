"""Laws of the store door: how the lines stand in the file never changes what a receipt is."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from producers.adapters.adapter import Context
from producers.adapters.finish import outcome_of
from producers.adapters.sender import Sender
from producers.adapters.store import pos_csv
from producers.records import record_of
from schemas.catalogue import load
from schemas.outcome import Accepted, Duplicate, Outcome, Quarantined

HEADING = b"store_id,till,receipt,timestamp,loyalty_id,product,category,quantity,value,currency\n"
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
CONTEXT = Context(Sender("store", "file:pos.csv", "EUR", zone=ZoneInfo("Europe/Berlin")), NOW, load())

good_lines = st.builds(
    "{},{},{},2017-03-0{} 1{}:00:00,L1,tea,drinks,{},{},EUR".format,
    st.sampled_from(["1", "2"]),
    st.sampled_from(["", "1"]),
    st.sampled_from(["7", "70", "71"]),
    st.integers(1, 2),
    st.integers(0, 9),
    st.integers(0, 90_000),
    st.decimals(-50, 500, places=3),
)
any_lines = (
    good_lines
    | st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=40)
    | good_lines.map(lambda line: line[:-9])
)


def outcomes(lines: list[bytes], window: int = 1000) -> list[Outcome]:
    file = io.BytesIO(b"".join([HEADING, *lines]))
    return [outcome_of(pos_csv.ADAPTER, piece, CONTEXT) for piece in pos_csv.file(file, CONTEXT, window=window)]


def bytes_of(lines: list[str]) -> list[bytes]:
    return [line.encode() + b"\n" for line in lines]


def worth(found: list[Outcome]) -> dict[str, tuple[str, int]]:
    taken = [outcome.touchpoint for outcome in found if isinstance(outcome, Accepted)]
    return {str(t.event_id): (t.touchpoint, t.amount.minor) for t in taken if t.amount}


@given(st.lists(any_lines, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_changes_nothing(lines: list[str], random: object) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # a Random
    assert worth(outcomes(bytes_of(lines))) == worth(outcomes(bytes_of(shuffled)))


@given(
    st.lists(
        st.binary(max_size=60).map(lambda line: line.replace(b"\n", b"")) | any_lines.map(str.encode), max_size=10
    ),
    st.integers(1, 5),
)
def test_any_lines_have_outcomes_that_can_be_written(lines: list[bytes], window: int) -> None:
    for outcome in outcomes([line + b"\n" for line in lines], window):
        if not isinstance(outcome, Duplicate):
            assert len(record_of(outcome).value) < 1_000_000


@given(st.lists(any_lines, max_size=12))
def test_every_line_is_in_exactly_one_outcome(lines: list[str]) -> None:
    kept = 0
    for outcome in outcomes(bytes_of(lines)):
        if isinstance(outcome, Accepted):
            kept += len(outcome.touchpoint.body.items)  # type: ignore[union-attr] # a StoreBody
        elif isinstance(outcome, Quarantined):
            kept += outcome.record.original.count(b"\n")
    assert kept >= sum(
        bool(line.strip()) for line in lines
    )  # a bad line that may belong to several receipts is kept with each of them


@given(st.lists(good_lines, min_size=1, max_size=10))
def test_what_is_taken_is_worth_what_the_lines_say(lines: list[str]) -> None:
    sums: dict[str, Decimal] = {}
    for line in lines:
        store, till, receipt, time, *_, value, _currency = line.split(",")
        key = f"{store}/{till}/{time[:10]}/{receipt}"
        sums[key] = sums.get(key, Decimal(0)) + Decimal(value).quantize(Decimal("0.01"))
    taken = [o.touchpoint for o in outcomes(bytes_of(lines)) if isinstance(o, Accepted)]
    assert len(taken) == len(sums)
    assert sum(t.amount.amount for t in taken if t.amount) == sum(map(abs, sums.values()))


@given(st.lists(good_lines, min_size=1, max_size=8), st.data())
def test_a_file_cut_anywhere_in_its_last_line_never_gives_a_receipt_a_wrong_worth(
    lines: list[str], data: st.DataObject
) -> None:
    whole = worth(outcomes(bytes_of(lines)))
    content = bytes_of(lines)
    cut = data.draw(st.integers(1, len(content[-1]) - 1))
    content[-1] = content[-1][:cut]
    for event, found in worth(outcomes(content)).items():
        assert whole[event] == found
