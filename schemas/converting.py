"""The catalogue's sections `conversions` and `currencies`: what reaches a goal, and what it is worth in which money."""

from decimal import Decimal
from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, PrivateAttr, field_validator, model_validator

from schemas.base import Name
from schemas.money import Amount, Currency, Money
from schemas.rates import NO_RATES, RateTable
from schemas.section import Pattern, Section

Place = Annotated[
    str,
    Field(pattern=r"^(touchpoint|channel|source|campaign|order_id|amount|currency|properties(\.[^.\s]+)+)$"),
]
"""Where a touchpoint says something: a field of its own, or a path in its properties (`properties.plan.name`)."""

Number = Annotated[Decimal, Field(allow_inf_nan=False)]


class Condition(Section):
    """One condition: everything that it says of its field must be so.

    Of a field that is not there only `is_not` and `present = false` hold. Amounts are compared in their own currency.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    field: Place
    is_: tuple[str | bool | int | float, ...] | None = Field(default=None, alias="is", min_length=1)
    """It is one of these."""
    is_not: tuple[str | bool | int | float, ...] | None = Field(default=None, min_length=1)
    """It is none of these."""
    matches: Pattern | None = None
    """A regular expression for the whole text; capitals make no difference."""
    at_least: Number | None = None
    at_most: Number | None = None
    present: bool | None = None
    """Is it there, and not null?"""

    @field_validator("is_", "is_not", mode="before")
    @classmethod
    def _many(cls, value: object) -> object:
        return [value] if isinstance(value, str | bool | int | float) else value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        said = (self.is_, self.is_not, self.matches, self.at_least, self.at_most, self.present)
        if all(part is None for part in said):
            raise ValueError("a condition says at least one of is, is_not, matches, at_least, at_most, present")
        return self


class ConversionEntry(Section):
    """One conversion: which touchpoints reach it, and whether it closes the journey.

    Without touchpoints any event may reach it, by its conditions. Of several conversions that an event could reach, the
    first of the file is the one.
    """

    touchpoints: tuple[Name, ...] = ()
    where: tuple[Condition, ...] = ()
    """All of them must hold."""
    closing: bool = False
    value: Literal["amount", "fixed", "field", "none"] = "none"
    """What it is worth: the touchpoint's amount, `amount` here, or what stands in `field`."""
    amount: Amount | None = None
    currency: Currency | None = None
    """Of `amount`, or of what stands in `field`."""
    field: Place | None = None
    currency_field: Place | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.touchpoints and not self.where:
            raise ValueError("needs touchpoints, or conditions that say which events reach it")
        fixed = self.value == "fixed"
        if fixed != (self.amount is not None):
            raise ValueError("amount and value = 'fixed' stand together or not at all")
        if (self.value == "field") != (self.field is not None):
            raise ValueError("field and value = 'field' stand together or not at all")
        if fixed and self.currency is None:
            raise ValueError("a fixed amount has a currency")
        if self.value == "field" and (self.currency is None) == (self.currency_field is None):
            raise ValueError("a value from a field has a currency or a currency_field, and one of them")
        if self.value in {"amount", "none"} and (self.currency or self.currency_field):
            raise ValueError("currency and currency_field belong to the values 'fixed' and 'field'")
        if fixed:
            self.fixed  # noqa: B018 # it must be money
        return self

    @property
    def fixed(self) -> tuple[int, str]:
        """The fixed value: minor units and currency."""
        if self.amount is None or self.currency is None:
            raise ValueError("has no fixed value")
        return Money(amount=self.amount, currency=self.currency).minor, self.currency


class CurrencySettings(Section):
    """Which money the ledger counts in. Without `reporting` each conversion keeps the currency that it was made in."""

    reporting: Currency | None = None
    rates: str | None = None
    """A CSV file of dated rates beside the catalogue; `schemas/rates.py` says what stands in it."""
    base: Currency = "EUR"
    """The rates are the price of one unit of it."""
    _table: RateTable = PrivateAttr(default=NO_RATES)

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if (self.reporting is None) != (self.rates is None):
            raise ValueError("reporting and rates stand together or not at all")
        return self

    @property
    def table(self) -> RateTable:
        """The rates, once the file has been read."""
        return self._table

    def with_table(self, table: RateTable) -> Self:
        """Give the same settings with their rates."""
        copy = self.model_copy()
        copy._table = table
        return copy

    def file(self, catalogue: PurePath) -> PurePath | None:
        """Give the place of the rates' file, as seen from the catalogue's."""
        return catalogue.parent / self.rates if self.rates else None
