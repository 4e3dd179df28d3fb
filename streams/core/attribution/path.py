"""The facts of a conversion: the touches in its look-back window that may earn credit, and what it is worth."""

from streams.core.attribution.ledger import Facts
from streams.core.rules import Rules
from streams.core.touch import Touch
from streams.core.touch_log import TouchLog


def path_of(log: TouchLog, conversion: Touch, rules: Rules) -> list[Touch]:
    """Give the touches of the window [t − look-back, t], both borders in, in order.

    The conversion's own event earns nothing; the visit it happens in does. Of a path longer than the catalogue's
    `max_path`, the first touch and the newest ones are kept, so that the cost of one conversion has a bound.
    """
    path: list[Touch] = []
    end = conversion.at
    for touch in log.since(end - rules.look_back):
        if touch.at > end:
            break
        rule = rules.of(touch)
        if touch.opens_visit or (rule.credit and touch.id != conversion.id):
            path.append(touch)
        if rules.stop_at_conversion and rule.closing and touch.key < conversion.key:
            path.clear()
    if len(path) > rules.max_path:
        path[1 : len(path) - rules.max_path + 1] = []
    return path


def facts_of(log: TouchLog, conversion: Touch, rules: Rules) -> Facts:
    """Give what decides a conversion's credits."""
    sale = conversion.sale
    naming = log.naming(sale.order) if sale is not None and sale.order is not None else []
    gross = _gross(conversion, naming, rules)
    verified = conversion.verified or any(touch.verified for touch in naming)
    return Facts(path_of(log, conversion, rules), _net(conversion, gross, naming, rules), gross or 0, verified)


def _gross(conversion: Touch, naming: list[Touch], rules: Rules) -> int | None:
    """Give what was sold, in minor units; None: nothing of value.

    What a public key claims is replaced by what the first trusted event says that reaches the same conversion with the
    same order, in the same currency.
    """
    sale, rule = conversion.sale, rules.of(conversion)
    if sale is None or sale.minor is None or not rule.valued:
        return None
    if not conversion.verified:
        for touch in naming:
            rival = touch.sale
            if not touch.verified or rival is None or rival.minor is None or rival.currency != sale.currency:
                continue
            if rules.of(touch).conversion == rule.conversion:
                return rival.minor
    return sale.minor


def _net(conversion: Touch, gross: int | None, naming: list[Touch], rules: Rules) -> int:
    """Give what a conversion is worth after refunds, in minor units; never below 0.

    A refund names the order; without an amount it takes back all of it. One in another currency is left out.
    """
    sale = conversion.sale
    if sale is None or gross is None:
        return 0
    net = gross
    for touch in naming:
        refund = touch.sale
        if refund is not None and rules.of(touch).refund:
            if refund.minor is None:
                return 0
            if refund.currency == sale.currency:
                net -= abs(refund.minor)
    return max(net, 0) if gross >= 0 else gross
