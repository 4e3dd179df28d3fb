"""`touchpath attribution report` over the real stages and the real tables: only Kafka between them is left out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.attribution_report import Asked, NothingToReportError, Row, of_rows
from deploy.cli import attribution_report
from deploy.cli.app import app
from deploy.cli.exits import Exit
from schemas.catalogue import load as load_catalogue_file
from schemas.money import Money
from schemas.touchpoint import Campaign
from sinks.catalogue import load_catalogue
from sinks.client import Store
from tests.unit.deploy.commands import failed
from tests.unit.sinks.pipeline import Pipeline, an_event

ADA = "customer:ada"
BO = "customer:bo"
DAY = 24 * 60
ROWS: list[Row] = [
    ("first", "touch", "search", "EUR", 2, Decimal(3), 900),
    ("first", "unattributed", "", "EUR", 2, Decimal(1), 100),
    ("last", "touch", "email", "EUR", 2, Decimal(2), 600),
    ("last", "touch", "search", "EUR", 2, Decimal(1), 300),
    ("last", "unattributed", "", "EUR", 2, Decimal(1), 100),
    ("last", "touch", "search", "USD", 2, Decimal(1), 5000),
    ("first", "touch", "search", "USD", 2, Decimal(1), 5000),
]


@pytest.fixture
def pipeline(store_of_the_cli: Store) -> Pipeline:
    return Pipeline(store_of_the_cli)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["attribution", "report", *words])


def told(*words: str) -> Any:
    done = run(*words, "--json")
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


def names(found: Any, model: str) -> dict[str, tuple[str, str]]:
    return {line["name"]: (line["conversions"], line["value"]) for line in found["models"][model]["names"]}


def a_life(pipeline: Pipeline) -> None:
    """Ada came by search, then by a mail, and bought for 10; Bo bought for 30 and nobody knows why."""
    paid = {n: Money(amount=Decimal(n), currency="EUR") for n in ("10.00", "30.00")}
    pipeline.seen(
        an_event("visit", ADA, minute=0, channel="search", campaign=Campaign(name="brand")),
        an_event("click", ADA, minute=DAY, touchpoint="email_clicked", channel="email"),
        an_event("order", ADA, minute=2 * DAY, touchpoint="store_purchase", channel="store", amount=paid["10.00"]),
        an_event("other", BO, minute=2 * DAY, touchpoint="store_purchase", channel="store", amount=paid["30.00"]),
    )


def test_every_model_stands_beside_the_others_and_sums_to_the_same(pipeline: Pipeline) -> None:
    a_life(pipeline)
    found = told()
    assert (found["measure"], found["currency"], found["against"]) == ("value", "EUR", "last")
    assert {model["total"] for model in found["models"].values()} == {"40.00"}
    assert names(found, "last") == {"email": ("1.000000000", "10.00"), "(unattributed)": ("1.000000000", "30.00")}
    assert names(found, "first") == {"search": ("1.000000000", "10.00"), "(unattributed)": ("1.000000000", "30.00")}
    assert names(found, "linear")["search"] == ("0.500000000", "5.00")
    assert found["models"]["first"]["moved"] == 1  # all that touches earned belongs to search and not to the mail
    assert found["models"]["linear"]["moved"] == 0.5
    assert found["models"]["last"]["moved"] == 0


def test_purchases_of_unknown_buyers_are_told_beside_the_total_as_ropo_counts_them(
    pipeline: Pipeline, store_of_the_cli: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_catalogue(store_of_the_cli, load_catalogue_file())
    a_life(pipeline)
    assert told()["purchases_of_unknown_buyers"] == []

    def receipt(name: str, amount: str, currency: str = "EUR", *, minute: int = DAY, **more: Any) -> Any:
        paid = Money(amount=Decimal(amount), currency=currency)
        what = {"touchpoint": "store_purchase", "channel": "store", "amount": paid} | more
        return an_event(name, minute=minute, order_id=name, **what)

    pipeline.seen(
        receipt("r1", "30.00"), receipt("r2", "1.50", touchpoint="store_purchase.kiosk"), receipt("r3", "7", "JPY"),
        receipt("r4", "2.00", minute=90 * DAY), receipt("r5", "9.00", touchpoint="coupon_redeemed"),
    )  # fmt: skip
    unknown = told()["purchases_of_unknown_buyers"]
    assert unknown == [
        {"currency": "EUR", "purchases": 3, "value": "33.50"},
        {"currency": "JPY", "purchases": 1, "value": "7"},
    ]
    ropo = store_of_the_cli.rows(
        f"SELECT currency, count(), sum(value) FROM {store_of_the_cli.database}.ropo_purchases"
        " WHERE isNull(profile_id) GROUP BY currency ORDER BY currency"
    )
    assert ropo == [(one["currency"], one["purchases"], Decimal(one["value"])) for one in unknown]
    assert {model["total"] for model in told()["models"].values()} == {"40.00"}
    [early, _] = told("--until", "2026-04-01")["purchases_of_unknown_buyers"]
    assert early["value"] == "31.50"
    assert told("--as-of", "2026-03-03T12:00")["purchases_of_unknown_buyers"] == [early, unknown[1]]
    assert told("--conversion", "purchase")["purchases_of_unknown_buyers"] is None
    monkeypatch.setattr(attribution_report, "chosen", lambda: "table")
    said = "4 purchases of unknown buyers are in no conversion, and so in no total above: 33.50 EUR, 7 JPY as sold"
    assert said in run().stderr
    assert "unknown buyer" not in run("--conversion", "purchase").stderr


def test_by_campaign_a_touch_without_one_is_its_channels(pipeline: Pipeline) -> None:
    a_life(pipeline)
    assert set(names(told("--by", "campaign"), "linear")) == {"search/brand", "email", "(unattributed)"}
    assert set(names(told("--by", "touchpoint"), "linear")) == {"page_view", "email_clicked", "(unattributed)"}


def test_a_window_takes_the_conversions_in_it_and_an_empty_one_says_so(pipeline: Pipeline) -> None:
    a_life(pipeline)
    assert "no conversion in this window" in failed(run("--since", "2126-01-01"), Exit.FAILED)
    assert failed(run("--as-of", "1999-01-01"), Exit.FAILED).startswith(
        "at 1999-01-01 00:00 UTC the ledger had no conversion"
    )
    assert "no conversion trial or lead in this window" in failed(
        run("--conversion", "trial", "--conversion", "lead"), Exit.FAILED
    )
    assert "no conversion in this window has a value in USD (there is: EUR)" in failed(
        run("--currency", "usd"), Exit.FAILED
    )


def test_a_window_ends_at_a_part_of_a_second_and_may_begin_with_the_calendar(pipeline: Pipeline) -> None:
    a_life(pipeline)
    bought = "2026-03-03T12:00:00"
    assert "no conversion in this window" in failed(run("--until", bought), Exit.FAILED)
    assert told("--until", f"{bought}.5", "--since", "0001-01-01")["models"]["last"]["total"] == "40.00"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--by", "city"], "--by: 'city' is none of channel, campaign, touchpoint"),
        (["--measure", "clicks"], "--measure: 'clicks' is neither value nor conversions"),
        (["--against", "gut_feeling"], "--against: the ledger has no model 'gut_feeling' here (it has first, last,"),
        (["--model", "linear", "--model", "gut"], "--model: the ledger has no model 'gut' here (it has first, last,"),
        (["--since", "2026-03-02", "--until", "2026-03-01"], "--since is not before --until"),
        (["--since", "soon"], "--since: 'soon' is neither a time"),
    ],
)
def test_what_cannot_be_asked_is_said(words: list[str], said: str, pipeline: Pipeline) -> None:
    a_life(pipeline)
    assert said in failed(run(*words), Exit.USAGE)


def test_only_the_models_asked_for_stand_beside_the_one_held_against(pipeline: Pipeline) -> None:
    a_life(pipeline)
    assert told("--model", "linear")["models"].keys() == {"last", "linear"}
    assert told("--model", "linear", "--model", "first", "--against", "first")["models"].keys() == {"first", "linear"}
    assert told("--model", "linear")["models"]["linear"] == told()["models"]["linear"]
    assert {line.split("\t")[0] for line in run("--model", "last").stdout.splitlines()[1:]} == {"last"}


def test_programs_get_a_line_a_name_and_people_the_verdict(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    a_life(pipeline)
    lines = run().stdout.splitlines()
    assert lines[0] == "model\tname\tamount\tshare"
    assert "first\tsearch\t10.00\t1.0" in lines
    assert "first\t(unattributed)\t30.00\t" in lines
    monkeypatch.setattr(attribution_report, "chosen", lambda: "table")
    monkeypatch.setenv("COLUMNS", "160")
    shown = run("--top", "1")
    assert "What each channel earned, EUR" in shown.stdout
    assert "(1 others)" in shown.stdout
    assert "-100.0" in shown.stdout
    verdict = "first: 100.0% belong to somebody else than by last; most to search, most from email"
    assert verdict in shown.stderr.splitlines()


def test_values_are_those_of_one_currency_and_the_others_are_counted() -> None:
    found = of_rows(ROWS, Asked())
    assert found.currency == "EUR"
    assert found.elsewhere == 1
    assert found.total("last") == found.total("first") == Decimal("10.00")
    dollars = of_rows(ROWS, Asked(currency="USD"))
    assert dollars.total("last") == Decimal("50.00")
    assert dollars.elsewhere == 4


def test_conversions_count_in_every_currency() -> None:
    found = of_rows(ROWS, Asked(measure="conversions"))
    assert found.total("last") == found.total("first") == 5
    assert found.amount("last", "search") == 2
    assert found.elsewhere == 0


def test_without_any_value_conversions_are_counted() -> None:
    rows: list[Row] = [("last", "touch", "email", "", 0, Decimal(2), 0)]
    found = of_rows(rows, Asked())
    assert (found.measure, found.currency) == ("conversions", None)
    assert found.total("last") == 2
    with pytest.raises(NothingToReportError, match=r"no conversion in this window has a value in EUR \(.*none at all"):
        of_rows(rows, Asked(currency="EUR"))
    with pytest.raises(NothingToReportError, match="has a value: --measure conversions counts them"):
        of_rows(rows, Asked(measure="value"))
