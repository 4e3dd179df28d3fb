"""The ledger: what a conversion earned before and after, as reversals and new entries. Nothing is ever updated."""

from collections.abc import Iterable
from typing import NamedTuple

from streams.core.attribution.allocation import CREDIT_UNITS, Share, allocate
from streams.core.clock import moment
from streams.core.ids import derived, id_text
from streams.core.touch import Touch
from streams.core.wire import WriteEntry


class Facts(NamedTuple):
    """What decides a conversion's credits: its path in order of time, and its net value in minor units."""

    path: list[Touch]
    net: int


def post(conversion: Touch, models: Iterable[str], old: Facts | None, new: Facts | None) -> list[WriteEntry]:
    """Give the entries from `old` to `new`: for each model that changed, reversals first, then what holds now.

    The conversion's `sale.revision` is the number of this posting. Of the old and new entries of one model either all
    are written or, where the model's shares stayed as they were, none.
    """
    revision = conversion.sale.revision if conversion.sale else 1
    conversion_id = id_text(conversion.id)
    entries: list[WriteEntry] = []
    for model in models:
        before = allocate(model, old.path, old.net) if old else []
        after = allocate(model, new.path, new.net) if new else []
        if old and new and _figures(before) == _figures(after):
            continue
        for sign, shares in ((-1, before), (1, after)):
            entries += [_entry(conversion_id, model, revision, sign, share) for share in shares]
    return entries


def _figures(shares: list[Share]) -> list[tuple[bytes | None, int, int]]:
    return [(touch.id if touch else None, credit, value) for touch, credit, value in shares]


def _entry(conversion_id: str, model: str, revision: int, sign: int, share: Share) -> WriteEntry:
    touch, credit, value = share
    touchpoint_id = id_text(touch.id) if touch else None
    return WriteEntry(
        entry_id=derived("entry", conversion_id, model, str(revision), touchpoint_id or "unattributed", str(sign)),
        model=model,
        revision=revision,
        sign=sign,
        touchpoint_id=touchpoint_id,
        touchpoint=touch.name if touch else None,
        channel=touch.channel if touch else None,
        campaign=touch.campaign if touch else None,
        touched_at=moment(touch.at) if touch else None,
        credit=credit_text(sign * credit),
        value_minor=sign * value,
    )


def credit_text(units: int) -> str:
    """Write credit units as a decimal: 333333333 is `0.333333333`."""
    whole, rest = divmod(abs(units), CREDIT_UNITS)
    return f"{'-' if units < 0 else ''}{whole}.{rest:09d}"
