"""What every name earned by every model, side by side, and how much of it the models dispute.

Asked of ClickHouse by `sinks/queries/attribution_report.sql`. Money is in minor units of one currency; a conversion
that has no value, or one in another currency, counts as a conversion only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from deploy.query_times import EARLIEST, FOREVER, storable
from schemas.attribution_model import Level
from schemas.money import to_minor_unit
from sinks.client import Store
from sinks.sql import query

Measure = Literal["value", "conversions"]
#: What stands for a line of the ledger that is no touch's, `(unattributed)` and `(withheld)`.
_LINE = "({})"


def is_line(name: str) -> bool:
    """Is it a line of the ledger, and no name of a touch?"""
    return name.startswith("(")


class NothingToReportError(LookupError):
    """No conversion that was asked for lies in the window. The message says which, and what there is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. `until` is not in the window; `conversions` empty: all that the ledger has."""

    level: Level = "channel"
    conversions: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime | None = None
    currency: str | None = None
    measure: Measure | None = None


@dataclass(frozen=True, slots=True)
class Earned:
    """What one name, or a line of the ledger without one, earned by one model."""

    credit: Decimal = Decimal(0)
    value_minor: int = 0


@dataclass(frozen=True, slots=True)
class Unknown:
    """Purchases of one currency whose buyer nobody knows: receipts without a card. `value` is as sold, in units."""

    currency: str
    purchases: int
    value: Decimal

    @property
    def amount(self) -> Decimal:
        """Give the value with the decimals of its currency."""
        return to_minor_unit(self.value, self.currency)


@dataclass(frozen=True, slots=True)
class Report:
    """Who earned what by which model. `currency` None: no conversion has a value.

    `elsewhere` is the credit of conversions of other currencies by one model: their value is left out. `unknown` are
    purchases that are in no conversion, and so in no total; None: only some conversions were asked for.
    """

    level: Level
    measure: Measure
    currency: str | None
    minor_digits: int
    names: dict[str, dict[str, Earned]] = field(default_factory=dict)
    """By model, by name; a line of the ledger is `(unattributed)` or `(withheld)`."""
    elsewhere: Decimal = Decimal(0)
    unknown: tuple[Unknown, ...] | None = None
    _earned: dict[str, Decimal] = field(default_factory=dict, repr=False, compare=False)

    def amount(self, model: str, name: str) -> Decimal:
        """Give what a name earned by a model: in units of the currency, or in conversions."""
        earned = self.names[model].get(name, Earned())
        return Decimal(earned.value_minor).scaleb(-self.minor_digits) if self.measure == "value" else earned.credit

    def total(self, model: str) -> Decimal:
        """Give what all names earned by a model; equal for all models that have booked every conversion."""
        return sum((self.amount(model, name) for name in self.names[model]), Decimal(0))

    def earned(self, model: str) -> Decimal:
        """Give what touches earned by name."""
        if model not in self._earned:
            names = (name for name in self.names[model] if not is_line(name))
            self._earned[model] = sum((self.amount(model, name) for name in names), Decimal(0))
        return self._earned[model]

    def share(self, model: str, name: str) -> float:
        """Give a name's part of what touches earned by name; 0 for the ledger's own lines, and where nothing was."""
        earned = self.earned(model)
        return float(self.amount(model, name) / earned) if earned and not is_line(name) else 0.0

    def ranked(self, against: str) -> list[str]:
        """Give the names by what they earned by one model, the ledger's own lines last."""
        every = {name for names in self.names.values() for name in names}
        best = {name: max(self.amount(model, name) for model in self.names) for name in every}
        return sorted(every, key=lambda name: (is_line(name), -self.amount(against, name), -best[name], name))

    def moved(self, model: str, against: str) -> float:
        """Give the part of what touches earned that is another's than by `against`: half of all differences."""
        every = set(self.names[model]) | set(self.names[against])
        return sum(abs(self.share(model, name) - self.share(against, name)) for name in every) / 2

    def as_json(self, against: str) -> dict[str, Any]:
        """Give all of it for scripts; money and credit are texts."""
        return {
            "by": self.level,
            "measure": self.measure,
            "currency": self.currency,
            "against": against,
            "conversions_in_other_currencies": str(self.elsewhere),
            "purchases_of_unknown_buyers": None
            if self.unknown is None
            else [
                {"currency": one.currency or None, "purchases": one.purchases, "value": str(one.amount)}
                for one in self.unknown
            ],
            "models": {
                model: {
                    "total": str(self.total(model)),
                    "moved": round(self.moved(model, against), 6),
                    "names": [
                        {
                            "name": name,
                            "conversions": str(earned.credit),
                            "value": str(Decimal(earned.value_minor).scaleb(-self.minor_digits)),
                            "share": None if is_line(name) else round(self.share(model, name), 6),
                        }
                        for name in self.ranked(model)
                        if (earned := names.get(name)) is not None
                    ],
                }
                for model, names in self.names.items()
            },
        }


def report(store: Store, asked: Asked) -> Report:
    """Read the ledger.

    Raises:
        NothingToReportError: it has nothing in the window, or not in that currency.
        StoreError: ClickHouse cannot be reached, or has no such tables.
    """
    window = {
        "since": storable(asked.since or EARLIEST),
        "until": storable(asked.until or FOREVER),
        "as_of": storable(asked.as_of or FOREVER),
    }
    rows = store.rows(
        query("attribution_report", store.database),
        {"level": asked.level, "conversions": list(asked.conversions), **window},
    )
    if not rows:
        which = f" {' or '.join(asked.conversions)}" if asked.conversions else ""
        had = f"at {asked.as_of:%Y-%m-%d %H:%M} UTC the ledger had" if asked.as_of else "the ledger has"
        raise NothingToReportError(f"{had} no conversion{which} in this window")
    found = of_rows(rows, asked)
    if asked.conversions:
        return found
    unknown = store.rows(query("attribution_unknown", store.database), window)
    return replace(found, unknown=tuple(Unknown(*row) for row in unknown))


Row = tuple[str, str, str, str, int, Decimal, int]
"""Model, line, name, currency or nothing, decimals of it, credit, value in minor units."""


def of_rows(rows: Sequence[Row], asked: Asked) -> Report:
    """Put the rows of the query together.

    Raises:
        NothingToReportError: no conversion is in the currency that was asked for, or none has the value asked for.
    """
    by_currency: dict[str, Decimal] = defaultdict(Decimal)
    for _, _, _, currency, _, credit, _ in rows:
        if currency:
            by_currency[currency] += credit
    chosen = asked.currency or max(by_currency, key=lambda one: (by_currency[one], one), default=None)
    if asked.currency and asked.currency not in by_currency:
        known = ", ".join(sorted(by_currency)) or "none at all"
        raise NothingToReportError(f"no conversion in this window has a value in {asked.currency} (there is: {known})")
    if asked.measure == "value" and chosen is None:
        raise NothingToReportError("no conversion in this window has a value: --measure conversions counts them")
    measure: Measure = asked.measure or ("value" if chosen else "conversions")
    names: dict[str, dict[str, Earned]] = defaultdict(dict)
    digits, elsewhere = 0, defaultdict[str, Decimal](Decimal)
    for model, line, name, currency, decimals, credit, value in rows:
        ours = currency == chosen
        if not ours and measure == "value":
            elsewhere[model] += credit
            continue
        if ours:
            digits = decimals
        key = name if line == "touch" else _LINE.format(line)
        known_so_far = names[model].get(key, Earned())
        names[model][key] = Earned(known_so_far.credit + credit, known_so_far.value_minor + (value if ours else 0))
    return Report(asked.level, measure, chosen, digits, dict(names), max(elsewhere.values(), default=Decimal(0)))
