"""The command that lays the policies for shared identifiers side by side."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.moments import moment
from deploy.cli.options import CatalogueOption, ConfigOption, JsonOption, checked_catalogue, settings_of
from deploy.cli.output import chosen, json_out, say
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from rich.progress import TaskID

    from deploy.cli.output import Format
    from deploy.identity_compare import Comparison, Difference, Line, Outcome, Progress
    from deploy.settings import Settings
    from streams.core.stage import Output


def compare(
    since: Annotated[str | None, typer.Option("--since", help="Events since: 2026-03-01, or 12h, 30d ago.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Events before: 2026-04-01, or 1d ago.")] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Try the policy of this source only; may be given again.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many events, which run in memory.")] = (
        100_000
    ),
    most: Annotated[int, typer.Option("--most", min=0, help="Show so many identifiers that differ.")] = 10,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Compare what the policies for shared identifiers make of recorded events, beside the policy in force.

    An event that carries nothing but an identifier of several customers (a family's tablet) goes to the customer seen
    with it last (last_known), to nobody before the first log-in (split_at_login), or always to a profile of its own
    (device_only). Recorded events are run once per policy, in memory: profiles, journeys, conversions, and what
    each channel earns in each model. Nothing is changed. Try a setting of your own with --catalogue.

      touchpath identity compare --since 30d
      touchpath identity compare --source kiosk --json | jq .policies.device_only
    """
    from deploy.identity_compare import compare as compared

    now = datetime.now(UTC)
    begin, end = moment(since, "--since", now), moment(until, "--until", now)
    settings = settings_of(config, catalogue=catalogue)
    known = checked_catalogue(settings)
    records, there = _recorded(settings, begin, end, limit)
    with _bar(len(records), chosen(as_json)) as progress:
        found = compared(records, known, source or [], progress)
    if as_json:
        json_out({**as_plain(found), "events_there": there})
    else:
        _tell(found, chosen(), most)
    if not found.events:
        say("touchpath: there are no events of that time")
    elif there > limit:
        say(f"touchpath: the newest {limit:,} of {there:,} events; --limit takes more, as memory allows")
    if found.quarantined:
        say(f"touchpath: {found.quarantined} records could not be taken")


def as_plain(found: Comparison) -> dict[str, Any]:
    """Give a comparison as JSON has it: amounts as text, and beside each figure its difference to what is in force."""
    usual = found.outcomes[found.in_force]
    return {
        "events": found.events,
        "decisions": found.decisions,
        "quarantined": found.quarantined,
        "in_force": found.in_force,
        "policies": {name: _plain_outcome(one, usual) for name, one in found.outcomes.items()},
        "identifiers": [one._asdict() for one in found.differences],
    }


def _plain_outcome(one: Outcome, usual: Outcome) -> dict[str, Any]:
    counts = {name: getattr(one, name) for name in _COUNTS}
    return {
        **counts,
        "split": _split(one),
        "difference": {name: count - getattr(usual, name) for name, count in counts.items()},
        "revenue": {currency: str(amount) for currency, amount in one.revenue.items()},
        "credited": [
            {**line._asdict(), "value": str(_of(one, line)), "difference": str(_of(one, line) - _of(usual, line))}
            for line in _lines({"": usual, one.name: one})
        ],
    }


_COUNTS = {
    "profiles": "profiles",
    "journeys": "journeys",
    "conversions": "conversions",
    "shared": "identifiers shared",
}


def _tell(found: Comparison, form: Format, most: int) -> None:
    from deploy.cli.identity_text import section

    outcomes = found.outcomes
    usual = outcomes[found.in_force]
    heads = [f"{name} *" if name == found.in_force else name for name in outcomes]
    rows: list[list[object]] = [
        [label, *(_count(getattr(one, name), getattr(usual, name)) for one in outcomes.values())]
        for name, label in _COUNTS.items()
    ]
    rows.append(
        [
            "of them with several people",
            *(_count(_split(one), _split(usual)) for one in outcomes.values()),
        ]
    )
    for currency in sorted({currency for one in outcomes.values() for currency in one.revenue}):
        rows.append([f"revenue {currency}", *(_revenue(one, usual, currency) for one in outcomes.values())])
    section(f"{found.events:,} events under each policy (* in force)", ["", *heads], rows, form)
    lines = _lines(outcomes)
    section(
        "Revenue by channel and model (net value credited)",
        ["model", "channel", "currency", *heads],
        [[*line, *(_money(_of(one, line), _of(usual, line)) for one in outcomes.values())] for line in lines],
        form,
    )
    if found.differences and most:
        section(
            "Identifiers whose customers differ most (events by whose they are)",
            ["identifier", "events", "differ", *heads],
            [_difference_row(one, list(outcomes)) for one in found.differences[:most]],
            form,
        )
    if len(found.differences) > most:
        say(f"touchpath: {len(found.differences)} identifiers differ; --most shows more")


def _difference_row(one: Difference, names: list[str]) -> list[object]:
    return [one.identifier, one.events, one.moved, *(_people(one.people[name], one.identifier) for name in names)]


def _people(people: Mapping[str, int], own: str) -> str:
    """Write whose the events are, three of them by name: `customer:ada 3, customer:bo 2, alone 1`."""
    first = [f"{'alone' if named == own else named} {count:,}" for named, count in list(people.items())[:3]]
    more = len(people) - len(first)
    return ", ".join(first) + (f", and {more} more" if more > 0 else "")


def _lines(outcomes: Mapping[str, Outcome]) -> list[Line]:
    return sorted({line for one in outcomes.values() for line in one.credited})


def _of(one: Outcome, line: Line) -> Decimal:
    """Give what a channel earned; nothing has the currency's decimals, too."""
    from decimal import Decimal

    from schemas.money import minor_digits

    digits = minor_digits(line.currency) if line.currency else 0
    return one.credited.get(line, Decimal(0).scaleb(-digits))


def _split(one: Outcome) -> int:
    """Count the identifiers whose events several people have."""
    return sum(len(people) > 1 for people in one.people.values())


def _count(count: int, usual: int) -> str:
    return f"{count:,}" if count == usual else f"{count:,} ({count - usual:+,})"


def _revenue(one: Outcome, usual: Outcome, currency: str) -> str:
    from decimal import Decimal

    return _money(one.revenue.get(currency, Decimal(0)), usual.revenue.get(currency, Decimal(0)))


def _money(amount: Decimal, usual: Decimal) -> str:
    return f"{amount:,f}" if amount == usual else f"{amount:,f} ({amount - usual:+,f})"


def _recorded(
    settings: Settings, since: datetime | None, until: datetime | None, limit: int
) -> tuple[list[Output], int]:
    from deploy.identity_compare import recorded

    with tables_of(settings, patient=False) as store:
        return recorded(store, since, until, limit)


@contextmanager
def _bar(records: int, form: Format) -> Iterator[Progress]:
    """Show how far each policy is, for people: on standard error, so that standard output holds the result alone."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=form != "table", transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def told(name: str, count: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=records)
            bar.update(tasks[name], advance=count)

        yield told
