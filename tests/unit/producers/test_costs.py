"""Spend files as advertising tools and people export them: what is read, and what is refused with its line."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from producers.costs import CostFileError, CostSheet, read_costs
from schemas.catalogue import load
from schemas.cost import Spend, SpendDay
from schemas.money import Money

CATALOGUE = load()
LATEST = date(2026, 11, 23)
HEAD = "day,channel,campaign,cost,currency,impressions,clicks\n"


def sheet(text: str | bytes, **options: Any) -> CostSheet:
    content = text.encode() if isinstance(text, str) else text
    return read_costs(BytesIO(content), CATALOGUE, latest=LATEST, **options)


def eur(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


def test_a_plain_file_is_read() -> None:
    found = sheet(HEAD + "2026-03-01,search,spring,12.34,EUR,1000,7\n2026-03-01,Direct Mail,,5,EUR,,\n")
    spends = (Spend("direct_mail", None, eur("5.00")), Spend("search", "spring", eur("12.34"), 1000, 7))
    assert found == CostSheet((SpendDay(date(2026, 3, 1), spends),), (), 2)


def test_a_file_of_a_german_table_program_is_read() -> None:
    rows = ("Datum;Kanal;Kampagne;Kosten;Klicks", "01.03.2026;search;Frühling;1.234,56;1.000", "1.3.2026;search;x;7;")
    text = "\ufeff" + "".join(f"{row}\r\n" for row in rows)
    found = sheet(text, currency="EUR")
    assert found.days == (
        SpendDay(
            date(2026, 3, 1), (Spend("search", "Frühling", eur("1234.56"), None, 1000), Spend("search", "x", eur("7")))
        ),
    )
    assert sheet(gzip.compress(text.encode()), currency="EUR") == found


def test_a_channel_is_known_by_its_name_or_its_label() -> None:
    names = ("direct_mail", "Direct mail", "DIRECT-MAIL", "E-mail", "Social media", "Website and shop")
    rows = "".join(f"2026-03-01,{name},{index},1\n" for index, name in enumerate(names))
    found = sheet(f"day,channel,campaign,cost\n{rows}", currency="EUR").days[0].spends
    told = {spend.campaign: spend.channel for spend in found}
    assert [told[str(index)] for index in range(6)] == ["direct_mail"] * 3 + ["email", "social", "web"]


@pytest.mark.parametrize(
    ("text", "options", "amount"),
    [
        ('"1,234.50"', {}, "1234.50"),
        ("1234.5", {}, "1234.50"),
        ("-3.10", {}, "-3.10"),
        ("0.005", {}, "0.00"),
        ("0.015", {}, "0.02"),
        ('"1234,5"', {"decimal": ","}, "1234.50"),
        ("1.234", {"decimal": ","}, "1234.00"),
        ("1 234.50", {}, "1234.50"),
        ("1'234.50", {}, "1234.50"),
    ],
)
def test_amounts_are_read_by_the_sign_that_the_file_uses(text: str, options: dict[str, Any], amount: str) -> None:
    found = sheet(f"day,channel,cost\n2026-03-01,search,{text}\n", currency="EUR", **options)
    assert found.days[0].spends[0].cost == eur(amount)


def test_lines_of_one_campaign_are_added_up_before_they_are_rounded() -> None:
    line = "2026-03-01,search,spring,0.004,EUR,10,\n"
    found = sheet(HEAD + line * 3 + "2026-03-01,search,spring,1,USD,,2\n")
    assert found.days[0].spends == (
        Spend("search", "spring", eur("0.01"), 30, None),
        Spend("search", "spring", Money(amount=Decimal("1.00"), currency="USD"), None, 2),
    )


BAD = {
    "search,spring,twelve,EUR,,": "$.line[3].cost: 'twelve' is not a number with a decimal point",
    'search,spring,"12,5",EUR,,': "$.line[3].cost: '12,5' is not a number with a decimal point",
    'search,spring,"0,125",EUR,,': "$.line[3].cost: '0,125' is not a number with a decimal point",
    "search,spring,,EUR,,": "$.line[3].cost: required, but missing or blank",
    "search,spring,NaN,EUR,,": "$.line[3].cost: 'NaN' is not a number with a decimal point",
    "search,spring, n/a ,EUR,,": "$.line[3].cost: 'n/a' is not a number with a decimal point",
    "search,spring,1e3,EUR,,": "$.line[3].cost: '1e3' is not a number with a decimal point",
    "search,spring,1,EURO,,": "$.line[3].currency: 'EURO' is not an ISO 4217 currency code",
    "search,spring,1,,,": "$.line[3].currency: required: neither the line nor the import says it",
    "bilboards,spring,1,EUR,,": "$.line[3].channel: 'bilboards' is none of the catalogue's channels: web, app, email",
    ",spring,1,EUR,,": "$.line[3].channel: required, but missing or blank",
    "search,spring,1,EUR,-1,": "$.line[3].impressions: '-1' is no count",
    "search,spring,1,EUR,,1.5": "$.line[3].clicks: '1.5' is no count",
    "search,spring, summer,1,EUR,,": "$.line[3]: 8 cells, where the heading has 7",
    "search,spring,1234567890123456789,EUR,,": "$.line[3].cost: more than 18 digits",
    "search,spring,12345678901234567,EUR,,": "$.line[3].cost: more than 18 digits",
}


@pytest.mark.parametrize(("rest", "reason"), BAD.items())
def test_a_bad_line_refuses_its_day_with_line_and_reason_and_the_others_are_good(rest: str, reason: str) -> None:
    found = sheet(
        HEAD
        + "2026-03-01,search,spring,1,EUR,,\n"
        + f"2026-03-02,{rest}\n"
        + "2026-03-02,email,spring,1,EUR,,\n2026-03-03,search,spring,1,EUR,,\n"
    )
    assert [day.day for day in found.days] == [date(2026, 3, 1), date(2026, 3, 3)]
    (refused,) = found.refused
    assert (refused.day, refused.bad_lines, found.lines) == (date(2026, 3, 2), 1, 4)
    assert refused.reasons[0].startswith(reason)


def test_a_day_with_many_bad_lines_shows_the_first_and_counts_all() -> None:
    found = sheet(HEAD + "2026-03-01,zork,spring,1,EUR,,\n" * 20)
    (refused,) = found.refused
    assert (len(refused.reasons), refused.bad_lines, found.days) == (5, 20, ())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "$.line[1]: no column 'day'; the file has none"),
        ("a,b\n1,2\n", "$.line[1]: no column 'day'; the file has a,b"),
        ("day,channel\n", "$.line[1]: no column 'cost'; the file has day,channel"),
        (HEAD, "$: the file has a heading, and no line below it"),
        (HEAD + "Total,,,12,EUR,,\n", "$.line[2].day: 'Total' is no day; write it as 2026-03-01. Correct the line"),
        (HEAD + ",search,,12,EUR,,\n", "$.line[2].day: the line does not say its day. Correct the line or delete it"),
        (HEAD + "03/01/2026,search,,12,EUR,,\n", "$.line[2].day: '03/01/2026' is no day"),
        (HEAD + "2026-02-30,search,,12,EUR,,\n", "$.line[2].day: not a time"),
        (HEAD + "2027-03-01,search,,12,EUR,,\n", "$.line[2].day: 2027-03-01 is not between 1990-01-01 and 2026-11-23"),
        (HEAD + "x,2026-03-01,search,spring,summer,1,EUR,,\n", "$.line[2]: 'x' is no day"),
        ("day,day,channel,cost\n", "$.line[1]: the column 'day' is there twice"),
        (b"day,channel,cost\xff\n", "$.line[1]: not UTF-8 (byte 17): export the file as UTF-8"),
        (gzip.compress(HEAD.encode() * 100, mtime=0)[:60], "$: cannot be unpacked: "),
    ],
)
def test_a_file_that_cannot_be_told_apart_into_days_is_refused_whole(text: str | bytes, reason: str) -> None:
    with pytest.raises(CostFileError) as raised:
        sheet(text)
    assert str(raised.value).startswith(reason)
