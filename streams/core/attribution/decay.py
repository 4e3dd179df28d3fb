"""Powers of a half as whole numbers, the same on every machine: no float, no library of the platform.

2^-x for x = age / half-life: the whole half-lives shift, the fraction is cut off to 32 bits and looked up in four
tables of 256 powers each, 2^-(b/256), 2^-(b/256^2) and so on, whose product it is. With a half-life of 7 days a
fraction is cut off at 0.14 milliseconds, and the result at 2^-60 of the newest touch's weight: far below a unit of
credit.
"""

from functools import cache
from math import isqrt

ONE = 1 << 60
"""The weight of age 0."""

_DIGITS = 120
"""Binary digits of the tables."""
_FRACTION = 32


def decayed(age: int, half_life: int) -> int:
    """Give 2^60 · 2^(-age / half_life), cut off to a whole number; `age` not below 0, both in the same unit."""
    halvings, rest = divmod(age, half_life)
    if halvings >= 60:
        return 0
    if not rest:
        return ONE >> halvings
    coarse, fine, finer, finest = _tables()
    bits = (rest << _FRACTION) // half_life
    power = coarse[bits >> 24] * fine[bits >> 16 & 255] >> _DIGITS
    power = power * finer[bits >> 8 & 255] >> _DIGITS
    power = power * finest[bits & 255] >> _DIGITS
    return power >> (_DIGITS - 60 + halvings)


@cache
def _tables() -> tuple[tuple[int, ...], ...]:
    """Give 2^-(b / 256^k) for b below 256 and k from 1 to 4, in units of 2^-120."""
    guard = 64
    root = 1 << (_DIGITS + guard - 1)  # 2^-1, and from here on its square root again and again
    tables = []
    for _ in range(4):
        for _ in range(8):
            root = isqrt(root << (_DIGITS + guard))
        power, table = 1 << (_DIGITS + guard), []
        for _ in range(256):
            table.append(power >> guard)
            power = power * root >> (_DIGITS + guard)
        tables.append(tuple(table))
    return tuple(tables)
