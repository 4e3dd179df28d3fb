"""The typed bodies of a touchpoint, one per kind of channel; `kind` says which one it is."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from schemas.base import WireModel
from schemas.money import Amount

Text = Annotated[str, Field(max_length=4096)]
Seconds = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, max_digits=12)]


class LineItem(WireModel):
    """One line of a receipt or order. `value` is what the line brought, in the currency of the touchpoint's amount."""

    product: Text
    category: Text | None = None
    quantity: Amount = Decimal(1)
    value: Amount | None = None


class WebBody(WireModel):
    """A page or screen seen, or something done there."""

    kind: Literal["web"] = "web"
    url: Text | None = None
    path: Text | None = None
    title: Text | None = None
    referrer: Text | None = None
    user_agent: Text | None = None
    locale: Text | None = None
    items: tuple[LineItem, ...] = ()


class EmailBody(WireModel):
    """Something that happened to a mailing at one recipient."""

    kind: Literal["email"] = "email"
    mailing: Text | None = None
    subject: Text | None = None
    link: Text | None = None
    machine: bool = False
    """True where a machine, not a person, opened or clicked it."""


class HotlineBody(WireModel):
    """One call, whatever number of legs it had. Waiting and talking are in seconds."""

    kind: Literal["hotline"] = "hotline"
    queue: Text | None = None
    reason: Text | None = None
    waiting_time: Seconds | None = None
    talk_time: Seconds | None = None
    result: Literal["answered", "abandoned", "resolved"] | None = None


class StoreBody(WireModel):
    """Something in a branch: a receipt with its lines, a scan, a visit."""

    kind: Literal["store"] = "store"
    store: Text | None = None
    till: Text | None = None
    receipt: Text | None = None
    items: tuple[LineItem, ...] = ()


class OtherBody(WireModel):
    """A channel without a body of its own: social, display, direct mail, print and out-of-home, partners."""

    kind: Literal["other"] = "other"
    text: Text | None = None
    link: Text | None = None
    reach: int | None = Field(default=None, ge=0)


Body = Annotated[WebBody | EmailBody | HotlineBody | StoreBody | OtherBody, Field(discriminator="kind")]
