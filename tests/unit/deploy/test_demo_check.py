"""The demo's independent calculation, on small years worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

pd = pytest.importorskip("pandas")

from deploy.demo import check  # noqa: E402 after the extra was found
from deploy.demo.check import CREDIT_UNITS, UNATTRIBUTED, Share  # noqa: E402
from deploy.demo.retail_year import RetailYear  # noqa: E402

T = datetime(2017, 6, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def year(mailings: list[tuple[int, int, datetime]], lines: list[tuple[int, int, float, datetime]]) -> RetailYear:
    """mailings: (household, campaign, at); lines: (household, basket, dollars, at)"""
    return RetailYear(
        pd.DataFrame(
            [(h, c, "Type A", at) for h, c, at in mailings],
            columns=["household_id", "campaign_id", "campaign_type", "at"],
        ),
        pd.DataFrame(columns=["household_id", "campaign_id", "coupon_upc", "at"]),
        pd.DataFrame(
            [(h, 1, b, 1, "X", 1, value, at) for h, b, value, at in lines],
            columns=[
                "household_id",
                "store_id",
                "basket_id",
                "product_id",
                "category",
                "quantity",
                "sales_value",
                "at",
            ],
        ),
    )


def test_a_basket_without_a_mailing_is_unattributed_in_every_model() -> None:
    found = check.calculate(year([(2, 9, T)], [(1, 10, 5.0, T)]), "local")
    assert found.shares == {(model, UNATTRIBUTED): Share(500, CREDIT_UNITS) for model in check.MODELS}


@pytest.mark.parametrize(
    ("before", "counts"),
    [(30 * DAY, True), (30 * DAY + timedelta(microseconds=1), False), (0 * DAY, True), (-timedelta(seconds=1), False)],
)
def test_both_borders_of_the_window_count(before: timedelta, counts: bool) -> None:
    found = check.calculate(year([(1, 9, T - before)], [(1, 10, 5.0, T)]), "local")
    assert (("last", "campaign-9") in found.shares) is counts


def test_the_odd_cents_and_the_odd_credit_go_to_the_earlier_mailings() -> None:
    mailings = [(1, 3, T - DAY), (1, 1, T - 3 * DAY), (1, 2, T - 2 * DAY)]
    found = check.calculate(year(mailings, [(1, 10, 0.5, T), (1, 10, 0.5, T)]), "local")
    assert found.cents == 100
    assert found.shares["linear", "campaign-1"] == Share(34, 333_333_334)
    assert found.shares["linear", "campaign-2"] == Share(33, 333_333_333)
    assert found.shares["linear", "campaign-3"] == Share(33, 333_333_333)
    assert found.shares["first", "campaign-1"] == Share(100, CREDIT_UNITS)
    assert found.shares["last", "campaign-3"] == Share(100, CREDIT_UNITS)


def test_position_and_age_weigh_and_the_rest_goes_to_the_largest_remainders() -> None:
    """Weights of 40, 10, 10, 40 %; and 1, 2, 4, 8 of 15, as the mailings lie a half-life apart."""
    mailings = [(1, n, T - (4 - n) * 7 * DAY) for n in (1, 2, 3, 4)]
    found = check.calculate(year(mailings, [(1, 10, 1.01, T)]), "local")
    by_position = [found.shares["position_based", f"campaign-{n}"] for n in (1, 2, 3, 4)]
    assert [share.cents for share in by_position] == [41, 10, 10, 40]
    assert [share.credit for share in by_position] == [400_000_000, 100_000_000, 100_000_000, 400_000_000]
    by_age = [found.shares["time_decay", f"campaign-{n}"] for n in (1, 2, 3, 4)]
    assert [share.cents for share in by_age] == [7, 13, 27, 54]
    assert [share.credit for share in by_age] == [66_666_667, 133_333_333, 266_666_667, 533_333_333]
    assert found.shares["last_non_direct", "campaign-4"] == Share(101, CREDIT_UNITS)


def test_a_basket_worth_nothing_is_a_conversion_with_credit() -> None:
    found = check.calculate(year([(1, 9, T)], [(1, 10, 0.0, T)]), "local")
    assert (found.conversions, found.cents) == (1, 0)
    assert found.shares["linear", "campaign-9"] == Share(0, CREDIT_UNITS)


def test_differences_are_said_with_what_was_expected() -> None:
    expected = check.calculate(year([(1, 9, T)], [(1, 10, 5.0, T)]), "local")
    assert check.differences(expected, 1, 500, dict(expected.shares)) == []
    wrong = dict(expected.shares) | {("last", "campaign-9"): Share(499, CREDIT_UNITS)}
    assert check.differences(expected, 2, 500, wrong) == [
        "conversions: 2, expected 1",
        "last, campaign-9: 4.99 and 1.000000000 conversions, expected 5.00 and 1.000000000",
    ]
    assert check.differences(expected, 1, 500, {}) != []
