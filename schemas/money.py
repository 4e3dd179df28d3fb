"""Money: a Decimal with its ISO 4217 currency, and the way to the currency's minor unit and back."""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Self

import iso4217
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from schemas.base import WireModel


@lru_cache(maxsize=512)
def minor_digits(currency: str) -> int:
    """Give the digits of the currency's minor unit: 2 for EUR, 0 for JPY, 3 for KWD.

    Raises:
        ValueError: the code is not an ISO 4217 currency.
    """
    try:
        digits = iso4217.Currency(currency).exponent
    except ValueError:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency code") from None
    return int(digits or 0)


def to_minor_unit(amount: Decimal, currency: str) -> Decimal:
    """Give an amount with the decimals of its currency, rounded half to even; without a currency as it is.

    Raises:
        ValueError: the code is not an ISO 4217 currency.
    """
    return round(amount, minor_digits(currency)) if currency else amount


def _known(currency: str) -> str:
    minor_digits(currency)
    return currency


Currency = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z]{3}$"),
    AfterValidator(_known),
]

#: The most minor units of one amount: what a signed 64-bit integer holds for certain.
MOST_MINOR = 10**18 - 1

Amount = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=18)]


class Money(WireModel):
    """An amount in a currency, at most to the currency's minor unit. Nothing is rounded here: a finer one is refused.

    Doors that take what others write round before, half to even: `producers/adapters/amounts.py`.
    """

    amount: Amount
    currency: Currency

    @model_validator(mode="after")
    def _fits_the_minor_unit(self) -> Self:
        digits = minor_digits(self.currency)
        exponent = self.amount.normalize().as_tuple().exponent
        if isinstance(exponent, int) and -exponent > digits:
            raise ValueError(f"{self.amount} has more than the {digits} decimals of {self.currency}")
        if abs(self.minor) > MOST_MINOR:
            raise ValueError(f"{self.amount} {self.currency} has more than 18 digits in minor units")
        return self

    @property
    def minor(self) -> int:
        """The amount as a whole number of minor units: 1299 for 12.99 EUR."""
        return int(self.amount.scaleb(minor_digits(self.currency)))

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Self:
        """Give the money that `minor` units of the currency are."""
        return cls(amount=Decimal(minor).scaleb(-minor_digits(currency)), currency=currency)
