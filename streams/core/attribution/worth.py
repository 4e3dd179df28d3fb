"""What a conversion is worth: as sold, and after what was taken back, in minor units of the reporting currency.

An order has one day, that of its sale (in UTC): what is refunded later is converted by the rates of that day too, so
that a whole refund leaves exactly nothing. All is summed up exactly and rounded once, half to even. Where a rate is
missing the conversion keeps its own currency, is seen by it, and each look at it is counted (`no_rate.GBP`).
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from schemas.money import MOST_MINOR
from streams.core.clock import moment
from streams.core.rules import Rules
from streams.core.touch import Touch


class Worth(NamedTuple):
    """Minor units of `currency`; None: there is nothing of value, and both are 0."""

    gross: int
    net: int
    currency: str | None


NOTHING = Worth(0, 0, None)


def worth_of(conversion: Touch, naming: Sequence[Touch], rules: Rules) -> Worth:
    """Give what a conversion is worth. `naming` are the events that name its order, in order of time.

    A refund without an amount takes back all of the order. What is taken back is never more than was sold. A refund in
    another currency counts where there are rates for both; else it is left out.
    """
    sold = _sold(conversion, naming, rules)
    if sold is None:
        return NOTHING
    gross, currency = sold
    taken: list[tuple[int, str]] = []
    whole = False
    for touch in naming:
        refund = touch.sale
        if refund is None or not rules.of(touch).refund:
            continue
        if refund.minor is None:
            whole = True
        elif refund.currency is not None:
            taken.append((abs(refund.minor), refund.currency))
    reporting = rules.currencies.reporting
    if reporting is None or (currency == reporting and all(other == currency for _, other in taken)):
        if whole:
            return Worth(gross, 0, currency)
        left = gross - sum(minor for minor, other in taken if other == currency)
        return Worth(gross, gross if gross < 0 else max(left, 0), currency)
    return _reported(conversion, gross, currency, None if whole else taken, rules)


def _reported(conversion: Touch, gross: int, currency: str, taken: list[tuple[int, str]] | None, rules: Rules) -> Worth:
    """Give the worth in the reporting currency, or in its own where that cannot be. `taken` None: all of it."""
    table, day = rules.currencies.table, moment(conversion.at).date()
    into = rules.currencies.reporting or currency
    factor = table.factor(currency, into, day)
    if factor is None or abs(gross) * factor > MOST_MINOR:
        rules.complain(f"no_rate.{currency}")
        into, factor = currency, Fraction(1)
    sold = gross * factor
    if taken is None:
        return Worth(round(sold), 0, into)
    left = sold
    if gross >= 0:
        for minor, other in taken:
            each = table.factor(other, into, day)
            if each is None:
                rules.complain(f"no_rate.{other}")
            else:
                left -= minor * each
        left = max(left, Fraction(0))
    return Worth(round(sold), round(left), into)


def _sold(conversion: Touch, naming: Sequence[Touch], rules: Rules) -> tuple[int, str] | None:
    """Give what was sold, in minor units and currency; None: nothing of value.

    What a public key claims is replaced by what the first trusted event says that reaches the same conversion with the
    same order, in the same currency.
    """
    sale, rule = conversion.sale, rules.of(conversion)
    if rule.fixed is not None:
        return rule.fixed
    if not rule.valued or sale is None or sale.minor is None or sale.currency is None:
        return None
    if not conversion.verified:
        for touch in naming:
            rival = touch.sale
            if not touch.verified or rival is None or rival.minor is None or rival.currency != sale.currency:
                continue
            if rules.of(touch).conversion == rule.conversion:
                return rival.minor, sale.currency
    return sale.minor, sale.currency
