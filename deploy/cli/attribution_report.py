"""The command `touchpath attribution report`: what every channel earned by every model, side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.moments import moment
from deploy.cli.options import ConfigOption, JsonOption, settings_of
from deploy.cli.output import chosen, json_out, rows_out, say, terminal_width
from deploy.cli.tables import tables_of
from deploy.cli.widths import apart, fitted, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.attribution_report import Asked, Measure, Report, Unknown
    from schemas.attribution_model import Level

BAR = 24
#: What to hold the others against where nobody says: what most tools report.
USUAL = ("last", "last_non_direct")


def report(
    by: Annotated[str, typer.Option("--by", help="channel, campaign or touchpoint.")] = "channel",
    conversion: Annotated[
        list[str] | None, typer.Option("--conversion", help="Only this one; may be repeated. All by default.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="Conversions since: 2026-01-01, or 90d ago.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Conversions before; as --since. Up to the last one by default.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="What was reported then: 2026-03-01T08:00, or 7d ago.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="MODEL", help="Hold the others against this one; last by default."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="Only this one beside the one held against; may be repeated. All by default."),
    ] = None,
    measure: Annotated[
        str | None, typer.Option("--measure", help="value or conversions; value where there is any.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", help="Of the value; the most frequent by default.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="So many names; the others are one line.")] = 20,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Lay all models side by side: what each channel earned, and how much of it the models dispute.

    Was the last touchpoint alone decisive? Each cell has what a channel earned by a model, and by how many points of
    what touches earned that differs from the model held against. The last lines say what part of that belongs to
    somebody else by each model.

      touchpath attribution report                                    by channel, against last
      touchpath attribution report --by campaign --since 30d
      touchpath attribution report --model markov --model linear      only these two, against last
      touchpath attribution report --against first --measure conversions
      touchpath attribution report --as-of 2026-03-01                 what was reported as that day began (UTC)
      touchpath attribution report --json | jq .models.markov.moved

    [bold]Reading it[/bold]: (unattributed) is what no touch earned, (withheld) what touches earned that nobody may
    name, for want of consent. A model that was published later has its conversions once they have been restated.
    Totals are of conversions, after refunds. A purchase that names nobody, a receipt without a card, is in no
    conversion: below the table stands how many there are and what they were sold for, so that total and turnover can
    be reconciled. The view ropo_purchases has them without a profile. With --conversion they are left out.
    """
    from deploy.attribution_report import NothingToReportError
    from deploy.attribution_report import report as read

    now = datetime.now(UTC)
    times = moment(since, "--since", now), moment(until, "--until", now), moment(as_of, "--as-of", now)
    asked = _asked(by, conversion, times, measure, currency)
    try:
        with tables_of(settings_of(config), patient=False) as store:
            found = read(store, asked)
    except NothingToReportError as error:
        raise CommandError(str(error)) from error
    base = _base(found, against)
    found = _only(found, base, model or [])
    if as_json:
        json_out(found.as_json(base))
    else:
        tell(found, base, top)


def _asked(
    by: str,
    conversion: list[str] | None,
    times: tuple[datetime | None, datetime | None, datetime | None],
    measure: str | None,
    currency: str | None,
) -> Asked:
    from deploy.attribution_report import Asked

    since, until, as_of = times
    if since is not None and until is not None and since >= until:
        raise CommandError("--since is not before --until", Exit.USAGE)
    if by not in ("channel", "campaign", "touchpoint"):
        raise CommandError(f"--by: {by!r} is none of channel, campaign, touchpoint", Exit.USAGE)
    if measure not in (None, "value", "conversions"):
        raise CommandError(f"--measure: {measure!r} is neither value nor conversions", Exit.USAGE)
    return Asked(
        cast("Level", by),
        tuple(conversion or ()),
        since=since,
        until=until,
        as_of=as_of,
        currency=currency.strip().upper() if currency else None,
        measure=cast("Measure | None", measure),
    )


def _base(found: Report, against: str | None) -> str:
    """Give the model that the others are held against."""
    if against is not None:
        if against not in found.names:
            raise CommandError(
                f"--against: the ledger has no model {against!r} here (it has {', '.join(sorted(found.names))})",
                Exit.USAGE,
            )
        return against
    return next((name for name in USUAL if name in found.names), min(found.names))


def _only(found: Report, base: str, wanted: list[str]) -> Report:
    """Leave the models away that nobody has asked for; without a wish all stay."""
    from dataclasses import replace

    for model in wanted:
        if model not in found.names:
            raise CommandError(
                f"--model: the ledger has no model {model!r} here (it has {', '.join(sorted(found.names))})", Exit.USAGE
            )
    shown = {base, *wanted} if wanted else found.names.keys()
    return replace(found, names={model: names for model, names in found.names.items() if model in shown})


def tell(found: Report, base: str, top: int) -> None:
    """Print the table, and what the models dispute."""
    from deploy.attribution_report import is_line

    form = chosen()
    models = [base, *(model for model in found.names if model != base)]
    if form != "table":
        rows_out(
            ("model", "name", "amount", "share"),
            [
                (model, name, found.amount(model, name), None if is_line(name) else round(found.share(model, name), 6))
                for model in models
                for name in found.ranked(base)
                if name in found.names[model]
            ],
            form,
        )
        return
    unit = found.currency if found.measure == "value" else "conversions"
    names = found.ranked(base)
    ours = [name for name in names if is_line(name)]
    touched = names[: len(names) - len(ours)]
    shown, rest = touched[:top], touched[top:]
    rows = [_row(found, base, models, [name], name) for name in shown]
    if rest:
        rows.append(_row(found, base, models, rest, f"({len(rest)} others)"))
    rows += [_row(found, base, models, [name], name) for name in ours]
    rows.append(("total", "", *(_figure(found.total(model), found) for model in models)))
    tables = _tables(terminal_width(), (found.level, f"by {base}", *models), _to_the_right(rows))
    for number, (heads, shown_rows) in enumerate(tables, start=1):
        which = f" ({number} of {len(tables)})" if len(tables) > 1 else ""
        rows_out(heads, shown_rows, form, f"What each {found.level} earned, {unit}{which}")
    if found.unknown:
        say(_unknown(found.unknown))
    for model in models[1:]:
        say(_verdict(found, model, base))
    if found.elsewhere:
        say(f"touchpath: {found.elsewhere:,.0f} conversions in other currencies, or without value, are left out")


def _unknown(found: Sequence[Unknown]) -> str:
    """Say how many purchases no model can give to anybody, and of which value."""
    count = sum(one.purchases for one in found)
    many = "1 purchase of an unknown buyer is" if count == 1 else f"{count:,} purchases of unknown buyers are"
    worth = ", ".join(f"{one.amount:,} {one.currency}".strip() for one in found)
    return f"touchpath: {many} in no conversion, and so in no total above: {worth} as sold"


def _tables(
    room: int, columns: tuple[str, ...], rows: list[tuple[str, ...]]
) -> list[tuple[list[str], list[tuple[str, ...]]]]:
    """Lay models out side by side, in as many tables as it takes; each has the one held against, several no bar."""
    names = named([row[0] for row in rows], columns, rows, 1, room)
    rows = [(name, *row[1:]) for name, row in zip(names, rows, strict=True)]
    tables = apart(columns, rows, 3, 1, room)
    return [
        _in(
            room,
            tuple(columns[place] for place in places),
            [tuple(row[place] for place in places) for row in rows],
            with_bar=len(tables) == 1,
        )
        for places in tables
    ]


def _in(
    room: int, columns: tuple[str, ...], rows: list[tuple[str, ...]], *, with_bar: bool = True
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Lay the table out in so many columns of a terminal: the bar is as long as there is room, or left out."""
    heads, longest = fitted(columns, rows, 1, max(BAR, len(columns[1])), room)
    if not longest or not with_bar:
        return [heads[0], *heads[2:]], [(row[0], *row[2:]) for row in rows]
    heads[1] = heads[1] if len(heads[1]) <= longest else ""
    return heads, [(row[0], "█" * round(len(row[1]) * min(longest / BAR, 1.0)), *row[2:]) for row in rows]


def _row(found: Report, base: str, models: list[str], names: list[str], label: str) -> tuple[str, ...]:
    from deploy.attribution_report import is_line

    shares = {model: sum(found.share(model, name) for name in names) for model in models}
    longest = max((found.share(base, name) for name in found.names[base]), default=0.0) or 1.0
    cells = []
    for model in models:
        amount = _figure(sum(found.amount(model, name) for name in names), found)
        points = "" if is_line(names[0]) else _points(100 * (shares[model] - shares[base]))
        cells.append(amount if model == base else f"{amount} {points:>6}")
    return label, "█" * round(min(max(shares[base] / longest, 0.0), 1.0) * BAR), *cells


def _points(difference: float) -> str:
    """Write a difference in points; what rounds to nothing is left out."""
    text = f"{difference:+.1f}"
    return "" if float(text) == 0 else text


def _figure(amount: object, found: Report) -> str:
    return f"{amount:,.0f}" if found.measure == "value" else f"{amount:,.1f}"


def _to_the_right(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Move figures to the right of their column by hand: texts stand on its left."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    last = rows[-1]
    padded = [
        tuple(cell if place < 2 else cell.rjust(widths[place]) for place, cell in enumerate(row)) for row in rows[:-1]
    ]
    # Totals have no points behind them: they end where the other amounts end.
    total = tuple(
        cell if place < 2 else (cell if place == 2 else f"{cell} {'':>6}").rjust(widths[place])
        for place, cell in enumerate(last)
    )
    return [*padded, total]


def _verdict(found: Report, model: str, base: str) -> str:
    moved = found.moved(model, base)
    if not moved:
        return f"{model}: as {base}"
    points = {name: found.share(model, name) - found.share(base, name) for name in found.ranked(base)}
    gains, loses = max(points, key=points.__getitem__), min(points, key=points.__getitem__)
    return f"{model}: {moved:.1%} belong to somebody else than by {base}; most to {gains}, most from {loses}"
