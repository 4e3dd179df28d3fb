"""What every survey door shares: the metric and its scale, and what an answer is about."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from producers.adapters.adapter import Context
from producers.adapters.loose import Loose, folded
from producers.adapters.problem import Problem
from schemas.base import event_id
from schemas.bodies import SCALES, Metric
from schemas.catalogue import slug

_METRICS: dict[str, Metric] = {
    **dict.fromkeys(("nps", "netpromoter", "netpromoterscore"), "nps"),
    **dict.fromkeys(("csat", "customersatisfaction", "satisfaction"), "csat"),
    **dict.fromkeys(("ces", "customereffort", "customereffortscore", "effort"), "ces"),
    **dict.fromkeys(("stars", "star", "starrating", "rating", "ratings"), "stars"),
    **dict.fromkeys(("other", "custom"), "other"),
}
_IN_A_NAME: dict[str, Metric] = {"nps": "nps", "csat": "csat", "ces": "ces", "stars": "stars"}
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_ENDS = re.compile(r"(-?\d+(?:[.,]\d+)?)\s*(?:-|–|\.\.|to|bis|/)\s*(-?\d+(?:[.,]\d+)?)", re.IGNORECASE)

ABOUT_EVENT = ("about_event", "touchpoint_id", "about_touchpoint_id")
ABOUT_SOURCE = ("touchpoint_source", "about_source")
ABOUT_TOUCHPOINT = ("about_touchpoint", "touchpoint", "touchpoint_name", "interaction")
ABOUT_ORDER = ("order_id", "about_order", "order", "order_number", "order_no")
ABOUT_TICKET = ("ticket_id", "about_ticket", "ticket", "ticket_number", "case_id")


@dataclass(frozen=True, slots=True)
class About:
    """What an answer is about; all None: about the relationship as a whole."""

    event: UUID | None = None
    touchpoint: str | None = None
    order: str | None = None
    ticket: str | None = None

    def fields(self) -> dict[str, Any]:
        """Give the fields of a `SurveyBody`."""
        return {
            "about_event": self.event,
            "about_touchpoint": self.touchpoint,
            "about_order": self.order,
            "about_ticket": self.ticket,
        }


def about_of(rows: Iterable[Loose], context: Context) -> About:
    """Give what the rows (hidden fields, properties, columns) say, the first that says it.

    `touchpoint_id` is the event id that the collector answered, or the id that the sender of that touchpoint gave it;
    `touchpoint_source` names that sender, if it is another source. A name of the catalogue there is taken as one.

    Raises:
        Problem: one of them is no text.
    """
    event, touchpoint, order, ticket = None, None, None, None
    for row in rows:
        stated = row.text(*ABOUT_EVENT)
        if stated is not None and context.catalogue.entry(stated) is not None:
            touchpoint = touchpoint or stated
        elif stated is not None and event is None:
            event = event_id(row.text(*ABOUT_SOURCE) or context.sender.source, stated)
        name = row.text(*ABOUT_TOUCHPOINT, limit=100)
        if name is not None and touchpoint is None:
            touchpoint = _touchpoint(name, context)
        order = order or row.text(*ABOUT_ORDER)
        ticket = ticket or row.text(*ABOUT_TICKET)
    return About(event, touchpoint, order, ticket)


def metric_named(text: str, path: str) -> Metric:
    """Give the metric that a sender names.

    Raises:
        Problem: we know none of that name.
    """
    metric = _METRICS.get(folded(text))
    if metric is None:
        raise Problem(path, f"{text!r} is none of {', '.join((*SCALES, 'other'))}")
    return metric


def metric_in(name: str | None) -> Metric | None:
    """Give the metric that a question's own name says: `nps`, `csat_delivery`, `after-call-ces`."""
    words = re.findall(r"[a-z]+", (name or "").lower())
    return next((_IN_A_NAME[word] for word in words if word in _IN_A_NAME), None)


def scale_of(row: Loose) -> tuple[Decimal, Decimal] | None:
    """Give the scale that a row states: `scale` as `0-10`, `1 to 5` or `5` (from 1), or its two ends.

    Raises:
        Problem: it is none, or only one end is there.
    """
    low, high = row.number("scale_min", "minimum"), row.number("scale_max", "maximum")
    if low is not None or high is not None:
        if low is None or high is None:
            raise Problem(row.node.at("scale_min" if low is None else "scale_max"), "required beside the other end")
        return low, high
    stated = row.text("scale", limit=50)
    if stated is None:
        return None
    if ends := _ENDS.fullmatch(stated):
        return Decimal(ends[1].replace(",", ".")), Decimal(ends[2].replace(",", "."))
    if stated.isascii() and stated.isdigit():
        return Decimal(1), Decimal(stated)
    raise Problem(row.at("scale"), f"{stated!r} is no scale; one is 0-10")


def scored(
    metric: Metric,
    score: Decimal | None,
    path: str,
    scale: tuple[Decimal, Decimal] | None = None,
    scale_path: str | None = None,
) -> dict[str, Any]:
    """Give the fields of a `SurveyBody`, checked. `scale` None: the metric's own; `other` has none.

    Raises:
        Problem: the score is not on the scale. An NPS on another scale is refused, not rescaled: 1-10 has no 0, and
            no rule makes the answers the same.
    """
    own = SCALES.get(metric)
    if scale is None and own is not None:
        scale = Decimal(own[0]), Decimal(own[1])
    if scale is None:
        return {"metric": metric, "score": score}
    low, high = scale
    if low >= high:
        raise Problem(scale_path or path, f"a scale from {low} to {high}")
    if metric == "nps" and (low != SCALES["nps"][0] or high != SCALES["nps"][1]):
        raise Problem(scale_path or path, f"NPS is asked on 0 to 10, here on {low} to {high}: refused, not rescaled")
    if score is not None:
        if not low <= score <= high:
            raise Problem(path, f"{score} is not within {low} to {high}, the scale of {metric}")
        if metric == "nps" and score != int(score):
            raise Problem(path, f"{score} is no whole number, as NPS is")
    return {"metric": metric, "score": score, "scale_min": low, "scale_max": high}


def own_id(kind: str, *parts: str) -> str:
    """Give the sender's id, told from the ids that another of its systems counts; a UUID alone stays as it is."""
    if len(parts) == 1:
        try:
            return str(UUID(parts[0]))
        except ValueError:
            pass
    return ":".join((kind, *parts))


def _touchpoint(name: str, context: Context) -> str:
    known = context.catalogue.touchpoint_named(name)
    if known is not None:
        return known
    lower = name.strip().lower()
    return lower if _NAME.fullmatch(lower) else slug(name)
