"""Transactions of a POSLog and the touchpoints that they become."""

from __future__ import annotations

import io
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from producers.adapters.adapter import Context, HookRequest
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.sender import Sender
from producers.adapters.store import poslog
from producers.adapters.store.poslog_reader import MOST_BYTES, transactions
from schemas.base import event_id
from schemas.bodies import StoreBody
from schemas.catalogue import load
from schemas.outcome import Accepted, Outcome, Quarantined
from schemas.touchpoint import Touchpoint

EXAMPLE = Path(__file__).parents[3] / "examples" / "poslog" / "file_day.xml"
CONTEXT = Context(
    Sender("store", "file:day.xml", "EUR", zone=ZoneInfo("Europe/Berlin")), datetime(2026, 11, 22, tzinfo=UTC), load()
)
BOMB = '<!DOCTYPE x [<!ENTITY a "aaa"><!ENTITY b "&a;&a;&a;">]><POSLog>&b;</POSLog>'
NAMESPACE = "http://www.nrf-arts.org/IXRetail/namespace/"


def outcomes(document: str | bytes, context: Context = CONTEXT) -> list[Outcome]:
    content = document.encode() if isinstance(document, str) else document
    return [outcome_of(poslog.ADAPTER, piece, context) for piece in poslog.file(io.BytesIO(content), context)]


def taken(document: str | bytes) -> list[Touchpoint]:
    found = outcomes(document)
    assert all(isinstance(one, Accepted) for one in found), found
    return [one.touchpoint for one in found if isinstance(one, Accepted)]


def reasons(document: str | bytes, context: Context = CONTEXT) -> list[str]:
    return [one.record.reason for one in outcomes(document, context) if isinstance(one, Quarantined)]


def sale(value: str, *, item: str = "tea", number: str = "", more: str = "", flags: str = "") -> str:
    return (
        f"<LineItem {flags}><SequenceNumber>{number}</SequenceNumber><Sale><ItemID>{item}</ItemID>"
        f"<ExtendedAmount>{value}</ExtendedAmount><Quantity>1</Quantity>{more}</Sale></LineItem>"
    )


def returned(value: str, link: str = "") -> str:
    return f"<LineItem><Return><ItemID>tea</ItemID><ExtendedAmount>{value}</ExtendedAmount>{link}</Return></LineItem>"


LINK = (
    "<TransactionLink><RetailStoreID>9</RetailStoreID><WorkstationID>2</WorkstationID>"
    "<SequenceNumber>88</SequenceNumber><BusinessDayDate>2026-10-01</BusinessDayDate></TransactionLink>"
)


def transaction(inside: str, *, retail: str = "", flags: str = "", head: str = "", number: str = "5") -> str:
    return (
        f"<Transaction {flags}><RetailStoreID>9</RetailStoreID><WorkstationID>1</WorkstationID>"
        f"<SequenceNumber>{number}</SequenceNumber><BusinessDayDate>2026-10-05</BusinessDayDate>"
        f"<EndDateTime>2026-10-06T00:10:00</EndDateTime>{head}"
        f"<RetailTransaction {retail}>{inside}</RetailTransaction></Transaction>"
    )


def log(*inside: str) -> str:
    return f'<POSLog xmlns="{NAMESPACE}" xmlns:x="http://example.org/x">{"".join(inside)}</POSLog>'


def worth(touchpoint: Touchpoint) -> tuple[str, str | None, str | None]:
    amount = None if touchpoint.amount is None else str(touchpoint.amount.amount)
    return touchpoint.touchpoint, touchpoint.order_id, amount


def items(touchpoint: Touchpoint) -> list[tuple[str, Decimal, Decimal | None]]:
    assert isinstance(touchpoint.body, StoreBody)
    return [(item.product, item.quantity, item.value) for item in touchpoint.body.items]


def test_a_day_of_real_tills() -> None:
    assert [worth(one) for one in taken(EXAMPLE.read_bytes())] == [
        ("till_control", None, None),
        ("store_purchase", "9/34/2026-09-30/161", "1.07"),
        ("store_purchase", "502/2/2026-07-14/2729", "0.00"),
        ("store_purchase", "9/1/2026-10-05/5", "5.00"),
        ("store_return", "9/34/2026-09-30/161", "1.00"),
        ("store_receipt_voided", None, None),
        ("store_return", "9/1/2026-10-05/5", "5.00"),
    ]


def test_a_sale_has_its_store_till_lines_time_and_customer() -> None:
    card = "<LoyaltyAccount><LoyaltyProgram><LoyaltyAccountID>L7</LoyaltyAccountID></LoyaltyProgram></LoyaltyAccount>"
    department = '<MerchandiseHierarchy Level="Department">drinks</MerchandiseHierarchy>'
    [purchase] = taken(log(transaction(sale("2.50", more=department) + card, head="<CurrencyCode>CHF</CurrencyCode>")))
    assert worth(purchase) == ("store_purchase", "9/1/2026-10-05/5", "2.50")
    assert purchase.event_id == event_id("store", "9/1/2026-10-05/5")
    assert purchase.occurred_at == datetime(2026, 10, 5, 22, 10, tzinfo=UTC)
    assert purchase.key == "loyalty:L7"
    assert purchase.amount is not None
    assert purchase.amount.currency == "CHF"
    assert isinstance(purchase.body, StoreBody)
    assert (purchase.body.store, purchase.body.till, purchase.body.receipt) == ("9", "1", "5")
    assert purchase.body.items[0].category == "drinks"


@pytest.mark.parametrize("number", ["0", "0000000000", " "])
def test_a_card_of_zeros_is_no_card(number: str) -> None:
    [purchase] = taken(
        log(transaction(sale("1") + f"<LoyaltyAccount><LoyaltyID>{number}</LoyaltyID></LoyaltyAccount>"))
    )
    assert purchase.identifiers == ()


def test_names_of_a_till_makers_own_namespace_are_not_the_standards() -> None:
    theirs = "<x:CustomerID>house</x:CustomerID>"
    own = f"<x:Customer>{theirs}</x:Customer><Customer>{theirs}</Customer>"
    [purchase] = taken(log(transaction(sale("1") + own)))
    assert purchase.identifiers == ()


@pytest.mark.parametrize("prefix", ["", "arts:"])
def test_the_standards_namespace_may_have_a_prefix_or_be_missing(prefix: str) -> None:
    text = log(transaction(sale("1.00"))).replace("<", f"<{prefix}").replace(f"<{prefix}/", f"</{prefix}")
    declared = f'xmlns:arts="{NAMESPACE}"' if prefix else ""
    assert worth(taken(text.replace(f'xmlns="{NAMESPACE}"', declared))[0])[2] == "1.00"


# ---- worth


def test_a_receipt_is_worth_its_grand_total_which_knows_rebates_that_no_line_has() -> None:
    total = '<Total TotalType="TransactionGrandAmount">4.50</Total><Total TotalType="TransactionNetAmount">4</Total>'
    [purchase] = taken(log(transaction(sale("2.50") + sale("2.50") + total)))
    assert worth(purchase)[2] == "4.50"


def test_without_a_total_it_is_worth_its_lines() -> None:
    discount = sale("0.50", item="coupon").replace("<ExtendedAmount>", '<ExtendedAmount Action="Subtract">')
    by_price = sale("0.999", item="a").replace("ExtendedAmount", "ActualSalesUnitPrice").replace(">1</Q", ">3</Q")
    [purchase] = taken(log(transaction(sale("2.50") + discount + by_price)))
    assert worth(purchase)[2] == "5.00"
    assert items(purchase)[1:] == [("coupon", 1, Decimal("-0.50")), ("a", 3, Decimal("3.00"))]


def test_a_voided_line_and_the_line_that_it_names_are_no_part_of_it() -> None:
    flag, link = 'VoidFlag="true"', "<ItemLink>1</ItemLink>"
    lines = sale("5", number="1") + sale("2", number="2") + sale("5", number="3", flags=flag, more=link)
    [purchase] = taken(log(transaction(lines + sale("7", number="4", flags=flag))))
    assert worth(purchase)[2] == "2.00"
    assert len(items(purchase)) == 1


# ---- what came back


def test_a_return_takes_back_from_the_order_that_its_link_names() -> None:
    for total in ("", '<Total TotalType="TransactionGrandAmount">5.00</Total>'):
        [back] = taken(log(transaction(returned("5.00", LINK) + total)))
        assert worth(back) == ("store_return", "9/2/2026-10-01/88", "5.00")
        assert back.event_id == event_id("store", "9/1/2026-10-05/5")
        assert items(back) == [("tea", -1, Decimal("-5.00"))]


def test_an_exchange_is_a_purchase_and_a_return_that_add_up_to_what_was_paid() -> None:
    total = '<Total TotalType="TransactionGrandAmount">14.00</Total>'
    bought, back = taken(log(transaction(sale("20.00") + returned("5.00", LINK) + total)))
    assert worth(bought) == ("store_purchase", "9/1/2026-10-05/5", "19.00")
    assert worth(back) == ("store_return", "9/2/2026-10-01/88", "5.00")
    assert bought.event_id != back.event_id


@pytest.mark.parametrize("link", ["", "<TransactionLink><TransactionID>cd5d</TransactionID></TransactionLink>"])
def test_a_return_that_names_no_receipt_stands_for_itself(link: str) -> None:
    [back] = taken(log(transaction(sale("1.00") + returned("5.00", link))))
    assert worth(back) == ("store_return", None, "4.00")


def test_a_transaction_that_voids_another_takes_it_back_whole() -> None:
    link = LINK.replace("<TransactionLink>", '<TransactionLink ReasonCode="Voided">')
    inside = sale("-5", flags='VoidFlag="true"') + link
    [back] = taken(log(transaction(inside, retail='TransactionStatus="PostVoided"')))
    assert worth(back) == ("store_return", "9/2/2026-10-01/88", "5.00")


@pytest.mark.parametrize(
    ("flags", "retail", "name"),
    [
        ("", 'TransactionStatus="Voided"', "Voided"),
        ("", 'TransactionStatus="Suspended"', "Suspended"),
        ("", 'TransactionStatus="Canceled"', "Canceled"),
        ('CancelFlag="true"', "", "Canceled"),
        ('VoidedFlag="1"', "", "Voided"),
        ('TrainingModeFlag="true"', "", "Training"),
    ],
)
def test_what_was_given_up_or_rung_up_for_training_is_no_purchase(flags: str, retail: str, name: str) -> None:
    [voided] = taken(log(transaction(sale("5"), flags=flags, retail=retail)))
    assert worth(voided) == ("store_receipt_voided", None, None)
    assert voided.name == name


@pytest.mark.parametrize("flags", ['CancelFlag="false" TrainingModeFlag="false"', ""])
@pytest.mark.parametrize("retail", ['TransactionStatus="Totaled"', 'TransactionStatus="Delivered"', ""])
def test_other_states_are_purchases(flags: str, retail: str) -> None:
    [purchase] = taken(log(transaction(sale("5"), flags=flags, retail=retail)))
    assert purchase.touchpoint == "store_purchase"


# ---- what is wrong


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (transaction(sale("much")), ".RetailTransaction.LineItem[0].Sale.ExtendedAmount: not a number"),
        (transaction(sale("1", item="")), ".RetailTransaction.LineItem[0].Sale.ItemID: required, but missing"),
        (transaction("", number=""), ".SequenceNumber: required, but missing"),
        (transaction("", head="<CurrencyCode>XXQ</CurrencyCode>"), ".CurrencyCode: 'XXQ' is not an ISO 4217"),
        (transaction("").replace("2026-10-06T", "1987-10-06T"), ".EndDateTime: 1987-10-05T23:10:00+00:00 is before"),
        (transaction("").replace("2026-10-06T00:10:00", "soon"), ".EndDateTime: not a time"),
        ("<Transaction/>", ".RetailStoreID: required, but missing"),
        (f"<Transaction>{'<a>' * 70}{'</a>' * 70}</Transaction>", ": nested more than 64 deep"),
        (transaction(sale("1") * 2001), ".RetailTransaction.LineItem: more than 2000 lines in one receipt"),
        (transaction("x" * (MOST_BYTES + 70_000)), f": more than {MOST_BYTES} bytes in one transaction"),
    ],
)
def test_a_bad_transaction_is_quarantined_alone(document: str, reason: str) -> None:
    good = transaction(sale("1"), number="6")
    found = outcomes(log(good, document, good))
    assert [type(one) for one in found] == [Accepted, Quarantined, Accepted]
    [bad] = [one for one in found if isinstance(one, Quarantined)]
    assert bad.record.reason.startswith(f"$.Transaction[1]{reason}")


def test_what_is_kept_of_a_transaction_is_a_document_of_its_own() -> None:
    for encoding in ("utf-8", "utf-16", "latin-1"):
        text = f'<?xml version="1.0" encoding="{encoding}"?>' + log(
            transaction(sale("much", item="Tée")), "<Transaction/>"
        )
        first, _ = transactions(io.BytesIO(text.encode(encoding)))
        [again] = transactions(io.BytesIO(first.raw))
        assert not isinstance(again.tree, Problem)
        assert again.tree.findtext("RetailTransaction/LineItem/Sale/ItemID") == "Tée"
        assert again.tree.findtext("RetailStoreID") == "9"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (BOMB, "declares the entity 'a'; entities are not taken"),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><POSLog>&a;</POSLog>', "declares the entity 'a'"),
        ('<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1/x"> %a;]><POSLog/>', "declares the entity 'a'"),
        ("<POSLog><Transaction>", "no XML from line 1, column 22 on, behind 0 transactions"),
        ("", "no XML from line 1"),
        ("<html/>", "no POSLog: the root is 'html', and no Transaction is in it"),
        ('<?xml version="1.0" encoding="klingon"?><POSLog/>', "no XML: unknown encoding"),
        ("<POSLog " + "x" * 2 * MOST_BYTES, f"a tag of more than {MOST_BYTES} bytes"),
    ],
)
def test_what_is_no_log_or_not_allowed_is_refused(document: str, reason: str) -> None:
    with pytest.raises(Problem) as refused:
        outcomes(document)
    assert str(refused.value).startswith(f"$: {reason}")


def test_a_log_without_transactions_is_a_quiet_day() -> None:
    assert outcomes(log()) == []


def test_a_log_of_any_length_takes_the_memory_of_one_transaction() -> None:
    some = transaction(sale("1.00") * 5).encode() * 10

    class Long(io.BytesIO):
        parts = iter([b"<POSLog>", *[some] * 40, b"</POSLog>"])

        def read(self, _size: int | None = -1) -> bytes:
            return next(self.parts, b"")

    tracemalloc.start()
    try:
        count = sum(1 for _ in transactions(Long()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 400
    assert peak < 20 * len(some)


def test_a_log_comes_by_webhook_too() -> None:
    request = HookRequest(log(transaction(sale("1"))).encode(), {}, (), "https://example.org/hooks/poslog")
    [piece] = poslog.pieces(request, CONTEXT)
    assert isinstance(outcome_of(poslog.ADAPTER, piece, CONTEXT), Accepted)


def test_without_a_zone_or_a_currency_of_the_source_it_says_so() -> None:
    bare: Any = Context(Sender("store", "file"), CONTEXT.received_at, CONTEXT.catalogue)
    assert reasons(log(transaction(sale("1"))), bare) == [
        "$.Transaction[0].CurrencyCode: required: there is none, and none is declared for the source"
    ]
    [reason] = reasons(log(transaction(sale("1"), head="<CurrencyCode>EUR</CurrencyCode>")), bare)
    assert reason.startswith("$.Transaction[0].EndDateTime: has no time zone; declare the time zone")
