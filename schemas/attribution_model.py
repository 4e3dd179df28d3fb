"""A published attribution model: weights that were learned from the journeys, and from which of them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Name, Timestamp, WireModel

Level = Literal["channel", "campaign", "touchpoint"]
ModelKind = Literal["markov", "shapley"]


class ModelWeight(WireModel):
    """What one name got. The weights of a model, in billionths, sum to exactly 1,000,000,000.

    `name` is a channel, a touchpoint, or `channel/campaign` (a touch without a campaign: its channel). `effect` is the
    removal effect or the Shapley value as it was found, which may be negative: then the weight is 0. `low` and `high`
    are the 95 % interval of the weight as a part of 1, `error` the standard error of an effect that was estimated.
    """

    name: str
    weight: int = Field(ge=0, le=1_000_000_000)
    effect: float
    error: float | None = None
    low: float | None = None
    high: float | None = None


class AttributionModel(WireModel):
    """One fit, as it is applied from now on; of records with one `name` the last counts.

    It was learned from conversions named `conversions` (empty: all that close a journey) and journeys without one, of
    the window [`since`, `until`); `since` None: from the first on. `rate` is the observed rate of the `journeys`, of
    which `converted` did. `published_at`: in force since then; None: it was never published, or before that was told.
    """

    name: Name
    fit_id: UUID
    fitted_at: Timestamp
    kind: ModelKind
    order: int = Field(ge=0, le=3, description="Of the Markov chain; 0 for Shapley.")
    level: Level
    since: Timestamp | None = None
    until: Timestamp
    conversions: tuple[Name, ...] = ()
    paths: int = Field(ge=1)
    journeys: int = Field(ge=1)
    converted: int = Field(ge=1)
    rate: float = Field(ge=0, le=1)
    exact: bool = True
    weights: tuple[ModelWeight, ...] = Field(min_length=1)
    published_at: Timestamp | None = None
