"""What the demo found, and how it is shown: tables for people, one document for scripts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.cli.output import chosen, json_out, rows_out
from deploy.demo.check import CREDIT_UNITS, MODELS, UNATTRIBUTED, Share

if TYPE_CHECKING:
    from schemas.connection import ClickHouseConnection

REVENUE_TITLE = "Revenue by campaign and attribution model"
SHOWN_DIFFERENCES = 20
QUERIES = Path(__file__).with_name("queries")


@dataclass(frozen=True)
class Result:
    """What ClickHouse answers about the year."""

    figures: Mapping[str, int]
    shares: dict[tuple[str, str], Share]
    path_lengths: Sequence[tuple[int, int, Decimal]]


@dataclass(frozen=True)
class Report:
    """Everything there is to say at the end."""

    sent: Mapping[str, int]
    """received, accepted, duplicate, quarantined: as the doors answered"""
    oddities: Mapping[str, int]
    result: Result
    differences: Sequence[str]
    seconds: Mapping[str, float]


def ask_result(connection: ClickHouseConnection) -> Result:
    """Query the figures."""
    from deploy.clickhouse import ask  # noqa: PLC0415

    def answer(name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        return ask(connection, (QUERIES / f"{name}.sql").read_text(encoding="utf-8"))

    columns, rows = answer("figures")
    shares = {(model, line): Share(int(cents), int(credit)) for model, line, cents, credit in answer("shares")[1]}
    lengths = [(int(touches), int(count), Decimal(revenue)) for touches, count, revenue in answer("path_lengths")[1]]
    return Result({name: int(value or 0) for name, value in zip(columns, rows[0], strict=True)}, shares, lengths)


def show(report: Report, *, as_json: bool, next_steps: Sequence[str]) -> None:
    """Write the report to standard output."""
    if as_json:
        json_out(document(report))
        return
    form = chosen()
    figures = report.result.figures
    rows_out(
        ("figure", "value"),
        [
            ("events received", report.sent["received"]),
            ("  accepted", report.sent["accepted"]),
            ("  duplicate", report.sent["duplicate"]),
            ("  quarantined", report.sent["quarantined"]),
            ("profiles", figures["profiles"]),
            ("journeys", figures["journeys"]),
            ("  that led to a purchase", figures["converted_journeys"]),
            ("conversions", figures["conversions"]),
            ("revenue, USD", money(figures["revenue_minor"])),
        ],
        form,
        "The retail year",
    )
    rows_out(("what is odd in the data, and what becomes of it", "count"), report.oddities.items(), form, "Known traps")
    rows_out(("campaign", *(f"{model}, USD" for model in MODELS)), revenue_rows(report.result), form, REVENUE_TITLE)
    rows_out(
        ("mailings in the 30 days before", "conversions", "revenue, USD"),
        [(touches, count, revenue.quantize(Decimal("0.01"))) for touches, count, revenue in report.result.path_lengths],
        form,
        "Conversions by the length of their path",
    )
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.seconds.items())
    sys.stdout.write(f"Time: {steps}\n")
    sys.stdout.write(verdict(report) + "\n")
    for line in next_steps:
        sys.stdout.write(line + "\n")


def verdict(report: Report) -> str:
    """Say whether an independent calculation agrees."""
    figures = report.result.figures
    if not report.differences:
        lines = len(report.result.shares)
        return (
            "Check: an independent calculation straight from the tables agrees: "
            f"{figures['conversions']:,} conversions, {money(figures['revenue_minor'])} USD, "
            f"and all {lines} campaign and model lines to the cent."
        )
    shown = [f"  {difference}" for difference in report.differences[:SHOWN_DIFFERENCES]]
    if (more := len(report.differences) - len(shown)) > 0:
        shown.append(f"  and {more} more")
    return "\n".join(["Check: DISAGREES with an independent calculation:", *shown])


def revenue_rows(result: Result) -> list[tuple[object, ...]]:
    """One row a campaign, the models side by side; what no touch earned, and the total, come last."""
    nothing = Share(0, 0)
    campaigns = sorted({line for _, line in result.shares} - {UNATTRIBUTED}, key=_by_number)
    rows: list[tuple[object, ...]] = [
        (line, *(money(result.shares.get((model, line), nothing).cents) for model in MODELS))
        for line in (*campaigns, UNATTRIBUTED)
    ]
    totals = [sum(share.cents for (of, _), share in result.shares.items() if of == model) for model in MODELS]
    return [*rows, ("total", *(money(total) for total in totals))]


def document(report: Report) -> dict[str, Any]:
    """Give the report for scripts: money as text in dollars, credit as text in conversions."""
    figures = dict(report.result.figures)
    return {
        "sent": dict(report.sent),
        "figures": {**figures, "revenue": str(money(figures.pop("revenue_minor"))), "currency": "USD"},
        "oddities": dict(report.oddities),
        "revenue_by_campaign_and_model": [
            {
                "model": model,
                "campaign": None if line == UNATTRIBUTED else line,
                "attributed": line != UNATTRIBUTED,
                "revenue": str(money(share.cents)),
                "conversions": str(Decimal(share.credit) / CREDIT_UNITS),
            }
            for (model, line), share in sorted(report.result.shares.items())
        ],
        "path_lengths": [
            {"touches": touches, "conversions": count, "revenue": str(revenue)}
            for touches, count, revenue in report.result.path_lengths
        ],
        "check": {"agrees": not report.differences, "differences": list(report.differences)},
        "seconds": {name: round(seconds, 2) for name, seconds in report.seconds.items()},
    }


def money(cents: int) -> Decimal:
    """Give cents as dollars."""
    return Decimal(cents).scaleb(-2)


def _by_number(name: str) -> tuple[int, str]:
    number = name.rpartition("-")[2]
    return (int(number) if number.isdigit() else sys.maxsize, name)
