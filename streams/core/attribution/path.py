"""The facts of a conversion: the touches in its look-back window that may earn credit, and what it is worth."""

from streams.core.attribution.facts import Facts
from streams.core.attribution.worth import worth_of
from streams.core.consenting import Veil, is_hidden
from streams.core.rules import Rules
from streams.core.touch import NO_CONSENT, Touch
from streams.core.touch_log import TouchLog

WITHHELD = "withheld"
"""Touchpoint and channel of a touch that nobody has allowed to attribute."""


def path_of(log: TouchLog, conversion: Touch, rules: Rules, veil: Veil | None = None) -> list[Touch]:
    """Give the touches of the window [t − look-back, t], both borders in, in order.

    The conversion's own event earns nothing; the visit it happens in does. Of a path longer than the catalogue's
    `max_path`, the first touch and the newest ones are kept, so that the cost of one conversion has a bound.
    A touch without consent keeps its place and its time, and neither name nor channel nor campaign: models see that
    something was there, not what. So does one that the person's decisions hide (`veil`).
    """
    path: list[Touch] = []
    end = conversion.at
    for touch in log.since(end - rules.look_back):
        if touch.at > end:
            break
        rule = rules.of(touch)
        if touch.opens_visit or (rule.credit and touch.id != conversion.id):
            path.append(_veiled(touch) if is_hidden(touch, veil) else touch)
        if rules.stop_at_conversion and rule.closing and touch.key < conversion.key:
            path.clear()
    if len(path) > rules.max_path:
        path[1 : len(path) - rules.max_path + 1] = []
    return path


def facts_of(log: TouchLog, conversion: Touch, rules: Rules, veil: Veil | None = None) -> Facts:
    """Give what decides a conversion's credits."""
    sale = conversion.sale
    naming = log.naming(sale.order) if sale is not None and sale.order is not None else []
    verified = conversion.verified or any(touch.verified for touch in naming)
    worth = worth_of(conversion, naming, rules)
    return Facts(path_of(log, conversion, rules, veil), worth.net, worth.gross, verified, worth.currency)


def _veiled(touch: Touch) -> Touch:
    return Touch(touch.at, touch.id, WITHHELD, WITHHELD, None, 0, touch.flags | NO_CONSENT)
