"""A ledger of any size, straight into the tables: conversions with paths, credits of seven models with restatements.

The same size gives the same rows, whatever it is run on. `ledger_data.sql` says what is in it: customers who buy more
than once, three currencies, conversions without a value, refunds, late touchpoints, withdrawn conversions, journeys
that did not convert, purchases that name nobody, spend day by day. The ledger is whole: `attribution_violations` is
empty.
"""

from __future__ import annotations

from pathlib import Path

from schemas.catalogue import load
from sinks.catalogue import load_catalogue
from sinks.client import Store
from sinks.sql import fill, statements

SCRIPT = Path(__file__).with_suffix(".sql")
#: Merges would be measured, too.
UNMERGED = "max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1"
#: One piece is one part.
AS_ONE = {"min_insert_block_size_rows": 100_000_000, "min_insert_block_size_bytes": 4_000_000_000}
TABLES = ("conversions_log", "credits_log", "touchpoints_log", "journeys_log", "profiles_log")


def write_ledger(
    store: Store, size: int, *, pieces: int = 4, channels: int = 50, campaigns: int = 2_000, merging: bool = False
) -> None:
    """Write `size` conversions, some five touches and twenty credits each, into a migrated, empty database.

    Each of the large tables has as many parts as there are `pieces`, all with ids of the whole range, and keeps them,
    unless `merging`: that is about what a table looks like that a sink writes to.
    """
    load_catalogue(store, load())
    for table in () if merging else TABLES:
        store.command(f"ALTER TABLE {store.database}.{table} MODIFY SETTING {UNMERGED}")
    given = {"size": size, "channels": channels, "campaigns": campaigns}
    for statement in statements(fill(SCRIPT.read_text(encoding="utf-8"), store.database)):
        # What asks for a piece is run for each; the rest is said once.
        for piece in range(pieces if "{first:UInt64}" in statement else 1):
            ends = {"first": size * piece // pieces, "last": size * (piece + 1) // pieces}
            store.command(_filled(statement, given | ends), AS_ONE)


def _filled(statement: str, given: dict[str, int]) -> str:
    for name, number in given.items():
        for kind in ("UInt64", "UInt32"):
            statement = statement.replace(f"{{{name}:{kind}}}", str(number))
    return statement
