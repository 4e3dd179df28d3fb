"""What people and programs are told of a fit: its weights, its diagnosis, and what makes it weak."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from deploy.cli.output import chosen, json_out, rows_out, say

if TYPE_CHECKING:
    from deploy.attribution_fit import Fitted
    from streams.core.attribution.data_driven.fit import Diagnosis, Line

BAR = 24
#: With fewer conversions on its paths than this, a name's weight says little: the diagnosis warns.
FEW = 30


def tell(found: Fitted, *, published: bool, as_json: bool, more: dict[str, Any] | None = None) -> None:
    """Print a fit; `more` are further members of the JSON document."""
    form = chosen(as_json)
    if form == "json":
        json_out(
            {
                "model": found.model.model_dump(mode="json"),
                "published": published,
                "currency": found.currency,
                "lines": lines_of(found),
                "diagnosis": _diagnosis_of(found),
                "warnings": warnings(found),
                **(more or {}),
            }
        )
        return
    columns, rows = _for_people(found) if form == "table" else _for_programs(found)
    rows_out(columns, rows, form, _title(found))
    if form == "table":
        for line in _diagnosis(found):
            say(line)
        model = found.model
        fit = str(model.fit_id)[:8]
        say(f"published as {model.name}, fit {fit}" if published else "nothing was kept or published (--dry-run)")
    for warning in warnings(found):
        say(f"touchpath: {warning}")


def _title(found: Fitted) -> str:
    model = found.model
    kind = f"Markov of order {model.order}" if model.kind == "markov" else "Shapley"
    return f"{kind} by {model.level}: {model.converted:,} of {model.journeys:,} journeys converted, {model.rate:.2%}"


def _for_people(found: Fitted) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    lines = found.fit.lines
    most = max((line.high or line.weight / 1e9 for line in lines), default=1.0) or 1.0
    value = f"value {found.currency}" if found.currency else "value"
    effect = "removal effect" if found.model.kind == "markov" else "Shapley value"
    columns = (found.model.level, "weight", "95 %", "", effect, "own", "split", value, "touched", "journeys")
    rows = [
        [
            line.name,
            f"{line.weight / 1e9:.1%}",
            "" if line.low is None or line.high is None else f"{line.low:.1%}–{line.high:.1%}",
            bar(line, most),
            f"{line.effect:.4f}" + (f" ±{line.error:.4f}" if line.error is not None else ""),
            f"{line.own:,.1f}",
            f"{line.conversions:,.1f}",
            f"{line.value * 10.0**-found.minor_digits:,.0f}",
            f"{line.touched:,}",
            f"{line.journeys:,}",
        ]
        for line in lines
    ]
    # Texts stand on the left of a column: figures are moved to its right by hand.
    width = [max(len(row[place]) for row in rows) for place in range(len(columns))]
    return columns, [
        tuple(cell if place in (0, 3) else cell.rjust(width[place]) for place, cell in enumerate(row)) for row in rows
    ]


def lines_of(found: Fitted) -> list[dict[str, Any]]:
    """Give the lines for scripts, as `report` and the view model_weights have them.

    What is split, conversions and value in units of the currency, are texts of as many decimals as there are; parts of
    1 are numbers, of nine decimals at most.
    """
    return [
        {
            "name": line.name,
            "weight": line.weight / 1e9,
            "low": _part(line.low),
            "high": _part(line.high),
            "effect": _part(line.effect),
            "error": _part(line.error),
            "own": _decimals(line.own, 6),
            "conversions": _decimals(line.conversions, 6),
            "value": _decimals(line.value * 10.0**-found.minor_digits, found.minor_digits),
            "touched": line.touched,
            "journeys": line.journeys,
        }
        for line in found.fit.lines
    ]


def _diagnosis_of(found: Fitted) -> dict[str, Any]:
    """Give the diagnosis for scripts. How exact the equations are solved is said in full: it is no part of anything."""
    told = asdict(found.fit.diagnosis)
    return told | {name: _part(told[name]) for name in ("coverage", "one_touch", "below_zero")}


def _part(value: float | None) -> float | None:
    return None if value is None else round(value, 9)


def _decimals(value: float, digits: int) -> Decimal:
    return round(Decimal(value), digits) + 0  # the sum has no zero below zero


def _for_programs(found: Fitted) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    lines = lines_of(found)
    columns = tuple(lines[0])
    return columns, [tuple(_exact(cell) for cell in line.values()) for line in lines]


def _exact(cell: object) -> object:
    """Give a number that is written without an exponent."""
    return Decimal(str(cell)) if isinstance(cell, float) else cell


def bar(line: Line, most: float) -> str:
    """Draw a weight; with an interval, what is sure is full and what may be is light."""

    def cells(part: float) -> int:
        return round(part / most * BAR)

    weight = line.weight / 1e9
    sure, may = (line.low, line.high) if line.low is not None and line.high is not None else (weight, weight)
    return "█" * cells(sure) + "▒" * (cells(max(may, sure)) - cells(sure))


def _diagnosis(found: Fitted) -> list[str]:
    figures: Diagnosis = found.fit.diagnosis
    lines = [
        f"{figures.paths:,} distinct paths; {figures.coverage:.1%} of conversions have one;"
        f" {figures.one_touch:.1%} of journeys have a single touch",
        f"smallest cell: {figures.smallest_name}, on the paths of {figures.smallest_conversions:,} conversions"
        f" and {figures.smallest_journeys:,} journeys",
    ]
    if found.model.kind == "markov":
        lines.append(
            f"{figures.states:,} states, condition {figures.condition:,.0f}: effects are exact to {figures.bound:.0e}"
        )
    elif figures.exact:
        lines.append("every coalition was looked at: the values are exact")
    return lines


def warnings(found: Fitted) -> list[str]:
    """Say what somebody should know before believing a fit."""
    figures, lines = found.fit.diagnosis, found.fit.lines
    said = []
    few = [line.name for line in lines if line.touched < FEW]
    if few:
        said.append(f"fewer than {FEW} conversions on the paths of {_some(few)}: their weights say little")
    if figures.journeys == figures.conversions:
        said.append(
            "no journey without a conversion: nothing tells a channel that converts from one that does not"
            + ("" if found.window.with_open else "; journeys that are open still are left out without --with-open")
        )
    if figures.pathless:
        said.append(f"{figures.pathless:,} conversions have no path; nothing is learned from them")
    if figures.below_zero:
        negative = [line.name for line in lines if line.effect < 0]
        said.append(
            f"fewer journeys convert with {_some(negative)} than without: weight 0"
            f" ({figures.below_zero:.1%} of the others' values was cut off)"
        )
    if figures.equally:
        said.append(f"{figures.equally:,} conversions have no name with a weight on their path: shared equally")
    if not figures.exact:
        said.append(f"more than 20 names: estimated from {figures.permutations:,} orders of joining, ± standard error")
    if figures.draws < found.fit.request.bootstrap:
        said.append(f"only {figures.draws} of {found.fit.request.bootstrap} draws had a conversion")
    if found.elsewhere:
        said.append(f"{found.elsewhere:,} conversions in other currencies count, but their value is left out")
    return said


def _some(names: list[str]) -> str:
    """Name the first three, and say how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
