"""The independent calculation: attribution of the year straight from its tables, with pandas and nothing of `streams`.

A conversion is a basket, also one worth nothing. Its touches are the mailings of its household in the 30 days before
it, both borders in, in order of time, ties by event id. `first` and `last` give all to one touch, and so does
`last_non_direct`, as a mailing is no visit. `linear` splits equally, `position_based` gives 40 % to the first and the
last touch and 20 % to all between, `time_decay` half as much to what came 7 days earlier: the cents, and separately the
credit in units of 1e-9, with what is left over going to the largest remainders, of equal ones to the earlier touches.
Where there is no touch, the value is unattributed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, NamedTuple

from deploy.demo.events import campaign_name, mailing_id
from schemas.base import event_id

if TYPE_CHECKING:
    import pandas as pd

    from deploy.demo.retail_year import RetailYear

WINDOW = timedelta(days=30)
CREDIT_UNITS = 10**9
MODELS = ("first", "last", "last_non_direct", "linear", "position_based", "time_decay")
HALF_LIFE_MICROSECONDS = 7 * 24 * 60 * 60 * 10**6
#: The line for what no touch earned.
UNATTRIBUTED = "unattributed"


class Share(NamedTuple):
    """What a campaign earned in a model: cents, and credit in units of 1e-9 conversions."""

    cents: int
    credit: int


@dataclass(frozen=True)
class Expected:
    """What must come out."""

    conversions: int
    cents: int
    shares: dict[tuple[str, str], Share]
    """(model, campaign or `unattributed`) → share"""


def calculate(year: RetailYear, source: str) -> Expected:
    """Attribute every basket of the year. `source` is the sender's name of the mailings; their event ids hang on it."""
    baskets = _baskets(year)
    touches = _touches(year, baskets, source)
    bare = baskets[~baskets.index.isin(touches["basket_id"])]
    shares: dict[tuple[str, str], Share] = {}
    for model in MODELS:
        earned = _earned(touches, model).groupby("campaign_id")[["earned_cents", "earned_credit"]].sum()
        for campaign, row in earned.iterrows():
            share = Share(int(row["earned_cents"]), int(row["earned_credit"]))
            if share != (0, 0):
                shares[model, campaign_name(int(str(campaign)))] = share
        if len(bare):
            shares[model, UNATTRIBUTED] = Share(int(bare["cents"].sum()), len(bare) * CREDIT_UNITS)
    return Expected(len(baskets), int(baskets["cents"].sum()), shares)


def differences(expected: Expected, conversions: int, cents: int, shares: dict[tuple[str, str], Share]) -> list[str]:
    """Say in words where what came out differs from what must; empty where nothing does."""
    found = []
    if conversions != expected.conversions:
        found.append(f"conversions: {conversions}, expected {expected.conversions}")
    if cents != expected.cents:
        found.append(f"revenue: {cents / 100:.2f}, expected {expected.cents / 100:.2f}")
    nothing = Share(0, 0)
    for key in sorted(expected.shares.keys() | shares.keys()):
        wanted, got = expected.shares.get(key, nothing), shares.get(key, nothing)
        if wanted != got:
            found.append(
                f"{key[0]}, {key[1]}: {got.cents / 100:.2f} and {got.credit / CREDIT_UNITS:.9f} conversions, "
                f"expected {wanted.cents / 100:.2f} and {wanted.credit / CREDIT_UNITS:.9f}"
            )
    return found


def _baskets(year: RetailYear) -> pd.DataFrame:
    """One row a basket, by basket_id: household_id, at, cents."""
    lines = year.lines.assign(cents=(year.lines["sales_value"] * 100).round().astype("int64"))
    return lines.groupby("basket_id").agg(
        household_id=("household_id", "first"), at=("at", "first"), cents=("cents", "sum")
    )


def _touches(year: RetailYear, baskets: pd.DataFrame, source: str) -> pd.DataFrame:
    """One row per basket and mailing in its window, with the mailing's rank in it and how many there are."""
    ids = [event_id(source, mailing_id(one.campaign, one.household)).hex for one in year.each_mailing()]
    mailings = year.mailings.assign(event=ids)[["household_id", "campaign_id", "event", "at"]]
    pairs = baskets.reset_index().merge(mailings, on="household_id", suffixes=("", "_touch"))
    pairs = pairs[(pairs["at_touch"] <= pairs["at"]) & (pairs["at_touch"] >= pairs["at"] - WINDOW)]
    pairs = pairs.sort_values(["basket_id", "at_touch", "event"])
    within = pairs.groupby("basket_id")["event"]
    return pairs.assign(rank=within.cumcount(), touches=within.transform("size"))


def _earned(touches: pd.DataFrame, model: str) -> pd.DataFrame:
    if model == "linear":
        return touches.assign(
            earned_cents=_equal_part(touches["cents"], touches), earned_credit=_equal_part(CREDIT_UNITS, touches)
        )
    if model in {"position_based", "time_decay"}:
        return _weighted(touches, model)
    place = 0 if model == "first" else touches["touches"] - 1
    chosen = touches[touches["rank"] == place]
    return chosen.assign(earned_cents=chosen["cents"], earned_credit=CREDIT_UNITS)


def _equal_part(whole: pd.Series | int, touches: pd.DataFrame) -> pd.Series:
    part: pd.Series = whole // touches["touches"] + (touches["rank"] < whole % touches["touches"]).astype("int64")
    return part


def _weighted(touches: pd.DataFrame, model: str) -> pd.DataFrame:
    """Split basket by basket; their touches stand together, in order of time."""
    in_utc = touches["at_touch"].dt.tz_convert("UTC").dt.tz_localize(None)
    moments = in_utc.astype("datetime64[us]").astype("int64").tolist()
    counts, cents = touches["touches"].tolist(), touches["cents"].tolist()
    earned_cents: list[int] = []
    earned_credit: list[int] = []
    while (begin := len(earned_cents)) < len(counts):
        path = moments[begin : begin + counts[begin]]
        weights = _by_position(len(path)) if model == "position_based" else _by_age(path)
        earned_cents += _split(cents[begin], weights)
        earned_credit += _split(CREDIT_UNITS, weights)
    return touches.assign(earned_cents=earned_cents, earned_credit=earned_credit)


def _by_position(length: int) -> list[int]:
    between = length - 2
    return [1] * length if between <= 0 else [40 * between, *[20] * between, 40 * between]


def _by_age(path: Sequence[int]) -> list[int]:
    """Give 2 to the power of minus the age in half-lives, to 32 binary places, in whole 2^60ths."""
    with localcontext() as context:
        context.prec = 40
        ages = [((path[-1] - moment) << 32) // HALF_LIFE_MICROSECONDS for moment in path]
        return [int(Decimal(2) ** (60 - Decimal(age) / 2**32)) if age else 2**60 for age in ages]


def _split(total: int, weights: Sequence[int]) -> list[int]:
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(total * weights[place] % whole))
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return parts
