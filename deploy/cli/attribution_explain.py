"""The command `touchpath attribution explain`: why a conversion gave what to whom, what it said before, its refunds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.moments import moment
from deploy.cli.options import ConfigOption, JsonOption, settings_of
from deploy.cli.output import Format, chosen, json_out, say
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from deploy.attribution_explain import Conversion, Entry, Explained, Line, Refund, Restated, Strangers
    from deploy.settings import Settings

BAR = 20
#: In the history, so many lines of a posting are named; the others are counted.
NAMED = 6
#: What the words of the view `refunds` mean; the others say it themselves.
MEANT = {
    "taken in part": "taken in part: the sale had no more left",
    "together in part": "together in part: such refunds are more than the sale",
    "nothing to take": "not taken: the sale has nothing to take from",
    "no sale": "not taken: of another profile than the sale",
    "beyond horizon": "not taken: its profile keeps newer events only",
    "not taken": "not taken: the sale stays as it was said, or workers have not come to it",
}


def explain(
    conversion: Annotated[
        str | None,
        typer.Argument(metavar="CONVERSION", help="The id of the event that converted.", show_default=False),
    ] = None,
    order: Annotated[str | None, typer.Option("--order", metavar="NUMBER", help="Of this order instead.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="What was reported then: 2026-03-01T08:00, or 7d ago.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Explain a conversion: its refunds, its path, what each model gives to whom, and every restatement.

    A conversion has the id of the event that converted: conversion_id in the views conversions and credits.

      touchpath attribution explain --order W-1001
      touchpath attribution explain 7d3c9a52-1c0b-5a37-8d40-52a4f1c2b6aa
      touchpath attribution explain --order W-1001 --as-of 2026-03-01T08:00    what was reported then
      touchpath attribution explain --order W-1001 --json | jq .models.linear
      touchpath sql "SELECT conversion_id, net FROM conversions ORDER BY occurred_at DESC LIMIT 5"

    [bold]Reading it[/bold]: unattributed is what no touch earned; withheld is what touches earned that nobody may name,
    for want of consent. Nothing in the ledger is ever changed: what turns out otherwise is taken back and written anew,
    with its cause, and with the time at which the cause arrived. --as-of counts what was recorded by then; a touch
    that has left the path since is only known where it had credit. A data-driven model names the fit that it was split
    by: see `touchpath attribution fits`. Refunds are those of now; the view refunds has them all, also those that took
    nothing back.
    """
    order = order.strip() if order else None
    if (not conversion) == (not order):
        raise CommandError(
            "name one conversion: by the id of its event, or by --order NUMBER"
            " (touchpath attribution explain --help shows both)",
            Exit.USAGE,
        )
    now = datetime.now(UTC)
    then = moment(as_of, "--as-of", now)
    found = _found(settings_of(config), _id_of(conversion), order, then)
    if as_json:
        json_out(found.as_json())
    else:
        tell(found, chosen())


def _id_of(text: str | None) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text.strip())
    except ValueError:
        raise CommandError(
            f"CONVERSION: {text!r} is no id of an event (a UUID); for the number of an order: --order {text}",
            Exit.USAGE,
        ) from None


def _found(settings: Settings, event_id: UUID | None, order: str | None, as_of: datetime | None) -> Explained:
    from deploy.attribution_explain import ExplainStore, NoConversionError, SeveralConversionsError

    try:
        with tables_of(settings, patient=False) as store:
            return ExplainStore(store).explained(event_id, order, as_of)
    except NoConversionError as error:
        raise CommandError(str(error)) from error
    except SeveralConversionsError as error:
        raise CommandError(str(error), Exit.USAGE) from error


def tell(found: Explained, form: Format) -> None:
    """Print a conversion: the facts, the refunds, the path, the models, and the history."""
    from deploy.cli.identity_text import at, section

    c = found.conversion
    for label, text in _facts(c):
        if text:
            typer.echo(f"{label:<10} {text}")
    if found.as_of is not None:
        typer.echo(f"{'as of':<10} {at(found.as_of)}; the facts above are those of now")
    if found.refunds:
        columns = ("at", "touchpoint", "source", "to be taken", "taken", "what became of it")
        title = "Refunds" if found.as_of is None else "Refunds, as of now"
        section(title, columns, [_refund(one, c, form) for one in found.refunds], form)
        if excess := without_place(found.refunds, c):
            say(f"touchpath: {_money(excess, c)} {c.currency} of the refunds had no place: the sale had no more")
    section(
        "Path",
        ("at", "touchpoint", "channel", "campaign", "who", ""),
        [
            (at(s.touched_at), s.touchpoint, s.channel, s.campaign, s.owner, "" if s.still else "no longer on the path")
            for s in found.path
        ],
        form,
    )
    if found.lines:
        _tell_models(found, form)
    else:
        say(_empty(found))
    for one in found.strangers:
        say(_unknown(one))
    if found.history:
        section(
            "Restatements",
            ("recorded at", "cause", "revision", "model", "taken back", "written"),
            [
                (
                    *(at(posting.recorded_at), cause_of(posting.cause, one), posting.revision, one.model),
                    *(_entries(one.reversed, c), _entries(one.written, c)),
                )
                for posting in found.history
                for one in posting.models
            ],
            form,
        )


def _tell_models(found: Explained, form: Format) -> None:
    from deploy.cli.identity_text import at, section

    c = found.conversion
    fits = any(line.fit_id for line in found.lines)
    value = f"value {c.currency}" if c.currency else "value"
    # Texts stand on the left of a column: figures are moved to its right by hand.
    width = max((len(_money(line.value, c)) for line in found.lines), default=0) if form == "table" else 0
    section(
        "What each model gives",
        ("model", "touched", "to", "credit", "", value, *["learned by fit"] * fits),
        [
            (
                *(line.model, at(line.touched_at), _name(line), f"{line.credit:.2%}".rjust(7 if width else 0)),
                *(bar(line.credit), _money(line.value, c).rjust(width), *[_fit(line.fit_id, found)] * fits),
            )
            for line in found.lines
        ],
        form,
    )


def cause_of(cause: str, restated: Restated) -> str:
    """Say why a model was restated: of a published one also which fit came, and which one went."""
    old, new = restated.fits
    if cause != "model" or old == new:
        return cause.replace("_", " ")
    if new is None:
        return f"model withdrawn (fit {_short(old)})"
    return f"model published (fit {_short(new)})" if old is None else f"another fit ({_short(old)} → {_short(new)})"


def bar(credit: Decimal) -> str:
    """Draw a credit: a full bar is one conversion."""
    return "█" * round(max(float(credit), 0.0) * BAR)


def _facts(c: Conversion) -> list[tuple[str, str]]:
    from deploy.cli.identity_text import at

    worth = f"{_money(c.net, c)} {c.currency} net" if c.currency else "no value"
    if c.currency and c.net != c.gross:
        worth += f", {_money(c.gross, c)} gross"
    state = "withdrawn: it is no conversion any more, and has no credit" if c.withdrawn else ""
    if c.erased:
        state = (
            f"erased on {c.recorded_at:%Y-%m-%d} with its customer: what it had earned is nobody's now, in every total"
        )
    return [
        ("conversion", f"{c.conversion} {c.conversion_id}" + (", closes its journey" if c.closing else "")),
        ("at", f"{at(c.occurred_at)} by {c.touchpoint} ({c.channel}, source {c.source})"),
        ("order", c.order_id),
        ("worth", worth + ("" if c.verified else ", not verified by a trusted source")),
        (
            "profile",
            "nobody: the customer was erased. Times are days (UTC), and no id leads back"
            if c.of_nobody
            else str(c.profile_id),
        ),
        ("state", state),
    ]


def without_place(refunds: Iterable[Refund], c: Conversion) -> Decimal | None:
    """Give by how much refunds are more than their sale, in its currency; None: they are not, or it cannot be told."""
    from decimal import Decimal

    counted = [one for one in refunds if one.outcome in ("taken", "taken in part", "together in part")]
    if all(one.outcome == "taken" for one in counted) or any(one.currency != c.currency for one in counted):
        return None
    excess = sum((abs(one.amount) for one in counted if one.amount is not None), Decimal(0)) - c.gross
    return excess if excess > 0 else None


def _refund(one: Refund, c: Conversion, form: Format) -> tuple[str, ...]:
    from deploy.cli.identity_text import at
    from schemas.money import to_minor_unit

    amount = "all" if one.amount is None else f"{to_minor_unit(one.amount, one.currency):,} {one.currency}".strip()
    taken = "" if one.taken is None or not c.currency else f"{_money(one.taken, c)} {c.currency}"
    words = MEANT.get(one.outcome, one.outcome)
    if one.outcome == "no rate":
        words = f"not taken: no rate from {one.currency} to {c.currency} on the day of the sale"
    return at(one.occurred_at), one.touchpoint, one.source, amount, taken, words if form == "table" else one.outcome


def _unknown(one: Strangers) -> str:
    """Say which touches a fit does not know, and what they earn by it."""
    touches = sum(one.names.values())
    names = ", ".join(f"{name} ({times})" if times > 1 else name for name, times in one.names.items())
    has = "1 touch is" if touches == 1 else f"{touches} touches are"
    earn = "no name of this path weighs anything, so all share equally" if one.equally else "nothing by it"
    kind = f"{one.level}s" if len(one.names) > 1 else f"a {one.level}"
    return f"touchpath: {one.model}: {has} of {kind} unknown to its fit {_short(one.fit_id)}, {names}: {earn}"


def _fit(fit_id: UUID | None, found: Explained) -> str:
    """Name a fit in short, and the time at which it was learned."""
    fit = found.fits.get(fit_id) if fit_id else None
    return _short(fit_id) + (f" of {fit.fitted_at:%Y-%m-%d %H:%M}" if fit else "")


def _short(fit_id: UUID | None) -> str:
    # As many characters as tell fits apart; `publish` takes them, too.
    return "" if fit_id is None else str(fit_id)[:8]


def _name(line: Line) -> str:
    if line.line != "touch":
        return line.line
    return " ".join(part for part in (line.channel, line.campaign, f"({line.touchpoint})") if part)


def _entries(entries: Iterable[Entry], c: Conversion) -> str:
    """Name entries in short: `email/spring 50.00% 9.95`."""
    said = [
        f"{one.name} {abs(one.credit):.2%}" + (f" {_money(abs(one.value), c)}" if c.currency else "") for one in entries
    ]
    more = f" and {len(said) - NAMED} more" if len(said) > NAMED else ""
    return ", ".join(said[:NAMED]) + more


def _money(amount: Decimal, c: Conversion) -> str:
    return f"{amount:,.{c.minor_digits}f}" if c.currency else ""


def _empty(found: Explained) -> str:
    if found.conversion.erased:
        return "touchpath: an erased conversion has no credit; what is said of nobody in its place has"
    if found.conversion.withdrawn:
        return "touchpath: a withdrawn conversion has no credit; its restatements say what it had"
    if found.as_of is not None:
        return "touchpath: nothing was recorded of it by then: it, or what converted, arrived later"
    return "touchpath: the ledger has nothing of it yet; `touchpath settle` waits until all has arrived"
