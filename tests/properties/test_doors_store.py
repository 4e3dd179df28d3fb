"""Laws of the store doors: how lines stand in files never changes what a receipt is; nothing bad spoils a good one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

import orjson
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from producers.adapters.adapter import Adapter, Context
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.registry import ADAPTERS
from producers.adapters.resumed import ResumedFile
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


# ---- files that are cut, gone on with, or damaged


def read_on(adapter: Adapter, content: bytes, place: int = 0) -> Iterator[tuple[Outcome, int | None]]:
    """Give the outcomes of a file from a place on, as an import does that goes on there, and where one may go on."""
    file: BinaryIO = io.BytesIO(content)
    if place:
        first = file.readline()
        file.seek(place)
        file = cast(BinaryIO, ResumedFile(file, first, content[:place].count(b"\n")))
    assert adapter.file is not None
    for piece in adapter.file(file, CONTEXT):
        yield outcome_of(adapter, piece, CONTEXT), piece.end


def contents(found: Iterable[Outcome]) -> dict[str, str]:
    """Give what each accepted event says."""
    return {str(o.touchpoint.event_id): o.touchpoint.model_dump_json() for o in found if isinstance(o, Accepted)}


WINDOW = 6


@st.composite
def mixed_receipts(draw: st.DrawFn) -> list[str]:
    """Lines of receipts that stand mixed, as those of several tills do, but never further apart than the window."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=12))
    left = [[number] * size for number, size in enumerate(sizes)]
    lines, seen = [], dict[int, int]()
    while left:
        at = draw(st.integers(0, min(2, len(left) - 1)))
        number = left[at].pop()
        assume(len(lines) - seen.get(number, len(lines)) < WINDOW)
        seen[number] = len(lines)
        lines.append(f"12,1,{number},2017-03-01 10:00:00,L{number},tea,drinks,1,{len(lines)}.50,EUR")
        left = [receipt for receipt in left if receipt]
    return lines


@settings(deadline=None)
@given(mixed_receipts(), st.data())
def test_an_import_that_goes_on_anywhere_sees_every_receipt_whole(lines: list[str], data: st.DataObject) -> None:
    adapter = replace(pos_csv.ADAPTER, file=partial(pos_csv.file, window=WINDOW, clean_every=1))
    content = b"".join([HEADING, *bytes_of(lines)])
    found = list(read_on(adapter, content))
    upto, place = data.draw(st.sampled_from([(at, end) for at, (_, end) in enumerate(found) if end is not None]))
    before = [outcome for outcome, _ in found[: upto + 1]]
    rest = contents(outcome for outcome, _ in read_on(adapter, content, place))
    whole = contents(outcome for outcome, _ in found)
    assert len(whole) == len({line.split(",")[2] for line in lines})
    assert contents(before) | rest == whole


@settings(deadline=None)
@given(st.lists(good_lines, min_size=1, max_size=12), st.data())
def test_receipts_that_are_divided_among_files_in_any_way_are_the_same(lines: list[str], data: st.DataObject) -> None:
    by_receipt: dict[str, list[str]] = {}
    for line in lines:
        store, till, receipt, time, *_ = line.split(",")
        by_receipt.setdefault(f"{store}/{till}/{receipt}/{time[:10]}", []).append(line)
    files: dict[int, list[str]] = {}
    for group in by_receipt.values():
        files.setdefault(data.draw(st.integers(0, 3)), []).extend(group)
    parts: dict[str, str] = {}
    for part in files.values():
        parts |= contents(outcomes(bytes_of(part)))
    assert parts == contents(outcomes(bytes_of(lines)))


ROWS = {
    "pos_json": [
        b'{"store":1,"receipt":%d,"time":"2024-01-01T10:00","items":[{"sku":"a","value":1.5},{"sku":"b","value":%d}]}\n'
        % (number, number)
        for number in range(6)
    ],
    "loyalty_scans": [b'{"card":"L%d","store":"12","time":"2024-01-01T10:00:00Z"}\n' % n for n in range(1, 7)],
    "footfall": [b"store,from,to,count\n"]
    + [b"%d,2024-01-01 10:00,2024-01-01 11:00,%d\n" % (number, 100 + number) for number in range(5)],
    "poslog": [
        b"<POSLog>",
        *[
            b"<Transaction><RetailStoreID>9</RetailStoreID><SequenceNumber>%d</SequenceNumber><EndDateTime>"
            b"2024-01-01T10:00:00</EndDateTime><RetailTransaction><LineItem><Sale><ItemID>a</ItemID><ExtendedAmount>%d"
            b".50</ExtendedAmount></Sale></LineItem></RetailTransaction></Transaction>\n" % (number, number)
            for number in range(5)
        ],
        b"</POSLog>",
    ],
}


@settings(deadline=None)
@given(st.sampled_from(["pos_json", "loyalty_scans", "footfall"]), st.data())
def test_a_file_that_was_half_written_is_gone_on_with_where_it_ended(name: str, data: st.DataObject) -> None:
    adapter, content = ADAPTERS[name], b"".join(ROWS[name])
    half = content[: data.draw(st.integers(len(ROWS[name][0]), len(content)))]
    found = list(read_on(adapter, half))
    place = max((end for _, end in found if end is not None), default=0)
    assert place <= len(half)
    rest = contents(outcome for outcome, _ in read_on(adapter, content, place))
    whole = contents(outcome for outcome, _ in read_on(adapter, content))
    first = contents(outcome for outcome, _ in found)
    assert first.items() <= whole.items()
    assert first | rest == whole


damage = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b'"', b"<", b"&", b"]]>", b"{", b"[", b"\0", b"\xff", b"\n", b",,,,", b"<!DOCTYPE a>", b"1e999", b"-"]
    ),
)


@given(st.sampled_from(sorted({*ROWS, "pos_csv"})), damage, st.data())
@settings(max_examples=300, deadline=None)
def test_damage_anywhere_is_said_with_a_path_and_never_raises_anything_else(
    name: str, bad: bytes, data: st.DataObject
) -> None:
    content = b"".join(ROWS.get(name) or [HEADING, b"12,1,7,2017-03-01 10:00:00,L1,tea,drinks,1,2.50,EUR\n" * 3])
    begin = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(begin, min(len(content), begin + 20)))
    damaged = content[:begin] + bad + content[end:]
    try:
        for outcome, _ in read_on(ADAPTERS[name], damaged):
            if isinstance(outcome, Quarantined):
                assert outcome.record.reason.startswith("$")
            if not isinstance(outcome, Duplicate):
                assert record_of(outcome).value
    except Problem as problem:
        assert str(problem).startswith("$")  # noqa: PT017 # either way is good, and both say where


@settings(deadline=None)
@given(st.sampled_from(["pos_json", "loyalty_scans", "footfall"]), st.integers(1, 4), st.binary(max_size=40))
def test_a_damaged_row_leaves_its_neighbours_alone(name: str, at: int, bad: bytes) -> None:
    rows = list(ROWS[name])
    whole = contents(outcome for outcome, _ in read_on(ADAPTERS[name], b"".join(rows)))
    # An open quote reaches over line ends: what is meant by it nobody can say, and it is bad up to where it is closed.
    rows[at] = bad.replace(b"\n", b" ").replace(b'"', b"'") + b"\n"
    found = contents(outcome for outcome, _ in read_on(ADAPTERS[name], b"".join(rows)))
    assert len(found.keys() & whole.keys()) == len(whole) - 1


@settings(deadline=None)
@given(
    st.integers(1, 5), st.text(st.characters(exclude_characters="<&>\0", exclude_categories=["Cs", "Cc"]), max_size=20)
)
def test_a_transaction_that_cannot_be_taken_leaves_its_neighbours_alone(at: int, bad: str) -> None:
    rows = list(ROWS["poslog"])
    whole = contents(outcome for outcome, _ in read_on(ADAPTERS["poslog"], b"".join(rows)))
    rows[at] = rows[at].replace(b"2024-01-01T10:00:00", bad.encode() + b"?")
    found = list(read_on(ADAPTERS["poslog"], b"".join(rows)))
    assert [type(outcome) for outcome, _ in found].count(Quarantined) == 1
    assert len(contents(outcome for outcome, _ in found).keys() & whole.keys()) == len(whole) - 1


# ---- any value in any field

strange_texts = st.sampled_from(
    [
        *[
            "",
            " ",
            "-",
            "null",
            "NaN",
            "Infinity",
            "1e400",
            "1e-400",
            "-0",
            "0",
            "9" * 17,
            "9" * 30,
            "9" * 5000,
            "0.1" * 9,
        ],
        *[
            "1,5",
            "true",
            "é" * 300,
            "\u200b",
            "T",
            "2026-13-45",
            "0001-01-01",
            "9999-12-31T23:59:59-23:59",
            "2024-01-01",
        ],
        *["24:00", "a/b/c/d", "a/b/c", "XXQ", "EUR", "𝟏𝟐", "٣", "1_000", "+1", ".5", "5.", "0x1f", "1 000"],
    ]
) | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<&>\ufffe\uffff"), max_size=30)
strange_values = strange_texts | st.sampled_from(
    [None, True, False, 0, -1, 1e300, 5e-324, 10**18, -(2**63), 2**64 - 1, [], {}, [[]], {"a": None}, ["x"]]
)
RECEIPT = ("store_id", "till", "receipt", "timestamp", "loyalty_id", "product", "category", "quantity", "value")
FIELDS = {
    "pos_json": (*RECEIPT, "currency", "original_receipt", "original_store", "original_till", "original_date", "items"),
    "loyalty_scans": ("card", "store", "time", "till", "receipt", "id", "place"),
    "footfall": ("store", "from", "to", "count", "out", "door", "id"),
}
SENSIBLE = {
    "pos_json": {"store_id": "1", "receipt": "7", "timestamp": "2024-01-01T10:00", "product": "tea", "value": 1.5},
    "loyalty_scans": {"card": "L1", "store": "12", "time": "2024-01-01T10:00:00Z"},
    "footfall": {"store": "12", "from": "2024-01-01 10:00", "to": "2024-01-01 11:00", "count": 7},
}
ELEMENTS = (
    "RetailStoreID", "WorkstationID", "SequenceNumber", "BusinessDayDate", "EndDateTime", "CurrencyCode", "ItemID",
    "MerchandiseHierarchy", "ExtendedAmount", "Quantity", "Total", "LoyaltyID", "CustomerID", "EMailAddress",
    "ItemLink",
)  # fmt: skip
FULL = (
    "<POSLog><Transaction><RetailStoreID>9</RetailStoreID><WorkstationID>1</WorkstationID><SequenceNumber>5"
    "</SequenceNumber><BusinessDayDate>2024-01-01</BusinessDayDate><EndDateTime>2024-01-01T10:00:00</EndDateTime>"
    "<CurrencyCode>EUR</CurrencyCode><RetailTransaction><LineItem><SequenceNumber>1</SequenceNumber><Sale><ItemID>a"
    "</ItemID><MerchandiseHierarchy>x</MerchandiseHierarchy><ExtendedAmount>1.50</ExtendedAmount><Quantity>1</Quantity>"
    "<ItemLink>1</ItemLink></Sale></LineItem><LineItem><Return><ItemID>a</ItemID><ExtendedAmount>1</ExtendedAmount>"
    "<TransactionLink><WorkstationID>1</WorkstationID><SequenceNumber>4</SequenceNumber><BusinessDayDate>2024-01-01"
    '</BusinessDayDate></TransactionLink></Return></LineItem><Total TotalType="TransactionGrandAmount">0.50</Total>'
    "<LoyaltyAccount><LoyaltyID>L1</LoyaltyID></LoyaltyAccount><Customer><CustomerID>c1</CustomerID><EMail>"
    "<EMailAddress>ada@example.org</EMailAddress></EMail></Customer></RetailTransaction></Transaction></POSLog>"
)


def said_or_taken(name: str, content: bytes) -> None:
    for outcome, _ in read_on(ADAPTERS[name], content):
        assert not isinstance(outcome, Quarantined) or outcome.record.reason.startswith("$")
        assert isinstance(outcome, Duplicate) or len(record_of(outcome).value) < 1_000_000


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(FIELDS)), st.data())
def test_any_value_in_any_field_of_json_is_taken_or_said(name: str, data: st.DataObject) -> None:
    strange = data.draw(st.dictionaries(st.sampled_from(FIELDS[name]), strange_values, min_size=1, max_size=2))
    row = {**SENSIBLE[name], **strange}
    said_or_taken(name, orjson.dumps(row) + b"\n")
    if name == "pos_json":
        said_or_taken(name, orjson.dumps({**SENSIBLE[name], "items": [row]}) + b"\n")


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(ELEMENTS), strange_texts, min_size=1, max_size=2))
def test_any_text_in_any_element_of_a_poslog_is_taken_or_said(strange: dict[str, str]) -> None:
    text = FULL
    for element, value in strange.items():
        text = re.sub(rf"(<{element}[^>]*>)[^<]*", lambda found, value=value: found[1] + value, text)  # type: ignore[misc] # mypy cannot infer a default's type in a lambda
    said_or_taken("poslog", text.encode())


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.integers(0, 9), strange_texts, min_size=1, max_size=2))
def test_any_text_in_any_column_is_taken_or_said(strange: dict[int, str]) -> None:
    row = ["12", "1", "7", "2017-03-01 10:00:00", "L1", "tea", "drinks", "1", "2.50", "EUR"]
    for place, value in strange.items():
        row[place] = value
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(row)
    said_or_taken("pos_csv", HEADING + out.getvalue().encode())
