"""The year's receipts as a till would write them: one CSV file a day, one line per product."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.demo.retail_year import RetailYear

TILL = "1"
ZONE = "UTC"
CURRENCY = "USD"


def write(year: RetailYear, folder: Path) -> list[Path]:
    """Write the files into the folder and give them in order of time. Times stand without a zone, as in the source."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = year.lines
    table = lines.assign(
        till=TILL,
        receipt=lines["basket_id"],
        timestamp=lines["at"].dt.strftime("%Y-%m-%dT%H:%M:%S"),
        loyalty_id=lines["household_id"],
        product=lines["product_id"],
        # Cents as text: a float would write 0.30000000000000004.
        value=lines["sales_value"].map("{:.2f}".format),
    )[["store_id", "till", "receipt", "timestamp", "loyalty_id", "product", "category", "quantity", "value"]]
    paths = []
    for day, rows in table.groupby(lines["at"].dt.strftime("%Y-%m-%d"), sort=True):
        path = folder / f"receipts-{day}.csv"
        rows.to_csv(path, index=False)
        paths.append(path)
    return paths
