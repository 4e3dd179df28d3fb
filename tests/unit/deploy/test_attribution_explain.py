"""`touchpath attribution explain` over the real stages and the real tables: only Kafka between them is left out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.attribution_explain import Entry, Fit, Line, Step, Strangers, lines_of, path_then, postings_of, strangers_on
from deploy.cli import attribution_explain
from deploy.cli.app import app
from deploy.cli.attribution_explain import BAR, bar
from deploy.cli.exits import Exit
from schemas.base import derived_id
from schemas.money import Money
from schemas.touchpoint import Campaign
from sinks.client import Store
from tests.unit.deploy.commands import failed
from tests.unit.sinks.fits import Models, a_fit
from tests.unit.sinks.pipeline import AT, Pipeline, an_event

ADA = "customer:ada"
DAY = 24 * 60
MODELS = {"first", "last", "last_non_direct", "linear", "position_based", "time_decay"}
REFUSED = {"context": {"consent": {"categoryPreferences": {"analytics": False}}}}


@pytest.fixture
def pipeline(store_of_the_cli: Store) -> Pipeline:
    return Pipeline(store_of_the_cli)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["attribution", "explain", *words])


def told(*words: str) -> Any:
    done = run(*words, "--json")
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


def a_visit(name: str, minute: float, channel: str, *, later: float = 0, **more: Any) -> Any:
    """A visit that arrives so many minutes after it happened."""
    return an_event(
        name, ADA, minute=minute, channel=channel, received_at=AT + timedelta(minutes=minute + later), **more
    )


def an_order(minute: float = 3 * DAY, name: str = "order", order: str = "W-1", amount: str = "10.01") -> Any:
    paid = Money(amount=Decimal(amount), currency="EUR")
    return an_event(
        name, ADA, minute=minute, touchpoint="order_completed", source="shop", order_id=order, amount=paid
    )  # fmt: skip


def two_visits_and_an_order(pipeline: Pipeline) -> None:
    pipeline.seen(
        a_visit("search", 0, "search"),
        a_visit("mail", 2 * DAY, "email", campaign=Campaign(name="spring")),
        an_order(),
    )


def credits_of(story: Any, model: str) -> list[tuple[str | None, str, str]]:
    return [(line["channel"] or line["line"], line["credit"], line["value"]) for line in story["models"][model]]


def test_path_and_models_are_told_by_event_and_by_order(pipeline: Pipeline) -> None:
    two_visits_and_an_order(pipeline)
    story = told("--order", "W-1")
    assert told(str(derived_id("order"))) == story
    assert (story["conversion"], story["net"], story["gross"], story["currency"]) == (
        "purchase",
        "10.01",
        "10.01",
        "EUR",
    )
    seen = [(one["channel"], one["campaign"], one["owner"]) for one in story["path"]]
    assert seen[:2] == [("search", None, ADA), ("email", "spring", ADA)]
    assert set(story["models"]) == MODELS
    for model in MODELS:
        lines = credits_of(story, model)
        assert sum(Decimal(credit) for _, credit, _ in lines) == 1
        assert sum(Decimal(value) for _, _, value in lines) == Decimal("10.01")
    assert credits_of(story, "first") == [("search", "1.000000000", "10.01")]
    [posting] = story["history"]
    assert (posting["cause"], posting["revision"]) == ("conversion", 1)
    assert all(one["reversed"] == [] for one in posting["models"].values())


def test_a_late_touch_and_a_refund_stand_in_the_history_and_as_of_says_what_was_reported(pipeline: Pipeline) -> None:
    two_visits_and_an_order(pipeline)
    # A look from before all, heard of six days later; and two days on, half of the money is taken back.
    pipeline.seen(a_visit("advert", -DAY, "display", later=7 * DAY))
    refund = Money(amount=Decimal("5"), currency="EUR")
    pipeline.seen(
        an_event("refund", ADA, minute=8 * DAY, touchpoint="order_refunded", order_id="W-1", amount=refund)
    )  # fmt: skip
    now = told("--order", "W-1")
    assert (now["net"], now["gross"]) == ("5.01", "10.01")
    assert credits_of(now, "first") == [("display", "1.000000000", "5.01")]
    assert [posting["cause"] for posting in now["history"]] == ["conversion", "late_touchpoint", "refund"]
    late = now["history"][1]["models"]["first"]
    assert [(one["channel"], one["credit"], one["value"]) for one in late["reversed"]] == [
        ("search", "-1.000000000", "-10.01")
    ]
    assert [(one["channel"], one["value"]) for one in late["written"]] == [("display", "10.01")]
    # The last touch has stayed the same, and is not written again.
    assert "last" not in now["history"][1]["models"]

    before = told("--order", "W-1", "--as-of", (AT + timedelta(days=4)).isoformat())
    assert credits_of(before, "first") == [("search", "1.000000000", "10.01")]
    assert [one["channel"] for one in before["path"]][:2] == ["search", "email"]
    assert "display" in [one["channel"] for one in now["path"]]
    assert len(before["history"]) == 1
    between = told("--order", "W-1", "--as-of", (AT + timedelta(days=7)).isoformat())
    assert credits_of(between, "first") == [("display", "1.000000000", "10.01")]


def test_what_nobody_may_name_and_what_nobody_earned_are_lines_of_their_own(pipeline: Pipeline) -> None:
    pipeline.seen(a_visit("silent", 0, "search", properties=REFUSED), an_order())
    story = told("--order", "W-1")
    assert [line["line"] for line in story["models"]["first"]] == ["withheld"]
    hidden = story["path"][0]
    assert (hidden["touchpoint"], hidden["channel"], hidden["owner"]) == ("withheld", "withheld", None)
    assert "withheld" in run("--order", "W-1").stdout
    pipeline.seen(
        an_event(
            "receipt", "loyalty:l1", minute=0, touchpoint="store_purchase", channel="store", source="till",
            order_id="R-1", amount=Money(amount=Decimal(7), currency="EUR"),
        )
    )  # fmt: skip
    assert credits_of(told("--order", "R-1"), "linear") == [("unattributed", "1.000000000", "7.00")]


def test_a_withdrawn_consent_stands_in_the_history_and_hides_the_path_of_today(pipeline: Pipeline) -> None:
    two_visits_and_an_order(pipeline)
    withdrawn = {"analytics": False, "context": {"consent": {"categoryPreferences": {"analytics": True}}}}
    pipeline.seen(
        an_event("no", ADA, minute=5 * DAY, touchpoint="consent_changed", properties=withdrawn,
                 received_at=AT + timedelta(minutes=6 * DAY))
    )  # fmt: skip
    now = told("--order", "W-1")
    assert {(one["touchpoint"], one["channel"], one["campaign"], one["owner"]) for one in now["path"]} == {
        ("withheld", "withheld", None, None)
    }
    assert [posting["cause"] for posting in now["history"]] == ["conversion", "consent"]
    assert now["history"][1]["recorded_at"].startswith((AT + timedelta(minutes=6 * DAY)).isoformat()[:19])
    for model in MODELS:
        assert credits_of(now, model) == [("withheld", "1.000000000", "10.01")]
        restated = now["history"][1]["models"][model]
        assert sum(Decimal(one["value"]) for one in (*restated["reversed"], *restated["written"])) == 0
    shown = run("--order", "W-1").stdout
    assert "consent" in shown
    before = told("--order", "W-1", "--as-of", (AT + timedelta(days=4)).isoformat())
    assert credits_of(before, "first") == [("search", "1.000000000", "10.01")]


def test_people_read_it_section_by_section(pipeline: Pipeline) -> None:
    two_visits_and_an_order(pipeline)
    shown = run("--order", "W-1").stdout
    assert f"conversion purchase {derived_id('order')}, closes its journey\n" in shown
    assert "worth      10.01 EUR net\n" in shown
    titles = [line.removeprefix("# ") for line in shown.splitlines() if line.startswith("# ")]
    assert titles == ["Path", "What each model gives", "Restatements"]
    assert f"first\t2026-03-01 12:00:00\tsearch (page_view)\t100.00%\t{'█' * BAR}\t10.01\n" in shown
    assert "email spring (page_view)" in shown
    assert "\tconversion\t1\tfirst\t\tsearch 100.00% 10.01\n" in shown


def test_a_conversion_without_a_value_has_credit_and_no_money(pipeline: Pipeline) -> None:
    pipeline.seen(a_visit("search", 0, "search"), an_event("news", ADA, minute=DAY, touchpoint="newsletter_subscribed"))
    story = told(str(derived_id("news")))
    assert (story["conversion"], story["closing"], story["currency"], story["net"]) == ("newsletter", False, None, None)
    assert [(line["channel"], line["credit"], line["value"]) for line in story["models"]["first"]] == [
        ("search", "1.000000000", None)
    ]
    shown = run(str(derived_id("news")), "--as-of", (AT + timedelta(days=2)).isoformat()).stdout
    assert "worth      no value\n" in shown
    assert "as of      2026-03-03 12:00:00; the facts above are those of now\n" in shown
    assert "\tfirst\t\tsearch 100.00%\n" in shown


def test_a_time_before_anything_was_recorded_says_so(pipeline: Pipeline) -> None:
    two_visits_and_an_order(pipeline)
    done = run("--order", "W-1", "--as-of", "2020-01-01")
    assert done.exception is None
    assert "Restatements" not in done.stdout
    assert "What each model gives" not in done.stdout
    assert "nothing was recorded of it by then" in done.stderr
    assert told("--order", "W-1", "--as-of", "0001-01-01")["models"] == {}
    assert "neither a time" in failed(run("--order", "W-1", "--as-of", "soon"), Exit.USAGE)


def test_a_conversion_that_was_withdrawn_says_so_and_keeps_its_history(pipeline: Pipeline, store: Store) -> None:
    two_visits_and_an_order(pipeline)
    # The same order, from an event before it: that one converts now.
    pipeline.seen(an_order(2.5 * DAY, "earlier"))
    story = told(str(derived_id("order")))
    assert (story["withdrawn"], story["models"]) == (True, {})
    assert len(story["history"]) == 2
    done = run(str(derived_id("order")))
    assert "withdrawn: it is no conversion any more" in done.stdout
    assert "a withdrawn conversion has no credit" in done.stderr
    assert told("--order", "W-1")["conversion_id"] == str(derived_id("earlier"))
    assert store.rows(f"SELECT count() FROM {store.database}.attribution_violations") == [(0,)]


def test_what_is_no_conversion_is_said_with_what_to_do(pipeline: Pipeline) -> None:
    two_visits_and_an_order(pipeline)
    nobody = "00000000-0000-4000-8000-000000000000"
    assert failed(run(nobody), Exit.FAILED).startswith(f"there is no event {nobody}, and so no conversion; `touchpath")
    said = failed(run(str(derived_id("search"))), Exit.FAILED)
    assert "is page_view (search) of 2026-03-01 12:00, and no conversion: the catalogue's [conversions]" in said
    pipeline.seen(an_event("nobody's"))
    assert "it names nobody" in failed(run(str(derived_id("nobody's"))), Exit.FAILED)
    assert failed(run("--order", "w-"), Exit.FAILED).startswith("no conversion names order w-; there is W-1; ")
    assert failed(run("W-1"), Exit.USAGE).endswith("for the number of an order: --order W-1")
    for words in ((), (nobody, "--order", "W-1"), ("",), ("--order", ""), ("--order", " ")):
        assert failed(run(*words), Exit.USAGE).startswith("name one conversion")


def test_an_order_with_several_conversions_asks_for_one_of_them(pipeline: Pipeline) -> None:
    # Two shops' numbers: each buyer's own.
    pipeline.seen(
        an_order(),
        an_event(
            "other", "customer:bo", minute=DAY, touchpoint="order_completed", source="shop", order_id="W-1",
            amount=Money(amount=Decimal(1), currency="EUR"),
        ),
    )  # fmt: skip
    said = failed(run("--order", "W-1"), Exit.USAGE)
    assert said.startswith("order W-1 has 2 conversions, name one of them by its id: ")
    assert str(derived_id("other")) in said


def test_without_tables_or_clickhouse_it_says_so(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__DATABASE", "nowhere")
    assert "has `touchpath migrate` been run?" in failed(run("--order", "W-1"), Exit.FAILED)
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__PORT", "1")
    said = failed(run("--order", "W-1"), Exit.NOT_READY)
    assert "does not answer" in said
    assert "`touchpath up` starts one" in said


def test_the_help_shows_examples() -> None:
    shown = run("--help").stdout
    assert "touchpath attribution explain --order W-1001 --as-of" in shown
    assert "unattributed is what no touch earned" in shown


def test_a_data_driven_model_names_the_fit_that_it_was_split_by_and_what_came_and_went(
    pipeline: Pipeline, store: Store
) -> None:
    models = Models(store, pipeline)
    two_visits_and_an_order(pipeline)
    first, second = (a_fit({"search": part, "email": 1}, learned=AT + timedelta(days=part)) for part in (1, 3))
    models.publish(first, minute=4 * DAY)
    models.restate()
    models.publish(second, minute=5 * DAY)
    models.restate()
    story = told("--order", "W-1")
    assert [(one["credit"], one["fit_id"]) for one in story["models"]["markov"]] == [
        ("0.750000000", str(second.fit_id)),
        ("0.250000000", str(second.fit_id)),
    ]
    assert {one["fit_id"] for one in story["models"]["linear"]} == {None}
    assert story["fits"] == {str(fit.fit_id): fit.fitted_at.isoformat() for fit in (first, second)}
    old, new = str(first.fit_id)[:8], str(second.fit_id)[:8]
    shown = run("--order", "W-1").stdout
    assert f"2026-03-05 12:00:00\tmodel published (fit {old})\t" in shown
    assert f"2026-03-06 12:00:00\tanother fit ({old} → {new})\t" in shown
    assert f"\t7.51\t{new} of 2026-03-04 12:00\n" in shown
    models.withdraw("markov", minute=6 * DAY)
    models.restate()
    assert f"\tmodel withdrawn (fit {new})\t" in run("--order", "W-1").stdout
    assert "markov" not in told("--order", "W-1")["models"]


def back(name: str, amount: str | None, currency: str = "EUR", *, minute: float = 8 * DAY, who: str = ADA) -> Any:
    money = Money(amount=Decimal(amount), currency=currency) if amount else None
    return an_event(name, who, minute=minute, touchpoint="order_refunded", order_id="W-1", amount=money)


def test_refunds_are_told_with_what_became_of_each(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    two_visits_and_an_order(pipeline)
    assert told("--order", "W-1")["refunds"] == []
    pipeline.seen(
        back("part", "4.00"),
        back("yen", "5", "JPY", minute=9 * DAY),
        back("whose", "1.00", minute=10 * DAY, who="customer:bo"),
    )
    now = told("--order", "W-1")
    assert now["net"] == "6.01"
    assert [(one["event_id"], one["amount"], one["outcome"], one["taken"]) for one in now["refunds"]] == [
        (str(derived_id("part")), "4.00", "taken", "4.00"),
        (str(derived_id("yen")), "5", "no rate", "0.00"),
        (str(derived_id("whose")), "1.00", "no sale", "0.00"),
    ]
    shown = run("--order", "W-1").stdout
    assert "# Refunds\n" in shown
    assert "2026-03-09 12:00:00\torder_refunded\tweb\t4.00 EUR\t4.00 EUR\ttaken\n" in shown
    pipeline.seen(back("more", "9.00", minute=11 * DAY))
    assert told("--order", "W-1")["refunds"][0] == now["refunds"][0] | {"outcome": "together in part", "taken": None}
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(attribution_explain, "chosen", lambda: "table")
    assert "touchpath: 2.99 EUR of the refunds had no place: the sale had no more\n" in run("--order", "W-1").stderr
    shown = run("--order", "W-1").stdout
    assert "not taken: no rate from JPY to EUR on the day of the sale" in shown
    assert "together in part: such refunds are more than the sale" in shown
    assert "not taken: of another profile than the sale" in shown


def test_a_refund_larger_than_its_sale_is_taken_in_part(pipeline: Pipeline) -> None:
    pipeline.seen(an_order(), back("all", None))
    assert [(one["amount"], one["taken"]) for one in told("--order", "W-1")["refunds"]] == [(None, "10.01")]
    assert "\tall\t10.01 EUR\ttaken\n" in run("--order", "W-1").stdout
    pipeline.seen(an_event("o2", ADA, touchpoint="order_completed", order_id="W-2",
                           amount=Money(amount=Decimal(3), currency="EUR")))  # fmt: skip
    pipeline.seen(an_event("b2", ADA, minute=DAY, touchpoint="order_refunded", order_id="W-2",
                           amount=Money(amount=Decimal(500), currency="EUR")))  # fmt: skip
    [refund] = told("--order", "W-2")["refunds"]
    assert (refund["outcome"], refund["amount"], refund["taken"]) == ("taken in part", "500.00", "3.00")
    done = run("--order", "W-2", "--as-of", (AT + timedelta(hours=1)).isoformat())
    assert "# Refunds, as of now\n" in done.stdout
    assert "497.00 EUR of the refunds had no place" in done.stderr


def test_touches_that_a_fit_does_not_know_are_told(pipeline: Pipeline, store: Store) -> None:
    models = Models(store, pipeline)
    two_visits_and_an_order(pipeline)
    fit = a_fit({"search": 1, "store": 1})
    models.publish(fit, minute=4 * DAY)
    models.restate()
    story = told("--order", "W-1")
    unknown = {name: times for name, times in story["unknown_to_fits"]["markov"]["touches"].items() if name != "web"}
    assert unknown == {"email": 1}
    assert story["unknown_to_fits"]["markov"]["fit_id"] == str(fit.fit_id)
    assert story["unknown_to_fits"]["markov"]["shared_equally"] is False
    said = run("--order", "W-1").stderr
    assert f"unknown to its fit {str(fit.fit_id)[:8]}, email" in said
    assert said.count("unknown to its fit") == 1
    other = a_fit({"store": 1}, learned=AT + timedelta(days=1))
    models.publish(other, minute=5 * DAY)
    models.restate()
    assert told("--order", "W-1")["unknown_to_fits"]["markov"]["shared_equally"] is True
    assert "no name of this path weighs anything, so all share equally" in run("--order", "W-1").stderr


# ---- the pure parts

T = datetime(2026, 3, 1, tzinfo=UTC)


def entry(sign: int, channel: str, credit: str, *, revision: int = 1, at: int = 0, cause: str = "conversion") -> Entry:
    value = Decimal(credit) * 10
    return Entry(
        T + timedelta(hours=at), revision, cause, derived_id("p"), "linear", sign, "touch", derived_id(channel),
        "page_view", channel, "", T, sign * Decimal(credit), sign * value, "EUR",
    )  # fmt: skip


def test_what_was_taken_back_in_whole_is_no_line_any_more() -> None:
    ledger = [
        entry(1, "a", "1"),
        entry(-1, "a", "1", revision=2, at=1, cause="late_touchpoint"),
        entry(1, "a", "0.5", revision=2, at=1, cause="late_touchpoint"),
        entry(1, "b", "0.5", revision=2, at=1, cause="late_touchpoint"),
        entry(-1, "b", "0.5", revision=3, at=2, cause="merge"),
        entry(1, "c", "0.5", revision=3, at=2, cause="merge"),
    ]
    assert [(one.channel, one.credit) for one in lines_of(ledger)] in (
        [("a", Decimal("0.5")), ("c", Decimal("0.5"))],
        [("c", Decimal("0.5")), ("a", Decimal("0.5"))],
    )
    history = postings_of(ledger)
    assert [(one.revision, one.cause) for one in history] == [(1, "conversion"), (2, "late_touchpoint"), (3, "merge")]
    [middle] = history[1].models
    assert (len(middle.reversed), len(middle.written)) == (1, 2)


def test_the_path_of_then_lacks_what_came_later_and_has_what_left_since() -> None:
    early = Step(derived_id("a"), T, "page_view", "a", "", ADA, T)
    late = Step(derived_id("b"), T, "page_view", "b", "", ADA, T + timedelta(hours=5))
    line = Line(
        "first", "touch", derived_id("c"), T + timedelta(hours=1), "call", "c", "", Decimal(1), Decimal(1), "EUR"
    )
    then = path_then([early, late], [line], T + timedelta(hours=2))
    assert [(step.channel, step.still) for step in then] == [("a", True), ("c", False)]


def test_what_a_fit_does_not_know_is_counted_by_its_level_and_consent_hides_names() -> None:
    path = [
        Step(derived_id(str(n)), T, name, channel, campaign, ADA, T)
        for n, (name, channel, campaign) in enumerate(
            [
                ("click", "email", "spring"),
                ("click", "email", "spring"),
                ("call", "hotline", ""),
                ("withheld", "withheld", ""),
            ]
        )
    ]
    fit_id = derived_id("fit")
    line = Line("markov", "touch", None, T, "", "", "", Decimal(1), Decimal(1), "EUR", fit_id)

    def unknown(level: Any, **weights: str) -> tuple[Strangers, ...]:
        known = {name.replace("__", "/"): Decimal(weight) for name, weight in weights.items()}
        return strangers_on(path, [line], {fit_id: Fit(T, level, known)})

    assert unknown("channel", email="1", hotline="0", withheld="0") == ()
    [one] = unknown("channel", hotline="1")
    assert (one.names, one.equally) == ({"email": 2, "withheld": 1}, False)
    [one] = unknown("campaign", email="1", hotline="0")
    assert (one.names, one.equally) == ({"email/spring": 2, "withheld": 1}, True)
    [one] = unknown("campaign", email__spring="1")
    assert one.names == {"hotline": 1, "withheld": 1}
    assert strangers_on(path, [replace(line, fit_id=None)], {}) == ()


@pytest.mark.parametrize(("credit", "wanted"), [("1", BAR), ("0.5", BAR // 2), ("0", 0), ("-1", 0), ("0.001", 0)])
def test_a_full_bar_is_one_conversion(credit: str, wanted: int) -> None:
    assert len(bar(Decimal(credit))) == wanted
