"""The import of costs: a CSV file in, ClickHouse out. Wires the reader of `producers` to the tables of `sinks`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from producers.costs import CostFileError, RefusedDay, Sign, read_costs
from schemas.catalogue import Catalogue
from sinks.client import Store
from sinks.costs import write_costs
from sinks.rates import goes_by_rates_of

SOURCE = "costs"


@dataclass(frozen=True, slots=True)
class CostSummary:
    """What became of a file: its lines, its days by what happened to them, and the spend of the days that are in.

    `refused` are the days with a bad line, each with the first reasons; they stay as they were before.
    """

    path: Path
    source: str
    lines: int
    added: tuple[date, ...]
    changed: tuple[date, ...]
    unchanged: tuple[date, ...]
    refused: tuple[RefusedDay, ...]
    spent: dict[str, Decimal]
    """By currency, of the days that are in."""
    lost: tuple[tuple[date, tuple[str, ...]], ...] = ()
    """Changed days, with the channels that the source had on them before and has no more."""
    unrated: tuple[tuple[str, tuple[date, ...]], ...] = ()
    """Currencies that cannot be converted into the reporting currency, with the days of the file."""
    other_rates: bool = False
    """Is the spend converted by other rates than those of the catalogue, as that was not applied yet?"""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What somebody should look at: most often two files of one source that hold the same days."""
        said = []
        if channels := sorted({channel for _, lost in self.lost for channel in lost}):
            span = _span([day for day, _ in self.lost])
            said.append(
                f"{self.path}: {span} of {self.source!r} had spend for {', '.join(channels)} before and have none now;"
                " if another file holds it, import that one again under a --source of its own"
            )
        for currency, days in self.unrated:
            said.append(
                f"{self.path}: no rate for {currency} on {_span(days)}: it stays in {currency}, as sales of then do"
            )
        if self.other_rates:
            said.append(
                "the catalogue's exchange rates are not in force: spend is converted by those that were applied last,"
                " until `touchpath catalogue apply`"
            )
        return tuple(said)


def _span(days: Sequence[date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{len(days)} days from {min(days)} to {max(days)}"


def import_costs(
    path: Path,
    store: Store,
    catalogue: Catalogue,
    *,
    source: str = SOURCE,
    currency: str | None = None,
    decimal: Sign | None = None,
    latest: date | None = None,
) -> CostSummary:
    """Import a CSV file of spend and give what became of it. A day of the same source is replaced.

    `currency` is that of lines without one, `decimal` the sign before decimals (see `read_costs`); `latest` the last
    day that can be: None takes tomorrow, so that every time zone's today is one.

    Raises:
        CostFileError: the file cannot be read at all; nothing was changed. The message is for the user.
        StoreError: ClickHouse cannot be reached or is not migrated; nothing was changed.
    """
    last = latest or (datetime.now(UTC) + timedelta(days=1)).date()
    try:
        with path.open("rb") as file:
            sheet = read_costs(file, catalogue, latest=last, currency=currency, decimal=decimal)
    except OSError as error:
        raise CostFileError(f"{path}: {error.strerror or error}") from error
    except CostFileError as error:
        raise CostFileError(f"{path}: {error}") from None
    replaced = write_costs(store, source, sheet.days)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    unrated: dict[str, set[date]] = defaultdict(set)
    reporting, table = catalogue.currencies.reporting, catalogue.currencies.table
    for day in sheet.days:
        for spend in day.spends:
            sums[spend.cost.currency] += spend.cost.amount
            if reporting and table.factor(spend.cost.currency, reporting, day.day) is None:
                unrated[spend.cost.currency].add(day.day)
    return CostSummary(
        path=path,
        source=source,
        lines=sheet.lines,
        added=replaced.added,
        changed=replaced.changed,
        unchanged=replaced.unchanged,
        refused=sheet.refused,
        spent=dict(sorted(sums.items())),
        lost=replaced.lost,
        unrated=tuple((currency, tuple(sorted(days))) for currency, days in sorted(unrated.items())),
        other_rates=any(currency != reporting for currency in sums) and not goes_by_rates_of(store, catalogue),
    )
