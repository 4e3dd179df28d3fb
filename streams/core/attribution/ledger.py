"""The ledger: what a conversion earned before and after, as reversals and new entries. Nothing is ever updated."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache

from streams.core.attribution.allocation import CREDIT_UNITS, allocate
from streams.core.attribution.book import Book
from streams.core.attribution.booking import Booking, Part, Shares, Step, line_of, parts_of, steps
from streams.core.attribution.facts import Facts
from streams.core.clock import moment
from streams.core.ids import derived, id_text
from streams.core.wire import WriteEntry


def booked(
    conversion: str, closing: bool, journey: str, facts: Facts, book: Book, before: Booking | None = None
) -> Booking:
    """Split a conversion by every model of the book.

    Of a model that gives what it gave `before`, the entries of then stand, and their fit with them.
    """
    path = steps(facts)
    said = _said(before)
    shares = []
    for model in book.models:
        parts = parts_of(allocate(model, facts.path, facts.net), facts.path)
        old_fit, old_figures = said.get(model.name, (None, None))
        fit = old_fit if old_figures is not None and old_figures == _figures(parts, path) else model.fit
        shares.append(Shares(model.name, fit, parts))
    figures = facts.net, facts.gross, facts.verified, facts.currency
    return Booking(conversion, closing, journey, *figures, path, shares, book.fits, book.edition)


def every_model(_name: str) -> bool:
    """Post for all of them."""
    return True


def post(
    conversion: bytes,
    number: int,
    old: Booking | None,
    new: Booking | None,
    wanted: Callable[[str], bool] = every_model,
) -> list[WriteEntry]:
    """Give the entries from `old` to `new`: for each model that changed, reversals first, then what holds now.

    `number` is that of this posting among those of the conversion. Of the old and new entries of one model either all
    are written or, where the model's shares stayed as they were or it is not `wanted`, none.
    """
    before = {shares.model: shares for shares in old.shares} if old else {}
    after = {shares.model: shares for shares in new.shares} if new else {}
    said_before, said_after = _touches(old), _touches(new)
    entries: list[WriteEntry] = []
    for model in filter(wanted, before | after):
        was, now = before.get(model), after.get(model)
        if old and new and was and now and _figures(was.parts, old.path) == _figures(now.parts, new.path):
            continue
        if old and was:
            entries += _entries(conversion, was, said_before, number, -1)
        if new and now:
            entries += _entries(conversion, now, said_after, number, 1)
    return entries


_Touch = tuple[str, str, str, str | None, datetime]
_Figures = list[tuple[tuple[object, ...] | int, int, int]]


def _said(booking: Booking | None) -> dict[str, tuple[str | None, _Figures]]:
    """Give fit and figures of each model of a booking."""
    if booking is None:
        return {}
    return {shares.model: (shares.fit, _figures(shares.parts, booking.path)) for shares in booking.shares}


def _figures(parts: list[Part], path: list[Step]) -> _Figures:
    """Give what the entries of a model say: of each touch, or line without one, its credit and value."""
    return [(_words(path[part.place]) if part.place >= 0 else part.place, part.credit, part.value) for part in parts]


def _words(step: Step) -> tuple[object, ...]:
    return step.id, step.at, step.name, step.channel, step.campaign


def _touches(booking: Booking | None) -> list[_Touch]:
    """Give the path of a booking as entries say it."""
    if booking is None:
        return []
    return [(id_text(step.id), step.name, step.channel, step.campaign, moment(step.at)) for step in booking.path]


def _entries(conversion: bytes, shares: Shares, path: list[_Touch], number: int, sign: int) -> Iterator[WriteEntry]:
    begin = f"entry\x1f{id_text(conversion)}\x1f{shares.model}\x1f{number}\x1f"
    for part in shares.parts:
        credit, value = credit_text(sign * part.credit), sign * part.value
        if part.place < 0:
            line = line_of(part)
            entry_id = derived(f"{begin}{line}\x1f{sign}")
            said = None if line == "unattributed" else line
            yield WriteEntry(
                entry_id, shares.model, number, sign, None, said, None, None, None, credit, value, shares.fit
            )
            continue
        touchpoint_id, name, channel, campaign, at = path[part.place]
        yield WriteEntry(
            derived(f"{begin}{touchpoint_id}\x1f{sign}"),
            shares.model,
            number,
            sign,
            touchpoint_id,
            name,
            channel,
            campaign,
            at,
            credit,
            value,
            shares.fit,
        )


@lru_cache(maxsize=4096)
def credit_text(units: int) -> str:
    """Write credit units as a decimal: 333333333 is `0.333333333`."""
    whole, rest = divmod(abs(units), CREDIT_UNITS)
    return f"{'-' if units < 0 else ''}{whole}.{rest:09d}"
