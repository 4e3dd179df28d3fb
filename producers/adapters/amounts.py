"""Numbers as senders write them, and money out of them.

The rule for decimals beyond the currency's minor unit, for every format of others: they are rounded half to even.
Senders add up in binary floating point, so 3.4899999999 is a sum that went through it, not another price. Our own
envelope (`crm/touchpoints.py`) is held to the contract instead, which refuses them.
"""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache

from producers.adapters.problem import Problem
from schemas.money import Money, minor_digits

MAX_DIGITS = 18


def decimal_of(value: object, path: str) -> Decimal:
    """Give the number that a sender wrote as a JSON number or as text; a float by its shortest writing.

    Raises:
        Problem: it is no finite number, or has more than 18 digits.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Problem(path, "not a number")
    try:
        number = Decimal(value.strip() if isinstance(value, str) else repr(value))
    except InvalidOperation:
        raise Problem(path, "not a number") from None
    if not number.is_finite():
        raise Problem(path, "not a number")
    _, digits, exponent = number.as_tuple()
    whole = len(digits) + int(exponent)
    if whole > MAX_DIGITS:
        raise Problem(path, f"more than {MAX_DIGITS} digits")
    if max(len(digits), -int(exponent)) > MAX_DIGITS:  # a tail that no sender meant, such as 0.1 + 0.2 leaves
        number = number.quantize(Decimal(1).scaleb(max(whole, 0) - MAX_DIGITS), rounding=ROUND_HALF_EVEN)
    return number if number else abs(number)


def rounded(number: Decimal, currency: str) -> Decimal:
    """Round half to even to the currency's minor unit."""
    return number.quantize(_quantum(currency), rounding=ROUND_HALF_EVEN)


@lru_cache(maxsize=512)
def _quantum(currency: str) -> Decimal:
    return Decimal(1).scaleb(-minor_digits(currency))


def money(number: Decimal, currency: str, path: str) -> Money:
    """Give the money, rounded to the minor unit.

    Raises:
        Problem: with its decimals it has more than 18 digits.
    """
    amount = rounded(number, currency)
    if len(amount.as_tuple().digits) > MAX_DIGITS:
        raise Problem(path, f"more than {MAX_DIGITS} digits")
    return Money(amount=amount, currency=currency)


def currency_of(value: object, path: str) -> str:
    """Give the ISO 4217 code in upper case.

    Raises:
        Problem: it is no text or no such code.
    """
    if not isinstance(value, str):
        raise Problem(path, "not text")
    code = value.strip().upper()
    try:
        minor_digits(code)
    except ValueError as error:
        raise Problem(path, str(error)) from None
    return code
