"""The path of a conversion: the touches in its look-back window that may earn credit."""

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
        rule = rules.rule(touch.name, touch.channel)
        if touch.opens_visit or (rule.credit and touch.id != conversion.id):
            path.append(touch)
        if rules.stop_at_conversion and rule.closing and touch.key < conversion.key:
            path.clear()
    if len(path) > rules.max_path:
        path[1 : len(path) - rules.max_path + 1] = []
    return path


def net_of(log: TouchLog, conversion: Touch, rules: Rules) -> int:
    """Give what a conversion is worth after refunds, in minor units; never below 0.

    A refund names the order; without an amount it takes back all of it. One in another currency is left out.
    """
    sale = conversion.sale
    if sale is None or sale.minor is None or not rules.rule(conversion.name, conversion.channel).valued:
        return 0
    net = sale.minor
    if sale.order is not None:
        for touch in log.naming(sale.order):
            refund = touch.sale
            if refund is not None and rules.rule(touch.name, touch.channel).refund:
                if refund.minor is None:
                    return 0
                if refund.currency == sale.currency:
                    net -= abs(refund.minor)
    return max(net, 0) if sale.minor >= 0 else sale.minor
