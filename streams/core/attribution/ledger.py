"""The ledger: what a conversion earned before and after, as reversals and new entries. Nothing is ever updated."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from streams.core.attribution.allocation import CREDIT_UNITS, Share, allocate
from streams.core.attribution.book import BookedModel
from streams.core.clock import moment
from streams.core.ids import derived, id_text
from streams.core.touch import Touch
from streams.core.wire import WriteEntry


class Facts(NamedTuple):
    """What decides a conversion's credits: its path in order of time, and its net value in minor units.

    `gross` is the value before refunds; `verified`: a trusted source has spoken of it. `currency` is that of both
    values; None: it has no value.
    """

    path: list[Touch]
    net: int
    gross: int = 0
    verified: bool = True
    currency: str | None = None


def post(conversion: Touch, models: Iterable[BookedModel], old: Facts | None, new: Facts | None) -> list[WriteEntry]:
    """Give the entries from `old` to `new`: for each model that changed, reversals first, then what holds now.

    The conversion's `sale.revision` is the number of this posting. Of the old and new entries of one model either all
    are written or, where the model's shares stayed as they were, none.
    """
    revision = conversion.sale.revision if conversion.sale else 1
    conversion_id = id_text(conversion.id)
    entries: list[WriteEntry] = []
    said: dict[bytes, tuple[str, datetime]] = {}
    for facts in (old, new):
        for touch in facts.path if facts else ():
            said[touch.id] = id_text(touch.id), moment(touch.at)
    for model in models:
        before = allocate(model, old.path, old.net) if old else []
        after = allocate(model, new.path, new.net) if new else []
        if old and new and _figures(before) == _figures(after):
            continue
        for sign, shares in ((-1, before), (1, after)):
            begin = f"entry\x1f{conversion_id}\x1f{model.name}\x1f{revision}\x1f"
            entries += [_entry(begin, model.name, revision, sign, share, said) for share in shares]
    return entries


def _figures(shares: list[Share]) -> list[tuple[bytes | str, int, int]]:
    return [(touch.id if touch else line, credit, value) for touch, credit, value, line in shares]


def _entry(
    begin: str, model: str, revision: int, sign: int, share: Share, said: dict[bytes, tuple[str, datetime]]
) -> WriteEntry:
    touch, credit, value, line = share
    if touch is None:
        entry_id = derived(f"{begin}{line}\x1f{sign}")
        name = None if line == "unattributed" else line
        return WriteEntry(
            entry_id, model, revision, sign, None, name, None, None, None, credit_text(sign * credit), sign * value
        )
    touchpoint_id, touched_at = said[touch.id]
    return WriteEntry(
        derived(f"{begin}{touchpoint_id}\x1f{sign}"),
        model,
        revision,
        sign,
        touchpoint_id,
        touch.name,
        touch.channel,
        touch.campaign,
        touched_at,
        credit_text(sign * credit),
        sign * value,
    )


@lru_cache(maxsize=4096)
def credit_text(units: int) -> str:
    """Write credit units as a decimal: 333333333 is `0.333333333`."""
    whole, rest = divmod(abs(units), CREDIT_UNITS)
    return f"{'-' if units < 0 else ''}{whole}.{rest:09d}"
