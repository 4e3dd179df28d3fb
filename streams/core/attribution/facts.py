"""What decides a conversion's credits."""

from typing import NamedTuple

from streams.core.touch import Touch


class Facts(NamedTuple):
    """Its path in order of time, and its net value in minor units.

    `gross` is the value before refunds; `verified`: a trusted source has spoken of it. `currency` is that of both
    values; None: it has no value.
    """

    path: list[Touch]
    net: int
    gross: int = 0
    verified: bool = True
    currency: str | None = None
