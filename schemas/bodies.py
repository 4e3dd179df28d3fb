"""The typed bodies of a touchpoint, one per kind of channel; `kind` says which one it is."""

from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from schemas.base import Name, ShortText, WireModel
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
    browser: Text | None = None
    system: Text | None = None
    device: Text | None = None
    bot: bool = Field(default=False, exclude_if=lambda bot: bot is False)
    """True where the user agent is a machine's: such events are flagged, not dropped."""
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


Metric = Literal["nps", "csat", "ces", "stars", "other"]
Score = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=12)]

#: The scale that a metric has where nothing else is said. NPS has no other (0-10, whole numbers).
SCALES: dict[Metric, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7), "stars": (1, 5)}


class SurveyBody(WireModel):
    """An answer to a survey, or a review: how the customer felt, and about what.

    `score` lies within the scale, both ends included; a survey that was only sent or begun has none. `response` is the
    sender's id of the answer: of several records with one, the newest counts, as answers are corrected and completed.
    An answer about nothing in particular (no `about_...`) is about the relationship as a whole.
    """

    kind: Literal["survey"] = "survey"
    metric: Metric
    score: Score | None = None
    scale_min: Score | None = None
    scale_max: Score | None = None
    comment: Text | None = None
    language: ShortText | None = None
    survey: ShortText | None = None
    """The survey's name or number, or that of the site where the review stands."""
    response: ShortText | None = None
    about_event: UUID | None = None
    """The event id of the very touchpoint that was asked about."""
    about_touchpoint: Name | None = None
    """The touchpoint of the catalogue (`call`, `bar.drinks`) that was asked about."""
    about_order: ShortText | None = None
    about_ticket: ShortText | None = None

    @model_validator(mode="after")
    def _lies_within_its_scale(self) -> Self:
        low, high, score = self.scale_min, self.scale_max, self.score
        if (low is None) != (high is None):
            raise ValueError("scale_min and scale_max stand together or not at all")
        if low is not None and high is not None:
            if low >= high:
                raise ValueError(f"a scale from {low} to {high}")
            if score is not None and not low <= score <= high:
                raise ValueError(f"score {score} is not within {low} to {high}")
        if self.metric == "nps" and score is not None:
            if low != SCALES["nps"][0] or high != SCALES["nps"][1]:
                raise ValueError("NPS is asked on 0 to 10 and on no other scale")
            if score != int(score):
                raise ValueError(f"NPS {score} is no whole number")
        return self


class OtherBody(WireModel):
    """A channel without a body of its own: social, display, direct mail, print and out-of-home, partners."""

    kind: Literal["other"] = "other"
    text: Text | None = None
    link: Text | None = None
    reach: int | None = Field(default=None, ge=0)


Body = Annotated[WebBody | EmailBody | HotlineBody | StoreBody | SurveyBody | OtherBody, Field(discriminator="kind")]
