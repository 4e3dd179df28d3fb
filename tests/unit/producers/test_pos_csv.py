"""Receipt lines and the touchpoints that they become."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from producers.adapters.adapter import Context
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.sender import Sender
from producers.adapters.store import pos_csv
from producers.adapters.store.columns import LayoutError, layout_of
from producers.adapters.store.grouping import Grouping
from producers.adapters.store.lines import Declared, Raw, line_of
from schemas.base import event_id
from schemas.bodies import StoreBody
from schemas.catalogue import DEFAULT, CatalogueError, StoreSettings, load
from schemas.outcome import Accepted, Outcome, Quarantined
from schemas.touchpoint import Touchpoint

HEADING = "store_id,till,receipt,timestamp,loyalty_id,product,category,quantity,value"
BERLIN = Declared(ZoneInfo("Europe/Berlin"), "EUR")
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
CATALOGUE = load()


def outcomes(
    *lines: str | bytes,
    heading: str = HEADING,
    declared: Declared = BERLIN,
    window: int = 1000,
    ended: bool = True,
    store: StoreSettings | None = None,
) -> list[Outcome]:
    content = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in (heading, *lines))
    sender = Sender("store", "file:pos.csv", declared.currency, zone=declared.zone)
    catalogue = CATALOGUE.model_copy(update={"store": store or StoreSettings()})
    context = Context(sender, NOW, catalogue)
    file = io.BytesIO(content if ended else content.removesuffix(b"\n"))
    return [outcome_of(pos_csv.ADAPTER, piece, context) for piece in pos_csv.file(file, context, window=window)]


def taken(*lines: str | bytes, **more: object) -> list[Touchpoint]:
    result = outcomes(*lines, **more)  # type: ignore[arg-type] # passed on
    return [outcome.touchpoint for outcome in result if isinstance(outcome, Accepted)]


def reasons(*lines: str | bytes, **more: object) -> list[str]:
    result = outcomes(*lines, **more)  # type: ignore[arg-type] # passed on
    return [outcome.record.reason for outcome in result if isinstance(outcome, Quarantined)]


def line(
    receipt: str = "101",
    *,
    time: str = "2017-03-01 11:53:26",
    card: str = "L7",
    product: str = "tea",
    quantity: str = "2",
    value: str = "3.98",
    till: str = "1",
) -> str:
    return f"12,{till},{receipt},{time},{card},{product},drinks,{quantity},{value}"


def test_the_lines_of_a_receipt_are_one_purchase_with_its_lines() -> None:
    [purchase] = taken(line(), line(product="milk", quantity="1", value="0.99", time="2017-03-01 11:54:00"))
    assert purchase.touchpoint == "store_purchase"
    assert purchase.channel == "store"
    assert purchase.key == "loyalty:L7"
    assert purchase.order_id == "12/1/2017-03-01/101"
    assert purchase.event_id == event_id("store", "12/1/2017-03-01/101")
    assert purchase.occurred_at == datetime(2017, 3, 1, 10, 54, tzinfo=UTC)
    assert purchase.amount is not None
    assert (purchase.amount.amount, purchase.amount.currency) == (Decimal("4.97"), "EUR")
    assert isinstance(purchase.body, StoreBody)
    assert (purchase.body.store, purchase.body.till, purchase.body.receipt) == ("12", "1", "101")
    assert [(item.product, item.category, item.quantity, item.value) for item in purchase.body.items] == [
        ("tea", "drinks", 2, Decimal("3.98")),
        ("milk", "drinks", 1, Decimal("0.99")),
    ]


def test_lines_of_two_receipts_may_be_mixed() -> None:
    both = taken(line("1"), line("2"), line("1"), line("2"), line("1"))
    assert {purchase.order_id: purchase.amount.minor for purchase in both if purchase.amount} == {
        "12/1/2017-03-01/1": 1194,
        "12/1/2017-03-01/2": 796,
    }


def test_the_same_number_at_another_till_or_day_is_another_receipt() -> None:
    assert len(taken(line(), line(till="2"), line(time="2017-03-02 11:53:26"))) == 3


def test_a_receipt_over_midnight_is_one_and_of_the_day_it_began() -> None:
    over = [line(time="2017-03-02 00:00:30"), line(time="2017-03-01 23:59:30")]
    for lines in (over, over[::-1]):
        [purchase] = taken(*lines)
        assert purchase.order_id == "12/1/2017-03-01/101"


def test_without_a_card_a_receipt_is_taken_and_is_nobodys() -> None:
    [purchase] = taken(line(card=""))
    assert purchase.identifiers == ()
    assert purchase.key == "order:12/1/2017-03-01/101"


def test_quantity_nought_and_a_receipt_worth_nothing_are_kept() -> None:
    [purchase] = taken(line(quantity="0", value="0"))
    assert purchase.amount is not None
    assert purchase.amount.minor == 0
    assert isinstance(purchase.body, StoreBody)
    assert purchase.body.items[0].quantity == 0


def test_fuel_is_a_large_quantity() -> None:
    [purchase] = taken(line(quantity="89638", value="250.99"))
    assert isinstance(purchase.body, StoreBody)
    assert purchase.body.items[0].quantity == 89638


def test_each_line_is_rounded_half_to_even_before_the_sum() -> None:
    [purchase] = taken(line(value="3.4899999999999998"), line(value="0.125"), line(value="0.135"))
    assert purchase.amount is not None
    assert purchase.amount.amount == Decimal("3.75")


def test_a_receipt_below_zero_is_a_return_that_stands_for_itself() -> None:
    [returned] = taken(line(value="-5.00"), line(value="1.00"))
    assert returned.touchpoint == "store_return"
    assert returned.order_id is None
    assert returned.amount is not None
    assert returned.amount.minor == 400


def test_a_return_that_names_its_receipt_takes_back_from_that_order() -> None:
    heading = HEADING + ",original_receipt"
    [returned] = taken(line(value="-5.00") + ",12/1/2017-02-01/88", heading=heading)
    assert returned.order_id == "12/1/2017-02-01/88"
    assert reasons(line(value="-5.00") + ",88", heading=heading) == [
        "$.line[2].original_receipt: not of the form store/till/date/number"
    ]


# ---- time


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("2017-03-26 01:59:59", 0),  # before clocks go forward
        ("2017-03-26 02:30:00", 1),  # an hour that is missing: the till was not put forward yet
        ("2017-10-29 02:30:00", 0),  # an hour that comes twice: the first one
        ("2017-07-01 12:00:00", 10),
        ("2017-07-01T12:00:00Z", 12),
        ("2017-07-01T12:00:00-05:00", 17),
        ("1.7.2017 12:00", 10),
    ],
)
def test_a_time_without_zone_is_of_the_declared_one(written: str, hour: int) -> None:
    [purchase] = taken(line(time=written))
    assert purchase.occurred_at.hour == hour


def test_without_a_declared_zone_a_time_without_one_is_refused() -> None:
    found = reasons(line(time="2017-03-01T10:53:26Z"), line("102"), declared=Declared(None, "EUR"))
    assert found == ["$.line[3].timestamp: '2017-03-01 11:53:26' has no time zone, and none was declared"]


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (Declared(None, "EUR"), "$.line[2]: the time has no time zone"),
        (Declared(ZoneInfo("UTC"), None), "$.line[1]: there is no column currency"),
    ],
)
def test_a_file_whose_source_declares_too_little_is_refused_whole(declared: Declared, reason: str) -> None:
    with pytest.raises(Problem) as refused:
        outcomes(line(), declared=declared)
    assert str(refused.value).startswith(reason)


# ---- what is wrong


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(quantity="two"), "$.line[3].quantity: not a number"),
        (line(value=""), "$.line[3].value: required, but blank"),
        (line(value="3,98"), "$.line[3]: 10 columns where the heading has 9"),
        (line(product=""), "$.line[3].product: required, but blank"),
        (line(card="L8"), "$.line[3].loyalty_id: 'L8', where the receipt began with 'L7'"),
        ("12,1,101", "$.line[3]: 3 columns where the heading has 9"),
        (line(product="\xff").encode("latin-1"), "$.line[3]: not UTF-8 (byte 33 of the line)"),
    ],
)
def test_a_bad_line_takes_its_whole_receipt_along_and_no_other(bad: str | bytes, reason: str) -> None:
    lines = [line(), bad, line(), line("102")]
    assert [purchase.order_id for purchase in taken(*lines)] == ["12/1/2017-03-01/102"]
    assert reasons(*lines) == [reason]


def test_a_bad_first_line_takes_its_receipt_along_too() -> None:
    lines = [line(quantity="two"), line("102"), line()]
    assert [purchase.order_id for purchase in taken(*lines)] == ["12/1/2017-03-01/102"]
    assert reasons(*lines) == ["$.line[2].quantity: not a number"]


def test_the_quarantine_holds_all_lines_of_the_receipt() -> None:
    [bad] = [o for o in outcomes(line(), line(quantity="two"), line()) if isinstance(o, Quarantined)]
    assert bad.record.original.decode().splitlines() == [line(), line(quantity="two"), line()]
    assert bad.record.door == "file:pos.csv"


def test_a_time_before_1990_or_a_day_ahead_is_refused() -> None:
    assert "is before 1990-01-01" in reasons(line(time="1989-01-01 10:00"))[0]
    assert "is more than a day ahead" in reasons(line(time="2024-05-03 10:00"))[0]


@pytest.mark.parametrize(
    "cut", ["12,1,10", "12,1,101,2017-03-0", "12,1", "12,1,101,2017-03-01 11:53:26,L7,tea,drinks,2,3"]
)
def test_a_last_line_that_was_cut_off_takes_the_receipts_it_may_belong_to_along(cut: str) -> None:
    lines = [line("102", till="2"), line(), cut]
    assert [purchase.order_id for purchase in taken(*lines, ended=False)] == ["12/2/2017-03-01/102"]
    assert reasons(*lines, ended=False) == ["$.line[4]: cut off: the file's last line has no line break"]


def test_a_line_of_which_nobody_knows_the_receipt_is_kept_alone() -> None:
    assert reasons("nonsense", line()) == ["$.line[2]: 1 columns where the heading has 9"]
    assert len(taken("nonsense", line())) == 1


def test_the_same_receipt_again_is_the_same_event_and_another_of_its_name_is_refused() -> None:
    others = [line(str(number)) for number in range(200, 210)]
    result = outcomes(line(), *others, line(), *others, line(value="9.99"), window=5)
    events = [outcome.touchpoint.event_id for outcome in result if isinstance(outcome, Accepted)]
    assert events == [event_id("store", f"12/1/2017-03-01/{number}") for number in (101, *range(200, 210))] * 2
    [torn] = [outcome for outcome in result if isinstance(outcome, Quarantined)]
    assert torn.record.reason.startswith("$.line[24].receipt: receipt 12/1/2017-03-01/101 was complete long before")


def test_too_many_lines_are_no_receipt() -> None:
    assert reasons(*[line()] * 2001) == [
        "$.line[2002]: more than 2000 lines in one receipt (of its 100050 bytes the first 65536 are kept)"
    ]


def test_a_long_receipt_with_long_lines_is_one() -> None:
    [purchase] = taken(*[line(product="tea " * 40)] * 2000)
    assert purchase.amount is not None
    assert purchase.amount.minor == 2000 * 398


# ---- columns


def test_columns_go_by_many_names_in_any_order_and_others_are_passed_by() -> None:
    heading = "Colour;Amount;Basket ID;SKU;Branch;Time;CURRENCY;Qty"
    [purchase] = taken(
        "red;12,50;77;tea;4;2017-03-01 10:00;chf;1,5", heading=heading, declared=Declared(ZoneInfo("Europe/Zurich"))
    )
    assert purchase.order_id == "4//2017-03-01/77"
    assert purchase.amount is not None
    assert (purchase.amount.amount, purchase.amount.currency) == (Decimal("12.50"), "CHF")


@pytest.mark.parametrize(
    ("heading", "message"),
    [
        ("store_id,till", "no column receipt, timestamp, product, value; the file has store_id, till"),
        (HEADING + ",amount", "the columns 'value' and 'amount' both mean value"),
        ("", "no column store_id"),
    ],
)
def test_a_heading_that_cannot_be_meant_is_refused(heading: str, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        layout_of(heading)


# ---- columns that the catalogue names


GERMAN = StoreSettings(
    columns={
        "store_id": "Filiale",
        "till": "Kasse",
        "receipt": "Bon-Nr.",
        "timestamp": ("Datum", "Uhrzeit"),
        "loyalty_id": "Kundenkarte",
        "product": "Artikel",
        "quantity": "Menge",
        "value": "Umsatz",
        "original_receipt": "Ursprungsbon",
        "original_date": "Ursprungsdatum",
    },
    decimal_comma=True,
)
HEADINGS = "Filiale;Kasse;Bon-Nr.;Datum;Uhrzeit;Kundenkarte;Artikel;Menge;Umsatz;Ursprungsbon;Ursprungsdatum"


def test_columns_have_the_names_that_the_catalogue_gives_them() -> None:
    [purchase] = taken("4;1;77;01.03.2017;10:15;L7;Tee;1,5;1.234,50;;", heading=HEADINGS, store=GERMAN)
    assert purchase.order_id == "4/1/2017-03-01/77"
    assert purchase.occurred_at == datetime(2017, 3, 1, 9, 15, tzinfo=UTC)
    assert purchase.key == "loyalty:L7"
    assert purchase.amount is not None
    assert purchase.amount.amount == Decimal("1234.50")


def test_a_return_may_name_its_receipt_by_number_and_date() -> None:
    [returned] = taken("4;1;78;02.03.2017;10:15;L7;Tee;-1;-5,00;77;01.03.2017", heading=HEADINGS, store=GERMAN)
    assert (returned.touchpoint, returned.order_id) == ("store_return", "4/1/2017-03-01/77")
    assert reasons("4;1;78;02.03.2017;10:15;L7;Tee;-1;-5,00;77;soon", heading=HEADINGS, store=GERMAN) == [
        "$.line[2].original_date: not a time"
    ]


def test_files_of_other_tills_are_read_by_the_common_names_beside_it() -> None:
    store = GERMAN.model_copy(update={"decimal_comma": None})
    assert len(taken(line(), store=store)) == 1


def test_a_column_that_is_named_is_not_taken_for_another() -> None:
    heading = "store,receipt,time,sku,amount,total"
    [purchase] = taken(
        "4,77,2017-03-01 10:15,tea,2,5.00", heading=heading, store=StoreSettings(columns={"quantity": "Amount"})
    )
    assert isinstance(purchase.body, StoreBody)
    assert (purchase.body.items[0].quantity, purchase.body.items[0].value) == (2, 5)


@pytest.mark.parametrize(
    ("settings", "row"),
    [
        ({"date_format": "%m/%d/%Y %I:%M %p"}, "4,77,03/01/2017 01:15 PM,tea,1234.50"),
        ({"delimiter": "#"}, "4#77#2017-03-01 13:15#tea#1234.50"),
        ({"delimiter": "#", "decimal_comma": False}, "4#77#2017-03-01 13:15#tea#1,234.50"),
        ({"delimiter": ",", "decimal_comma": True}, '4,77,2017-03-01 13:15,tea,"1.234,50"'),
    ],
)
def test_the_catalogue_says_how_numbers_and_times_are_written(settings: dict[str, object], row: str) -> None:
    store = StoreSettings.model_validate(settings)
    heading = "store,receipt,time,sku,amount".replace(",", store.delimiter or ",")
    [purchase] = taken(row, heading=heading, store=store)
    assert purchase.amount is not None
    assert (purchase.amount.minor, purchase.occurred_at.hour) == (123450, 12)


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ('[store.columns]\nbon = "Bon"', "store.columns.bon"),
        ('[store]\ndelimiter = ";;"', "store.delimiter"),
        ("[store]\ncomma = true", "store.comma"),
    ],
)
def test_a_section_that_cannot_be_meant_is_refused_with_its_line(section: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    text = DEFAULT.read_text(encoding="utf-8")
    path.write_text(re.sub(r"\[store\].*?\[channels\]", f"{section}\n\n[channels]", text, flags=re.DOTALL))
    with pytest.raises(CatalogueError, match=rf"catalogue.toml:\d+: {re.escape(reason)}"):
        load(path)


def test_a_time_in_another_form_is_refused() -> None:
    store = StoreSettings(date_format="%m/%d/%Y %I:%M %p")
    assert reasons(line(), store=store) == ["$.line[2].timestamp: not a time of the form %m/%d/%Y %I:%M %p"]


# ---- returns beside purchases, cards of zeros


def test_lines_that_name_a_receipt_are_a_return_of_it_beside_the_purchase() -> None:
    heading = HEADING + ",original_receipt"
    bought, back = taken(line(value="20.00") + ",", line(value="-5.00") + ",12/1/2017-02-01/88", heading=heading)
    assert (bought.touchpoint, bought.order_id) == ("store_purchase", "12/1/2017-03-01/101")
    assert (back.touchpoint, back.order_id) == ("store_return", "12/1/2017-02-01/88")
    assert (bought.amount, back.amount) != (None, None)
    assert [one.amount.minor for one in (bought, back) if one.amount] == [2000, 500]
    assert [one.key for one in (bought, back)] == ["loyalty:L7"] * 2
    assert bought.event_id != back.event_id


@pytest.mark.parametrize("card", ["0", "00000000", "-", "none"])
def test_a_card_of_zeros_is_no_card(card: str) -> None:
    assert [purchase.identifiers for purchase in taken(line(card=card))] == [()]


# ---- where an import may go on


def test_an_import_goes_on_only_where_no_receipt_reaches_over() -> None:
    grouping = Grouping(window=2)

    def place_after(numbers: str, *, at: int) -> int:
        for number in numbers:
            read = line_of(Raw(2, at, line(number).encode(), length=10), layout_of(HEADING), BERLIN)
            list(grouping.add(read))
            at += 10
        return grouping.clean(at)

    assert place_after("XYXYYY", at=0) == 0  # X is finished, but reaches into Y, which is not
    assert place_after("ZZ", at=60) == 60  # Y is finished too


def test_a_file_that_ends_is_done_to_its_end() -> None:
    content = b"".join(row.encode() + b"\n" for row in [HEADING, line("1"), line("2"), line("1")])
    context = Context(Sender("store", "f", "EUR", zone=BERLIN.zone), NOW, CATALOGUE)
    assert [piece.end for piece in pos_csv.file(io.BytesIO(content), context)] == [None, len(content)]
    cut = content[:-5]
    assert [piece.end for piece in pos_csv.file(io.BytesIO(cut), context)][-1] == len(HEADING) + 1
